#include "kernels/conv/conv.h"

#include <string>

#include "base/error.h"
#include "kernels/conv/cuda/entries.h"
#include "kernels/conv/entries.h"

namespace convoy {
namespace {

void require(bool ok, const std::string& message) {
  if (!ok) fail(ErrorCode::kInvalidArgument, "convolution: " + message);
}

void require_shape(const char* what, const Shape& found, Shape expected, int rank) {
  if (rank == 3) expected = Shape{expected[0], expected[1], expected[3]};
  require(found == expected, std::string(what) + " has shape " + to_string(found) + ", expected " +
                                 to_string(expected));
}

}  // namespace

Shape conv_x_shape(const ConvDesc& d) { return {d.n, d.c, d.h, d.w}; }
Shape conv_w_shape(const ConvDesc& d) { return {d.k, d.c / d.groups, d.r, d.s}; }
Shape conv_y_shape(const ConvDesc& d) { return {d.n, d.k, d.p(), d.q()}; }

ConvProblem conv_problem(const OpDesc& op) {
  require(op.op == Op::kConv && op.present(kConvX) && op.present(kConvW) && op.outputs.size() == 1,
          "needs x, w and one output");
  const auto& attrs = op.as<ConvAttrs>();
  const TensorView& x = op.inputs[kConvX];
  const TensorView& w = op.inputs[kConvW];
  const TensorView& y = op.outputs[0];
  const int rank = x.shape.rank();
  require(rank == 3 || rank == 4, "x has rank " + std::to_string(rank) + ", expected 3 or 4");
  require(w.shape.rank() == rank, "w has rank " + std::to_string(w.shape.rank()) +
                                      ", expected that of x, " + std::to_string(rank));
  require(w.layout == Layout::kNchw, "w must be in logical k, c, r, s order");
  require(attrs.auto_pad == AutoPad::kNotSet, "auto_pad is not resolved into pads");

  ConvProblem problem;
  ConvDesc& d = problem.desc;
  d = {.n = x.shape[0],
       .c = x.shape[1],
       .h = rank == 4 ? x.shape[2] : 1,
       .w = x.shape[rank - 1],
       .k = w.shape[0],
       .r = rank == 4 ? w.shape[2] : 1,
       .s = w.shape[rank - 1],
       .stride_h = attrs.stride[0],
       .stride_w = attrs.stride[1],
       .dilation_h = attrs.dilation[0],
       .dilation_w = attrs.dilation[1],
       .pad_top = attrs.pads.top,
       .pad_left = attrs.pads.left,
       .pad_bottom = attrs.pads.bottom,
       .pad_right = attrs.pads.right,
       .groups = attrs.groups};
  d.validate();
  require_shape("w", w.shape, conv_w_shape(d), rank);
  require_shape("y", y.shape, conv_y_shape(d), rank);

  problem.dtype = x.dtype;
  problem.x_layout = x.layout;
  problem.y_layout = y.layout;
  problem.epilogue = attrs.epilogue;
  problem.uniform_dtype = w.dtype == x.dtype && y.dtype == x.dtype;
  problem.weights = w.data;
  if (op.present(kConvBias)) {
    const TensorView& bias = op.inputs[kConvBias];
    require(bias.shape == Shape{d.k}, "bias has shape " + to_string(bias.shape) + ", expected " +
                                          std::to_string(d.k) + " values");
    problem.has_bias = true;
    problem.bias = bias.data;
    problem.uniform_dtype &= bias.dtype == x.dtype;
  }
  problem.has_residual = attrs.epilogue.residual != Epilogue::Residual::kNone;
  if (problem.has_residual) {
    require(op.present(kConvResidual), "the epilogue adds a residual that is not there");
    const TensorView& residual = op.inputs[kConvResidual];
    require(residual.shape == y.shape, "residual has shape " + to_string(residual.shape) +
                                           ", expected y's, " + to_string(y.shape));
    problem.residual_layout = residual.layout;
    problem.uniform_dtype &= residual.dtype == x.dtype;
  }
  return problem;
}

bool im2win_is_identity(const ConvDesc& d) { return d.r == 1 || d.stride_h >= d.r; }

std::int64_t im2win_bytes(const ConvDesc& d, DType dtype) {
  if (im2win_is_identity(d)) return 0;
  return Shape{d.n, d.c, d.p(), d.padded_w(), d.r}.elements() *
         static_cast<std::int64_t>(size_of(dtype));
}

std::int64_t im2col_bytes(const ConvDesc& d, DType dtype) {
  return Shape{d.n, d.c, d.p(), d.q(), d.r, d.s}.elements() *
         static_cast<std::int64_t>(size_of(dtype));
}

Support supports_packed(const ConvProblem& problem, DType dtype) {
  if (problem.dtype != dtype || !problem.uniform_dtype) {
    return Support::no("computes " + std::string(to_string(dtype)) + " alone");
  }
  if (!problem.one_layout()) return Support::no("needs x, y and residual in one layout");
  if (problem.weights == nullptr) return Support::no("needs constant weights");
  if (problem.has_bias && problem.bias == nullptr) return Support::no("needs a constant bias");
  return Support::yes();
}

ImplementationList conv_implementations() {
  static const std::vector<Implementation> list = [] {
    std::vector<Implementation> entries;
    append_window_convolutions(entries);
    append_im2col(entries);
    append_cuda_convolutions(entries);
    entries.push_back(kConvReference);
    return entries;
  }();
  return list;
}

}  // namespace convoy
