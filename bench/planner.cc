#include "bench/planner.h"

#include "base/error.h"
#include "bench/cuda/planner.h"
#include "device/name.h"

namespace convoy::bench {

std::vector<Row> planner_suite(const Options& options) {
  if (parse_device(options.device).kind == DeviceDesc::Kind::kCuda) {
    return device_planner_suite(options);
  }
  fail(ErrorCode::kUnsupported, "the planner's suite measures GPUs: give --device cuda");
}

}  // namespace convoy::bench
