#include "cuda/driver.h"

#include "base/error.h"
#include "cuda/library.h"

namespace convoy::cuda {
namespace {

// cuda.h renames some entries (cuMemAlloc is cuMemAlloc_v2): the expansion is what libcuda exports.
#define CONVOY_CUDA_TEXT(text) #text
#define CONVOY_CUDA_SYMBOL(name) CONVOY_CUDA_TEXT(name)

// The first that loads what the oldest NVRTC that is looked for compiles.
constexpr int kOldestDriver = 12000;

struct Loaded {
  Driver driver;
  std::string missing;

  Loaded() {
    Library library("CONVOY_LIBCUDA", {"libcuda.so.1"});
#define CONVOY_CUDA_ENTRY(name) library.find(driver.name, CONVOY_CUDA_SYMBOL(name));
    CONVOY_CUDA_ENTRIES(CONVOY_CUDA_ENTRY)
#undef CONVOY_CUDA_ENTRY
    if (!library.missing().empty()) {
      missing = "no NVIDIA driver: " + library.missing();
    } else if (const CUresult result = driver.cuInit(0); result != CUDA_SUCCESS) {
      missing = "the NVIDIA driver does not start: " + describe(result);
    } else if (int version = 0;
               driver.cuDriverGetVersion(&version) != CUDA_SUCCESS || version < kOldestDriver) {
      missing = "the NVIDIA driver supports CUDA " + std::to_string(version / 1000) + "." +
                std::to_string(version % 1000 / 10) + ", expected 12.0 or newer";
    }
  }

  // "CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)".
  std::string describe(CUresult result) const {
    const char *name = nullptr, *meaning = nullptr;
    if (driver.cuGetErrorName(result, &name) != CUDA_SUCCESS || name == nullptr) {
      return "error " + std::to_string(static_cast<int>(result));
    }
    driver.cuGetErrorString(result, &meaning);
    return meaning == nullptr ? name : std::string(name) + " (" + meaning + ")";
  }
};

const Loaded& loaded() {
  static const Loaded once;
  return once;
}

}  // namespace

const Driver& driver() {
  if (!loaded().missing.empty()) fail(ErrorCode::kDevice, loaded().missing);
  return loaded().driver;
}

void check(CUresult result, const char* call) {
  if (result == CUDA_SUCCESS) return;
  // "cuMemFree(pointer)" -> "cuMemFree".
  const std::string text(call);
  fail(result == CUDA_ERROR_OUT_OF_MEMORY ? ErrorCode::kOutOfMemory : ErrorCode::kDevice,
       text.substr(0, text.find('(')) + " fails: " + loaded().describe(result));
}

}  // namespace convoy::cuda
