#include "bench/cuda/per_image.h"

namespace convoy::bench {

std::vector<Row> per_image_rows(const Options& options, const std::string& layer,
                                DeviceStep& step) {
  ConvDesc one = step.desc();
  one.n = 1;
  const Implementation* im2col = find_implementation("conv.im2col.cuda.f32");
  const DeviceDesc& device = step.device().desc();
  const DeviceStep image(one, step.layout(), step.device());
  if (im2col == nullptr || !can_run(*im2col, image.op(), device)) return {};

  // The kernel of one image, with the weights of the whole step.
  OpDesc op = image.op();
  std::array<TensorView, 4> inputs;
  std::copy(op.inputs.begin(), op.inputs.end(), inputs.begin());
  inputs[kConvW].data = step.weights().view().data;
  inputs[kConvBias] = {};
  const bool absent[] = {false, false, true, true};
  op.inputs = inputs;
  op.absent = absent;
  const std::unique_ptr<Kernel> kernel = im2col->prepare(op, device);
  const cuda::DeviceBuffer workspace(step.device(), im2col->workspace(op, device));

  const std::int64_t x_image = conv_x_shape(one).elements(), y_image = conv_y_shape(one).elements();
  ThreadPool pool(1);
  const auto run = [&] {
    TensorView output = op.outputs[0];
    for (std::int64_t n = 0; n < step.desc().n; ++n) {
      inputs[kConvX].data = const_cast<float*>(step.x() + n * x_image);
      output.data = step.y() + n * y_image;
      kernel->run({inputs,
                   {&output, 1},
                   {static_cast<std::byte*>(workspace.data()), workspace.bytes()},
                   pool});
    }
  };
  Row row{.suite = "im2win12",
          .layer = layer,
          .implementation = "cublas.im2col_per_image",
          .device = "cuda",
          .layout = std::string(to_string(step.layout())),
          .batch = step.desc().n};
  step.poison();
  run();
  step.device().synchronize();
  row.error = step.error(false);
  measure_device(step.device(), options.seconds, run, row);
  row.flops = static_cast<double>(step.desc().flops());
  row.bytes = static_cast<double>(step.operand_bytes());
  row.workspace_bytes = static_cast<double>(workspace.bytes());
  row.peak_bytes = row.bytes + row.workspace_bytes;
  return {row};
}

}  // namespace convoy::bench
