// ModelProto -> Graph: names become values, operators become Convoy's.
#pragma once

#include <memory>

#include "graph/graph.h"
#include "onnx/external_data.h"
#include "onnx/proto.h"

namespace convoy::onnx {

Graph convert_model(const ModelProto& model, const std::shared_ptr<const void>& owner,
                    const ExternalData& external);

}  // namespace convoy::onnx
