#include "bench/cuda/fcm_check.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "cuda/compile.h"
#include "kernels/conv/conv.h"

namespace convoy::bench {
namespace {

constexpr unsigned kBlock = 256, kCheckBlocks = 32;

// ELEMENT: 0 f32, 1 f16, 2 bf16, 3 s8.
constexpr const char* kElement = R"(
#if ELEMENT == 0
typedef float T;
__device__ float value(T v) { return v; }
__device__ T element(float v) { return v; }
#elif ELEMENT == 1
typedef unsigned short T;
__device__ float value(T v) { float f; asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(v)); return f; }
__device__ T element(float v) { T h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(v)); return h; }
#elif ELEMENT == 2
typedef unsigned short T;
__device__ float value(T v) { return __uint_as_float(unsigned(v) << 16); }
__device__ T element(float v) {
  const unsigned bits = __float_as_uint(v);
  return T((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
#else
typedef signed char T;
__device__ float value(T v) { return v; }
__device__ T element(float v) { return T(__float2int_rn(v * 127)); }
#endif
typedef unsigned long long Count;
)";

constexpr const char* kFill = R"(
extern "C" __global__ void bench_fcm_fill(T* to, Count count, unsigned seed) {
  for (Count i = blockIdx.x * 256ull + threadIdx.x; i < count; i += gridDim.x * 256ull) {
    unsigned v = unsigned(i) * 2654435761u + seed * 40503u;
    v ^= v >> 16; v *= 2246822519u; v ^= v >> 13; v *= 3266489917u; v ^= v >> 16;
    to[i] = element(float(v >> 8) * 0x1p-23f - 1.0f);
  }
}
)";

// One output a thread, spread over y by a large odd stride.
constexpr const char* kCheck = R"(
struct Conv {
  long long n, c, h, w, k, r, s, p, q, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, groups, nhwc;
  long long activation, residual;
  double alpha, beta;
  float y_scale, residual_scale, uniform_scale;
  int split;
};
__device__ double activate(const Conv& d, double v) {
  switch (d.activation) {
    case 1: return v > d.alpha ? (v < d.beta ? v : d.beta) : d.alpha;
    case 2: return 0.5 * v * (1 + erf(v * 0.70710678118654752));
    case 3: return v / (1 + exp(-v));
    case 4: { const double g = d.alpha * v + d.beta; return v * (g > 0 ? (g < 1 ? g : 1) : 0); }
    default: return v;
  }
}
// Of the error that the activation passes on, and of its own evaluation.
__device__ double slope(const Conv& d) { return d.activation < 2 ? 1.0 : 1.5; }
__device__ double own(const Conv& d, double v) { return d.activation < 2 ? 0.0 : 16 * 0x1p-24 * (fabs(v) + 1); }

#if ELEMENT == 3
__device__ double error_of(const Conv& d, long long sum, double, double, const int* bias, const float* scale,
                           float residual, long long k, double found, long long) {
  const float added = __fmul_rn(d.residual_scale, residual);
  float real = __fmul_rn(scale ? scale[k] : d.uniform_scale, float(sum + (bias ? bias[k] : 0)));
  if (d.residual == 1) real = __fadd_rn(real, added);
  real = float(activate(d, real));
  if (d.residual == 2) real = __fadd_rn(real, added);
  const float steps = rintf(__fmul_rn(real, __frcp_rn(d.y_scale)));
  const float expected = steps < -128 ? -128 : steps > 127 ? 127 : steps;
  return fabs(found - expected) / (d.activation < 2 && scale ? 0.5 : 1.0);
}
#else
__device__ double error_of(const Conv& d, double sum, double magnitude, double terms, const T* bias, const float*,
                           float residual, long long k, double found, long long) {
  const double added = bias ? value(bias[k]) : 0;
  double v = sum + added + (d.residual == 1 ? residual : 0);
  magnitude += fabs(added) + (d.residual == 1 ? fabs(residual) : 0);
  const double u = ELEMENT == 0 && !d.split ? 0x1p-24 : 0x1p-23;
  const double steps = (d.split ? 3 * terms : terms) + 2;
  double bound = slope(d) * ((d.split ? 3 * 0x1p-22 : 0) + steps * u / (1 - steps * u)) * magnitude + own(d, v);
  v = activate(d, v);
  if (d.residual == 2) { v += residual; bound += 0x1p-24 * (fabs(v) + fabs(residual)); }
  bound += (ELEMENT == 0 ? 0x1p-24 : ELEMENT == 1 ? 0x1p-11 : 0x1p-8) * (fabs(v) + bound) + (ELEMENT == 1 ? 0x1p-25 : 1e-30);
  return fabs(found - v) / bound;
}
#endif

extern "C" __global__ void bench_fcm_check(const T* x, const T* w, const void* bias, const float* scale, const T* residual,
                                           const T* y, Conv d, long long stride, float* result) {
#if ELEMENT == 3
  typedef long long Sum;
  typedef int Bias;
#else
  typedef double Sum;
  typedef T Bias;
#endif
  const long long total = d.n * d.k * d.p * d.q;
  const long long i = (blockIdx.x * 256ll + threadIdx.x) * stride % total;
  const long long q = i % d.q, p = i / d.q % d.p, k = i / (d.q * d.p) % d.k, n = i / (d.q * d.p * d.k);
  const long long cg = d.c / d.groups, first = k / (d.k / d.groups) * cg;
  Sum sum = 0;
  double magnitude = 0;
  for (long long c = 0; c < cg; ++c) {
    for (long long r = 0; r < d.r; ++r) {
      const long long h = p * d.stride_h + r * d.dilation_h - d.pad_top;
      for (long long s = 0; s < d.s; ++s) {
        const long long v = q * d.stride_w + s * d.dilation_w - d.pad_left;
        if (h < 0 || h >= d.h || v < 0 || v >= d.w) continue;
        const long long at = d.nhwc ? ((n * d.h + h) * d.w + v) * d.c + first + c
                                    : ((n * d.c + first + c) * d.h + h) * d.w + v;
        const Sum product = Sum(value(x[at])) * Sum(value(w[((k * cg + c) * d.r + r) * d.s + s]));
        sum += product;
        magnitude += fabs(double(product));
      }
    }
  }
  const long long at = d.nhwc ? ((n * d.p + p) * d.q + q) * d.k + k : ((n * d.k + k) * d.p + p) * d.q + q;
  const double error = error_of(d, sum, magnitude, double(cg * d.r * d.s), static_cast<const Bias*>(bias), scale,
                                d.residual ? value(residual[at]) : 0.0f, k, value(y[at]), at);
  result[blockIdx.x * 256ll + threadIdx.x] = error == error ? float(error) : __int_as_float(0x7f800000);
}
)";

