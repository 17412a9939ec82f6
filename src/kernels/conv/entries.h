// The entries of this cell, each defined in the file of its algorithm.
#pragma once

#include <vector>

#include "kernels/conv/conv.h"

namespace convoy {

extern const Implementation kConvReference;  // reference.cc

// Best first. im2col needs OpenBLAS and adds nothing without it.
void append_window_convolutions(std::vector<Implementation>& list);  // window_entries.cc
void append_im2col(std::vector<Implementation>& list);               // im2col.cc

// What every packed kernel of this cell asks for: one type, one layout, constant weights and bias.
Support supports_packed(const ConvProblem& problem, DType dtype);

}  // namespace convoy
