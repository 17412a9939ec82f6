// An NVRTC that compiles nothing: what it gives for machine code is the source behind the first
// bytes of an ELF file. A source that says #error does not compile.
#include <nvrtc.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/fake_cuda/faults.h"

#define ENTER(name) \
  if (const int error = faults.enter(#name); error != 0) return static_cast<nvrtcResult>(error)

struct _nvrtcProgram {
  std::string source, log;
};

extern "C" {

nvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 12, *minor = 9;
  // Comes before a test can ask for anything.
  const char* error = std::getenv("CONVOY_FAKE_NVRTC");
  return error == nullptr ? NVRTC_SUCCESS : static_cast<nvrtcResult>(std::atoi(error));
}
const char* nvrtcGetErrorString(nvrtcResult) { return "NVRTC_ERROR_FAKE"; }

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char*, int,
                               const char* const*, const char* const*) {
  ENTER(nvrtcCreateProgram);
  *program = new _nvrtcProgram{source, ""};
  objects.add("program", *program);
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  const int error = faults.enter("nvrtcDestroyProgram");
  if (!objects.remove("program", *program)) return NVRTC_ERROR_INVALID_PROGRAM;
  delete *program;
  *program = nullptr;
  return static_cast<nvrtcResult>(error);
}
nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int, const char* const*) {
  ENTER(nvrtcCompileProgram);
  const bool wrong = program->source.find("#error") != std::string::npos;
  program->log = wrong ? "error: #error directive"
                       : "ptxas info    : Used 14 registers, used 0 barriers, 400 bytes smem\n"
                         "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n";
  return wrong ? NVRTC_ERROR_COMPILATION : NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, std::size_t* size) {
  ENTER(nvrtcGetProgramLogSize);
  *size = program->log.size() + 1;
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* log) {
  ENTER(nvrtcGetProgramLog);
  std::memcpy(log, program->log.c_str(), program->log.size() + 1);
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, std::size_t* size) {
  ENTER(nvrtcGetCUBINSize);
  *size = 4 + program->source.size();
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* cubin) {
  ENTER(nvrtcGetCUBIN);
  std::memcpy(cubin,
              "\x7f"
              "ELF",
              4);
  std::memcpy(cubin + 4, program->source.data(), program->source.size());
  return NVRTC_SUCCESS;
}
}
