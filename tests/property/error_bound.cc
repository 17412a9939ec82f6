#include "tests/property/error_bound.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "exec/session.h"

namespace convoy::testing {
namespace {

constexpr double kUnit = 0x1p-24;  // unit roundoff of f32

// Relative error of a sum of d products, with room for what passes fold into the weights.
double gamma(double d) { return (d + 8) * kUnit / (1 - (d + 8) * kUnit); }

double magnitude_of(const Tensor& t) {
  if (t.dtype() != DType::kF32) return 0;
  double most = 0;
  for (std::int64_t i = 0; i < t.shape().elements(); ++i) {
    most = std::max(most, std::fabs(static_cast<double>(t.as<float>()[i])));
  }
  return most;
}

double least_magnitude(const Tensor& t) {
  double least = INFINITY;
  for (std::int64_t i = 0; i < t.shape().elements(); ++i) {
    least = std::min(least, std::fabs(static_cast<double>(t.as<float>()[i])));
  }
  return least;
}

// Weights seen as outer x out x inner: the largest sum of absolute weights that feed one output.
double largest_row(const Tensor& w, std::int64_t outer, std::int64_t out, std::int64_t inner) {
  double most = 0;
  for (std::int64_t k = 0; k < out; ++k) {
    double sum = 0;
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < inner; ++i) {
        sum += std::fabs(static_cast<double>(w.as<float>()[(o * out + k) * inner + i]));
      }
    }
    most = std::max(most, sum);
  }
  return most;
}

class Propagation {
 public:
  // `results`: elements of the first result.
  Propagation(const Node& node, const std::vector<Bounded>& values, std::int64_t results)
      : node_(node), values_(values), results_(results) {}

  // The error of a result of magnitude `y`.
  double error(double y) const {
    switch (node_.op) {
      case Op::kConv:
      case Op::kConvTranspose:
      case Op::kGemm:
      case Op::kMatMul:
        return weighted();
      case Op::kUnary:
        return 1.5 * in(0).error + 8 * kUnit * (1 + in(0).magnitude + y);
      case Op::kBinary:
        return binary(node_.as<BinaryAttrs>().kind) + 2 * kUnit * y;
      case Op::kBatchNorm:
        return batch_norm();
      case Op::kLayerNorm:
        return layer_norm(y);
      case Op::kPool:
        return in(0).error + gamma(static_cast<double>(node_.as<PoolAttrs>().kernel[0] *
                                                       node_.as<PoolAttrs>().kernel[1])) *
                                 in(0).magnitude;
      case Op::kReduce:
        return reduce();
      case Op::kSoftmax:
        return 2 * in(0).error + (in(0).magnitude + row()) * 4 * kUnit;
      case Op::kResize:
        return in(0).error + 64 * kUnit * in(0).magnitude;
      default:
        return moved();
    }
  }

 private:
  const Bounded& in(std::size_t i) const {
    return values_[static_cast<std::size_t>(node_.inputs[i])];
  }
  bool has(std::size_t i) const { return node_.input(i) != kNoValue; }

  double weighted() const {
    const Tensor& w = *in(1).value;
    const Shape& s = w.shape();
    double gain = 0, terms = 1;
    if (node_.op == Op::kConv) {
      terms = static_cast<double>(s.elements() / s[0]);
      gain = largest_row(w, 1, s[0], s.elements() / s[0]);
    } else if (node_.op == Op::kConvTranspose) {
      terms = static_cast<double>(s.elements() / s[1]);
      gain = largest_row(w, s[0], s[1], s.elements() / s[0] / s[1]);
    } else {
      terms = static_cast<double>(s[0]);
      gain = largest_row(w, s[0], s[1], 1);
    }
    const double bias = has(2) ? in(2).magnitude : 0;
    return gain * in(0).error + gamma(terms) * (gain * in(0).magnitude + bias);
  }

