// Weights in files beside the model.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/tensor.h"
#include "onnx/proto.h"

namespace convoy::onnx {

// Opens only regular files with one link beneath the model's folder, following no symbolic link.
class ExternalData {
 public:
  // No folder (a model from memory): every read is refused.
  explicit ExternalData(std::optional<std::filesystem::path> folder = std::nullopt)
      : folder_(std::move(folder)) {}

  // Throws kInvalidModel naming the tensor for keys that are unknown, repeated or malformed, ranges
  // outside the file and locations that are not allowed; kNotFound and kIo for the file.
  ConstTensor read(const TensorProto& proto, DType dtype, const Shape& shape,
                   const std::string& what) const;

 private:
  std::optional<std::filesystem::path> folder_;
};

}  // namespace convoy::onnx
