#include "tests/conformance/tensor_compare.h"

#include <cmath>
#include <cstring>

#include "base/half.h"

namespace convoy::test {

namespace {

double float_at(const TensorView& tensor, std::int64_t i) {
  switch (tensor.dtype) {
    case DType::kF32:
      return tensor.as<float>()[i];
    case DType::kF64:
      return tensor.as<double>()[i];
    case DType::kF16:
      return f16_to_f32(tensor.as<std::uint16_t>()[i]);
    default:
      return bf16_to_f32(tensor.as<std::uint16_t>()[i]);
  }
}

bool close(double found, double expected) {
  if (std::isnan(expected)) return std::isnan(found);
  if (std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <= 1e-5 + 1e-3 * std::abs(expected);
}

}  // namespace

std::string difference(const TensorView& found, const TensorView& expected) {
  if (found.dtype != expected.dtype || !(found.shape == expected.shape)) {
    return std::string(to_string(found.dtype)) + " " + to_string(found.shape) + " instead of " +
           std::string(to_string(expected.dtype)) + " " + to_string(expected.shape);
  }
  const std::int64_t count = expected.elements();
  if (!is_float(expected.dtype)) {
    const std::size_t width = size_of(expected.dtype);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::size_t at = static_cast<std::size_t>(i) * width;
      if (std::memcmp(found.as<char>() + at, expected.as<char>() + at, width) != 0) {
        return "element " + std::to_string(i) + " differs";
      }
    }
    return {};
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const double y = float_at(found, i), y0 = float_at(expected, i);
    if (!close(y, y0)) {
      return "element " + std::to_string(i) + " is " + std::to_string(y) + " instead of " +
             std::to_string(y0);
    }
  }
  return {};
}

}  // namespace convoy::test