// Bits of non-negative floats are in their order.
constexpr const char* kDifference = R"(
extern "C" __global__ void bench_fcm_difference(const T* a, const T* b, Count count, int* result) {
  float difference = 0, most = 0;
  for (Count i = blockIdx.x * 256ull + threadIdx.x; i < count; i += gridDim.x * 256ull) {
    const float d = fabsf(value(a[i]) - value(b[i]));
    difference = d == d ? fmaxf(difference, d) : __int_as_float(0x7f800000);
    most = fmaxf(most, fabsf(value(a[i])));
  }
  atomicMax(result, __float_as_int(difference));
  atomicMax(result + 1, __float_as_int(most));
}
)";

// Of kCheck.
struct CheckedConv {
  long long n, c, h, w, k, r, s, p, q, stride_h, stride_w, dilation_h, dilation_w, pad_top,
      pad_left, groups, nhwc;
  long long activation, residual;
  double alpha, beta;
  float y_scale, residual_scale, uniform_scale;
  int split;
};

void set_activation(const Unary& unary, CheckedConv& conv) {
  conv.alpha = static_cast<double>(unary.alpha), conv.beta = static_cast<double>(unary.beta);
  switch (unary.kind) {
    case UnaryKind::kIdentity:
      conv.activation = 0;
      return;
    case UnaryKind::kRelu:
      conv.activation = 1;
      conv.alpha = 0, conv.beta = std::numeric_limits<double>::infinity();
      return;
    case UnaryKind::kClip:
      conv.activation = 1;
      return;
    case UnaryKind::kGelu:
      conv.activation = 2;
      return;
    case UnaryKind::kSilu:
      conv.activation = 3;
      return;
    case UnaryKind::kHardSwish:
      conv.activation = 4;
      return;
    default:
      fail(ErrorCode::kUnsupported,
           "the bench does not check " + std::string(to_string(unary.kind)));
  }
}

