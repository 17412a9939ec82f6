#include "device/name.h"

#include <charconv>

#include "base/error.h"

namespace convoy {

DeviceName parse_device(std::string_view text) {
  if (text == "cpu") return {};
  DeviceName name{DeviceDesc::Kind::kCuda, 0};
  if (text == "cuda") return name;
  constexpr std::string_view kPrefix = "cuda:";
  if (text.starts_with(kPrefix)) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + kPrefix.size(), end, name.ordinal);
    if (error == std::errc{} && stop == end && name.ordinal >= 0) return name;
  }
  fail(ErrorCode::kInvalidArgument,
       "device '" + std::string(text) + "', expected cpu, cuda or cuda:N");
}

std::string to_string(const DeviceName& name) {
  return name.kind == DeviceDesc::Kind::kCpu ? "cpu" : "cuda:" + std::to_string(name.ordinal);
}

}  // namespace convoy
