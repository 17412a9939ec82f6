// The device code of Convoy, embedded when it is built (cmake/embed_sources.cmake).
#pragma once

#include <span>

namespace convoy::cuda {

struct EmbeddedFile {
  const char* name;  // relative to src/: "kernels/conv/cuda/window.cuh"
  const char* text;
};
std::span<const EmbeddedFile> embedded_files();

}  // namespace convoy::cuda
