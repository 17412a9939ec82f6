#include "kernels/registry.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"

namespace convoy {
namespace {

constexpr int kOps = static_cast<int>(Op::kReorder) + 1;
using Pointers = std::vector<const Implementation*>;

void append(Pointers& out, ImplementationList list) {
  for (const Implementation& entry : list) out.push_back(&entry);
}

Pointers collect(Op op) {
  Pointers out;
  switch (op) {
    case Op::kConv:
      append(out, depthwise_implementations());
      append(out, pointwise_implementations());
      append(out, conv_implementations());
      break;
    case Op::kFusedConv:
      append(out, fused_conv_implementations());
      break;
    case Op::kConvTranspose:
      append(out, conv_transpose_implementations());
      break;
    case Op::kUnary:
    case Op::kClip:
    case Op::kBinary:
    case Op::kWhere:
    case Op::kCast:
      append(out, elementwise_implementations(op));
      break;
    case Op::kBatchNorm:
    case Op::kLayerNorm:
      append(out, norm_implementations(op));
      break;
    case Op::kPool:
      append(out, pool_implementations());
      break;
    case Op::kReduce:
      append(out, reduce_implementations());
      break;
    case Op::kMatMul:
    case Op::kGemm:
      append(out, matmul_implementations(op));
      break;
    case Op::kSoftmax:
      append(out, softmax_implementations());
      break;
    case Op::kResize:
      append(out, resize_implementations());
      break;
    default:
      append(out, movement_implementations(op));
  }
  return out;
}

const std::array<Pointers, kOps>& registry() {
  static const std::array<Pointers, kOps> lists = [] {
    std::array<Pointers, kOps> all;
    for (int op = 0; op < kOps; ++op) all[static_cast<std::size_t>(op)] = collect(Op(op));
    return all;
  }();
  return lists;
}

}  // namespace

std::span<const Implementation* const> implementations(Op op) {
  return registry()[static_cast<std::size_t>(op)];
}

std::span<const Implementation* const> all_implementations() {
  static const Pointers all = [] {
    Pointers out;
    for (const Pointers& list : registry()) {
      for (const Implementation* entry : list) {
        if (std::find(out.begin(), out.end(), entry) == out.end()) out.push_back(entry);
      }
    }
    return out;
  }();
  return all;
}

Support can_run(const Implementation& entry, const OpDesc& desc, const DeviceDesc& device) {
  if (entry.device != device.kind) {
    return Support::no(entry.device == DeviceDesc::Kind::kCpu ? "runs on the cpu alone"
                                                              : "runs on CUDA devices alone");
  }
  return entry.supports(desc, device);
}

const Implementation* find_implementation(std::string_view name) {
  for (const Implementation* entry : all_implementations()) {
    if (entry->name == name) return entry;
  }
  return nullptr;
}

void evaluate_reference(const OpDesc& desc, std::span<const TensorView> inputs,
                        std::span<const TensorView> outputs) {
  const auto list = implementations(desc.op);
  if (list.empty()) {
    fail(ErrorCode::kUnsupported, std::string(to_string(desc.op)) + " has no kernel");
  }
  const Implementation& reference = *list.back();
  DeviceDesc device;
  device.threads = 1;
  if (const Support support = reference.supports(desc, device); !support) {
    fail(ErrorCode::kUnsupported, std::string(reference.name) + ": " + support.reason);
  }
  const Buffer workspace(reference.workspace(desc, device));
  ThreadPool pool(1);
  reference.prepare(desc, device)
      ->run({inputs, outputs, {workspace.data(), workspace.size()}, pool});
}

bool supports_nhwc(Op op, const Attrs& /*attrs*/, const Shape& x) {
  if (x.rank() < 3) return false;
  switch (op) {
    case Op::kConv:
    case Op::kFusedConv:
    case Op::kConvTranspose:
    case Op::kUnary:
    case Op::kBinary:
    case Op::kBatchNorm:
    case Op::kPool:
    case Op::kReduce:
    case Op::kConcat:
    case Op::kResize:
    case Op::kPad:
      return true;
    default:
      return false;
  }
}

Estimate estimate_streaming(const OpDesc& desc, const DeviceDesc& device) {
  Estimate estimate;
  for (std::size_t i = 0; i < desc.inputs.size(); ++i) {
    if (desc.present(i)) estimate.bytes_l2 += static_cast<double>(desc.inputs[i].bytes());
  }
  for (const TensorView& y : desc.outputs) estimate.bytes_l2 += static_cast<double>(y.bytes());
  // Maps that fit the last cache were just written there by their producer.
  if (estimate.bytes_l2 > static_cast<double>(device.l3_bytes)) {
    estimate.bytes_dram = estimate.bytes_l2;
  }
  estimate.seconds =
      std::max(estimate.bytes_l2 / (device.l2_bytes_per_second_core * device.threads),
               estimate.bytes_dram / device.bytes_per_second);
  return estimate;
}

}  // namespace convoy
