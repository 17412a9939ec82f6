// The one exception type of the library: a code that programs branch on and a message that people
// act on.
#pragma once

#include <stdexcept>
#include <string>

namespace convoy {

enum class ErrorCode : int {
  kInvalidArgument = 1,  // the caller's call, flag or tensor is wrong
  kInvalidModel = 2,     // the model's bytes or graph are malformed
  kUnsupported = 3,      // well-formed, but outside what Convoy implements
  kNotFound = 4,         // a file, a name, a kernel
  kOutOfMemory = 5,
  kIo = 6,
  kDevice = 7,
  kInternal = 8,  // a broken invariant of ours: a bug
};

const char* to_string(ErrorCode code);

// Messages name the node or tensor, the value found and what was expected.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

[[noreturn]] void fail(ErrorCode code, const std::string& message);

}  // namespace convoy
