#include <algorithm>

#include "bench/conv_step.h"
#include "bench/cuda/suite.h"
#include "bench/suite.h"
#include "device/name.h"

namespace convoy::bench {
namespace {

void measure(const Options& options, const NamedConv& layer, const std::string& layout,
             ThreadPool& pool, std::vector<Row>& rows) {
  DeviceDesc device = detect_cpu(pool.threads());
  ConvStep step(layer.desc, parse_layout(layout), DType::kF32);
  for (const Implementation* entry : implementations(Op::kConv)) {
    const std::string name(entry->name);
    // The reference takes minutes where the others take milliseconds: only when asked for.
    const bool slow = name.find("reference") != std::string::npos;
    if (!selected(options.implementations, name) || (slow && options.implementations.empty())) {
      continue;
    }
    if (!step.prepare(*entry, device)) continue;
    Row row{.suite = "im2win12", .layer = layer.name, .implementation = name, .layout = layout};
    row.batch = layer.desc.n;
    row.threads = pool.threads();
    measure_time(
        options.seconds, [&] { step.run(pool); }, row);
    row.flops = static_cast<double>(layer.desc.flops());
    row.bytes = static_cast<double>(step.operand_bytes());
    row.workspace_bytes = static_cast<double>(step.workspace_bytes());
    row.error = step.sampled_error(100);
    print_row(row);
    rows.push_back(row);
  }
}

}  // namespace

std::vector<Row> convolution_suite(const Options& options) {
  if (parse_device(options.device).kind == DeviceDesc::Kind::kCuda) {
    return device_convolution_suite(options);
  }
  ThreadPool pool(options.threads);
  Options resolved = options;
  resolved.threads = pool.threads();
  std::vector<Row> rows;
  for (const NamedConv& layer : selected_layers(options)) {
    for (const std::string& layout : options.layouts) measure(resolved, layer, layout, pool, rows);
    for (const std::string layout : {"nhwc", "any"}) {
      for (const Row& row : onednn_rows(resolved, layer, layout)) {
        print_row(row);
        rows.push_back(row);
      }
    }
  }
  return rows;
}

}  // namespace convoy::bench
