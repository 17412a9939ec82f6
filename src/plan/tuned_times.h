// Measured times as a planner asks for them.
#pragma once

#include <map>
#include <string>

#include "plan/plan.h"
#include "plan/tuning.h"

namespace convoy {

// The times of one device. Of steps that were not measured it scales the estimates: by the median
// of measured over estimated, of the same kernel where there are several records of it, of all
// kernels otherwise. A search adds measured and estimated times of different steps, and would
// prefer whatever is estimated too low (docs/design/tuning.md).
class TunedTimes final : public Measurements {
 public:
  TunedTimes(TuningTable table, const DeviceDesc& device);

  bool empty() const { return table_.size() == 0; }
  bool knows(const std::string& problem) const override;
  std::optional<double> seconds(const std::string& problem,
                                const Candidate& candidate) const override;
  double scale(const Candidate& candidate) const override;

 private:
  std::string device_;
  TuningTable table_;                                    // of this device alone
  std::map<std::string, double, std::less<>> scale_of_;  // by kernel
  double scale_ = 1;                                     // of the other ones
};

}  // namespace convoy
