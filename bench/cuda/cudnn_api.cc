#ifdef CONVOY_BENCH_HAVE_CUDNN_HEADER
#include "bench/cuda/cudnn_api.h"

#include <dlfcn.h>

#include <cstring>

#include "base/error.h"

namespace convoy::bench {

const Cudnn& cudnn() {
  static const Cudnn opened = [] {
    Cudnn c;
    void* library = nullptr;
    for (const char* name : {"libcudnn.so.9", "/usr/local/cuda/lib64/libcudnn.so.9"}) {
      if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
    if (library == nullptr) {
      c.missing = "libcudnn.so.9 cannot be opened";
      return c;
    }
#define CUDNN_ENTRY(name)                                             \
  c.name = reinterpret_cast<decltype(c.name)>(dlsym(library, #name)); \
  if (c.name == nullptr) c.missing = "libcudnn.so.9 has no " #name;
    CUDNN_ENTRIES(CUDNN_ENTRY)
#undef CUDNN_ENTRY
    return c;
  }();
  return opened;
}

void check_cudnn(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  fail(ErrorCode::kDevice, std::string(call) + ": " + cudnn().cudnnGetErrorString(status));
}

std::vector<std::byte> channels_last(const Tensor& w) {
  const Shape& s = w.shape();
  const std::size_t size = size_of(w.dtype());
  std::vector<std::byte> out(w.view().bytes());
  const std::byte* from = w.as<std::byte>();
  for (std::int64_t k = 0; k < s[0]; ++k) {
    for (std::int64_t c = 0; c < s[1]; ++c) {
      for (std::int64_t rs = 0; rs < s[2] * s[3]; ++rs, from += size) {
        std::memcpy(&out[static_cast<std::size_t>((k * s[2] * s[3] + rs) * s[1] + c) * size], from,
                    size);
      }
    }
  }
  return out;
}

}  // namespace convoy::bench
#endif
