// Runs a graph node by node on the reference kernels, and bounds how far any other implementation
// in f32, however it fuses and reorders, may be from that.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

namespace convoy::testing {

struct Bounded {
  ConstTensor value;
  double magnitude = 0;  // largest absolute element
  double error = 0;      // absolute, for every element
};

// One per graph value; `inputs` in the order of graph.inputs. Shapes are inferred. Operators are
// those of random_graph; throws kUnsupported for others.
//
// Each operator passes its operands' errors on, times its Lipschitz constant in the maximum norm,
// and adds its own rounding: gamma_d for sums of d terms, relative to the magnitudes that enter.
std::vector<Bounded> run_bounded(const Graph& graph, std::span<const ConstTensor> inputs);

}  // namespace convoy::testing
