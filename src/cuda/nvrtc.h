// NVRTC, opened at run time.
#pragma once

#include <string>

#include "cuda/compile.h"

namespace convoy::cuda {

// Machine code of one program. Throws kDevice when NVRTC is absent and kInternal with its log when
// the source does not compile. Thread-safe.
Binary run_nvrtc(const Program& program, const std::string& arch);

// Which NVRTC it is. Throws kDevice when it is absent.
struct CompilerIdentity {
  std::string path;  // of the file that was loaded
  std::string text;  // version and file_identity(), which tells releases of one version apart
};
const CompilerIdentity& compiler_identity();

// What NVRTC is given beside the program's own options.
std::vector<std::string> nvrtc_options(const Program& program, const std::string& arch);

}  // namespace convoy::cuda
