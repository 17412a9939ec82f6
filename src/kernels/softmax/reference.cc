#include <algorithm>
#include <cmath>

#include "kernels/element.h"
#include "kernels/softmax/cell.h"
#include "kernels/strided.h"

namespace convoy::softmax {
namespace {

class SoftmaxReference final : public Kernel {
 public:
  explicit SoftmaxReference(const OpDesc& desc) : rows_(split_rows(desc)) {}

  void run(const RunArgs& args) const override {
    visit_dtype(args.inputs[0].dtype, [&](auto type) {
      using T = typename decltype(type)::type;
      if constexpr (kIsFloating<T>) {
        for_each_offset<2>(rows_.outer, {rows_.outer_x, rows_.outer_y}, [&](const auto& at) {
          row(args.inputs[0].template as<T>() + at[0], args.outputs[0].template as<T>() + at[1]);
        });
      }
    });
  }

 private:
  template <class T>
  void row(const T* x, T* y) const {
    double top = -INFINITY;
    for_each_offset<1>(rows_.inner, {rows_.inner_x}, [&](const auto& at) {
      const auto v = static_cast<double>(x[at[0]]);
      if (!(v <= top)) top = v;  // a NaN stays
    });
    double sum = 0;
    for_each_offset<1>(rows_.inner, {rows_.inner_x}, [&](const auto& at) {
      sum += std::exp(static_cast<double>(x[at[0]]) - top);
    });
    for_each_offset<2>(rows_.inner, {rows_.inner_x, rows_.inner_y}, [&](const auto& at) {
      y[at[1]] = T(std::exp(static_cast<double>(x[at[0]]) - top) / sum);
    });
  }

  Rows rows_;
};

}  // namespace

Rows split_rows(const OpDesc& desc) {
  const TensorView& x = desc.inputs[0];
  const TensorView& y = desc.outputs[0];
  const auto& attrs = desc.as<AxisAttrs>();
  const int rank = x.shape.rank();
  // The flattened form allows axis == rank: rows of one element.
  const int axis =
      attrs.flatten && attrs.axis == rank ? rank : normalize_axis(attrs.axis, rank, "Softmax");
  const Strides sx = strides_of(x.shape, x.layout), sy = strides_of(y.shape, y.layout);
  Rows rows;
  for (int a = 0; a < rank; ++a) {
    const bool inner = attrs.flatten ? a >= axis : a == axis;
    Shape& shape = inner ? rows.inner : rows.outer;
    const auto to = static_cast<std::size_t>(shape.rank());
    (inner ? rows.inner_x : rows.outer_x)[to] = sx[static_cast<std::size_t>(a)];
    (inner ? rows.inner_y : rows.outer_y)[to] = sy[static_cast<std::size_t>(a)];
    shape.push_back(x.shape[a]);
  }
  return rows;
}

Support supports_reference(const OpDesc& desc, const DeviceDesc&) {
  return is_float(desc.inputs[0].dtype) ? Support::yes() : Support::no("needs floating-point data");
}

std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<SoftmaxReference>(desc);
}

}  // namespace convoy::softmax
