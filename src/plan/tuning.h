// Times of steps measured on a device, as a table and as its text, which people read as well:
//
//   convoy tuning 1
//
//   problem f32 nhwc>nhwc n1 c32 h112 w112 k96 r1 s1 bias clip(0,6)
//   device cpu AMD EPYC 9R45, AVX-512, 2 threads, convoy 0.4.0
//   rates 192 GFLOP/s, 96 GB/s, 20 GB/s
//       310.421 us, estimated     287.015 us, pointwise.gemm.cpu.f32
//       352.107 us, estimated     330.908 us, conv.im2win.cpu.f32
//   check 5f0c11d2
//
// A record is whole or not at all: what does not come to its check is left out, and the others
// stay (docs/design/tuning.md).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace convoy {

// One way to compute a step, and what it took.
struct TimedWay {
  std::string kernel;
  std::string tile;      // empty: the kernel has one way
  double seconds = 0;    // measured
  double estimated = 0;  // what the cost model said of it then, in seconds
  bool operator==(const TimedWay&) const = default;
};

// What is known of one problem on one device. All ways were measured in turn, so that whatever
// disturbed the machine disturbed all of them.
struct TuningRecord {
  std::string rates;           // what the estimates rest on: rates_text()
  std::vector<TimedWay> ways;  // the fastest first
  bool operator==(const TuningRecord&) const = default;
};

class TuningTable {
 public:
  // Null where there is none.
  const TuningRecord* find(const std::string& device, const std::string& problem) const;
  // Takes the place of what there is of the problem. Times become whole nanoseconds, at least one,
  // as in the text.
  void keep(const std::string& device, const std::string& problem, TuningRecord record);
  // Every record of `newer`; of this table what is not in it.
  void merge(const TuningTable& newer);
  std::size_t size() const;

  using OfDevice = std::map<std::string, TuningRecord>;  // by problem
  const std::map<std::string, OfDevice>& devices() const { return devices_; }
  bool operator==(const TuningTable&) const = default;

 private:
  std::map<std::string, OfDevice> devices_;
};

// What times are kept under: the device, how it is used, and the version of Convoy, whose kernels
// another version's times say nothing of.
std::string tuning_device(const DeviceDesc& device);

// The rates that estimates follow from; calibration changes them.
std::string rates_text(const DeviceDesc& device);

// The version of the text.
inline constexpr int kTuningVersion = 1;

std::string tuning_text(const TuningTable& table);

struct ParsedTuning {
  TuningTable table;
  int version = 0;          // of the first line; 0 where it names none
  std::size_t damaged = 0;  // records that were left out
};

// Reads any bytes; of another version's text the version alone.
ParsedTuning parse_tuning(std::string_view text);

}  // namespace convoy
