#include "bench/cuda/suite.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "bench/cuda/cudnn.h"
#include "bench/cuda/device_step.h"
#include "bench/cuda/per_image.h"
#include "cuda/cublas.h"
#include "device/name.h"
#include "kernels/conv/cuda/window.h"

namespace convoy::bench {
namespace {

Row row_of(const DeviceStep& step, const std::string& layer, std::string implementation) {
  Row row{.suite = "im2win12",
          .layer = layer,
          .implementation = std::move(implementation),
          .device = "cuda",
          .layout = std::string(to_string(step.layout())),
          .batch = step.desc().n};
  row.flops = static_cast<double>(step.desc().flops());
  row.bytes = static_cast<double>(step.operand_bytes());
  return row;
}

void measure_kernel(const Options& options, DeviceStep& step, const Kernel& kernel,
                    std::size_t workspace_bytes, Row& row) {
  const cuda::DeviceBuffer workspace(step.device(), workspace_bytes);
  const auto run = [&] { step.run(kernel, workspace.data(), workspace.bytes()); };
  step.poison();
  run();
  step.device().synchronize();
  row.error = step.error(true);
  measure_device(step.device(), options.seconds, run, row);
  row.workspace_bytes = static_cast<double>(workspace_bytes);
  // The operands of the problem, the workspace, and what the kernel's packing adds to the weights.
  const double weights = static_cast<double>(step.weights().view().bytes());
  row.peak_bytes = row.bytes + row.workspace_bytes +
                   std::max(0.0, static_cast<double>(kernel.packed_bytes()) - weights);
}

void measure_ours(const Options& options, const std::string& layer, DeviceStep& step,
                  std::vector<Row>& rows) {
  const DeviceDesc& device = step.device().desc();
  for (const Implementation* entry : implementations(Op::kConv)) {
    const std::string name(entry->name);
    if (entry->device != DeviceDesc::Kind::kCuda || !selected(options.implementations, name)) {
      continue;
    }
    Row row = row_of(step, layer, name);
    if (const Support support = can_run(*entry, step.op(), device); !support) {
      row.status = support.reason;
    } else {
      const std::size_t workspace = entry->workspace(step.op(), device);
      const std::unique_ptr<Kernel> kernel = entry->prepare(step.op(), device);
      measure_kernel(options, step, *kernel, workspace, row);
    }
    rows.push_back(row);
  }
}

struct Technique {
  const char* name;
  bool WindowTechniques::*member;
};
// In the order in which the papers introduce them.
constexpr Technique kTechniques[] = {{"tiling", &WindowTechniques::tiling},
                                     {"shared_memory", &WindowTechniques::shared_memory},
                                     {"micro_kernel", &WindowTechniques::micro_kernel},
                                     {"vector_loads", &WindowTechniques::vector_loads},
                                     {"double_buffer", &WindowTechniques::double_buffer},
                                     {"prefetch", &WindowTechniques::prefetch}};

void measure_ablation(const Options& options, const std::string& layer, DeviceStep& step,
                      std::vector<Row>& rows) {
  const auto measure = [&](const WindowTechniques& techniques, std::string what) {
    Row row = row_of(step, layer, "conv.im2win.cuda.f32");
    row.suite = "ablation";
    row.ablation = std::move(what);
    const auto kernel = make_window_conv(step.op(), step.device().desc(), techniques);
    measure_kernel(options, step, *kernel, 0, row);
    rows.push_back(row);
  };
  measure({}, "all");
  for (const Technique& technique : kTechniques) {
    WindowTechniques all_but_one;
    all_but_one.*technique.member = false;
    measure(all_but_one, std::string("-") + technique.name);
  }
  WindowTechniques so_far{false, false, false, false, false, false};
  measure(so_far, "none");
  for (const Technique& technique : kTechniques) {
    so_far.*technique.member = true;
    measure(so_far, std::string("+") + technique.name);
  }
}

void require_peers(const std::vector<std::string>& peers) {
  for (const std::string& peer : peers) {
    const std::string missing = peer == "cudnn" ? cudnn_missing()
                                : peer == "cublas"
                                    ? cuda::blas_missing()
                                    : "no such peer on a GPU; there are cudnn and cublas";
    if (!missing.empty()) fail(ErrorCode::kUnsupported, "peer " + peer + ": " + missing);
  }
}

}  // namespace

std::vector<Row> device_convolution_suite(const Options& options) {
  require_peers(options.peers);
  const cuda::Device& device = cuda::Device::get(parse_device(options.device).ordinal);
  const auto wants = [&](const char* peer) {
    return std::find(options.peers.begin(), options.peers.end(), peer) != options.peers.end();
  };
  std::vector<Row> rows;
  for (const NamedConv& layer : selected_layers(options)) {
    for (const std::string& layout : options.layouts) {
      const std::size_t first = rows.size();
      DeviceStep step(layer.desc, parse_layout(layout), device);
      if (options.ablation) {
        measure_ablation(options, layer.name, step, rows);
      } else {
        measure_ours(options, layer.name, step, rows);
        const auto append = [&](const std::vector<Row>& more) {
          rows.insert(rows.end(), more.begin(), more.end());
        };
        if (wants("cublas")) append(per_image_rows(options, layer.name, step));
        if (wants("cudnn")) append(cudnn_rows(options, layer.name, step));
      }
      for (std::size_t i = first; i < rows.size(); ++i) {
        rows[i].device_name = device.desc().name;
        print_row(rows[i]);
      }
      std::fflush(stdout);
    }
    cuda::trim(device);
  }
  for (const std::string& line : summarize(rows)) std::printf("%s\n", line.c_str());
  return rows;
}

}  // namespace convoy::bench