int element_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kBF16:
      return 2;
    case DType::kS8:
      return 3;
    default:
      fail(ErrorCode::kInvalidArgument,
           "fused modules are of f32, f16, bf16 or s8, not " + std::string(to_string(dtype)));
  }
}

cuda::Program program(DType dtype, const char* name, const char* text) {
  return {.kernel = name,
          .source = "#define ELEMENT " + std::to_string(element_of(dtype)) + kElement + text,
          .options = {}};
}

cuda::Kernel kernel(const cuda::Device& device, const cuda::Program& program) {
  return {device, cuda::compile({&program, 1}, device.desc().cuda.arch)[0]};
}

CUdeviceptr address(const void* pointer) { return reinterpret_cast<CUdeviceptr>(pointer); }

}  // namespace

std::vector<cuda::Program> fcm_check_programs(DType dtype) {
  return {program(dtype, "bench_fcm_fill", kFill), program(dtype, "bench_fcm_check", kCheck),
          program(dtype, "bench_fcm_difference", kDifference)};
}

FcmChecker::FcmChecker(const cuda::Device& device, DType dtype)
    : device_(device), dtype_(dtype), result_(device, kCheckBlocks * kBlock * sizeof(float)) {
  const std::vector<cuda::Program> programs = fcm_check_programs(dtype);
  fill_ = kernel(device, programs[0]);
  check_ = kernel(device, programs[1]);
  difference_ = kernel(device, programs[2]);
}

void FcmChecker::fill(const cuda::DeviceBuffer& to, unsigned seed) const {
  fill_(cuda::LaunchShape{.grid = {1024, 1, 1}, .block = {kBlock, 1, 1}}, nullptr, to.address(),
        static_cast<unsigned long long>(to.bytes() / size_of(dtype_)), seed);
  device_.synchronize();
}

double FcmChecker::error(const RanConv& conv) const {
  const ConvDesc& d = conv.desc;
  CheckedConv checked{d.n,
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
                      conv.layout == Layout::kNhwc,
                      0,
                      static_cast<long long>(conv.residual_kind),
                      0,
                      0,
                      conv.y_scale,
                      conv.residual_scale,
                      conv.uniform_scale,
                      conv.split};
  set_activation(conv.activation, checked);
  std::vector<float> errors(kCheckBlocks * kBlock);
  result_.fill(0xff);  // NaN, in case that nothing is checked
  const long long stride = std::max<std::int64_t>(
      1, conv_y_shape(d).elements() / static_cast<std::int64_t>(errors.size()) | 1);
  check_(cuda::LaunchShape{.grid = {kCheckBlocks, 1, 1}, .block = {kBlock, 1, 1}}, nullptr,
         address(conv.x), address(conv.w), address(conv.bias), address(conv.scale),
         address(conv.residual), address(conv.y), checked, stride, result_.address());
  device_.synchronize();
  result_.download(errors.data(), result_.bytes());
  double worst = 0;
  for (const float error : errors) {
    if (!(error >= 0)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, static_cast<double>(error));
  }
  return worst;
}

double FcmChecker::difference(const void* a, const void* b, std::size_t bytes) const {
  const std::int32_t none[2] = {0, 0};
  result_.upload(none, sizeof none);
  difference_(cuda::LaunchShape{.grid = {1024, 1, 1}, .block = {kBlock, 1, 1}}, nullptr, address(a),
              address(b), static_cast<unsigned long long>(bytes / size_of(dtype_)),
              result_.address());
  device_.synchronize();
  std::int32_t bits[2];
  result_.download(bits, sizeof bits);
  const double difference = static_cast<double>(std::bit_cast<float>(bits[0]));
  const double most = static_cast<double>(std::bit_cast<float>(bits[1]));
  if (!(most > 0)) return std::numeric_limits<double>::infinity();  // nothing was compared
  const double share = dtype_ == DType::kF32 ? 2e-5 : dtype_ == DType::kF16 ? 4e-3 : 3e-2;
  return difference / (dtype_ == DType::kS8 ? 0.5 : share * most + 1e-30);
}

}  // namespace convoy::bench
