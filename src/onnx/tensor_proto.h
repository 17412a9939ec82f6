// TensorProto -> Tensor.
#pragma once

#include <memory>
#include <string>

#include "base/tensor.h"
#include "onnx/external_data.h"
#include "onnx/proto.h"

namespace convoy::onnx {

// ONNX's element types; throws kUnsupported for strings, complex and 8- and 4-bit floats,
// kInvalidModel for numbers that name no type. `what` names the tensor in the message.
DType dtype_of(std::int32_t data_type, const std::string& what);

// Lengths are checked against the bytes that are there before anything is allocated. raw_data is
// aliased, kept alive by `owner`, when it is aligned for its type; everything else is copied.
ConstTensor make_tensor(const TensorProto& proto, const std::string& what,
                        const std::shared_ptr<const void>& owner, const ExternalData& external);

}  // namespace convoy::onnx
