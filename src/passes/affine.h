// Per-channel scale and shift by constants, and weights that can take them in.
#pragma once

#include <optional>
#include <vector>

#include "passes/editor.h"

namespace convoy::passes {

// x * scale + shift, one of each per channel.
struct Affine {
  ValueId x = kNoValue;
  std::vector<double> scale, shift;

  bool shifts() const;
  bool finite() const;
};

// What a BatchNorm (inference), or an Add, Sub, Mul or Div by a constant, does along `axis`.
// Nothing when it does anything else, enlarges its operand, or its constants are not known f32.
std::optional<Affine> read_affine(Editor& editor, int node, int axis);

// `outer` after `inner`, reading inner's operand.
Affine compose(const Affine& inner, const Affine& outer);

struct AffineChain {
  Affine affine;
  int last = -1;  // the node whose output ends it; -1: nothing follows
};

// All the scaling and shifting that follows node `n`, each step the only reader of the one before.
AffineChain affine_chain(Editor& editor, int n, int axis);

// True for a convolution or transposed convolution whose weights and bias are f32 constants.
bool has_constant_weights(Editor& editor, int node);

// The bias of a convolution with constant weights, zeros when it has none.
std::vector<double> bias_of(Editor& editor, int node, std::size_t channels);

}  // namespace convoy::passes
