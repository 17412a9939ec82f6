// ONNX bytes -> Graph. Every malformed input is refused by name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "graph/graph.h"

namespace convoy {

struct LoadOptions {
  std::size_t max_nodes = 1'000'000;
};

// Opsets 6 to 21 of the ai.onnx domain, 6 without its own way of broadcasting. External data may
// lie beside the file only (no symlinks, no ".."). Weights alias the file's bytes where aligned;
// what must be copied takes at most as much again and 32 MiB. Throws kNotFound/kIo for the file,
// kInvalidModel for malformed contents, kUnsupported for valid models outside the operator set;
// messages name the node, attribute or tensor.
Graph load_onnx(const std::filesystem::path& file, const LoadOptions& options = {});

// The same from memory; `owner` keeps `bytes` alive, or is null to copy what is needed. Models with
// external data are refused here.
Graph load_onnx(std::span<const std::byte> bytes, std::shared_ptr<const void> owner = nullptr,
                const LoadOptions& options = {});

// A serialised ONNX TensorProto, as in the .pb files of ONNX test data.
ConstTensor load_tensor_proto(std::span<const std::byte> bytes);

}  // namespace convoy
