// Weights that lie in files beside the model. The model names them, and it is not trusted: a file
// must lie below the model's folder, be regular, have one link, and no step to it may be a symlink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace convoy::onnx {

struct ExternalEntry {
  std::string_view location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

// From StringStringEntryProto messages. Throws kInvalidModel for unknown, duplicate or malformed
// keys; `what` names the tensor.
ExternalEntry parse_external_entry(std::span<const std::string_view> entries,
                                   const std::string& what);

struct ExternalRange {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};

class ExternalData {
 public:
  explicit ExternalData(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Reads `bytes` bytes as `entry` says. Throws kInvalidModel when the location is not allowed or
  // the range is not inside the file, kNotFound/kIo for the file.
  ExternalRange read(const ExternalEntry& entry, std::size_t bytes, const std::string& what);

 private:
  using Key = std::tuple<std::string, std::uint64_t, std::size_t>;

  std::filesystem::path folder_;
  std::map<Key, ExternalRange> read_already_;           // tensors may share a range
  std::map<std::string, std::uint64_t> bytes_of_file_;  // read so far, at most the file's size
};

}  // namespace convoy::onnx
