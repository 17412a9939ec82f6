// What the cache finds a kernel by.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "cuda/compile.h"

namespace convoy::cuda {

// A hash over everything that the machine code depends on: program, architecture, options, the
// embedded files that it includes, the compiler (compiler_identity()).
Digest cache_key(const Program& program, const std::string& arch, const std::string& compiler);

// Names of the embedded files that a text includes, directly or not.
std::set<std::string_view> included_files(std::string_view text);

}  // namespace convoy::cuda
