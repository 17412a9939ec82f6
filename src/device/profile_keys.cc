#include "device/profile_keys.h"

#include <array>
#include <charconv>
#include <cmath>

namespace convoy {
namespace {

using Unit = ProfileKey::Unit;

constexpr double kKi = 1024, kMi = kKi * kKi, kGi = kMi * kKi, kTi = kGi * kKi;

// Within a unit the largest factor first: the order that figure_text() tries.
constexpr ProfileUnit kUnits[] = {
    {"TiB", Unit::kBytes, kTi},
    {"GiB", Unit::kBytes, kGi},
    {"MiB", Unit::kBytes, kMi},
    {"KiB", Unit::kBytes, kKi},
    {"GB", Unit::kBytes, 1e9},
    {"B", Unit::kBytes, 1},
    {"TB/s", Unit::kBytesPerSecond, 1e12},
    {"GB/s", Unit::kBytesPerSecond, 1e9},
    {"B/s", Unit::kBytesPerSecond, 1},
    {"TFLOP/s", Unit::kFlopsPerSecond, 1e12},
    {"GFLOP/s", Unit::kFlopsPerSecond, 1e9},
    {"FLOP/s", Unit::kFlopsPerSecond, 1},
    {"GHz", Unit::kHertz, 1e9},
    {"MHz", Unit::kHertz, 1e6},
    {"Hz", Unit::kHertz, 1},
};

// A key whose figure is the member `MEMBER` of a DeviceDesc `d`.
#define CONVOY_PROFILE_KEY(NAME, UNIT, LEAST, MOST, MEMBER)                                    \
  {                                                                                            \
    NAME, Unit::UNIT, LEAST, MOST,                                                             \
        [](const DeviceDesc& d) -> double { return static_cast<double>(d.MEMBER); },           \
        [](DeviceDesc& d, double value) { d.MEMBER = static_cast<decltype(d.MEMBER)>(value); } \
  }

constexpr ProfileKey kCudaKeys[] = {
    CONVOY_PROFILE_KEY("multiprocessors", kCount, 1, 4096, cores),
    CONVOY_PROFILE_KEY("clock", kHertz, 1e8, 1e10, cuda.clock_hz),
    CONVOY_PROFILE_KEY("l1", kBytes, 16 * kKi, 16 * kMi, l1_bytes),
    CONVOY_PROFILE_KEY("shared_multiprocessor", kBytes, 16 * kKi, 16 * kMi,
                       cuda.shared_bytes_multiprocessor),
    CONVOY_PROFILE_KEY("shared_block", kBytes, 16 * kKi, 16 * kMi, cuda.shared_bytes_block),
    CONVOY_PROFILE_KEY("registers", kCount, 8192, 1 << 24, cuda.registers_multiprocessor),
    CONVOY_PROFILE_KEY("threads", kCount, 128, 1 << 16, cuda.threads_multiprocessor),
    CONVOY_PROFILE_KEY("l2", kBytes, 64 * kKi, 64 * kGi, l2_bytes),
    CONVOY_PROFILE_KEY("memory", kBytes, 64 * kMi, 64 * kTi, cuda.memory_bytes),
    CONVOY_PROFILE_KEY("bandwidth", kBytesPerSecond, 1e9, 1e15, bytes_per_second),
};

constexpr ProfileKey kCpuKeys[] = {
    CONVOY_PROFILE_KEY("vector", kBytes, 4, 256, vector_bytes),
    CONVOY_PROFILE_KEY("cores", kCount, 1, 4096, cores),
    CONVOY_PROFILE_KEY("l1", kBytes, 4 * kKi, 16 * kMi, l1_bytes),
    CONVOY_PROFILE_KEY("l2", kBytes, 16 * kKi, kGi, l2_bytes),
    CONVOY_PROFILE_KEY("l3", kBytes, 16 * kKi, 64 * kGi, l3_bytes),
    CONVOY_PROFILE_KEY("flops_core", kFlopsPerSecond, 1e8, 1e14, flops_per_second_core),
    CONVOY_PROFILE_KEY("l2_bandwidth_core", kBytesPerSecond, 1e8, 1e14, l2_bytes_per_second_core),
    CONVOY_PROFILE_KEY("bandwidth", kBytesPerSecond, 1e8, 1e15, bytes_per_second),
};

#undef CONVOY_PROFILE_KEY

std::string number_text(double value) {
  std::array<char, 64> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

}  // namespace

std::span<const ProfileKey> profile_keys(DeviceDesc::Kind kind) {
  if (kind == DeviceDesc::Kind::kCuda) return kCudaKeys;
  return kCpuKeys;
}

std::span<const ProfileUnit> profile_units() { return kUnits; }

std::string expected_range(const ProfileKey& key) {
  return figure_text(key.least, key.unit) + " to " + figure_text(key.most, key.unit);
}

std::string figure_text(double value, ProfileKey::Unit unit) {
  if (unit == Unit::kCount) return number_text(value);
  for (const ProfileUnit& candidate : kUnits) {
    if (candidate.unit != unit) continue;
    const double figure = value / candidate.factor;
    // Bytes in whole numbers; rates in as few digits as say the same.
    const bool whole = unit != Unit::kBytes || figure == std::floor(figure);
    if (candidate.factor == 1 || (figure >= 1 && whole && figure * candidate.factor == value)) {
      return number_text(figure) + ' ' + std::string(candidate.name);
    }
  }
  return number_text(value);
}

}  // namespace convoy
