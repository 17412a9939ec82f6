// Runs one implementation of Op::kConv on one case and compares it with an oracle: guard pages
// around every tensor, poisoned outputs and workspace, the same bits on 1, 2 and 3 threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/unary_reference.h"
#include "kernels/conv/conv.h"
#include "kernels/registry.h"
#include "tests/support/guard.h"
#include "tests/support/tolerance.h"

namespace convoy::testing {

struct ConvCase {
  enum class Data { kIntegers, kReals };  // integers: the result is exact and compared bitwise
  ConvDesc desc;
  int rank = 4;
  Layout layout = Layout::kNchw;
  DType dtype = DType::kF32;
  bool bias = true;
  bool constant_weights = true;
  Epilogue epilogue{};
  Data data = Data::kReals;
};

inline std::string to_string(const ConvCase& c) {
  return convoy::to_string(c.desc) + " rank" + std::to_string(c.rank) + " " +
         std::string(convoy::to_string(c.layout)) + " " + std::string(convoy::to_string(c.dtype)) +
         (c.bias ? " bias" : "") + " " +
         std::string(convoy::to_string(c.epilogue.activation.kind)) + " residual" +
         std::to_string(static_cast<int>(c.epilogue.residual)) +
         (c.data == ConvCase::Data::kIntegers ? " integers" : " reals");
}

// An activation with the parameters it usually has.
inline Unary usual(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kClip:
      return {kind, 0, 6};
    case UnaryKind::kLeakyRelu:
    case UnaryKind::kElu:
      return {kind, 0.25f, 0};
    case UnaryKind::kHardSigmoid:
      return {kind, 0.2f, 0.5f};
    case UnaryKind::kHardSwish:
      return {kind, 1.0f / 6, 0.5f};
    default:
      return {kind, 0, 0};
  }
}

// Offset of each logical element, in (n, c, h, w) order, in memory.
inline std::vector<std::int64_t> memory_offsets(const Shape& shape, Layout layout) {
  std::array<std::int64_t, 4> st{};
  if (layout == Layout::kChwn8) {
    st = {1, shape[2] * shape[3] * 8, shape[3] * 8, 8};
  } else {
    std::copy_n(strides_of(shape, layout).begin(), 4, st.begin());
  }
  const std::int64_t block = shape[1] * shape[2] * shape[3] * 8;
  std::vector<std::int64_t> offsets;
  offsets.reserve(static_cast<std::size_t>(shape.elements()));
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    const std::int64_t image = layout == Layout::kChwn8 ? n / 8 * block + n % 8 : n * st[0];
    for (std::int64_t c = 0; c < shape[1]; ++c) {
      for (std::int64_t h = 0; h < shape[2]; ++h) {
        for (std::int64_t w = 0; w < shape[3]; ++w) {
          offsets.push_back(image + c * st[1] + h * st[2] + w * st[3]);
        }
      }
    }
  }
  return offsets;
}

inline Attrs conv_attrs(const ConvCase& c) {
  const ConvDesc& d = c.desc;
  return ConvAttrs{.stride = {d.stride_h, d.stride_w},
                   .dilation = {d.dilation_h, d.dilation_w},
                   .pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right},
                   .auto_pad = AutoPad::kNotSet,
                   .groups = d.groups,
                   .epilogue = c.epilogue};
}

// A rank-4 shape as tensors of rank 3 or 4 have it.
inline Shape ranked(const Shape& s, int rank) { return rank == 3 ? Shape{s[0], s[1], s[3]} : s; }

// The case's operands and exact results, in logical order.
struct ConvOracle {
  std::vector<double> x, w, bias, residual;
  std::vector<double> result, bound;

  explicit ConvOracle(const ConvCase& c, std::uint64_t seed = 1) {
    const ConvDesc& d = c.desc;
    std::mt19937_64 random(seed);
    const auto fill = [&](std::vector<double>& values, std::int64_t count) {
      values.resize(static_cast<std::size_t>(count));
      for (double& v : values) {
        const std::uint64_t bits = random();
        v = c.data == ConvCase::Data::kIntegers
                ? static_cast<double>(bits % 7) - 3
                : static_cast<double>(
                      static_cast<float>(static_cast<double>(bits >> 11) * 0x1p-52 - 1));
      }
    };
    fill(x, conv_x_shape(d).elements());
    fill(w, conv_w_shape(d).elements());
    fill(bias, d.k);
    fill(residual, conv_y_shape(d).elements());
    compute(c);
  }

  std::size_t size() const { return result.size(); }

