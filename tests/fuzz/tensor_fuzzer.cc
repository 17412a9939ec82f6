// Any bytes as a TensorProto, and every byte of what comes out read.
#include "base/error.h"
#include "onnx/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace convoy;
  try {
    const ConstTensor tensor = load_tensor_proto(std::as_bytes(std::span(data, size)));
    const auto* bytes = tensor->as<unsigned char>();
    volatile unsigned sum = 0;
    for (std::size_t i = 0; i < tensor->view().bytes(); ++i) sum = sum + bytes[i];
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) __builtin_trap();
  }
  return 0;
}
