#include "passes/constants.h"

#include <algorithm>

namespace convoy::passes {
namespace {

template <class T>
std::optional<double> splat_of(const Tensor& t) {
  const T* p = t.as<T>();
  const std::int64_t count = t.shape().elements();
  for (std::int64_t i = 1; i < count; ++i) {
    if (!(p[i] == p[0])) return std::nullopt;
  }
  return static_cast<double>(p[0]);
}

}  // namespace

bool is_constant(const Graph& graph, ValueId id) {
  return id != kNoValue && graph.value(id).constant != nullptr;
}

bool is_f32(const Graph& graph, ValueId id) {
  return id != kNoValue && graph.value(id).dtype == DType::kF32;
}

bool is_f32_constant(const Graph& graph, ValueId id) {
  return is_constant(graph, id) && is_f32(graph, id);
}

std::optional<double> splat(const Graph& graph, ValueId id) {
  if (!is_constant(graph, id)) return std::nullopt;
  const Tensor& t = *graph.value(id).constant;
  if (t.shape().elements() == 0) return std::nullopt;
  switch (t.dtype()) {
    case DType::kF32:
      return splat_of<float>(t);
    case DType::kF64:
      return splat_of<double>(t);
    case DType::kS32:
      return splat_of<std::int32_t>(t);
    case DType::kS64:
      return splat_of<std::int64_t>(t);
    default:
      return std::nullopt;
  }
}

std::optional<std::vector<std::int64_t>> integers(const Graph& graph, ValueId id) {
  if (!is_constant(graph, id)) return std::nullopt;
  const Tensor& t = *graph.value(id).constant;
  const std::int64_t count = t.shape().elements();
  if (t.dtype() == DType::kS64) {
    return std::vector<std::int64_t>(t.as<std::int64_t>(), t.as<std::int64_t>() + count);
  }
  if (t.dtype() == DType::kS32) {
    return std::vector<std::int64_t>(t.as<std::int32_t>(), t.as<std::int32_t>() + count);
  }
  return std::nullopt;
}

std::optional<std::vector<double>> per_channel(const Graph& graph, ValueId id, const Shape& result,
                                               int axis) {
  if (!is_f32_constant(graph, id) || axis >= result.rank()) return std::nullopt;
  const Tensor& t = *graph.value(id).constant;
  const Shape& shape = t.shape();
  const int shift = result.rank() - shape.rank();
  if (shift < 0) return std::nullopt;
  for (int a = 0; a < shape.rank(); ++a) {
    const bool channel = a + shift == axis && shape[a] == result[axis];
    if (shape[a] != 1 && !channel) return std::nullopt;
  }
  const auto channels = static_cast<std::size_t>(result[axis]);
  const float* p = t.as<float>();
  if (shape.elements() == 1) return std::vector<double>(channels, static_cast<double>(p[0]));
  return std::vector<double>(p, p + channels);
}

ConstTensor make_f32(const Shape& shape, const std::vector<double>& values) {
  auto tensor = std::make_shared<Tensor>(DType::kF32, shape);
  std::transform(values.begin(), values.end(), tensor->as<float>(),
                 [](double v) { return static_cast<float>(v); });
  return tensor;
}

}  // namespace convoy::passes
