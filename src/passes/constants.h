// Reading and making the small constants that passes match on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace convoy::passes {

// The one value of a constant whose elements are all equal, whatever its shape; nothing for values
// that are not constant, empty, or not f32, f64, s32 or s64.
std::optional<double> splat(const Graph& graph, ValueId id);

// All elements of an s64 or s32 constant.
std::optional<std::vector<std::int64_t>> integers(const Graph& graph, ValueId id);

// One number per channel when the f32 constant `id`, broadcast to `result`, varies along `axis`
// alone and does not enlarge `result`.
std::optional<std::vector<double>> per_channel(const Graph& graph, ValueId id, const Shape& result,
                                               int axis);

// Rounded once, to f32.
ConstTensor make_f32(const Shape& shape, const std::vector<double>& values);

bool is_constant(const Graph& graph, ValueId id);
bool is_f32(const Graph& graph, ValueId id);
// A constant of type f32.
bool is_f32_constant(const Graph& graph, ValueId id);

}  // namespace convoy::passes
