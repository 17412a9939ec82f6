// A tensor on the device between guard words, which are NaN, so that what is read from them shows;
// each buffer has its own, so that a copy of another's does too.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/memory.h"

namespace convoy::testing {

class GuardedDeviceBuffer {
 public:
  // `bytes` of poison, a NaN in f32, f16 and bf16, until they are written to and uploaded.
  // id: below 64.
  GuardedDeviceBuffer(const cuda::Device& device, std::uint32_t id, std::size_t bytes)
      : image_(bytes + 2 * kGuardBytes), memory_(device, image_.size()) {
    const std::uint32_t pattern = (0x7fc0u | id) * 0x10001u;
    for (std::size_t i = 0; i < image_.size(); ++i) {
      image_[i] = static_cast<std::byte>(pattern >> i % 4 * 8);
    }
    guards_ = {image_.begin(), image_.begin() + kGuardBytes};
    guards_.insert(guards_.end(), image_.end() - kGuardBytes, image_.end());
  }

  std::byte* host() { return image_.data() + kGuardBytes; }
  std::byte* device() const { return static_cast<std::byte*>(memory_.data()) + kGuardBytes; }
  std::size_t bytes() const { return image_.size() - 2 * kGuardBytes; }

  void upload() { memory_.upload(image_.data(), image_.size()); }

  // What the device holds now; the guards are compared. Returns what is wrong, or nothing.
  std::string download(std::vector<std::byte>& found) const {
    std::vector<std::byte> now(image_.size());
    memory_.download(now.data(), now.size());
    found.assign(now.begin() + kGuardBytes, now.end() - kGuardBytes);
    for (std::size_t i = 0; i < guards_.size(); ++i) {
      const std::size_t at = i < kGuardBytes ? i : i + bytes();
      if (now[at] == guards_[i]) continue;
      return "wrote at byte " +
             std::to_string(static_cast<std::int64_t>(at) -
                            static_cast<std::int64_t>(kGuardBytes)) +
             " of " + std::to_string(bytes());
    }
    return {};
  }
  // The same, for what no kernel may write to.
  std::string changed() const {
    std::vector<std::byte> found;
    if (std::string wrong = download(found); !wrong.empty()) return wrong;
    const bool same =
        found.empty() || std::memcmp(found.data(), image_.data() + kGuardBytes, bytes()) == 0;
    return same ? "" : "wrote to it";
  }

 private:
  // Tensors may lie anywhere 64-byte aligned, and these do no better.
  static constexpr std::ptrdiff_t kGuardBytes = 1088;
  static_assert(kGuardBytes % 128 == 64);

  std::vector<std::byte> image_, guards_;
  cuda::DeviceBuffer memory_;
};

}  // namespace convoy::testing
