// SHA-256 (FIPS 180-4), for names and checks of what is kept on disk.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace convoy {

using Digest = std::array<unsigned char, 32>;

class Sha256 {
 public:
  Sha256& add(std::string_view bytes);
  // Ends the message; nothing may be added after it.
  Digest finish();

 private:
  void block(const unsigned char* bytes);
  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> pending_{};
  std::size_t pending_bytes_ = 0;
  std::uint64_t bytes_ = 0;
};

inline Digest sha256(std::string_view bytes) { return Sha256().add(bytes).finish(); }
// 64 lower-case digits.
std::string to_hex(const Digest& digest);

}  // namespace convoy
