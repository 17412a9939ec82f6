// Any bytes as a model: load it, and infer its shapes when it loads.
#include "base/error.h"
#include "exec/session.h"
#include "graph/infer.h"
#include "onnx/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace convoy;
  try {
    Graph graph = load_onnx(std::as_bytes(std::span(data, size)), nullptr, {.max_nodes = 1000});
    infer_shapes(graph, {}, reference_evaluator(), {.max_folded_bytes = 1 << 20});
    verify(graph, true);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) __builtin_trap();
  }
  return 0;
}