 private:
  void compute(const ConvCase& c) {
    const ConvDesc& d = c.desc;
    const std::int64_t cg = d.c / d.groups, kg = d.k / d.groups, p_extent = d.p(), q_extent = d.q();
    const auto residual_kind = c.epilogue.residual;
    DotBound tolerance{.terms = static_cast<double>(cg * d.r * d.s),
                       .addends = 2,
                       .accumulate = c.dtype,
                       .store = c.dtype,
                       .activation = c.epilogue.activation};
    result.resize(residual.size());
    bound.resize(residual.size());
    std::size_t at = 0;
    for (std::int64_t n = 0; n < d.n; ++n) {
      for (std::int64_t k = 0; k < d.k; ++k) {
        for (std::int64_t p = 0; p < p_extent; ++p) {
          for (std::int64_t q = 0; q < q_extent; ++q, ++at) {
            double sum = 0, magnitude = 0;
            for (std::int64_t i = 0; i < cg; ++i) {
              for (std::int64_t r = 0; r < d.r; ++r) {
                const std::int64_t h = p * d.stride_h - d.pad_top + r * d.dilation_h;
                if (h < 0 || h >= d.h) continue;
                const double* row =
                    &x[static_cast<std::size_t>(((n * d.c + k / kg * cg + i) * d.h + h) * d.w)];
                const double* taps = &w[static_cast<std::size_t>(((k * cg + i) * d.r + r) * d.s)];
                for (std::int64_t s = 0; s < d.s; ++s) {
                  const std::int64_t column = q * d.stride_w - d.pad_left + s * d.dilation_w;
                  if (column < 0 || column >= d.w) continue;
                  sum += row[column] * taps[s];
                  magnitude += std::fabs(row[column] * taps[s]);
                }
              }
            }
            if (c.bias) {
              sum += bias[static_cast<std::size_t>(k)];
              magnitude += std::fabs(bias[static_cast<std::size_t>(k)]);
            }
            if (residual_kind == Epilogue::Residual::kBeforeActivation) {
              sum += residual[at];
              magnitude += std::fabs(residual[at]);
            }
            double value = unary_reference(c.epilogue.activation, sum);
            double added = std::fabs(value);
            if (residual_kind == Epilogue::Residual::kAfterActivation) {
              value += residual[at];
              added += std::fabs(residual[at]);
            }
            result[at] = value;
            bound[at] = c.data == ConvCase::Data::kIntegers ? 0 : tolerance(magnitude, sum, added);
          }
        }
      }
    }
  }
};

struct CheckOutcome {
  std::string declined;  // the reason, when the implementation does not take the case
  std::string failure;   // what went wrong; empty when nothing did
  double worst = 0;      // largest error over its bound
};

// `found`, in logical order, against the oracle.
template <class T>
void compare_with_oracle(const ConvCase& c, const ConvOracle& oracle, const std::vector<T>& found,
                         CheckOutcome& outcome) {
  const Shape shape = conv_y_shape(c.desc);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::fabs(static_cast<double>(found[i]) - oracle.result[i]);
    if (error > 0) {
      outcome.worst = std::max(
          outcome.worst, error / std::max(oracle.bound[i], std::numeric_limits<double>::min()));
    }
    if (error <= oracle.bound[i]) continue;  // false for NaN
    const auto at = static_cast<std::int64_t>(i);
    outcome.failure = "at n,k,p,q = " + std::to_string(at / (shape[3] * shape[2] * shape[1])) +
                      "," + std::to_string(at / (shape[3] * shape[2]) % shape[1]) + "," +
                      std::to_string(at / shape[3] % shape[2]) + "," +
                      std::to_string(at % shape[3]) + ": found " + std::to_string(found[i]) +
                      ", expected " + std::to_string(oracle.result[i]) + " within " +
                      std::to_string(oracle.bound[i]);
    return;
  }
}

class ConvChecker {
 public:
  // Threads and edges of the runs; the first is compared with the oracle, the others with it.
  struct Run {
    int threads;
    Edge edge;
  };
  static constexpr Run kRuns[] = {{1, Edge::kEnd}, {2, Edge::kStart}, {3, Edge::kEnd}};

  CheckOutcome check(const Implementation& entry, const ConvCase& c, const ConvOracle& oracle,
                     std::span<const Run> runs = kRuns) {
    return c.dtype == DType::kF64 ? check_as<double>(entry, c, oracle, runs)
                                  : check_as<float>(entry, c, oracle, runs);
  }

