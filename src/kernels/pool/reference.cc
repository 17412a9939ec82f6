// Pooling by the definition, one result at a time.
#include <limits>
#include <string>
#include <type_traits>

#include "kernels/feature_map.h"
#include "kernels/pool/cell.h"
#include "kernels/pool/window.h"

namespace convoy::pool {
namespace {

template <class T>
T maximum(const T* x, const FeatureMap& in, const Positions& rows, const Positions& columns) {
  bool empty = true;
  T best = std::numeric_limits<T>::lowest();
  for (std::int64_t r = rows.begin; r < rows.end; ++r) {
    for (std::int64_t s = columns.begin; s < columns.end; ++s) {
      const T value = x[rows.at(r) * in.stride_h + columns.at(s) * in.stride_w];
      if (empty || value > best || value != value) best = value;
      empty = false;
      if (best != best) return best;
    }
  }
  return best;
}

template <class T>
T average(const T* x, const FeatureMap& in, const Positions& rows, const Positions& columns,
          std::int64_t count) {
  double sum = 0;
  for (std::int64_t r = rows.begin; r < rows.end; ++r) {
    for (std::int64_t s = columns.begin; s < columns.end; ++s) {
      sum += static_cast<double>(x[rows.at(r) * in.stride_h + columns.at(s) * in.stride_w]);
    }
  }
  return count == 0 ? T{0} : static_cast<T>(sum / static_cast<double>(count));
}

class Reference final : public Kernel {
 public:
  explicit Reference(const OpDesc& desc) : attrs_(desc.as<PoolAttrs>()) {}

  void run(const RunArgs& args) const override {
    switch (args.inputs[0].dtype) {
      case DType::kF32:
        return pool<float>(args);
      case DType::kF64:
        return pool<double>(args);
      case DType::kS8:
        return pool<std::int8_t>(args);
      case DType::kU8:
        return pool<std::uint8_t>(args);
      case DType::kS16:
        return pool<std::int16_t>(args);
      case DType::kU16:
        return pool<std::uint16_t>(args);
      case DType::kS32:
        return pool<std::int32_t>(args);
      case DType::kU32:
        return pool<std::uint32_t>(args);
      case DType::kS64:
        return pool<std::int64_t>(args);
      default:
        return pool<std::uint64_t>(args);
    }
  }

 private:
  template <class T>
  void pool(const RunArgs& args) const {
    const FeatureMap in = feature_map(args.inputs[0]), out = feature_map(args.outputs[0]);
    for (std::int64_t n = 0; n < out.n; ++n) {
      for (std::int64_t c = 0; c < out.c; ++c) {
        const T* x = args.inputs[0].as<T>() + in.offset(n, c, 0, 0);
        for (std::int64_t p = 0; p < out.h; ++p) {
          for (std::int64_t q = 0; q < out.w; ++q) {
            args.outputs[0].as<T>()[out.offset(n, c, p, q)] = window(x, in, p, q);
          }
        }
      }
    }
  }

  template <class T>
  T window(const T* x, const FeatureMap& in, std::int64_t p, std::int64_t q) const {
    const WindowOf w = window_of(attrs_, in, p, q);
    if constexpr (std::is_floating_point_v<T>) {
      if (w.average) return average(x, in, w.rows, w.columns, w.divisor);
    }
    return maximum(x, in, w.rows, w.columns);
  }

  PoolAttrs attrs_;
};

}  // namespace

Support supports_reference(const OpDesc& desc, const DeviceDesc&) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  if (x.dtype != y.dtype) return Support::no("operand and result differ in type");
  const bool is_16_bit = x.dtype == DType::kF16 || x.dtype == DType::kBF16;
  if (is_16_bit || x.dtype == DType::kBool) {
    return Support::no("does not compute " + std::string(to_string(x.dtype)));
  }
  if (desc.as<PoolAttrs>().kind == PoolAttrs::Kind::kAverage && !is_float(x.dtype)) {
    return Support::no("averages f32 and f64, not " + std::string(to_string(x.dtype)));
  }
  if (Support map = is_feature_map(x); !map) return map;
  return is_feature_map(y);
}

std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<Reference>(desc);
}

}  // namespace convoy::pool
