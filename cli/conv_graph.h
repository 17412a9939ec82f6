// A graph of convolutions written on the command line.
#pragma once

#include <string>

#include "graph/graph.h"

namespace convoy::cli {

// Whether the text is convolutions, not a model's file: "n1 c32 h112 ...", or oneDNN's form.
bool is_convolution(const std::string& text);

// "n1 c32 h56 w56 k96 r1 s1 | n1 c96 h56 w56 k96 r3 s3 pad1 groups96": convolutions with random
// weights, each reading the one before. Throws UsageError for a text that is none, or for one that
// does not read what the one before makes.
Graph conv_graph(const std::string& text, DType dtype, Layout layout);

}  // namespace convoy::cli
