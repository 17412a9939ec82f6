#include <cmath>

#include "kernels/element.h"
#include "kernels/norm/cell.h"
#include "kernels/strided.h"

namespace convoy::norm {
namespace {

double element(const TensorView& t, std::int64_t at) {
  return visit_dtype(t.dtype, [&](auto type) {
    return static_cast<double>(t.as<typename decltype(type)::type>()[at]);
  });
}

void store(const TensorView& t, std::int64_t at, double value) {
  visit_dtype(t.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if constexpr (kIsFloating<T>) t.as<T>()[at] = T(value);
  });
}

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel (dimension 1).
class BatchNormReference final : public Kernel {
 public:
  explicit BatchNormReference(float epsilon) : epsilon_(static_cast<double>(epsilon)) {}

  void run(const RunArgs& args) const override {
    const TensorView& x = args.inputs[0];
    const TensorView& y = args.outputs[0];
    Strides channel{};
    if (x.shape.rank() > 1) channel[1] = 1;
    for_each_offset<3>(
        y.shape, {strides_of(x.shape, x.layout), strides_of(y.shape, y.layout), channel},
        [&](const auto& at) {
          const double scale = element(args.inputs[1], at[2]),
                       bias = element(args.inputs[2], at[2]);
          const double mean = element(args.inputs[3], at[2]);
          const double variance = element(args.inputs[4], at[2]);
          store(y, at[1],
                (element(x, at[0]) - mean) / std::sqrt(variance + epsilon_) * scale + bias);
        });
  }

 private:
  double epsilon_;
};

// Over all axes from `axis` on; scale and bias broadcast to that part of the shape.
class LayerNormReference final : public Kernel {
 public:
  explicit LayerNormReference(const OpDesc& desc)
      : epsilon_(static_cast<double>(desc.as<NormAttrs>().epsilon)) {
    const TensorView& x = desc.inputs[0];
    const int axis =
        normalize_axis(desc.as<NormAttrs>().axis, x.shape.rank(), "LayerNormalization");
    for (int a = 0; a < x.shape.rank(); ++a) (a < axis ? outer_ : inner_).push_back(x.shape[a]);
    scale_ = broadcast_strides(desc.inputs[1], inner_);
    if (desc.present(2)) bias_ = broadcast_strides(desc.inputs[2], inner_);
  }

  void run(const RunArgs& args) const override {
    const std::int64_t length = inner_.elements();
    for (std::int64_t row = 0; row < outer_.elements(); ++row) {
      normalize(args, row * length, static_cast<double>(length));
    }
  }

 private:
  void normalize(const RunArgs& args, std::int64_t from, double length) const {
    const TensorView& x = args.inputs[0];
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < inner_.elements(); ++i) sum += element(x, from + i);
    const double mean = sum / length;
    for (std::int64_t i = 0; i < inner_.elements(); ++i) {
      const double d = element(x, from + i) - mean;
      squares += d * d;
    }
    const double factor = 1 / std::sqrt(squares / length + epsilon_);
    const bool has_bias = args.inputs.size() > 2 && args.inputs[2].data != nullptr;
    std::int64_t i = from;
    for_each_offset<2>(inner_, {scale_, bias_}, [&](const auto& at) {
      const double bias = has_bias ? element(args.inputs[2], at[1]) : 0;
      store(args.outputs[0], i,
            (element(x, i) - mean) * factor * element(args.inputs[1], at[0]) + bias);
      ++i;
    });
  }

  double epsilon_;
  Shape outer_, inner_;
  Strides scale_{}, bias_{};
};

}  // namespace

Support supports_batch_norm(const OpDesc& desc, const DeviceDesc&) {
  return is_float(desc.inputs[0].dtype) ? Support::yes() : Support::no("needs floating-point data");
}

Support supports_layer_norm(const OpDesc& desc, const DeviceDesc&) {
  if (!is_float(desc.inputs[0].dtype)) return Support::no("needs floating-point data");
  if (desc.inputs[0].layout != Layout::kNchw) return Support::no("needs row-major data");
  if (desc.outputs.size() > 1) return Support::no("computes the normalised tensor only");
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_batch_norm_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<BatchNormReference>(desc.as<NormAttrs>().epsilon);
}

std::unique_ptr<Kernel> prepare_layer_norm_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<LayerNormReference>(desc);
}

}  // namespace convoy::norm
