// A fused module as a step that implementations run, and its result against the oracle's.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "tests/support/fused_oracle.h"
#include "tests/support/step.h"

namespace convoy::testing {

// Values in logical order as an operand of `dtype`.
inline Operand operand_of(DType dtype, const Shape& shape, Layout layout,
                          const std::vector<double>& values, bool constant) {
  return visit_element(dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    std::vector<T> typed(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) typed[i] = static_cast<T>(values[i]);
    Operand result = {{nullptr, dtype, layout, shape}, {}, constant};
    result.values.resize(typed.size() * sizeof(T));
    for_each_offset(result.view, [&](std::size_t i, std::size_t at) {
      std::memcpy(result.values.data() + at * sizeof(T), &typed[i], sizeof(T));
    });
    return result;
  });
}

inline Step step_of(const FusedCase& c, const FusedOperands& operands) {
  const FusedProblem& m = c.module;
  const bool quantised = m.dtype == DType::kS8;
  FusedConvAttrs attrs{.stages = {}, .residual = m.residual, .residual_scale = m.residual_scale};
  Step step{
      .op = Op::kFusedConv,
      .inputs = {operand_of(m.dtype, conv_x_shape(m.first()), m.x_layout, operands.x, false)}};
  const auto add = [&](bool present, DType dtype, const Shape& shape,
                       const std::vector<double>& values) {
    step.inputs.push_back(present ? operand_of(dtype, shape, Layout::kNchw, values, true)
                                  : absent());
  };
  for (std::size_t i = 0; i < m.stages.size(); ++i) {
    const FusedStage& stage = m.stages[i];
    const FusedOperands::OfStage& of = operands.stages[i];
    const ConvDesc& d = stage.desc;
    attrs.stages.push_back({.conv = {.stride = {d.stride_h, d.stride_w},
                                     .dilation = {d.dilation_h, d.dilation_w},
                                     .pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right},
                                     .groups = d.groups,
                                     .epilogue = {.activation = stage.activation},
                                     .precision = m.precision},
                            .y_scale = stage.y_scale});
    add(true, m.dtype, conv_w_shape(d), of.w);
    add(stage.has_bias, quantised ? DType::kS32 : m.dtype, Shape{d.k}, of.bias);
    add(quantised, DType::kF32, Shape{d.k}, of.scale);
  }
  const Shape y = conv_y_shape(m.last());
  if (m.has_residual()) {
    step.inputs.push_back(operand_of(m.dtype, y, m.residual_layout, operands.residual, false));
  }
  step.attrs = attrs;
  step.outputs = {{nullptr, m.dtype, m.y_layout, y}};
  return step;
}

// A module of one stage as a convolution of a graph. Not s8, whose scales that has no operands for.
inline Step conv_step_of(const FusedCase& c, const FusedOperands& operands) {
  Step step = step_of(c, operands);
  const FusedConvAttrs attrs = std::get<FusedConvAttrs>(step.attrs);
  ConvAttrs conv = attrs.stages[0].conv;
  conv.epilogue.residual = attrs.residual;
  step.op = Op::kConv;
  step.attrs = conv;
  step.inputs.erase(step.inputs.begin() + fused_scale(0));
  if (step.inputs.size() == kConvResidual) step.inputs.push_back(absent());
  return step;
}

// `memory`: y's bytes as a kernel left them.
inline CheckOutcome compare_with_oracle(const FusedOracle& oracle, const TensorView& y,
                                        const std::vector<std::byte>& memory) {
  CheckOutcome outcome;
  double squares = 0;
  visit_element(y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const std::vector<T> found = in_logical_order<T>(y, memory);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto value = static_cast<double>(found[i]);
      if (std::isnan(value) && std::isnan(oracle.result[i])) continue;
      const double error = std::fabs(value - oracle.result[i]);
      squares += error * error;
      if (error > 0) {
        outcome.worst = std::max(
            outcome.worst, error / std::max(oracle.bound[i], std::numeric_limits<double>::min()));
      }
      if (error <= oracle.bound[i]) continue;  // false for NaN
      const auto at = static_cast<std::int64_t>(i);
      const std::int64_t plane = y.shape[2] * y.shape[3];
      outcome.failure = "at n,k,p,q = " + std::to_string(at / (plane * y.shape[1])) + "," +
                        std::to_string(at / plane % y.shape[1]) + "," +
                        std::to_string(at / y.shape[3] % y.shape[2]) + "," +
                        std::to_string(at % y.shape[3]) + ": found " + std::to_string(value) +
                        ", expected " + std::to_string(oracle.result[i]) + " within " +
                        std::to_string(oracle.bound[i]);
      return;
    }
  });
  const double rms = std::sqrt(squares / static_cast<double>(oracle.result.size()));
  if (outcome.failure.empty() && rms > oracle.rms_bound) {
    outcome.failure = "errors have a mean square of " + std::to_string(rms) + "^2, at most " +
                      std::to_string(oracle.rms_bound) + "^2 was expected";
  }
  return outcome;
}

// On the CPU: guard pages around every tensor, poisoned results and workspace, operands left as
// they were, the same bits on 1, 2 and 3 threads.
inline CheckOutcome check_on_cpu(const Implementation& entry, const Step& step,
                                 const FusedOracle& oracle) {
  if (const Support support = supports(entry, step); !support) return {.declined = support.reason};
  return compare_with_oracle(oracle, step.outputs[0], run_step(entry, step)[0]);
}

}  // namespace convoy::testing
