#include "cuda/nvrtc.h"

#include <nvrtc.h>

#include <chrono>
#include <cstring>

#include "base/error.h"
#include "cuda/embedded.h"
#include "cuda/library.h"

namespace convoy::cuda {
namespace {

// clang-format off
#define CONVOY_NVRTC_ENTRIES(X)                                                              \
  X(nvrtcVersion) X(nvrtcGetErrorString) X(nvrtcCreateProgram) X(nvrtcDestroyProgram)        \
  X(nvrtcCompileProgram) X(nvrtcGetProgramLogSize) X(nvrtcGetProgramLog)                     \
  X(nvrtcGetCUBINSize) X(nvrtcGetCUBIN)
// clang-format on

struct Compiler {
#define CONVOY_NVRTC_ENTRY(name) decltype(&::name) name = nullptr;
  CONVOY_NVRTC_ENTRIES(CONVOY_NVRTC_ENTRY)
#undef CONVOY_NVRTC_ENTRY
  std::string missing, version;
  CompilerIdentity identity;

  Compiler() {
    Library library("CONVOY_LIBNVRTC",
                    {"libnvrtc.so.13", "libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so.13",
                     "/usr/local/cuda/lib64/libnvrtc.so.12"});
#define CONVOY_NVRTC_ENTRY(name) library.find(name, #name);
    CONVOY_NVRTC_ENTRIES(CONVOY_NVRTC_ENTRY)
#undef CONVOY_NVRTC_ENTRY
    missing = library.missing();
    int major = 0, minor = 0;
    if (!missing.empty()) {
      missing = "no NVRTC to compile kernels with: " + missing;
    } else if (nvrtcVersion(&major, &minor) == NVRTC_SUCCESS) {
      version = "NVRTC " + std::to_string(major) + "." + std::to_string(minor);
      identity = {library.path(), version + " " + file_identity(library.path())};
    } else {
      missing = "NVRTC does not say its version";
    }
  }
};

const Compiler& compiler() {
  static const Compiler once;
  return once;
}

void check_nvrtc(nvrtcResult result, const char* call) {
  if (result == NVRTC_SUCCESS) return;
  fail(result == NVRTC_ERROR_OUT_OF_MEMORY ? ErrorCode::kOutOfMemory : ErrorCode::kDevice,
       std::string(call) + " fails: " + compiler().nvrtcGetErrorString(result));
}

class Source {
 public:
  explicit Source(const Program& program) {
    std::vector<const char*> names, texts;
    for (const EmbeddedFile& file : embedded_files()) {
      names.push_back(file.name);
      texts.push_back(file.text);
    }
    check_nvrtc(compiler().nvrtcCreateProgram(
                    &handle_, program.source.c_str(), (program.kernel + ".cu").c_str(),
                    static_cast<int>(names.size()), texts.data(), names.data()),
                "nvrtcCreateProgram");
  }
  ~Source() { compiler().nvrtcDestroyProgram(&handle_); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  nvrtcProgram get() const { return handle_; }

  std::string log() const {
    std::size_t size = 0;
    check_nvrtc(compiler().nvrtcGetProgramLogSize(handle_, &size), "nvrtcGetProgramLogSize");
    std::string text(size, '\0');
    check_nvrtc(compiler().nvrtcGetProgramLog(handle_, text.data()), "nvrtcGetProgramLog");
    return text.substr(0, text.find('\0'));
  }

 private:
  nvrtcProgram handle_ = nullptr;
};

// The number before ` words`; 0 where the words are missing.
std::int64_t number_before(const std::string& log, const std::string& words) {
  std::size_t at = log.find(' ' + words);
  if (at == std::string::npos) return 0;
  const std::size_t end = at;
  while (at > 0 && log[at - 1] >= '0' && log[at - 1] <= '9') --at;
  return at == end ? 0 : std::stoll(log.substr(at, end - at));
}

// "ptxas info    : Used 14 registers, used 0 barriers, 400 bytes smem" and
// "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads".
Resources read_resources(const std::string& log) {
  return {.registers = static_cast<int>(number_before(log, "registers")),
          .spill_bytes =
              number_before(log, "bytes spill stores") + number_before(log, "bytes spill loads"),
          .stack_bytes = number_before(log, "bytes stack frame"),
          .shared_bytes = number_before(log, "bytes smem")};
}

}  // namespace

std::string compiler_missing() { return compiler().missing; }
std::string compiler_version() { return compiler().version; }

const CompilerIdentity& compiler_identity() {
  if (!compiler().missing.empty()) fail(ErrorCode::kDevice, compiler().missing);
  return compiler().identity;
}

std::vector<std::string> nvrtc_options(const Program& program, const std::string& arch) {
  std::vector<std::string> options{"--gpu-architecture=" + arch, "--std=c++20", "-default-device",
                                   "--ptxas-options=-v"};
  options.insert(options.end(), program.options.begin(), program.options.end());
  return options;
}

Binary run_nvrtc(const Program& program, const std::string& arch) {
  if (!compiler().missing.empty()) fail(ErrorCode::kDevice, compiler().missing);
  const auto start = std::chrono::steady_clock::now();
  const Source source(program);
  const std::vector<std::string> options = nvrtc_options(program, arch);
  std::vector<const char*> texts;
  for (const std::string& option : options) texts.push_back(option.c_str());
  const nvrtcResult result =
      compiler().nvrtcCompileProgram(source.get(), static_cast<int>(texts.size()), texts.data());
  if (result == NVRTC_ERROR_COMPILATION || result == NVRTC_ERROR_INVALID_OPTION) {
    fail(ErrorCode::kInternal,
         program.kernel + " does not compile for " + arch + ":\n" + source.log());
  }
  check_nvrtc(result, "nvrtcCompileProgram");
  Binary binary{.kernel = program.kernel, .resources = read_resources(source.log())};
  std::size_t size = 0;
  check_nvrtc(compiler().nvrtcGetCUBINSize(source.get(), &size), "nvrtcGetCUBINSize");
  binary.cubin.resize(size);
  check_nvrtc(compiler().nvrtcGetCUBIN(source.get(), binary.cubin.data()), "nvrtcGetCUBIN");
  binary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return binary;
}

}  // namespace convoy::cuda
