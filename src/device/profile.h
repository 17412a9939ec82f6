// Devices that need not be there: stored descriptions to plan for. A profile is a text file:
//
//   # comment
//   kind            = cuda
//   name            = NVIDIA H200
//   multiprocessors = 132        | vendor: data sheet
//   l2              = 60 MiB     | measured: as the driver says
//
// Every figure says where it is from: vendor, measured, derived, detected or typical, and after a
// colon what that rests on. Keys, units and ranges: profile_keys.cc. What follows from a GPU's
// compute capability (target architecture, f32 rate) is not in the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace convoy {

// No file is longer; ours have less than 2 KiB.
inline constexpr std::size_t kMostProfileBytes = 64 << 10;

// The profiles that come with Convoy, in alphabetical order: "a100", "cpu-avx2", ...
std::vector<std::string> profile_names();

// One of profile_names(), or else a file: what has a '/' or ends in ".profile". Throws kNotFound
// for a name that is nobody's, with the nearest and all there are, or a file that is not there;
// kInvalidArgument, naming the file, line and key, what was found and what was expected, for keys
// that are unknown, missing or twice there, figures without an origin, units and ranges.
DeviceDesc load_profile(const std::string& name_or_path);

// The same of a profile's text; `origin` is what messages call it.
DeviceDesc parse_profile(std::string_view text, const std::string& origin);

// A profile's text: what parse_profile() reads back to the same device. `sizes` is where counts and
// sizes are from, in a profile's words ("detected: by the driver"), `rates` where rates are.
std::string profile_text(const DeviceDesc& device, const std::string& sizes,
                         const std::string& rates);

}  // namespace convoy
