// The operators of Convoy's graph: one canonical form each, whatever the ONNX opset said.
//
// Operands that decide shapes (axes, sizes, pads, repeats) are inputs, never attributes; the loader
// turns the attribute forms of old opsets into constants. Such operands must be known when
// planning. Optional operands that are absent keep their slot.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "base/tensor.h"

namespace convoy {

enum class Op : std::uint8_t {
  kConv,             // x, w, [bias], [residual]                      ConvAttrs
  kFusedConv,        // x, {w, [bias], [scale]} a stage, [residual]   FusedConvAttrs
  kConvTranspose,    // x, w, [bias]                                  ConvTransposeAttrs
  kUnary,            // x                                             Unary
  kClip,             // x, [min], [max]: becomes kUnary once min and max are known
  kBinary,           // a, b (numpy broadcasting)                     BinaryAttrs
  kWhere,            // condition, a, b
  kCast,             // x                                             CastAttrs
  kBatchNorm,        // x, scale, bias, mean, variance                NormAttrs
  kLayerNorm,        // x, scale, [bias]                              NormAttrs
  kPool,             // x                                             PoolAttrs
  kReduce,           // x, [axes]                                     ReduceAttrs
  kMatMul,           // a, b
  kGemm,             // a, b, [c]                                     GemmAttrs
  kSoftmax,          // x                                             AxisAttrs
  kConcat,           // x...                                          AxisAttrs
  kSplit,            // x, [sizes] -> y...                            AxisAttrs
  kSlice,            // x, starts, ends, [axes], [steps]
  kGather,           // x, indices                                    AxisAttrs
  kReshape,          // x, shape                                      ReshapeAttrs
  kFlatten,          // x                                             AxisAttrs
  kSqueeze,          // x, [axes]
  kUnsqueeze,        // x, axes
  kTranspose,        // x                                             TransposeAttrs
  kExpand,           // x, shape
  kTile,             // x, repeats
  kPad,              // x, pads, [value], [axes]                      PadAttrs
  kResize,           // x, [roi], [scales], [sizes]                   ResizeAttrs
  kDepthToSpace,     // x                                             BlockAttrs
  kSpaceToDepth,     // x                                             BlockAttrs
  kShape,            // x                                             ShapeAttrs
  kConstantOfShape,  // shape                                         FillAttrs
  kRange,            // start, limit, delta
  kIdentity,         // x (also Dropout)
  kReorder,          // x in one layout -> y in another; inserted by the layout pass
};

std::string_view to_string(Op op);

// Elementwise functions of one operand. alpha and beta as the comment says; 0 where unused.
enum class UnaryKind : std::uint8_t {
  kIdentity,     // x: "no activation" in an epilogue
  kRelu,         // max(x, 0)
  kClip,         // min(max(x, alpha), beta); ReLU6 is alpha 0, beta 6
  kLeakyRelu,    // x < 0 ? alpha * x : x
  kHardSigmoid,  // max(0, min(1, alpha * x + beta))
  kHardSwish,    // x * max(0, min(1, alpha * x + beta)); ONNX fixes alpha 1/6, beta 0.5
  kSigmoid,
  kSilu,  // x * sigmoid(x)
  kTanh,
  kErf,
  kGelu,      // 0.5 x (1 + erf(x / sqrt 2))
  kGeluTanh,  // the tanh approximation
  kElu,       // x < 0 ? alpha * (exp(x) - 1) : x
  kSoftplus,
  kMish,
  kSqrt,
  kExp,
  kLog,
  kAbs,
  kNeg,
  kReciprocal,
  kFloor,
  kCeil,
  kRound,  // half to even
  kSign,
  kNot,  // bool
};

std::string_view to_string(UnaryKind kind);

struct Unary {
  UnaryKind kind = UnaryKind::kIdentity;
  float alpha = 0;
  float beta = 0;
  bool operator==(const Unary&) const = default;
};

enum class BinaryKind : std::uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kPow,
  kMin,
  kMax,
  kPrelu,  // a < 0 ? a * b : a
  kEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kAnd,
  kOr,
};

