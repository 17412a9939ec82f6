#include "cuda/cache_entry.h"

#include <algorithm>
#include <cstring>

namespace convoy::cuda {
namespace {

// In the machine's own byte order: a cache does not travel.
struct Header {
  char format[sizeof(kCacheFormat)];
  Digest key;
  std::int64_t registers, spill_bytes, stack_bytes, shared_bytes, cubin_bytes;
};
static_assert(sizeof(Header) == 80, "no padding, whose bytes would be anything");

}  // namespace

std::string write_entry(const Digest& key, const Binary& binary) {
  const Resources& uses = binary.resources;
  Header header{.key = key,
                .registers = uses.registers,
                .spill_bytes = uses.spill_bytes,
                .stack_bytes = uses.stack_bytes,
                .shared_bytes = uses.shared_bytes,
                .cubin_bytes = static_cast<std::int64_t>(binary.cubin.size())};
  std::ranges::copy(kCacheFormat, header.format);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes.append(binary.cubin.data(), binary.cubin.size());
  const Digest digest = sha256(bytes);
  return bytes.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

std::optional<Binary> read_entry(const Digest& key, std::string_view bytes) {
  Header header;
  if (bytes.size() < sizeof(header) + sizeof(Digest)) return std::nullopt;
  const std::string_view hashed = bytes.substr(0, bytes.size() - sizeof(Digest));
  const Digest digest = sha256(hashed);
  if (std::memcmp(digest.data(), bytes.data() + hashed.size(), digest.size()) != 0) {
    return std::nullopt;
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  const std::string_view cubin = hashed.substr(sizeof(header));
  if (!std::ranges::equal(header.format, kCacheFormat) || header.key != key ||
      header.cubin_bytes != static_cast<std::int64_t>(cubin.size())) {
    return std::nullopt;
  }
  return Binary{.cubin{cubin.begin(), cubin.end()},
                .resources = {.registers = static_cast<int>(header.registers),
                              .spill_bytes = header.spill_bytes,
                              .stack_bytes = header.stack_bytes,
                              .shared_bytes = header.shared_bytes},
                .from_cache = true};
}

}  // namespace convoy::cuda
