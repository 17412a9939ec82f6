// numpy's .npy files, versions 1 to 3, C order, little-endian.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "base/tensor.h"

namespace convoy::cli {

bool looks_like_npy(std::span<const std::byte> bytes);

// Throws Error naming the file and what is wrong with it.
ConstTensor parse_npy(std::span<const std::byte> bytes, const std::filesystem::path& name);

// Writes beside the target and renames, so that a file that is there is whole.
void write_npy(const std::filesystem::path& file, const TensorView& tensor);

// The whole file. Throws kNotFound or kIo.
std::vector<std::byte> read_file(const std::filesystem::path& file);

void write_file(const std::filesystem::path& file, std::span<const std::byte> bytes);

}  // namespace convoy::cli
