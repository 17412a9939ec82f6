// The profiles of Convoy, embedded when it is built (cmake/embed_sources.cmake).
#pragma once

#include <span>

namespace convoy {

struct ProfileFile {
  const char* name;  // "h200.profile"
  const char* text;
};
std::span<const ProfileFile> profile_files();

}  // namespace convoy
