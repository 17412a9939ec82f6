// The figures of a profile: their names, units and ranges, and where a DeviceDesc has them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "device/device.h"

namespace convoy {

struct ProfileKey {
  enum class Unit : std::uint8_t { kCount, kBytes, kBytesPerSecond, kFlopsPerSecond, kHertz };
  std::string_view name;
  Unit unit;
  double least, most;  // both allowed
  double (*get)(const DeviceDesc&);
  void (*set)(DeviceDesc&, double);
};

// Every one of them is in every profile of the kind.
std::span<const ProfileKey> profile_keys(DeviceDesc::Kind kind);

struct ProfileUnit {
  std::string_view name;  // "MiB"
  ProfileKey::Unit unit;
  double factor;
};
std::span<const ProfileUnit> profile_units();

// "1 KiB to 1 GiB", as messages say what a key expects.
std::string expected_range(const ProfileKey& key);

// "60 MiB": in the largest unit that reads back to exactly `value`.
std::string figure_text(double value, ProfileKey::Unit unit);

}  // namespace convoy