  double binary(BinaryKind kind) const {
    const Bounded &a = in(0), &b = in(1);
    switch (kind) {
      case BinaryKind::kAdd:
      case BinaryKind::kSub:
        return a.error + b.error + 4 * kUnit * (a.magnitude + b.magnitude);
      case BinaryKind::kMul:
      case BinaryKind::kPrelu:
        return a.error * (b.magnitude + 1) + b.error * a.magnitude + a.error * b.error +
               4 * kUnit * a.magnitude * b.magnitude;
      case BinaryKind::kDiv:
        return (a.error + 4 * kUnit * a.magnitude) / least_magnitude(*b.value);
      case BinaryKind::kMin:
      case BinaryKind::kMax:
        return std::max(a.error, b.error);
      default:
        fail(ErrorCode::kUnsupported, "no error bound for this operator");
    }
  }

  double batch_norm() const {
    double gain = 0;
    for (std::int64_t c = 0; c < in(1).value->shape()[0]; ++c) {
      const double variance = in(4).value->as<float>()[c];
      const double scale = in(1).value->as<float>()[c];
      gain = std::max(gain, std::fabs(scale) / std::sqrt(variance));
    }
    return gain * in(0).error +
           gamma(4) * (gain * (in(0).magnitude + in(3).magnitude) + in(2).magnitude);
  }

  // Extent of the last axis: the terms of a row's sums.
  double row() const {
    const Shape& s = in(0).value->shape();
    return static_cast<double>(s.elements() == 0 ? 0 : s[s.rank() - 1]);
  }

  // The derivative of (x - mean) / sigma is (I - 11'/n - yy'/n) / sigma, and sigma is at least the
  // root of epsilon.
  double layer_norm(double y) const {
    const double sigma = std::sqrt(static_cast<double>(node_.as<NormAttrs>().epsilon));
    const double gain = (2 + std::sqrt(row())) / sigma * in(1).magnitude;
    return gain * (in(0).error + gamma(row()) * in(0).magnitude) + 8 * kUnit * (1 + y);
  }

  double reduce() const {
    const double terms = static_cast<double>(in(0).value->shape().elements());
    switch (node_.as<ReduceAttrs>().kind) {
      case ReduceAttrs::Kind::kMean:
        return in(0).error + gamma(terms) * in(0).magnitude;
      case ReduceAttrs::Kind::kSum: {
        const double summed = terms / static_cast<double>(std::max<std::int64_t>(1, results_));
        return summed * (in(0).error + gamma(summed) * in(0).magnitude);
      }
      case ReduceAttrs::Kind::kMax:
      case ReduceAttrs::Kind::kMin:
        return in(0).error;
      default:
        fail(ErrorCode::kUnsupported, "no error bound for this operator");
    }
  }

  double moved() const {
    double most = 0;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      if (has(i)) most = std::max(most, in(i).error);
    }
    return most;
  }

  const Node& node_;
  const std::vector<Bounded>& values_;
  std::int64_t results_;
};

}  // namespace

std::vector<Bounded> run_bounded(const Graph& graph, std::span<const ConstTensor> inputs) {
  const Evaluate evaluate = reference_evaluator();
  std::vector<Bounded> values(graph.values.size());
  const auto set = [&](ValueId id, ConstTensor tensor, double error) {
    const double magnitude = magnitude_of(*tensor);
    values[static_cast<std::size_t>(id)] = {std::move(tensor), magnitude, error};
  };
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (graph.values[v].constant) set(static_cast<ValueId>(v), graph.values[v].constant, 0);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) set(graph.inputs[i], inputs[i], 0);
  for (const Node& node : graph.nodes) {
    std::vector<TensorView> operands, results;
    std::vector<std::shared_ptr<Tensor>> tensors;
    for (ValueId id : node.inputs) {
      operands.push_back(id == kNoValue ? TensorView{}
                                        : values[static_cast<std::size_t>(id)].value->view());
    }
    for (ValueId id : node.outputs) {
      tensors.push_back(std::make_shared<Tensor>(graph.value(id).dtype, *graph.value(id).shape));
      results.push_back(tensors.back()->view());
    }
    evaluate(node, operands, results);
    const Propagation propagation(node, values, tensors[0]->shape().elements());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const double error = propagation.error(magnitude_of(*tensors[i]));
      set(node.outputs[i], tensors[i], error);
    }
  }
  return values;
}

}  // namespace convoy::testing
