#include "exec/bindings.h"

#include "base/error.h"

namespace convoy {

void bind_batch(const Graph& graph, std::int64_t batch, Bindings& bindings) {
  for (ValueId id : graph.inputs) {
    const Value& input = graph.value(id);
    if (bindings.shapes.count(input.name) || input.declared.empty()) continue;
    const Dim& first = input.declared[0];
    if (first.value < 0) {
      if (!first.symbol.empty()) bindings.symbols[first.symbol] = batch;
      bindings.default_extent = batch;
    } else if (first.value != batch) {
      fail(ErrorCode::kInvalidArgument, "batch " + std::to_string(batch) + ": input '" +
                                            input.name + "' is fixed to batch " +
                                            std::to_string(first.value));
    }
  }
}

}  // namespace convoy
