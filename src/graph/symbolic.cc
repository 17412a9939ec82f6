#include "graph/symbolic.h"

#include <array>
#include <optional>

#include "base/error.h"

namespace convoy {
namespace {

// Above 1, where extents broadcast and are squeezed away; with distinct remainders of 2 and 3.
constexpr std::array<std::int64_t, 3> kProbes{3, 4, 8};

std::vector<Shape> output_shapes(Graph graph, const Bindings& bindings, const Evaluate& evaluate) {
  infer_shapes(graph, bindings, evaluate);
  std::vector<Shape> shapes;
  for (ValueId id : graph.outputs) shapes.push_back(*graph.value(id).shape);
  return shapes;
}

// The first symbolic dimension that nothing fixes.
std::optional<Dim> open_dimension(const Graph& graph, const Bindings& bindings) {
  for (ValueId id : graph.inputs) {
    const Value& v = graph.value(id);
    if (bindings.shapes.count(v.name) || bindings.values.count(v.name)) continue;
    for (const Dim& dim : v.declared) {
      if (dim.value < 0 && !bindings.symbols.count(dim.symbol)) return dim;
    }
  }
  return std::nullopt;
}

Bindings with_extent(Bindings bindings, const Dim& dim, std::int64_t extent) {
  if (dim.symbol.empty()) {
    bindings.default_extent = extent;
  } else {
    bindings.symbols[dim.symbol] = extent;
  }
  return bindings;
}

std::string affine(const std::array<std::int64_t, 3>& at) {
  const std::int64_t slope = (at[1] - at[0]) / (kProbes[1] - kProbes[0]);
  const std::int64_t offset = at[0] - slope * kProbes[0];
  if (at[2] != slope * kProbes[2] + offset) return "?";
  if (slope == 0) return std::to_string(offset);
  std::string text = slope == 1 ? "N" : slope == -1 ? "-N" : std::to_string(slope) + "N";
  if (offset != 0) text += (offset > 0 ? "+" : "") + std::to_string(offset);
  return text;
}

std::string affine(const std::array<Shape, 3>& at) {
  const int rank = at[0].rank();
  if (at[1].rank() != rank || at[2].rank() != rank) return "?";
  if (rank == 0) return to_string(at[0]);
  std::string text;
  for (int d = 0; d < rank; ++d) {
    text += (d == 0 ? "" : "x") + affine({at[0][d], at[1][d], at[2][d]});
  }
  return text;
}

}  // namespace

SymbolicShapes symbolic_output_shapes(const Graph& graph, const Bindings& bindings,
                                      const Evaluate& evaluate) {
  SymbolicShapes result;
  if (const auto dim = open_dimension(graph, bindings)) {
    try {
      std::array<std::vector<Shape>, 3> probes;
      for (std::size_t i = 0; i < kProbes.size(); ++i) {
        probes[i] = output_shapes(graph, with_extent(bindings, *dim, kProbes[i]), evaluate);
      }
      for (std::size_t o = 0; o < probes[0].size(); ++o) {
        result.outputs.push_back(affine({probes[0][o], probes[1][o], probes[2][o]}));
      }
      result.symbol = dim->symbol.empty() ? "N" : dim->symbol;
      return result;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      result.outputs.clear();
      result.note = error.what();
    }
  }
  for (const Shape& shape : output_shapes(graph, bindings, evaluate)) {
    result.outputs.push_back(to_string(shape));
  }
  return result;
}

}  // namespace convoy
