// Transposed convolution by the definition, one result at a time.
#include "base/unary_reference.h"
#include "kernels/conv_transpose/cell.h"
#include "kernels/conv_transpose/gather.h"
#include "kernels/feature_map.h"

namespace convoy::conv_transpose {
namespace {

class Reference final : public Kernel {
 public:
  explicit Reference(const OpDesc& desc) : attrs_(desc.as<ConvTransposeAttrs>()) {}

  void run(const RunArgs& args) const override {
    if (args.inputs[0].dtype == DType::kF64) {
      convolve<double>(args);
    } else {
      convolve<float>(args);
    }
  }

 private:
  template <class T>
  void convolve(const RunArgs& args) const {
    const FeatureMap out = feature_map(args.outputs[0]);
    const T* bias = args.inputs.size() > 2 ? args.inputs[2].as<T>() : nullptr;
    for (std::int64_t n = 0; n < out.n; ++n) {
      for (std::int64_t k = 0; k < out.c; ++k) {
        const double start = bias == nullptr ? 0 : static_cast<double>(bias[k]);
        for (std::int64_t p = 0; p < out.h; ++p) {
          for (std::int64_t q = 0; q < out.w; ++q) {
            const double sum = start + dot<T>(args, n, k, p, q);
            args.outputs[0].as<T>()[out.offset(n, k, p, q)] =
                static_cast<T>(unary_reference(attrs_.activation, sum));
          }
        }
      }
    }
  }

  template <class T>
  double dot(const RunArgs& args, std::int64_t n, std::int64_t k, std::int64_t p,
             std::int64_t q) const {
    const FeatureMap in = feature_map(args.inputs[0]), filter = feature_map(args.inputs[1]);
    const std::int64_t c_per_group = in.c / attrs_.groups, k_per_group = filter.c;
    const std::int64_t first_c = k / k_per_group * c_per_group;
    double sum = 0;
    for (std::int64_t r = 0; r < filter.h; ++r) {
      const std::int64_t h =
          source(p, attrs_.pads.top, r, attrs_.dilation[0], attrs_.stride[0], in.h);
      if (h < 0) continue;
      for (std::int64_t s = 0; s < filter.w; ++s) {
        const std::int64_t w =
            source(q, attrs_.pads.left, s, attrs_.dilation[1], attrs_.stride[1], in.w);
        if (w < 0) continue;
        for (std::int64_t c = first_c; c < first_c + c_per_group; ++c) {
          sum +=
              static_cast<double>(args.inputs[0].as<T>()[in.offset(n, c, h, w)]) *
              static_cast<double>(args.inputs[1].as<T>()[filter.offset(c, k % k_per_group, r, s)]);
        }
      }
    }
    return sum;
  }

  ConvTransposeAttrs attrs_;
};

}  // namespace

Support supports_reference(const OpDesc& desc, const DeviceDesc&) {
  const DType t = desc.inputs[0].dtype;
  if (t != DType::kF32 && t != DType::kF64) {
    return Support::no("computes f32 and f64, not " + std::string(to_string(t)));
  }
  for (std::size_t i = 1; i < desc.inputs.size(); ++i) {
    if (desc.present(i) && desc.inputs[i].dtype != t) {
      return Support::no("operands differ in type");
    }
  }
  for (const TensorView* map : {&desc.inputs[0], &desc.inputs[1], &desc.outputs[0]}) {
    if (Support supported = is_feature_map(*map); !supported) return supported;
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<Reference>(desc);
}

double flops(const OpDesc& desc) {
  const TensorView &x = desc.inputs[0], &w = desc.inputs[1];
  const std::int64_t per_pixel = x.shape[1] == 0 ? 0 : w.elements() / x.shape[1];
  return 2 * static_cast<double>(x.elements()) * static_cast<double>(per_pixel);
}

}  // namespace convoy::conv_transpose
