#include "bench/planner.h"

#include "bench/cuda/planner.h"
#include "device/name.h"

namespace convoy::bench {

std::vector<Row> planner_suite(const Options& options) {
  if (parse_device(options.device).kind == DeviceDesc::Kind::kCuda) {
    return device_planner_suite(options);
  }
  return cpu_planner_suite(options);
}

}  // namespace convoy::bench
