#include "plan/unplaced.h"

#include <algorithm>

#include "base/error.h"

namespace convoy {
namespace {

constexpr double kLaunchSeconds = 0.5e-6;  // of an empty kernel in a graph of an H200, measured
constexpr double kL2OverMemory = 2.5;      // bandwidth, about, on GPUs of the last four generations

double flops_of(const OpDesc& desc) {
  const bool conv = desc.op == Op::kConv || desc.op == Op::kFusedConv;
  if (!conv && desc.op != Op::kMatMul && desc.op != Op::kGemm) return 0;
  const TensorView& w = desc.inputs[1];
  const Shape& y = desc.outputs[0].shape;
  if (w.shape.rank() < 2 || y.rank() < 2) return 0;
  // Multiply-adds of one result: a filter of its channel, or a column of the right-hand matrix.
  const std::int64_t sums =
      desc.op == Op::kConv ? w.shape.elements() / w.shape[0] : w.shape[w.shape.rank() - 2];
  return 2.0 * static_cast<double>(y.elements()) * static_cast<double>(sums);
}

Estimate estimate(const OpDesc& desc, const DeviceDesc& device) {
  Estimate e;
  for (std::size_t i = 0; i < desc.inputs.size(); ++i) {
    if (desc.present(i)) e.bytes_l2 += static_cast<double>(desc.inputs[i].bytes());
  }
  for (const TensorView& y : desc.outputs) e.bytes_l2 += static_cast<double>(y.bytes());
  const bool resident = e.bytes_l2 <= static_cast<double>(device.l2_bytes);
  e.bytes_dram = resident ? 0 : e.bytes_l2;
  e.flops = flops_of(desc);
  const double rate = device.bytes_per_second * (resident ? kL2OverMemory : 1);
  e.seconds =
      kLaunchSeconds +
      std::max(e.bytes_l2 / rate, e.flops / (0.5 * device.cores * device.flops_per_second_core));
  return e;
}

std::unique_ptr<Kernel> prepare(const OpDesc& desc, const DeviceDesc& device) {
  fail(ErrorCode::kUnsupported, "the plan is for " + device.name + ", which no kernel computes " +
                                    std::string(to_string(desc.op)) + " on: it cannot be run");
}

}  // namespace

const Implementation kUnplaced = {
    .name = "unplaced",
    .supports = [](const OpDesc&, const DeviceDesc&) { return Support::yes(); },
    .workspace = no_workspace,
    .estimate = estimate,
    .prepare = prepare,
    .in_place = false,
    .device = DeviceDesc::Kind::kCuda};

}  // namespace convoy
