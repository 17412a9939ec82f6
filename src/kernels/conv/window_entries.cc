// conv.im2win (implicit), conv.im2win_explicit and conv.direct, in f32 and f64.
#include <algorithm>
#include <cmath>

#include "kernels/conv/batch_conv.h"
#include "kernels/conv/channel_conv.h"
#include "kernels/conv/entries.h"

namespace convoy {
namespace {

template <DType kType>
Support supports(const OpDesc& op, const DeviceDesc&) {
  return supports_packed(conv_problem(op), kType);
}

bool lanes_are_images(Layout layout) { return layout == Layout::kChwn || layout == Layout::kChwn8; }

template <WindowForm kForm>
std::size_t workspace(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  return lanes_are_images(problem.x_layout) ? batch_conv_workspace(problem, kForm, device)
                                            : channel_conv_workspace(problem, kForm, device);
}

// Share of the multiply-add peak reached where nothing else is in the way.
double efficiency(WindowForm form, Layout layout) {
  const double channels = layout == Layout::kNhwc ? 0.80 : 0.60;
  return form == WindowForm::kDirect ? 0.9 * channels : channels;
}

template <WindowForm kForm>
Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  const ConvDesc& d = problem.desc;
  const WindowForm form = effective_form(kForm, d);
  const double element = static_cast<double>(size_of(problem.dtype));
  Estimate estimate = estimate_streaming(op, device);
  estimate.flops = static_cast<double>(d.flops());
  estimate.workspace_bytes = workspace<kForm>(op, device);

  // Lanes without an output channel multiply all the same.
  const double lanes = device.vector_bytes / element;
  const double filled = static_cast<double>(d.k) / static_cast<double>(d.groups) / lanes;
  const double rate = device.flops_per_second_core * device.threads * (4 / element) *
                      efficiency(form, problem.x_layout) * filled / std::ceil(filled);
  double seconds = estimate.flops / rate;

  const double window_bytes = static_cast<double>(im2win_bytes(d, problem.dtype));
  if (form == WindowForm::kDirect) {
    // Outputs whose window leaves the input are computed one at a time, at a quarter of the rate.
    const double border =
        static_cast<double>(ceil_div(d.pad_left, d.stride_w) + ceil_div(d.pad_right, d.stride_w));
    seconds *= 1 + 3 * std::min(1.0, border / static_cast<double>(d.q()));
  } else if (form == WindowForm::kImplicit) {
    estimate.bytes_l2 += 2 * window_bytes;
    seconds += 2 * window_bytes / (device.l2_bytes_per_second_core * device.threads);
  } else {
    estimate.bytes_l2 += 2 * window_bytes;
    estimate.bytes_dram += 2 * window_bytes;
    seconds += 2 * window_bytes / device.bytes_per_second;
  }
  estimate.seconds = std::max(estimate.seconds, seconds);
  return estimate;
}

template <WindowForm kForm>
std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  return lanes_are_images(problem.x_layout) ? make_batch_conv(problem, kForm, device)
                                            : make_channel_conv(problem, kForm, device);
}

template <WindowForm kForm, DType kType>
Implementation entry(std::string_view name) {
  return {.name = name,
          .supports = supports<kType>,
          .workspace = workspace<kForm>,
          .estimate = estimate<kForm>,
          .prepare = prepare<kForm>};
}

}  // namespace

void append_window_convolutions(std::vector<Implementation>& list) {
  list.push_back(entry<WindowForm::kImplicit, DType::kF32>("conv.im2win.cpu.f32"));
  list.push_back(entry<WindowForm::kImplicit, DType::kF64>("conv.im2win.cpu.f64"));
  list.push_back(entry<WindowForm::kDirect, DType::kF32>("conv.direct.cpu.f32"));
  list.push_back(entry<WindowForm::kDirect, DType::kF64>("conv.direct.cpu.f64"));
  list.push_back(entry<WindowForm::kExplicit, DType::kF32>("conv.im2win_explicit.cpu.f32"));
  list.push_back(entry<WindowForm::kExplicit, DType::kF64>("conv.im2win_explicit.cpu.f64"));
}

}  // namespace convoy
