#include "kernels/reduce/reference.h"

#include <cmath>
#include <string>

#include "kernels/element.h"
#include "kernels/strided.h"

namespace convoy::reduce {
namespace {

using Kind = ReduceAttrs::Kind;

// Sums of floats are made in double, of integers in wrapping 64 bits.
template <class T>
class Accumulator {
  using A = std::conditional_t<kIsFloating<T>, double, std::uint64_t>;

 public:
  explicit Accumulator(Kind kind) : kind_(kind), sum_(kind == Kind::kProd ? A(1) : A(0)) {}

  void add(T x) {
    const A v = static_cast<A>(x);
    switch (kind_) {
      case Kind::kMax:
        if (first_ || is_nan(x) || x > extreme_)
          extreme_ = is_nan(extreme_) && !first_ ? extreme_ : x;
        break;
      case Kind::kMin:
        if (first_ || is_nan(x) || x < extreme_)
          extreme_ = is_nan(extreme_) && !first_ ? extreme_ : x;
        break;
      case Kind::kProd:
        sum_ *= v;
        break;
      case Kind::kL1:
        sum_ += x < T(0) ? A(0) - v : v;
        break;
      case Kind::kL2:
      case Kind::kSumSquare:
        sum_ += v * v;
        break;
      default:
        sum_ += v;
    }
    first_ = false;
  }

  T result(std::int64_t count) const {
    switch (kind_) {
      case Kind::kMax:
      case Kind::kMin:
        return extreme_;
      case Kind::kMean:
        return divide(count);
      case Kind::kL2:
        return T(std::sqrt(static_cast<double>(sum_)));
      default:
        return T(sum_);
    }
  }

 private:
  static bool is_nan(T x) {
    if constexpr (kIsFloating<T>) return std::isnan(static_cast<float>(x));
    return false;
  }
  T divide(std::int64_t count) const {
    if constexpr (kIsFloating<T>) {
      return T(sum_ / static_cast<double>(count));
    } else {
      return count == 0 ? T(0) : static_cast<T>(static_cast<std::int64_t>(sum_) / count);
    }
  }

  Kind kind_;
  A sum_;
  T extreme_{};
  bool first_ = true;
};

class ReduceReference final : public Kernel {
 public:
  explicit ReduceReference(const OpDesc& desc)
      : kind_(desc.as<ReduceAttrs>().kind), plan_(split_axes(desc)) {}

  void run(const RunArgs& args) const override {
    const TensorView& x = args.inputs[0];
    visit_dtype(x.dtype, [&](auto type) {
      using T = typename decltype(type)::type;
      if constexpr (!std::is_same_v<T, bool>) run_as<T>(x, args.outputs[0]);
    });
  }

 private:
  template <class T>
  void run_as(const TensorView& x, const TensorView& y) const {
    const std::int64_t count = plan_.reduced.elements();
    for_each_offset<2>(plan_.kept, {plan_.kept_x, plan_.kept_y}, [&](const auto& at) {
      Accumulator<T> sum(kind_);
      const T* from = x.as<T>() + at[0];
      for_each_offset<1>(plan_.reduced, {plan_.reduced_x},
                         [&](const auto& inner) { sum.add(from[inner[0]]); });
      y.as<T>()[at[1]] = sum.result(count);
    });
  }

  Kind kind_;
  AxisSplit plan_;
};

}  // namespace

AxisSplit split_axes(const OpDesc& desc) {
  const TensorView& x = desc.inputs[0];
  const TensorView& y = desc.outputs[0];
  const std::uint32_t mask = reduced_axes(desc);
  const Strides sx = strides_of(x.shape, x.layout), sy = strides_of(y.shape, y.layout);
  AxisSplit split;
  std::size_t kept = 0, reduced = 0;
  int out_axis = 0;
  for (int axis = 0; axis < x.shape.rank(); ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    const bool is_reduced = (mask >> axis & 1) != 0;
    if (is_reduced) {
      split.reduced.push_back(x.shape[axis]);
      split.reduced_x[reduced++] = sx[a];
    } else {
      split.kept.push_back(x.shape[axis]);
      split.kept_x[kept] = sx[a];
      split.kept_y[kept++] = sy[static_cast<std::size_t>(out_axis)];
    }
    if (!is_reduced || desc.as<ReduceAttrs>().keep_dims) ++out_axis;
  }
  return split;
}

std::uint32_t reduced_axes(const OpDesc& desc) {
  const auto& attrs = desc.as<ReduceAttrs>();
  const int rank = desc.inputs[0].shape.rank();
  const std::uint32_t all = (1u << rank) - 1;
  if (attrs.spatial) return all & ~3u;
  if (!desc.present(1) || desc.inputs[1].elements() == 0) {
    return attrs.noop_without_axes ? 0 : all;
  }
  std::uint32_t mask = 0;
  const TensorView& axes = desc.inputs[1];
  for (std::int64_t i = 0; i < axes.elements(); ++i) {
    const std::int64_t axis = axes.dtype == DType::kS32
                                  ? static_cast<std::int64_t>(axes.as<std::int32_t>()[i])
                                  : axes.as<std::int64_t>()[i];
    mask |= 1u << normalize_axis(axis, rank, "Reduce");
  }
  return mask;
}

Support supports_reference(const OpDesc& desc, const DeviceDesc&) {
  if (desc.inputs[0].dtype == DType::kBool) return Support::no("is not defined for bool");
  if (desc.present(1) && !desc.constant(1)) return Support::no("needs constant axes");
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<ReduceReference>(desc);
}

}  // namespace convoy::reduce
