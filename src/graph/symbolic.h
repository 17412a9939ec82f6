// Output shapes with the batch left open, for people who ask what a model computes: "Nx1000".
#pragma once

#include <string>
#include <vector>

#include "graph/infer.h"

namespace convoy {

struct SymbolicShapes {
  // The dimension that N stands for: the file's name for it, or "N" where it has none; empty when
  // no input has an open dimension, or when N could not stay open (`note` says why).
  std::string symbol;
  // One per graph output: "Nx1000", "4Nx2", "Nx?x7".
  std::vector<std::string> outputs;
  std::string note;
};

// Leaves the first symbolic input dimension that `bindings` does not fix open.
//
// The method is measurement, not algebra: shapes are inferred for three extents of N, and an extent
// is printed as the affine function a*N+b through the first two if the third lies on it, else as
// "?". So a function that is affine at the probes only (a minimum with a number far from them) is
// misprinted, and one that is not affine (floor(N/2)) stays unknown. When some probe is refused,
// because the model holds for one batch only, the shapes are those of the default extent.
//
// Throws as infer_shapes does, when not even the default extent works.
SymbolicShapes symbolic_output_shapes(const Graph& graph, const Bindings& bindings,
                                      const Evaluate& evaluate);

}  // namespace convoy
