// TensorProto -> Tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/tensor.h"
#include "onnx/external_data.h"

namespace convoy::onnx {

// Where the elements of a model's tensors come from and how much may be copied.
struct TensorSource {
  std::shared_ptr<const void> owner;  // keeps the file's bytes alive; null: copy everything
  ExternalData* external = nullptr;   // null: external data is refused
  // Bytes that tensors may still take beside the file's own. Running out is an error: packed
  // varints grow eightfold when decoded, so a file's size alone does not bound its tensors.
  std::size_t copy_budget = 0;
};

struct NamedTensor {
  std::string_view name;
  ConstTensor tensor;
};

// Throws kInvalidModel for malformed tensors and kUnsupported for valid ones of another type, the
// message naming the tensor, or `nameless` when it has no name.
NamedTensor read_tensor(std::string_view bytes, TensorSource& source, std::string_view nameless);

// The DType of a TensorProto.DataType; `what` says whose it is ("tensor 'w'"). Throws as above.
DType dtype_of(std::int64_t data_type, const std::string& what);

}  // namespace convoy::onnx