std::string_view to_string(BinaryKind kind);

struct BinaryAttrs {
  BinaryKind kind = BinaryKind::kAdd;
  Unary activation;  // applied to the result; fused by passes
  bool operator==(const BinaryAttrs&) const = default;
};

// How ONNX's auto_pad asks for padding; shape inference resolves it into explicit pads.
enum class AutoPad : std::uint8_t { kNotSet, kSameUpper, kSameLower, kValid };

struct Pads {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool operator==(const Pads&) const = default;
};

using Pair = std::array<std::int64_t, 2>;  // {h, w}; one-dimensional operators use {1, w}

// What a convolution does with its accumulator before storing it:
//   y = activation(acc + bias [+ residual])            residual kBeforeActivation
//   y = activation(acc + bias) + residual              residual kAfterActivation
struct Epilogue {
  enum class Residual : std::uint8_t { kNone, kBeforeActivation, kAfterActivation };
  Unary activation;
  Residual residual = Residual::kNone;
  bool operator==(const Epilogue&) const = default;
};

// How products of f32 may be added up; other types have one way.
enum class Precision : std::uint8_t {
  kStrict,  // "f32": by IEEE fused multiply-adds
  // "f32_split": also on tensor cores, both factors in two parts. Each product is then within
  // 3 * 2^-22 of itself, and sums are as accurate as those of multiply-adds; but infinities, and
  // values above 2^128 - 2^116, become NaN. A permission: kStrict is what it permits as well.
  kSplit,
};

// w: k x c/groups x r x s. Rank-3 x and w are one-dimensional convolutions (h = r = 1).
struct ConvAttrs {
  Pair stride{1, 1};
  Pair dilation{1, 1};
  Pads pads;
  AutoPad auto_pad = AutoPad::kNotSet;
  std::int64_t groups = 1;
  Epilogue epilogue;
  Precision precision = Precision::kStrict;
  bool operator==(const ConvAttrs&) const = default;
};

// One convolution of a fused module. No auto_pad; no residual of its own.
struct FusedConvStage {
  ConvAttrs conv;
  float y_scale = 1;  // s8: what one step of the stage's result is worth
  bool operator==(const FusedConvStage&) const = default;
};

// Convolutions that follow each other and run as one kernel: depthwise and pointwise, up to three
// (kernels/fused). Made when planning: no model holds one.
// Between stages values are rounded to x's type, as if each had been stored. Only the last stage's
// result meets the residual.
//
// f32, f16, bf16: sums in f32; w and bias of x's type; no scales. f32 may be split where all its
// pointwise stages permit it.
// s8: x, w and residual s8, bias s32, scale f32 with one value per output channel (what one step of
// the stage's x is worth, times that of its w). Sums are s32 and exact, bias included; then, each
// operation rounded to f32 on its own,
//   real = scale[k] * f32(sum) [+ residual_scale * residual]
//   y    = saturate(round_half_even(activation(real) * (1 / y_scale)))
// with the residual after the activation where it says so. NaN becomes 0.
struct FusedConvAttrs {
  std::vector<FusedConvStage> stages;
  Epilogue::Residual residual = Epilogue::Residual::kNone;
  float residual_scale = 1;  // s8: what one step of the residual is worth
  bool operator==(const FusedConvAttrs&) const = default;
};

// w: c x k/groups x r x s.
struct ConvTransposeAttrs {
  Pair stride{1, 1};
  Pair dilation{1, 1};
  Pads pads;
  AutoPad auto_pad = AutoPad::kNotSet;
  std::int64_t groups = 1;
  Pair output_padding{0, 0};
  std::vector<std::int64_t> output_shape;  // spatial extents; empty when not given
  Unary activation;
  bool operator==(const ConvTransposeAttrs&) const = default;
};

