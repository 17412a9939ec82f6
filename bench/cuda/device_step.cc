#include "bench/cuda/device_step.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "cuda/compile.h"
#include "cuda/stream.h"

namespace convoy::bench {
namespace {

constexpr unsigned kBlock = 256;

// A hash of the index, so that neither zeros nor repetition flatter anybody.
constexpr const char* kFill = R"(
extern "C" __global__ void bench_fill(float* to, unsigned long long count, unsigned seed) {
  for (unsigned long long i = blockIdx.x * 256ull + threadIdx.x; i < count; i += gridDim.x * 256ull) {
    unsigned v = static_cast<unsigned>(i) * 2654435761u + seed * 40503u;
    v ^= v >> 16; v *= 2246822519u; v ^= v >> 13; v *= 3266489917u; v ^= v >> 16;
    to[i] = static_cast<float>(v >> 8) * 0x1p-23f - 1.0f;
  }
}
)";

// One output a thread, spread over y by a large odd stride.
constexpr const char* kCheck = R"(
struct Conv {
  long long n, c, h, w, k, r, s, p, q, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, groups, nhwc;
};
extern "C" __global__ void bench_check(const float* x, const float* w, const float* bias, const float* y,
                                       Conv d, long long stride, float* result) {
  const long long total = d.n * d.k * d.p * d.q;
  const long long i = (blockIdx.x * 256ll + threadIdx.x) * stride % total;
  const long long q = i % d.q, p = i / d.q % d.p, k = i / (d.q * d.p) % d.k, n = i / (d.q * d.p * d.k);
  const long long cg = d.c / d.groups, first = k / (d.k / d.groups) * cg;
  double sum = bias ? bias[k] : 0.0, magnitude = fabs(sum);
  for (long long c = 0; c < cg; ++c) {
    for (long long r = 0; r < d.r; ++r) {
      const long long h = p * d.stride_h + r * d.dilation_h - d.pad_top;
      for (long long s = 0; s < d.s; ++s) {
        const long long v = q * d.stride_w + s * d.dilation_w - d.pad_left;
        if (h < 0 || h >= d.h || v < 0 || v >= d.w) continue;
        const long long at = d.nhwc ? ((n * d.h + h) * d.w + v) * d.c + first + c
                                    : ((n * d.c + first + c) * d.h + h) * d.w + v;
        const double product = double(x[at]) * w[((k * cg + c) * d.r + r) * d.s + s];
        sum += product;
        magnitude += fabs(product);
      }
    }
  }
  const float found = y[d.nhwc ? ((n * d.p + p) * d.q + q) * d.k + k : ((n * d.k + k) * d.p + p) * d.q + q];
  const double terms = double(cg * d.r * d.s + 1), u = 0x1p-24;
  const double bound = terms * u / (1 - terms * u) * magnitude + 1e-30;
  const double error = fabs(found - sum) / bound;
  result[blockIdx.x * 256ll + threadIdx.x] = error == error ? float(error) : __int_as_float(0x7f800000);
}
)";

struct CheckedConv {
  long long n, c, h, w, k, r, s, p, q, stride_h, stride_w, dilation_h, dilation_w, pad_top,
      pad_left, groups, nhwc;
};

cuda::Kernel kernel(const cuda::Device& device, const char* name, const char* source) {
  const cuda::Program program{.kernel = name, .source = source, .options = {}};
  return {device, cuda::compile({&program, 1}, device.desc().cuda.arch)[0]};
}

std::size_t bytes_of(const Shape& shape) {
  return static_cast<std::size_t>(shape.elements()) * sizeof(float);
}

}  // namespace

DeviceStep::DeviceStep(const ConvDesc& d, Layout layout, const cuda::Device& device)
    : desc_(d),
      layout_(layout),
      device_(device),
      w_(DType::kF32, conv_w_shape(d)),
      bias_(DType::kF32, Shape{d.k}),
      op_(d, layout, DType::kF32),
      x_(device, bytes_of(conv_x_shape(d))),
      y_(device, bytes_of(conv_y_shape(d))),
      device_w_(device, w_.view().bytes()),
      device_bias_(device, bias_.view().bytes()),
      fill_(kernel(device, "bench_fill", kFill)),
      check_(kernel(device, "bench_check", kCheck)) {
  unsigned seed = 0;
  for (const cuda::DeviceBuffer* to : {&x_, &device_w_, &device_bias_}) {
    fill_(cuda::LaunchShape{.grid = {1024, 1, 1}, .block = {kBlock, 1, 1}}, nullptr, to->address(),
          static_cast<unsigned long long>(to->bytes() / sizeof(float)), ++seed);
  }
  device_.synchronize();
  device_w_.download(w_.view().data, w_.view().bytes());
  device_bias_.download(bias_.view().data, bias_.view().bytes());
  op_.set_constants(w_, bias_);
}

void DeviceStep::run(const Kernel& kernel, void* workspace, std::size_t workspace_bytes) const {
  static ThreadPool pool(1);
  const OpDesc op = op_.desc();
  std::array<TensorView, 4> inputs;
  std::copy(op.inputs.begin(), op.inputs.end(), inputs.begin());
  inputs[kConvX].data = x_.data();
  TensorView output = op.outputs[0];
  output.data = y_.data();
  kernel.run({inputs, {&output, 1}, {static_cast<std::byte*>(workspace), workspace_bytes}, pool});
}

// All bits set is a NaN.
void DeviceStep::poison() { y_.fill(0xff); }

double DeviceStep::error(bool bias) const {
  constexpr unsigned kBlocks = 32;
  std::vector<float> errors(kBlocks * kBlock);
  cuda::DeviceBuffer result(device_, errors.size() * sizeof(float));
  const ConvDesc& d = desc_;
  const CheckedConv conv{d.n,
                         d.c,
                         d.h,
                         d.w,
                         d.k,
                         d.r,
                         d.s,
                         d.p(),
                         d.q(),
                         d.stride_h,
                         d.stride_w,
                         d.dilation_h,
                         d.dilation_w,
                         d.pad_top,
                         d.pad_left,
                         d.groups,
                         layout_ == Layout::kNhwc};
  const long long stride = std::max<std::int64_t>(
      1, conv_y_shape(d).elements() / static_cast<std::int64_t>(errors.size()) | 1);
  check_(cuda::LaunchShape{.grid = {kBlocks, 1, 1}, .block = {kBlock, 1, 1}}, nullptr, x_.address(),
         device_w_.address(), bias ? device_bias_.address() : CUdeviceptr{0}, y_.address(), conv,
         stride, result.address());
  device_.synchronize();
  result.download(errors.data(), result.bytes());
  return static_cast<double>(*std::max_element(errors.begin(), errors.end()));
}

void measure_device(const cuda::Device& device, double seconds, const std::function<void()>& run,
                    Row& row) {
  const cuda::Event start(device), stop(device);
  run();
  run();
  device.synchronize();
  std::vector<double> times;
  for (double total = 0; total < seconds * 1e3 || times.size() < 7;) {
    start.record(nullptr);
    run();
    stop.record(nullptr);
    stop.synchronize();
    times.push_back(static_cast<double>(stop.milliseconds_since(start)));
    total += times.back();
  }
  std::sort(times.begin(), times.end());
  row.milliseconds = times[times.size() / 2];
  row.best_milliseconds = times[0];
}

}  // namespace convoy::bench
