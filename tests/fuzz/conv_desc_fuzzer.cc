// Any text as a convolution; what is understood prints to a text that means the same.
#include "base/conv_desc.h"
#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace convoy;
  try {
    const ConvDesc desc =
        parse_conv_desc(std::string_view(reinterpret_cast<const char*>(data), size));
    if (!(parse_conv_desc(to_string(desc)) == desc)) __builtin_trap();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) __builtin_trap();
  }
  return 0;
}