struct PoolAttrs {
  enum class Kind : std::uint8_t { kMax, kAverage };
  Kind kind = Kind::kMax;
  Pair kernel{1, 1};
  Pair stride{1, 1};
  Pair dilation{1, 1};
  Pads pads;
  AutoPad auto_pad = AutoPad::kNotSet;
  bool ceil_mode = false;
  bool count_include_pad = false;
  bool operator==(const PoolAttrs&) const = default;
};

// Axes absent and not `spatial`: every axis, unless `noop_without_axes`.
struct ReduceAttrs {
  enum class Kind : std::uint8_t { kMean, kSum, kMax, kMin, kProd, kL1, kL2, kSumSquare };
  Kind kind = Kind::kMean;
  bool keep_dims = true;
  bool spatial = false;  // axes 2.. (the global pools)
  bool noop_without_axes = false;
  bool operator==(const ReduceAttrs&) const = default;
};

struct NormAttrs {
  float epsilon = 1e-5f;
  std::int64_t axis = -1;  // kLayerNorm: first normalised axis
  bool operator==(const NormAttrs&) const = default;
};

struct GemmAttrs {
  bool transpose_a = false;
  bool transpose_b = false;
  float alpha = 1;
  float beta = 1;
  Unary activation;
  bool operator==(const GemmAttrs&) const = default;
};

// `flatten`: softmax of opsets before 13, over all axes from `axis` on together.
struct AxisAttrs {
  std::int64_t axis = 0;
  bool flatten = false;
  bool operator==(const AxisAttrs&) const = default;
};

struct CastAttrs {
  DType to = DType::kF32;
  bool operator==(const CastAttrs&) const = default;
};

struct ReshapeAttrs {
  bool allow_zero = false;  // false: a 0 copies the input's extent
  bool operator==(const ReshapeAttrs&) const = default;
};

struct TransposeAttrs {
  std::vector<std::int64_t> perm;  // empty: reversed
  bool operator==(const TransposeAttrs&) const = default;
};

struct PadAttrs {
  enum class Mode : std::uint8_t { kConstant, kReflect, kEdge, kWrap };
  Mode mode = Mode::kConstant;
  bool operator==(const PadAttrs&) const = default;
};

struct ResizeAttrs {
  enum class Mode : std::uint8_t { kNearest, kLinear, kCubic };
  enum class Coordinates : std::uint8_t {
    kHalfPixel,
    kHalfPixelSymmetric,
    kPytorchHalfPixel,
    kAlignCorners,
    kAsymmetric,
    kTfCropAndResize,
  };
  enum class Nearest : std::uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
  enum class Policy : std::uint8_t { kStretch, kNotLarger, kNotSmaller };
  Mode mode = Mode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  Nearest nearest = Nearest::kRoundPreferFloor;
  Policy policy = Policy::kStretch;
  float cubic_a = -0.75f;
  bool exclude_outside = false;
  float extrapolation = 0;
  std::vector<std::int64_t> axes;  // empty: all
  bool operator==(const ResizeAttrs&) const = default;
};

struct BlockAttrs {
  std::int64_t block = 1;
  bool column_row = false;  // kDepthToSpace mode CRD instead of DCR
  bool operator==(const BlockAttrs&) const = default;
};

struct ShapeAttrs {
  std::int64_t start = 0;
  std::int64_t end = INT64_MAX;
  bool operator==(const ShapeAttrs&) const = default;
};

struct FillAttrs {
  ConstTensor value;  // one element; null is f32 zero; equal when it is the same tensor
  bool operator==(const FillAttrs&) const = default;
};

using Attrs =
    std::variant<std::monostate, ConvAttrs, FusedConvAttrs, ConvTransposeAttrs, Unary, BinaryAttrs,
                 PoolAttrs, ReduceAttrs, NormAttrs, GemmAttrs, AxisAttrs, CastAttrs, ReshapeAttrs,
                 TransposeAttrs, PadAttrs, ResizeAttrs, BlockAttrs, ShapeAttrs, FillAttrs>;

}  // namespace convoy