 private:
  template <class T>
  TensorView place(GuardedBuffer& buffer, const std::vector<double>& values, const Shape& shape,
                   Layout layout, Edge edge) {
    const std::size_t elements = static_cast<std::size_t>(storage_elements(shape, layout));
    T* data = reinterpret_cast<T*>(buffer.place(elements * sizeof(T), edge));
    // The padding of chwn8 is unspecified: make it poisonous.
    if (layout == Layout::kChwn8) {
      std::fill(data, data + elements, std::numeric_limits<T>::quiet_NaN());
    }
    if (shape.rank() == 4 && layout != Layout::kNchw) {
      const std::vector<std::int64_t> at = memory_offsets(shape, layout);
      for (std::size_t i = 0; i < values.size(); ++i) data[at[i]] = static_cast<T>(values[i]);
    } else {
      for (std::size_t i = 0; i < values.size(); ++i) data[i] = static_cast<T>(values[i]);
    }
    return {data, DTypeOf<T>::value, layout, shape};
  }
  template <class T>
  static constexpr DType c_dtype() {
    return DTypeOf<T>::value;
  }

  template <class T>
  CheckOutcome check_as(const Implementation& entry, const ConvCase& c, const ConvOracle& oracle,
                        std::span<const Run> runs) {
    const ConvDesc& d = c.desc;
    CheckOutcome outcome;
    std::vector<T> first;
    for (const Run& run : runs) {
      std::array<TensorView, 4> inputs;
      const std::array<bool, 4> absent = {false, false, !c.bias,
                                          c.epilogue.residual == Epilogue::Residual::kNone};
      inputs[kConvX] = place<T>(buffers_[0], oracle.x, conv_x_shape(d), c.layout, run.edge);
      inputs[kConvW] = place<T>(buffers_[1], oracle.w, conv_w_shape(d), Layout::kNchw, run.edge);
      if (c.bias) {
        inputs[kConvBias] = place<T>(buffers_[2], oracle.bias, Shape{d.k}, Layout::kNchw, run.edge);
      }
      if (!absent[kConvResidual]) {
        inputs[kConvResidual] =
            place<T>(buffers_[3], oracle.residual, conv_y_shape(d), c.layout, run.edge);
      }
      const Shape y_shape = conv_y_shape(d);
      const std::size_t y_elements = static_cast<std::size_t>(storage_elements(y_shape, c.layout));
      T* y = reinterpret_cast<T*>(buffers_[4].place(y_elements * sizeof(T), run.edge));
      std::array<TensorView, 1> outputs = {TensorView{y, c.dtype, c.layout, y_shape}};
      for (TensorView* t :
           {&inputs[kConvX], &inputs[kConvW], &inputs[kConvResidual], &outputs[0]}) {
        if (t->shape.rank() == 4) t->shape = ranked(t->shape, c.rank);
      }

      const Attrs attrs = conv_attrs(c);
      std::array<TensorView, 4> known = inputs;
      known[kConvX].data = known[kConvResidual].data = nullptr;
      if (!c.constant_weights) known[kConvW].data = known[kConvBias].data = nullptr;
      std::array<TensorView, 1> planned = outputs;
      planned[0].data = nullptr;
      const OpDesc op{Op::kConv, &attrs, known, absent, planned};
      DeviceDesc device;
      device.threads = run.threads;
      if (const Support support = can_run(entry, op, device); !support) {
        outcome.declined = support.reason;
        return outcome;
      }
      const std::size_t scratch = entry.workspace(op, device);
      std::byte* workspace = buffers_[5].place((scratch + 63) / 64 * 64, Edge::kEnd);
      if (scratch > 0) std::memset(workspace, 0xFF, buffers_[5].size());
      const std::unique_ptr<Kernel> kernel = entry.prepare(op, device);
      std::fill(y, y + y_elements, std::numeric_limits<T>::quiet_NaN());
      kernel->run({inputs, outputs, {workspace, scratch}, *pools_[run.threads - 1]});

      const std::vector<std::int64_t> at = memory_offsets(y_shape, c.layout);
      std::vector<T> found(oracle.size());
      for (std::size_t i = 0; i < found.size(); ++i) found[i] = y[at[i]];
      if (first.empty()) {
        compare_with_oracle<T>(c, oracle, found, outcome);
        first = std::move(found);
      } else if (std::memcmp(first.data(), found.data(), first.size() * sizeof(T)) != 0) {
        outcome.failure = "differs on " + std::to_string(run.threads) + " threads";
      }
      if (!outcome.failure.empty()) return outcome;
    }
    return outcome;
  }

  GuardedBuffer buffers_[6];
  std::unique_ptr<ThreadPool> pools_[3] = {
      std::make_unique<ThreadPool>(1, ThreadPool::Idle::kSleep),
      std::make_unique<ThreadPool>(2, ThreadPool::Idle::kSleep),
      std::make_unique<ThreadPool>(3, ThreadPool::Idle::kSleep)};
};

}  // namespace convoy::testing
