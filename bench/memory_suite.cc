#include "bench/conv_step.h"
#include "bench/suite.h"

namespace convoy::bench {

std::vector<Row> memory_suite(const Options& options) {
  const DeviceDesc device = detect_cpu(options.threads);
  std::vector<Row> rows;
  for (NamedConv layer : read_shapes(options.shapes)) {
    for (const std::int64_t batch : options.batches) {
      ConvDesc& d = layer.desc;
      const Tensor weights(DType::kF32, conv_w_shape(d)), bias(DType::kF32, Shape{d.k});
      d.n = batch;
      const auto add = [&](std::string name, std::string layout, double bytes) {
        Row row{.suite = "memory",
                .layer = layer.name,
                .implementation = std::move(name),
                .layout = std::move(layout)};
        row.batch = batch;
        row.threads = device.threads;
        row.flops = static_cast<double>(d.flops());
        row.workspace_bytes = bytes;
        print_row(row);
        rows.push_back(row);
      };
      add("im2col", "formula", static_cast<double>(im2col_bytes(d, DType::kF32)));
      add("im2win", "formula", static_cast<double>(im2win_bytes(d, DType::kF32)));
      for (const std::string& layout : options.layouts) {
        ConvOp op(d, parse_layout(layout), DType::kF32);
        op.set_constants(weights, bias);
        for (const Implementation* entry : implementations(Op::kConv)) {
          const std::string name(entry->name);
          if (!selected(options.implementations, name)) continue;
          if (!can_run(*entry, op.desc(), device)) continue;
          add(name, layout, static_cast<double>(entry->workspace(op.desc(), device)));
        }
      }
    }
  }
  return rows;
}

}  // namespace convoy::bench
