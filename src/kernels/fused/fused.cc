#include "kernels/fused/fused.h"

#include <cmath>
#include <string>

#include "base/error.h"
#include "kernels/fused/entries.h"

namespace convoy {
namespace {

void require(bool ok, const std::string& message) {
  if (!ok) fail(ErrorCode::kInvalidArgument, "fused convolution: " + message);
}

void require_operand(const TensorView& found, const std::string& what, DType dtype,
                     const Shape& shape) {
  require(found.dtype == dtype && found.shape == shape,
          what + " is " + std::string(to_string(found.dtype)) + " " + to_string(found.shape) +
              ", expected " + std::string(to_string(dtype)) + " " + to_string(shape));
}

// That of a module whose stages have these attributes, `of(i)` each.
template <class Of>
Precision precision_of(const FusedProblem& problem, Of&& of) {
  bool found = false;
  for (std::size_t i = 0; i < problem.stages.size(); ++i) {
    if (!problem.stages[i].is_pointwise()) continue;
    if (of(i).precision != Precision::kSplit) return Precision::kStrict;
    found = true;
  }
  return found && problem.dtype == DType::kF32 ? Precision::kSplit : Precision::kStrict;
}

// One convolution of the graph, seen as a module of one stage.
FusedProblem one_stage(const OpDesc& op) {
  const ConvProblem conv = conv_problem(op);
  require(conv.uniform_dtype, "operands differ in type");
  FusedProblem problem{.dtype = conv.dtype,
                       .x_layout = conv.x_layout,
                       .y_layout = conv.y_layout,
                       .residual_layout = conv.residual_layout,
                       .residual = conv.epilogue.residual};
  problem.stages.push_back({.desc = conv.desc,
                            .activation = conv.epilogue.activation,
                            .has_bias = conv.has_bias,
                            .weights = conv.weights,
                            .bias = conv.bias});
  problem.precision =
      precision_of(problem, [&](std::size_t) -> const ConvAttrs& { return op.as<ConvAttrs>(); });
  problem.constant_operands = conv.weights != nullptr && (!conv.has_bias || conv.bias != nullptr);
  return problem;
}

bool is_scale(float scale) { return std::isfinite(scale) && scale > 0; }

// The stage `i`, which takes a map n x c x h x w.
FusedStage stage_of(const OpDesc& op, std::size_t i, const Shape& x, DType dtype) {
  const FusedConvStage& attrs = op.as<FusedConvAttrs>().stages[i];
  const std::string name = "stage " + std::to_string(i);
  require(attrs.conv.auto_pad == AutoPad::kNotSet, name + " has an unresolved auto_pad");
  require(attrs.conv.epilogue.residual == Epilogue::Residual::kNone,
          name + " has a residual of its own; the module's is added last");
  require(op.present(fused_w(i)), name + " has no weights");
  const TensorView& w = op.inputs[fused_w(i)];
  require(w.shape.rank() == 4,
          "w of " + name + " has rank " + std::to_string(w.shape.rank()) + ", expected 4");
  FusedStage stage{.desc = {.n = x[0],
                            .c = x[1],
                            .h = x[2],
                            .w = x[3],
                            .k = w.shape[0],
                            .r = w.shape[2],
                            .s = w.shape[3],
                            .stride_h = attrs.conv.stride[0],
                            .stride_w = attrs.conv.stride[1],
                            .dilation_h = attrs.conv.dilation[0],
                            .dilation_w = attrs.conv.dilation[1],
                            .pad_top = attrs.conv.pads.top,
                            .pad_left = attrs.conv.pads.left,
                            .pad_bottom = attrs.conv.pads.bottom,
                            .pad_right = attrs.conv.pads.right,
                            .groups = attrs.conv.groups},
                   .activation = attrs.conv.epilogue.activation,
                   .y_scale = attrs.y_scale,
                   .weights = w.data};
  stage.desc.validate();
  require_operand(w, "w of " + name, dtype, conv_w_shape(stage.desc));
  const bool quantised = dtype == DType::kS8;
  if (op.present(fused_bias(i))) {
    const TensorView& bias = op.inputs[fused_bias(i)];
    require_operand(bias, "bias of " + name, quantised ? DType::kS32 : dtype, Shape{stage.desc.k});
    stage.has_bias = true;
    stage.bias = bias.data;
  }
  require(
      op.present(fused_scale(i)) == quantised,
      name + (quantised ? " has no scales, which s8 needs" : " has scales, which s8 alone has"));
  if (quantised) {
    require_operand(op.inputs[fused_scale(i)], "scale of " + name, DType::kF32,
                    Shape{stage.desc.k});
    stage.scale = op.inputs[fused_scale(i)].as<const float>();
    require(is_scale(stage.y_scale), "y_scale of " + name + " is " + std::to_string(stage.y_scale) +
                                         ", expected a positive number");
  }
  return stage;
}

}  // namespace

FusedProblem fused_problem(const OpDesc& op) {
  if (op.op == Op::kConv) return one_stage(op);
  require(op.op == Op::kFusedConv && op.present(kFusedX) && op.outputs.size() == 1,
          "needs x and one output");
  const auto& attrs = op.as<FusedConvAttrs>();
  require(!attrs.stages.empty(), "has no stage");
  const TensorView& x = op.inputs[kFusedX];
  const TensorView& y = op.outputs[0];
  require(x.shape.rank() == 4, "x has rank " + std::to_string(x.shape.rank()) + ", expected 4");
  FusedProblem problem{.dtype = x.dtype,
                       .x_layout = x.layout,
                       .y_layout = y.layout,
                       .residual = attrs.residual,
                       .residual_scale = attrs.residual_scale};
  Shape map = x.shape;
  for (std::size_t i = 0; i < attrs.stages.size(); ++i) {
    const FusedStage stage = stage_of(op, i, map, x.dtype);
    problem.constant_operands &= stage.weights != nullptr &&
                                 (!stage.has_bias || stage.bias != nullptr) &&
                                 (x.dtype != DType::kS8 || stage.scale != nullptr);
    map = conv_y_shape(stage.desc);
    problem.stages.push_back(stage);
  }
  require_operand(y, "y", x.dtype, map);
  problem.precision = precision_of(
      problem, [&](std::size_t i) -> const ConvAttrs& { return attrs.stages[i].conv; });
  if (problem.has_residual()) {
    const std::size_t at = fused_residual(problem.stages.size());
    require(op.present(at), "adds a residual that is not there");
    require_operand(op.inputs[at], "residual", x.dtype, map);
    problem.residual_layout = op.inputs[at].layout;
    require(is_scale(problem.residual_scale), "residual_scale is " +
                                                  std::to_string(problem.residual_scale) +
                                                  ", expected a positive number");
  }
  return problem;
}

std::string_view to_string(Module module) {
  constexpr std::string_view kNames[] = {"dw", "pw", "dwpw", "pwdw", "pwpw", "pwdwpw"};
  return kNames[static_cast<int>(module)];
}

std::optional<Module> module_of(const FusedProblem& problem) {
  std::string kinds;
  for (const FusedStage& stage : problem.stages) {
    const bool strided = stage.desc.stride_h != 1 || stage.desc.stride_w != 1;
    if (stage.is_pointwise()) {
      if (strided && problem.stages.size() > 1) return std::nullopt;
      kinds += "pw";
    } else if (stage.is_depthwise()) {
      kinds += "dw";
    } else {
      return std::nullopt;
    }
  }
  for (const Module module :
       {Module::kDw, Module::kPw, Module::kDwPw, Module::kPwDw, Module::kPwPw, Module::kPwDwPw}) {
    if (kinds == to_string(module)) return module;
  }
  return std::nullopt;
}

ImplementationList fused_conv_implementations() {
  static const std::vector<Implementation> list = [] {
    std::vector<Implementation> entries;
    append_cpu_modules(entries);
    append_cuda_modules(entries);
    entries.push_back(kFusedReference);
    return entries;
  }();
  return list;
}

}  // namespace convoy
