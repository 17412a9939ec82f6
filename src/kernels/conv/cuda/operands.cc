#include "kernels/conv/cuda/operands.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

namespace convoy::conv_cuda {
namespace {

bool laid_out_for_cuda(Layout layout) { return layout == Layout::kNchw || layout == Layout::kNhwc; }

// "leaky_relu" -> "kLeakyRelu"
std::string enumerator(std::string_view name) {
  std::string out = "k";
  bool upper = true;
  for (const char c : name) {
    if (c != '_') out += upper ? static_cast<char>(c - 'a' + 'A') : c;
    upper = c == '_';
  }
  return out;
}

const char* layout_name(Layout layout) {
  return layout == Layout::kNchw ? "Layout::kNchw" : "Layout::kNhwc";
}

const char* residual_name(Epilogue::Residual residual) {
  switch (residual) {
    case Epilogue::Residual::kBeforeActivation:
      return "Residual::kBeforeActivation";
    case Epilogue::Residual::kAfterActivation:
      return "Residual::kAfterActivation";
    case Epilogue::Residual::kNone:
      break;
  }
  return "Residual::kNone";
}

}  // namespace

// Hexadecimal, hence exact; infinities (a clip with one end) have no literal.
std::string float_literal(float value) {
  char text[48];
  if (std::isfinite(value)) {
    std::snprintf(text, sizeof text, "%af", static_cast<double>(value));
  } else {
    std::snprintf(text, sizeof text, "__builtin_bit_cast(float, 0x%xu)",
                  std::bit_cast<std::uint32_t>(value));
  }
  return text;
}

bool counts_within(std::span<const Shape> counted, std::int64_t most) {
  for (const Shape& extents : counted) {
    std::int64_t product = 1;
    for (int i = 0; i < extents.rank(); ++i) {
      if (extents[i] > most / product) return false;
      product *= extents[i];
    }
  }
  return true;
}

Support supports_cuda(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  if (problem.dtype != DType::kF32 || !problem.uniform_dtype) {
    return Support::no("computes f32 alone");
  }
  if (!laid_out_for_cuda(problem.x_layout) || !laid_out_for_cuda(problem.y_layout)) {
    return Support::no("needs x and y in nchw or nhwc");
  }
  if (problem.has_residual && problem.residual_layout != problem.y_layout) {
    return Support::no("needs y and residual in one layout");
  }
  if (problem.weights == nullptr) return Support::no("needs constant weights");
  if (problem.has_bias && problem.bias == nullptr) return Support::no("needs a constant bias");
  if (problem.epilogue.activation.kind == UnaryKind::kNot) {
    return Support::no("'not' is no activation of numbers");
  }
  // Indices of pixels, of taps and of padded coordinates are ints in the kernels.
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const Shape counted[] = {{d.n, d.p(), d.q()}, {d.c, d.r, d.s}, {d.k},        {d.h, d.w},
                           {d.padded_h()},      {d.padded_w()},  {d.stride_h}, {d.stride_w}};
  if (!counts_within(counted, kMost)) {
    return Support::no("counts pixels and taps in 32 bits, fewer than " + to_string(d) + " needs");
  }
  return Support::yes();
}

std::string problem_constant(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  const struct {
    const char* name;
    std::int64_t value;
  } extents[] = {{"n", d.n},
                 {"c", d.c},
                 {"h", d.h},
                 {"w", d.w},
                 {"k", d.k},
                 {"r", d.r},
                 {"s", d.s},
                 {"p", d.p()},
                 {"q", d.q()},
                 {"stride_h", d.stride_h},
                 {"stride_w", d.stride_w},
                 {"dilation_h", d.dilation_h},
                 {"dilation_w", d.dilation_w},
                 {"pad_top", d.pad_top},
                 {"pad_left", d.pad_left},
                 {"groups", d.groups}};
  const std::string space = "convoy::conv_cuda::";
  std::string out = "constexpr " + space + "Problem kProblem{";
  for (const auto& [name, value] : extents) {
    out += std::string(".") + name + "=" + std::to_string(value) + ",";
  }
  const Unary& activation = problem.epilogue.activation;
  out += ".x_layout=" + space + layout_name(problem.x_layout);
  out += ",.y_layout=" + space + layout_name(problem.y_layout);
  out += std::string(",.bias=") + (problem.has_bias ? "true" : "false");
  out += ",.activation=" + space + "Activation::" + enumerator(to_string(activation.kind));
  out += ",.alpha=" + float_literal(activation.alpha);
  out += ",.beta=" + float_literal(activation.beta);
  out += ",.residual=" + space + residual_name(problem.epilogue.residual);
  return out + "};\n";
}

DeviceWeights::DeviceWeights(const cuda::Device& device, std::span<const float> packed,
                             const ConvProblem& problem)
    : weights_(device, packed.size_bytes()),
      bias_(device,
            problem.has_bias ? static_cast<std::size_t>(problem.desc.k) * sizeof(float) : 0) {
  weights_.upload(packed.data(), packed.size_bytes());
  if (problem.has_bias) bias_.upload(problem.bias, bias_.bytes());
}

DeviceOperands device_operands(const RunArgs& args) {
  return {.x = args.inputs[kConvX].as<const float>(),
          .residual = args.inputs.size() > kConvResidual
                          ? args.inputs[kConvResidual].as<const float>()
                          : nullptr,
          .y = args.outputs[0].as<float>(),
          .workspace =
              args.workspace.empty() ? nullptr : reinterpret_cast<float*>(args.workspace.data()),
          .stream = static_cast<CUstream>(args.stream)};
}

}  // namespace convoy::conv_cuda
