// The bytes of one file of the cache: a header, the machine code, and a hash of both.
#pragma once

#include <optional>
#include <string>

#include "base/sha256.h"
#include "cuda/compile.h"

namespace convoy::cuda {

// Changes when the format of the entries does, or what the key is made of.
inline constexpr char kCacheFormat[8] = {'c', 'o', 'n', 'v', 'o', 'y', 'k', '1'};

std::string write_entry(const Digest& key, const Binary& binary);
// Nothing where the bytes are not exactly what write_entry() made for this key.
std::optional<Binary> read_entry(const Digest& key, std::string_view bytes);

}  // namespace convoy::cuda
