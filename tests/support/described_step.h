// A convolution as planning sees it, before there is any memory.
#pragma once

#include <array>

#include "kernels/registry.h"
#include "tests/support/conv_check.h"
#include "tests/support/gpu_cases.h"

namespace convoy::testing {

// A step of the case, its operands described and its weights constant.
class DescribedStep {
 public:
  DescribedStep(const testing::ConvCase& c, Layouts layouts, DType dtype = DType::kF32)
      : attrs_(testing::conv_attrs(c)),
        absent_{false, false, !c.bias, c.epilogue.residual == Epilogue::Residual::kNone},
        outputs_{{{nullptr, dtype, layouts.y, conv_y_shape(c.desc)}}} {
    void* known = c.constant_weights ? &constant_ : nullptr;
    inputs_ = {{{nullptr, dtype, layouts.x, conv_x_shape(c.desc)},
                {known, dtype, Layout::kNchw, conv_w_shape(c.desc)},
                {known, dtype, Layout::kNchw, Shape{c.desc.k}},
                {nullptr, dtype, layouts.y, conv_y_shape(c.desc)}}};
  }
  OpDesc op() const { return {Op::kConv, &attrs_, inputs_, absent_, outputs_}; }
  TensorView& input(std::size_t i) { return inputs_[i]; }

 private:
  float constant_ = 0;  // contents do not matter to descriptions
  Attrs attrs_;
  std::array<TensorView, 4> inputs_;
  std::array<bool, 4> absent_;
  std::array<TensorView, 1> outputs_;
};

}  // namespace convoy::testing
