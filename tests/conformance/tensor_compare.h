// Whether a tensor is what a test expects, within the tolerance of ONNX's own backend tests.
#pragma once

#include <string>

#include "base/tensor.h"

namespace convoy::test {

// Empty when `found` equals `expected`: same type, shape and integers; floats within
// 1e-5 + 1e-3 * |expected|, NaN and infinities where expected. Otherwise what differs first.
std::string difference(const TensorView& found, const TensorView& expected);

}  // namespace convoy::test
