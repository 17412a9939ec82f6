// A convolution, alone or fused, as text: what estimates and measurements are kept under.
#pragma once

#include <string>

#include "kernels/registry.h"

namespace convoy {

// "f32 nhwc>nhwc n1 c32 h112 w112 k96 r1 s1 bias clip(0,6) | n1 c96 ... | ... residual": types,
// layouts, geometry and epilogue of every convolution, in the order they run; everything that a
// kernel's time and choice can depend on, but not its weights' values. Empty for any other
// operator.
std::string problem_text(const OpDesc& desc);

}  // namespace convoy
