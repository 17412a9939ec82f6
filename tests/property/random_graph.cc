#include "tests/property/random_graph.h"

#include <array>
#include <map>

#include "base/error.h"
#include "tests/support/graph_builder.h"

namespace convoy::testing {

std::uint64_t Random::next() {  // splitmix64
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::int64_t Random::in(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
}

float Random::real(float low, float high) {
  return low + (high - low) * (static_cast<float>(next() >> 40) * 0x1p-24f);
}

namespace {

constexpr std::int64_t kMaxElements = 1 << 13;

class Generator {
 public:
  Generator(std::uint64_t seed, const Evaluate& evaluate) : random_(seed), evaluate_(evaluate) {}

  Graph run(int steps) {
    const Shape x{random_.in(1, 2), random_.in(1, 20), random_.in(3, 11), random_.in(3, 11)};
    keep(b_.input("x", x));
    if (random_.chance(30)) keep(b_.input("y", x));
    accept({});
    for (int step = 0; step < steps; ++step) add_something();
    return b_.finish(outputs());
  }

 private:
  // The newest value, sometimes whatever nothing else reads, and sometimes others, so that fusions
  // meet values that must stay visible.
  std::vector<ValueId> outputs() {
    std::vector<ValueId> ids{pool_.back()};
    const Uses uses(b_.graph);
    if (random_.chance(50)) {
      for (ValueId id : pool_) {
        if (uses.consumers[static_cast<std::size_t>(id)].empty() && id != ids[0]) ids.push_back(id);
      }
    }
    while (random_.chance(25)) ids.push_back(any());
    return ids;
  }

  using Step = ValueId (Generator::*)();

  void add_something() {
    static constexpr Step kSteps[] = {&Generator::conv,
                                      &Generator::conv,
                                      &Generator::conv,
                                      &Generator::conv,
                                      &Generator::unary,
                                      &Generator::unary,
                                      &Generator::clip,
                                      &Generator::binary,
                                      &Generator::binary,
                                      &Generator::residual,
                                      &Generator::constant_binary,
                                      &Generator::batch_norm,
                                      &Generator::pool,
                                      &Generator::reduce,
                                      &Generator::concat,
                                      &Generator::reshape,
                                      &Generator::transpose,
                                      &Generator::slice,
                                      &Generator::pad,
                                      &Generator::split,
                                      &Generator::gather,
                                      &Generator::resize,
                                      &Generator::blocks,
                                      &Generator::linear,
                                      &Generator::softmax,
                                      &Generator::layer_norm,
                                      &Generator::conv_transpose,
                                      &Generator::hard_swish,
                                      &Generator::gelu,
                                      &Generator::silu,
                                      &Generator::squeeze_excite,
                                      &Generator::inverted_residual,
                                      &Generator::shape_chain,
                                      &Generator::identity,
                                      &Generator::prelu};
    const Graph before = b_.graph;
    const auto size = static_cast<std::int64_t>(std::size(kSteps));
    const ValueId made = (this->*kSteps[random_.in(0, size - 1)])();
    if (made == kNoValue || !accept({made})) {
      b_.graph = before;
      return;
    }
    keep(made);
  }

  // Infers what is there; takes over the shapes unless it is refused, empty or large.
  bool accept(std::vector<ValueId> outputs) {
    Graph copy = b_.graph;
    copy.outputs = std::move(outputs);
    try {
      infer_shapes(copy, {}, evaluate_);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      return false;
    }
    std::map<ValueId, Shape> shapes;
    for (std::size_t i = 0; i < copy.values.size(); ++i) {
      const Value& v = copy.values[i];
      if (!v.shape) continue;
      const std::int64_t elements = v.shape->elements();
      if (!v.constant && (elements == 0 || elements > kMaxElements)) return false;
      shapes[static_cast<ValueId>(i)] = *v.shape;
    }
    shapes_ = std::move(shapes);
    return true;
  }

  void keep(ValueId id) { pool_.push_back(id); }

  // Mostly the newest value, so that graphs are deep; else any, so that they branch.
  ValueId any() {
    if (random_.chance(60)) return pool_.back();
    return pool_[static_cast<std::size_t>(
        random_.in(0, static_cast<std::int64_t>(pool_.size()) - 1))];
  }

  ValueId of_rank(int rank) {
    for (int tries = 0; tries < 8; ++tries) {
      const ValueId id = any();
      if (shape(id).rank() == rank) return id;
    }
    return kNoValue;
  }

  ValueId of_shape(const Shape& wanted) {
    for (int tries = 0; tries < 8; ++tries) {
      const ValueId id = any();
      if (shape(id) == wanted) return id;
    }
    return kNoValue;
  }

  // Values within a step have no shape yet; `shape` is for what the pool holds.
  const Shape& shape(ValueId id) const { return shapes_.at(id); }

  ValueId weights(const Shape& s, float limit) { return uniform(s, -limit, limit); }

  ValueId uniform(const Shape& s, float low, float high) {
    std::vector<float> values(static_cast<std::size_t>(s.elements()));
    for (float& v : values) v = random_.real(low, high);
    return b_.constant(make_tensor<float>(s, values));
  }

  ValueId scalar(float value) { return b_.constant(make_f32_scalar(value)); }

  ValueId list(const std::vector<std::int64_t>& values) { return b_.constant(make_s64(values)); }

  ValueId activate(ValueId x, UnaryKind kind, float alpha = 0, float beta = 0) {
    return b_.add(Op::kUnary, Unary{kind, alpha, beta}, {x});
  }

  ValueId combine(BinaryKind kind, ValueId a, ValueId b) {
    return b_.add(Op::kBinary, BinaryAttrs{kind, {}}, {a, b});
  }

  // A convolution to k channels; weights small enough that magnitudes do not explode.
  ValueId convolve(ValueId x, std::int64_t c, std::int64_t k, std::int64_t groups, Pair kernel,
                   ConvAttrs attrs) {
    attrs.groups = groups;
    const std::int64_t taps = c / groups * kernel[0] * kernel[1];
    std::vector<ValueId> inputs{
        x, weights({k, c / groups, kernel[0], kernel[1]}, 2.0f / static_cast<float>(taps + 1))};
    if (random_.chance(60)) inputs.push_back(weights({k}, 0.5f));
    return b_.add(Op::kConv, attrs, inputs);
  }

  ValueId pointwise(ValueId x, std::int64_t c, std::int64_t k) {
    return convolve(x, c, k, 1, {1, 1}, {});
  }

  ValueId conv() {
    const ValueId x = of_rank(4);
    if (x == kNoValue) return x;
    const std::int64_t c = shape(x)[1];
    ConvAttrs attrs;
    attrs.stride = {random_.chance(75) ? 1 : 2, random_.chance(75) ? 1 : 2};
    attrs.dilation = {random_.chance(85) ? 1 : 2, random_.chance(85) ? 1 : 2};
    attrs.pads = {random_.in(0, 2), random_.in(0, 2), random_.in(0, 2), random_.in(0, 2)};
    if (random_.chance(20)) attrs.auto_pad = static_cast<AutoPad>(random_.in(1, 3));
    const Pair kernel{random_.in(1, 4), random_.in(1, 4)};
    std::int64_t groups = 1, k = random_.in(1, 24);
    if (random_.chance(40)) groups = c, k = c * random_.in(1, 2);
    if (random_.chance(10) && c % 2 == 0) groups = 2, k = 2 * random_.in(1, 8);
    ValueId y = convolve(x, c, k, groups, kernel, attrs);
    if (random_.chance(20)) y = normalize(y, k);
    if (random_.chance(40)) y = activate(y, UnaryKind::kRelu);
    return y;
  }

  ValueId conv_transpose() {
    const ValueId x = of_rank(4);
    if (x == kNoValue) return x;
    const std::int64_t c = shape(x)[1];
    ConvTransposeAttrs attrs;
    attrs.stride = {random_.in(1, 2), random_.in(1, 2)};
    attrs.output_padding = {random_.chance(20) && attrs.stride[0] > 1, 0};
    attrs.pads = {random_.in(0, 1), random_.in(0, 1), random_.in(0, 1), random_.in(0, 1)};
    attrs.groups = random_.chance(20) ? c : 1;
    const Shape w{c, random_.in(1, 6), random_.in(1, 3), random_.in(1, 3)};
    std::vector<ValueId> inputs{x, weights(w, 1.0f / static_cast<float>(c))};
    if (random_.chance(50)) inputs.push_back(weights({w[1] * attrs.groups}, 0.5f));
    return b_.add(Op::kConvTranspose, attrs, inputs);
  }

  ValueId unary() {
    static constexpr std::array kKinds{
        UnaryKind::kRelu,    UnaryKind::kLeakyRelu, UnaryKind::kHardSigmoid, UnaryKind::kHardSwish,
        UnaryKind::kSigmoid, UnaryKind::kSilu,      UnaryKind::kTanh,        UnaryKind::kErf,
        UnaryKind::kGelu,    UnaryKind::kGeluTanh,  UnaryKind::kElu,         UnaryKind::kSoftplus,
        UnaryKind::kMish,    UnaryKind::kAbs,       UnaryKind::kNeg};
    const UnaryKind kind = kKinds[static_cast<std::size_t>(random_.in(0, kKinds.size() - 1))];
    const bool hard = kind == UnaryKind::kHardSigmoid || kind == UnaryKind::kHardSwish;
    const bool slope = kind == UnaryKind::kLeakyRelu || kind == UnaryKind::kElu;
    return activate(any(), kind, hard ? 1.0f / 6 : slope ? 0.25f : 0, hard ? 0.5f : 0);
  }

  ValueId clip() {
    const ValueId low = random_.chance(80) ? scalar(random_.real(-1, 0)) : kNoValue;
    const ValueId high = random_.chance(80) ? scalar(random_.real(0, 6)) : kNoValue;
    return b_.add(Op::kClip, {}, {any(), low, high});
  }

  ValueId binary() {
    static constexpr std::array kKinds{BinaryKind::kAdd, BinaryKind::kSub, BinaryKind::kMul,
                                       BinaryKind::kMin, BinaryKind::kMax};
    const BinaryKind kind = kKinds[static_cast<std::size_t>(random_.in(0, kKinds.size() - 1))];
    return combine(kind, any(), any());
  }

  ValueId constant_binary() {
    const ValueId x = any();
    const Shape& s = shape(x);
    Shape c;  // a scalar, one value per channel, or a whole tensor
    if (s.rank() >= 2 && random_.chance(50)) {
      c.push_back(s[1]);
      for (int d = 2; d < s.rank(); ++d) c.push_back(1);
    } else if (random_.chance(30)) {
      c = s;
    }
    switch (random_.in(0, 3)) {
      case 0:
        return combine(BinaryKind::kAdd, x, weights(c, 2));
      case 1:
        return combine(BinaryKind::kSub, weights(c, 2), x);
      case 2:
        return combine(BinaryKind::kMul, x, weights(c, 2));
      default:
        return combine(BinaryKind::kDiv, x, uniform(c, 0.5f, 4));
    }
  }

  ValueId residual() {
    const ValueId x = of_rank(4);
    if (x == kNoValue) return x;
    const ValueId y = convolve(x, shape(x)[1], shape(x)[1], 1, {3, 3}, {.pads = {1, 1, 1, 1}});
    const ValueId sum =
        random_.chance(50) ? combine(BinaryKind::kAdd, x, y) : combine(BinaryKind::kAdd, y, x);
    return random_.chance(50) ? activate(sum, UnaryKind::kRelu) : sum;
  }

  ValueId normalize(ValueId x, std::int64_t c) {
    return b_.add(Op::kBatchNorm, NormAttrs{},
                  {x, weights({c}, 1.5f), weights({c}, 1), weights({c}, 1), uniform({c}, 0.5f, 2)});
  }

  ValueId batch_norm() {
    const ValueId x = of_rank(4);
    return x == kNoValue ? x : normalize(x, shape(x)[1]);
  }

  ValueId layer_norm() {
    const ValueId x = any();
    if (shape(x).rank() < 1) return kNoValue;
    const Shape s{shape(x)[shape(x).rank() - 1]};
    // The large epsilon bounds how much the division can amplify rounding.
    return b_.add(Op::kLayerNorm, NormAttrs{.epsilon = 0.25f, .axis = -1},
                  {x, weights(s, 1), random_.chance(50) ? weights(s, 1) : kNoValue});
  }

  ValueId pool() {
    const ValueId x = of_rank(4);
    if (x == kNoValue) return x;
    PoolAttrs attrs;
    attrs.kind = random_.chance(50) ? PoolAttrs::Kind::kMax : PoolAttrs::Kind::kAverage;
    attrs.kernel = {random_.in(1, 3), random_.in(1, 3)};
    attrs.stride = {random_.in(1, 3), random_.in(1, 3)};
    attrs.pads = {random_.in(0, 1), random_.in(0, 1), random_.in(0, 1), random_.in(0, 1)};
    attrs.ceil_mode = random_.chance(30);
    attrs.count_include_pad = random_.chance(30);
    if (attrs.kind == PoolAttrs::Kind::kMax && random_.chance(15)) attrs.dilation = {2, 1};
    return b_.add(Op::kPool, attrs, {x});
  }

  ValueId reduce() {
    static constexpr std::array kKinds{ReduceAttrs::Kind::kMean, ReduceAttrs::Kind::kSum,
                                       ReduceAttrs::Kind::kMax, ReduceAttrs::Kind::kMin};
    const ValueId x = any();
    if (shape(x).rank() == 0) return kNoValue;
    ReduceAttrs attrs;
    attrs.kind = kKinds[static_cast<std::size_t>(random_.in(0, 3))];
    attrs.keep_dims = random_.chance(70);
    attrs.spatial = shape(x).rank() == 4 && random_.chance(50);
    if (attrs.spatial) return b_.add(Op::kReduce, attrs, {x});
    return b_.add(Op::kReduce, attrs, {x, list({random_.in(-shape(x).rank(), -1)})});
  }

  ValueId concat() {
    const ValueId x = any();
    if (shape(x).rank() == 0) return kNoValue;
    const std::int64_t axis = random_.in(0, shape(x).rank() - 1);
    std::vector<ValueId> inputs{x, any()};
    if (random_.chance(30)) inputs.push_back(activate(x, UnaryKind::kRelu));
    return b_.add(Op::kConcat, AxisAttrs{axis}, inputs);
  }

  ValueId reshape() {
    const ValueId x = any();
    const int rank = shape(x).rank();
    switch (random_.in(0, 4)) {
      case 0:
        return b_.add(Op::kFlatten, AxisAttrs{random_.in(0, rank)}, {x});
      case 1:
        return b_.add(Op::kSqueeze, {}, {x});
      case 2:
        return b_.add(Op::kUnsqueeze, {}, {x, list({random_.in(0, rank)})});
      case 3:
        return b_.add(Op::kReshape, ReshapeAttrs{}, {x, list({-1, random_.in(1, 4)})});
      default:
        return rank < 3 ? kNoValue
                        : b_.add(Op::kReshape, ReshapeAttrs{}, {x, list({0, -1, shape(x)[2], 1})});
    }
  }

  ValueId transpose() {
    const ValueId x = any();
    const int rank = shape(x).rank();
    std::vector<std::int64_t> perm;
    for (int d = 0; d < rank; ++d) {
      perm.insert(perm.begin() + random_.in(0, d), d);
    }
    return b_.add(Op::kTranspose, TransposeAttrs{perm}, {x});
  }

  ValueId slice() {
    const ValueId x = any();
    if (shape(x).rank() == 0) return kNoValue;
    const std::int64_t step = random_.chance(70) ? 1 : random_.chance(50) ? 2 : -1;
    return b_.add(Op::kSlice, {},
                  {x, list({step < 0 ? -1 : random_.in(-2, 2)}), list({step < 0 ? -100 : 100}),
                   list({random_.in(-shape(x).rank(), -1)}), list({step})});
  }

  ValueId pad() {
    const ValueId x = any();
    const int rank = shape(x).rank();
    std::vector<std::int64_t> pads(static_cast<std::size_t>(2 * rank), 0);
    for (std::size_t i = 0; i < pads.size(); ++i) {
      if (static_cast<int>(i) % rank >= rank - 2) pads[i] = random_.in(-1, 2);
    }
    const auto mode = static_cast<PadAttrs::Mode>(random_.in(0, 2));
    if (random_.chance(50)) {  // spatial zeros, which a convolution may absorb
      for (std::int64_t& p : pads) p = p < 0 ? 0 : p;
      const ValueId y = b_.add(Op::kPad, PadAttrs{}, {x, list(pads)});
      if (rank != 4) return y;
      return convolve(y, shape(x)[1], 4, 1, {2, 2}, {});
    }
    return b_.add(Op::kPad, PadAttrs{mode}, {x, list(pads)});
  }

  ValueId split() {
    const ValueId x = any();
    if (shape(x).rank() < 2) return kNoValue;
    const std::vector<ValueId> parts = b_.node(Op::kSplit, AxisAttrs{1}, {x}, 2);
    return random_.chance(50) ? parts[static_cast<std::size_t>(random_.in(0, 1))]
                              : b_.add(Op::kConcat, AxisAttrs{1}, {parts[1], parts[0]});
  }

  ValueId gather() {
    const ValueId x = any();
    if (shape(x).rank() == 0) return kNoValue;
    const std::int64_t axis = random_.in(0, shape(x).rank() - 1);
    const std::int64_t last = shape(x)[static_cast<int>(axis)] - 1;
    return b_.add(Op::kGather, AxisAttrs{axis}, {x, list({0, last, random_.in(-1, last)})});
  }

  ValueId resize() {
    const ValueId x = of_rank(4);
    if (x == kNoValue) return x;
    ResizeAttrs attrs;
    if (random_.chance(50)) {
      attrs.coordinates = ResizeAttrs::Coordinates::kAsymmetric;
      attrs.nearest = ResizeAttrs::Nearest::kFloor;
    } else {
      attrs.mode = ResizeAttrs::Mode::kLinear;
    }
    return b_.add(Op::kResize, attrs,
                  {x, kNoValue, b_.constant(make_tensor<float>({4}, {1, 1, 2, 2}))});
  }

  ValueId blocks() {
    const ValueId x = of_rank(4);
    const Op op = random_.chance(50) ? Op::kDepthToSpace : Op::kSpaceToDepth;
    return x == kNoValue ? x : b_.add(op, BlockAttrs{2, random_.chance(50)}, {x});
  }

  ValueId linear() {
    const ValueId x = any();
    const int rank = shape(x).rank();
    if (rank == 0) return kNoValue;
    const std::int64_t in = shape(x)[rank - 1], out = random_.in(1, 16);
    const ValueId w = weights({in, out}, 2.0f / static_cast<float>(in + 1));
    if (rank == 2 && random_.chance(50)) {
      return b_.add(Op::kGemm, GemmAttrs{}, {x, w, weights({out}, 1)});
    }
    const ValueId y = b_.add(Op::kMatMul, {}, {x, w});
    return random_.chance(50) ? combine(BinaryKind::kAdd, y, weights({out}, 1)) : y;
  }

  ValueId softmax() {
    const ValueId x = any();
    if (shape(x).rank() == 0) return kNoValue;
    return b_.add(Op::kSoftmax, AxisAttrs{random_.in(0, shape(x).rank() - 1), random_.chance(20)},
                  {x});
  }

  // x * clip(x + 3, 0, 6) / 6.
  ValueId hard_swish() {
    const ValueId x = any();
    const ValueId shifted = combine(BinaryKind::kAdd, x, scalar(3));
    const ValueId clipped = b_.add(Op::kClip, {}, {shifted, scalar(0), scalar(6)});
    if (random_.chance(50)) {
      return combine(BinaryKind::kDiv, combine(BinaryKind::kMul, x, clipped), scalar(6));
    }
    return combine(BinaryKind::kMul, x, combine(BinaryKind::kDiv, clipped, scalar(6)));
  }

  // 0.5 x (1 + erf(x / sqrt 2)).
  ValueId gelu() {
    const ValueId x = any();
    const ValueId scaled = combine(BinaryKind::kDiv, x, scalar(1.41421356f));
    const ValueId one = combine(BinaryKind::kAdd, activate(scaled, UnaryKind::kErf), scalar(1));
    return combine(BinaryKind::kMul, combine(BinaryKind::kMul, x, one), scalar(0.5f));
  }

  ValueId silu() {
    const ValueId x = any();
    return combine(BinaryKind::kMul, activate(x, UnaryKind::kSigmoid), x);
  }

  ValueId squeeze_excite() {
    const ValueId x = of_rank(4);
    if (x == kNoValue) return x;
    const std::int64_t c = shape(x)[1];
    const ValueId mean = b_.add(Op::kReduce, ReduceAttrs{.spatial = true}, {x});
    const ValueId inner = activate(pointwise(mean, c, 4), UnaryKind::kRelu);
    const ValueId gate = activate(pointwise(inner, 4, c), UnaryKind::kHardSigmoid, 0.2f, 0.5f);
    return combine(BinaryKind::kMul, x, gate);
  }

  ValueId inverted_residual() {
    const ValueId x = of_rank(4);
    if (x == kNoValue) return x;
    const std::int64_t c = shape(x)[1], wide = 2 * c + random_.in(0, 3);
    ValueId y = normalize(pointwise(x, c, wide), wide);
    y = b_.add(Op::kClip, {}, {y, scalar(0), scalar(6)});
    const std::int64_t stride = random_.in(1, 2);
    y = convolve(y, wide, wide, wide, {3, 3}, {.stride = {stride, stride}, .pads = {1, 1, 1, 1}});
    y = b_.add(Op::kClip, {}, {normalize(y, wide), scalar(0), scalar(6)});
    y = normalize(pointwise(y, wide, c), c);
    return stride == 1 ? combine(BinaryKind::kAdd, x, y) : y;
  }

  // Reshapes to [shape(x)[0], -1] as exporters write it.
  ValueId shape_chain() {
    const ValueId x = any();
    if (shape(x).rank() == 0) return kNoValue;
    const ValueId extents = b_.add(Op::kShape, ShapeAttrs{}, {x});
    const ValueId n = b_.add(Op::kSlice, {}, {extents, list({0}), list({1})});
    const ValueId target = b_.add(Op::kConcat, AxisAttrs{0}, {n, list({-1})});
    return b_.add(Op::kReshape, ReshapeAttrs{}, {x, target});
  }

  ValueId identity() { return b_.add(Op::kIdentity, {}, {any()}); }

  ValueId prelu() {
    const ValueId x = of_rank(4);
    if (x == kNoValue) return x;
    return combine(BinaryKind::kPrelu, x, weights({shape(x)[1], 1, 1}, 0.5f));
  }

  Random random_;
  const Evaluate& evaluate_;
  GraphBuilder b_;
  std::vector<ValueId> pool_;
  std::map<ValueId, Shape> shapes_;
};

}  // namespace

Graph random_graph(std::uint64_t seed, int steps, const Evaluate& evaluate) {
  return Generator(seed, evaluate).run(steps);
}

}  // namespace convoy::testing
