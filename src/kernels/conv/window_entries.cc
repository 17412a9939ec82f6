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

// Share of the multiply-add peak reached where nothing else is in the way: measured on layers of
// the im2win papers with one AVX-512 core against oneDNN in one process (convoy-bench im2win12).
// CHWN8 fills half of a 512-bit register with f32.
double efficiency(Layout layout, int vector_bytes, double element) {
  switch (layout) {
    case Layout::kNhwc:
      return 0.75;
    case Layout::kNchw:
    case Layout::kChwn:
      return 0.55;
    case Layout::kChwn8:
      return 0.55 * std::min(1.0, 8 * element / vector_bytes);
  }
  return 0.5;
}

// Share of a vector's lanes that hold an output channel, or an image.
double filled_lanes(const ConvProblem& problem, double lanes) {
  const ConvDesc& d = problem.desc;
  if (problem.x_layout == Layout::kChwn8) return static_cast<double>(d.n) / (ceil_div(d.n, 8) * 8);
  const double wanted = problem.x_layout == Layout::kChwn
                            ? static_cast<double>(d.n)
                            : static_cast<double>(d.k) / static_cast<double>(d.groups);
  return wanted / lanes / std::ceil(wanted / lanes);
}

// Cycles' worth of time to set up one register block and to store it, which short windows notice.
constexpr double kBlockSeconds = 5e-8;
constexpr double kBlockOutputs = 256;

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
  const double filled = filled_lanes(problem, lanes);
  const double rate = device.flops_per_second_core * device.threads * (4 / element) *
                      efficiency(problem.x_layout, device.vector_bytes, element) * filled;
  const double blocks = static_cast<double>(conv_y_shape(d).elements()) / kBlockOutputs / filled;
  double seconds = estimate.flops / rate + blocks * kBlockSeconds / device.threads;

  const double window_bytes = static_cast<double>(im2win_bytes(d, problem.dtype));
  if (form == WindowForm::kDirect) {
    // Outputs whose window leaves the input are computed one at a time, at a quarter of the rate.
    const double border =
        static_cast<double>(ceil_div(d.pad_left, d.stride_w) + ceil_div(d.pad_right, d.stride_w));
    seconds *= 1 + 3 * std::min(1.0, border / static_cast<double>(d.q()));
    // Many short rows of a window instead of one long run: level on conv9 to conv11, a fifth slower
    // on conv12. Where window order would copy nothing there is no other form to prefer.
    if (d.c / d.groups >= 16 && !im2win_is_identity(d)) seconds *= 1.08;
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
