// Machine code of kernels, kept on disk from one process to the next.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/sha256.h"
#include "cuda/compile.h"

namespace convoy::cuda {

// A folder with one file per kernel. Nothing about it is an error: what cannot be read, is damaged
// or belongs to another key is not found, what cannot be written is not kept. Processes and threads
// may share a folder. Entries that were not used for the longest make room for new ones.
class Cache {
 public:
  // $CONVOY_CACHE_DIR, or else $XDG_CACHE_HOME/convoy, or else ~/.cache/convoy, with at most
  // $CONVOY_CACHE_SIZE bytes ("300M"; 512M where it is not set). Throws kInvalidArgument where the
  // size is no number of bytes.
  static Cache of_environment();

  // Makes the folder, for its user alone, where there is none.
  Cache(std::filesystem::path folder, std::int64_t limit_bytes);

  std::optional<Binary> find(const Digest& key) const;  // with neither name nor time
  void keep(const Digest& key, const Binary& binary) const;

  // A line beside the entries, which neither counts nor is evicted; empty when there is none.
  std::string note(const std::string& name) const;
  void keep_note(const std::string& name, const std::string& text) const;

  const std::filesystem::path& folder() const { return folder_; }
  std::int64_t limit_bytes() const { return limit_bytes_; }
  // Why nothing is kept; empty when it is.
  const std::string& off() const { return off_; }

  struct Usage {
    std::int64_t entries = 0, bytes = 0;
  };
  Usage usage() const;

 private:
  Cache() = default;
  std::filesystem::path entry(const Digest& key) const;
  void make_room() const;

  std::filesystem::path folder_;
  std::int64_t limit_bytes_ = 0;
  std::string off_;
};

}  // namespace convoy::cuda
