#include <unordered_map>

#include "onnx/ops/ops.h"

namespace convoy::onnx {

const OperatorEntry* find_operator(std::string_view op_type) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const OperatorEntry*> all;
    for (const auto list : {window_operators(), elementwise_operators(), matrix_operators(),
                            shape_operators(), resize_operators()}) {
      for (const OperatorEntry& entry : list) all.emplace(entry.type, &entry);
    }
    return all;
  }();
  const auto found = table.find(op_type);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace convoy::onnx
