// Clips, spelled-out activations and layer normalisation: what is recognised and what is not.
#include <cmath>
#include <functional>

#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

using B = Builder&;
using Spell = std::function<ValueId(B, ValueId)>;

// The one activation that `spell` becomes; kIdentity when it stays in pieces.
Unary recognised(const Spell& spell, const Shape& shape = {1, 4, 3, 3}) {
  Builder b;
  const ValueId x = b.input("x", shape);
  Graph graph = b.done({spell(b, x)});
  apply(simplify_clips, graph);
  apply(simplify_activations, graph);
  const Node& last = graph.nodes.back();
  if (graph.nodes.size() != 1 || last.op != Op::kUnary || last.inputs[0] != x) return {};
  return last.as<Unary>();
}

const Unary kHardSwish{UnaryKind::kHardSwish, 1.0f / 6, 0.5f};

ValueId gate(B b, ValueId x, float shift = 3, float low = 0, float high = 6) {
  return b.clip(b.plus(x, b.scalar(shift)), low, high);
}

TEST(SimplifyActivations, HardSwishInItsOrders) {
  const Spell forms[] = {
      [](B b, ValueId x) { return b.over(b.times(x, gate(b, x)), b.scalar(6)); },
      [](B b, ValueId x) { return b.times(b.over(gate(b, x), b.scalar(6)), x); },
      [](B b, ValueId x) { return b.times(x, b.times(gate(b, x), b.scalar(1.0f / 6))); },
      [](B b, ValueId x) { return b.times(b.times(x, b.scalar(1.0f / 6)), gate(b, x)); },
      [](B b, ValueId x) { return b.times(b.scalar(1.0f / 6), b.times(gate(b, x), x)); },
      [](B b, ValueId x) {
        return b.over(b.times(x, gate(b, x)), b.weights({1, 1, 1}, 6));
      },
      [](B b, ValueId x) {
        return b.times(x, b.unary(UnaryKind::kHardSigmoid, x, 1.0f / 6, 0.5f));
      },
      // min(max(x + 3, 0), 6), and a clip around zero shifted afterwards
      [](B b, ValueId x) {
        const ValueId low = b.binary(BinaryKind::kMax, b.plus(x, b.scalar(3)), b.scalar(0));
        return b.over(b.times(x, b.binary(BinaryKind::kMin, low, b.scalar(6))), b.scalar(6));
      },
      [](B b, ValueId x) {
        const ValueId centred = b.plus(b.clip(x, -3, 3), b.scalar(3));
        return b.times(x, b.over(centred, b.scalar(6)));
      },
  };
  for (std::size_t i = 0; i < std::size(forms); ++i) {
    const Unary f = recognised(forms[i]);
    EXPECT_EQ(f.kind, UnaryKind::kHardSwish) << i;
    EXPECT_NEAR(f.alpha, kHardSwish.alpha, 1e-7f) << i;
    EXPECT_NEAR(f.beta, kHardSwish.beta, 1e-7f) << i;
  }
}

TEST(SimplifyActivations, HardSigmoidInPieces) {
  const Unary f = recognised([](B b, ValueId x) { return b.over(gate(b, x), b.scalar(6)); });
  EXPECT_EQ(f.kind, UnaryKind::kHardSigmoid);
  EXPECT_NEAR(f.alpha, 1.0f / 6, 1e-7f);
  EXPECT_NEAR(f.beta, 0.5f, 1e-7f);
}

TEST(SimplifyActivations, HardSwishWithOtherNumbersIsNone) {
  const auto with = [](float shift, float low, float high, float divisor) {
    return recognised([=](B b, ValueId x) {
             return b.over(b.times(x, gate(b, x, shift, low, high)), b.scalar(divisor));
           })
        .kind;
  };
  EXPECT_EQ(with(3, 0, 6, 6), UnaryKind::kHardSwish);
  EXPECT_EQ(with(3, 0, 5, 6), UnaryKind::kIdentity);
  EXPECT_EQ(with(3, 0, 6, 5), UnaryKind::kIdentity);
  EXPECT_EQ(with(3, -1, 6, 6), UnaryKind::kIdentity);
  EXPECT_EQ(with(3, 0, 6, -6), UnaryKind::kIdentity);
  EXPECT_EQ(with(3, 0, 6, 6.0001f), UnaryKind::kIdentity);
}

TEST(SimplifyActivations, OneMoreReaderInBetweenKeepsThePieces) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 3, 3});
  const ValueId clipped = gate(b, x);
  const ValueId y = b.over(b.times(x, clipped), b.scalar(6));
  Graph graph = b.done({y, clipped});
  EXPECT_EQ(apply(simplify_activations, graph), 0);
}

TEST(SimplifyActivations, AnotherOperandInTheProductIsNoGate) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 3, 3}), z = b.input("z", Shape{1, 4, 3, 3});
  Graph graph = b.done(
      {b.over(b.times(z, gate(b, x)), b.scalar(6)), b.times(z, b.unary(UnaryKind::kSigmoid, x))});
  EXPECT_EQ(apply(simplify_activations, graph), 0);
}

TEST(SimplifyActivations, SmoothOnes) {
  const auto kind = [](const Spell& spell) { return recognised(spell).kind; };
  EXPECT_EQ(kind([](B b, ValueId x) { return b.times(x, b.unary(UnaryKind::kSigmoid, x)); }),
            UnaryKind::kSilu);
  EXPECT_EQ(kind([](B b, ValueId x) {
              const ValueId y = b.times(x, b.scalar(1.702f));
              return b.times(x, b.unary(UnaryKind::kSigmoid, y));
            }),
            UnaryKind::kIdentity)
      << "the sigmoid approximation of gelu is not silu";
  EXPECT_EQ(kind([](B b, ValueId x) {
              const ValueId e = b.unary(UnaryKind::kExp, x);
              return b.unary(UnaryKind::kLog, b.plus(b.scalar(1), e));
            }),
            UnaryKind::kSoftplus);
  EXPECT_EQ(kind([](B b, ValueId x) {
              return b.times(b.unary(UnaryKind::kTanh, b.unary(UnaryKind::kSoftplus, x)), x);
            }),
            UnaryKind::kMish);
}

ValueId erf_plus_one(B b, ValueId x, float root = 1.41421356f) {
  return b.plus(b.unary(UnaryKind::kErf, b.over(x, b.scalar(root))), b.scalar(1));
}

TEST(SimplifyActivations, GeluInItsOrders) {
  const Spell forms[] = {
      [](B b, ValueId x) { return b.times(b.times(x, erf_plus_one(b, x)), b.scalar(0.5f)); },
      [](B b, ValueId x) { return b.times(b.times(x, b.scalar(0.5f)), erf_plus_one(b, x)); },
      [](B b, ValueId x) { return b.times(x, b.times(b.scalar(0.5f), erf_plus_one(b, x))); },
      [](B b, ValueId x) { return b.over(b.times(erf_plus_one(b, x), x), b.scalar(2)); },
      [](B b, ValueId x) {
        const ValueId e = b.unary(UnaryKind::kErf, b.times(x, b.scalar(0.70710678f)));
        return b.times(x, b.plus(b.times(e, b.scalar(0.5f)), b.scalar(0.5f)));
      },
  };
  for (std::size_t i = 0; i < std::size(forms); ++i) {
    EXPECT_EQ(recognised(forms[i]).kind, UnaryKind::kGelu) << i;
  }
  EXPECT_EQ(recognised([](B b, ValueId x) {
              return b.times(b.times(x, erf_plus_one(b, x, 1.4f)), b.scalar(0.5f));
            }).kind,
            UnaryKind::kIdentity);
  EXPECT_EQ(recognised([](B b, ValueId x) { return b.times(x, erf_plus_one(b, x)); }).kind,
            UnaryKind::kIdentity);
}

TEST(SimplifyActivations, TanhGelu) {
  const auto form = [](float cubic) {
    return recognised([=](B b, ValueId x) {
             const ValueId cube = b.binary(BinaryKind::kPow, x, b.scalar(3));
             const ValueId sum = b.plus(x, b.times(b.scalar(cubic), cube));
             const ValueId t = b.unary(UnaryKind::kTanh, b.times(b.scalar(0.7978845608f), sum));
             return b.times(b.times(b.scalar(0.5f), x), b.plus(b.scalar(1), t));
           })
        .kind;
  };
  EXPECT_EQ(form(0.044715f), UnaryKind::kGeluTanh);
  EXPECT_EQ(form(0.0447f), UnaryKind::kIdentity);
}

TEST(SimplifyClips, BecomesOneReluOrClip) {
  const auto nothing = kNoValue;
  const Spell clip6 = [=](B b, ValueId x) {
    return b.add(Op::kClip, {}, {x, b.scalar(0), b.scalar(6)});
  };
  EXPECT_EQ(recognised(clip6), (Unary{UnaryKind::kClip, 0, 6}));
  EXPECT_EQ(recognised([=](B b, ValueId x) {
              return b.add(Op::kClip, {}, {x, b.scalar(0), nothing});
            }),
            Unary{UnaryKind::kRelu});
  EXPECT_EQ(recognised([](B b, ValueId x) { return b.binary(BinaryKind::kMax, b.scalar(0), x); }),
            Unary{UnaryKind::kRelu});
  EXPECT_EQ(recognised([](B b, ValueId x) {
              return b.binary(BinaryKind::kMin, b.unary(UnaryKind::kRelu, x), b.scalar(6));
            }),
            (Unary{UnaryKind::kClip, 0, 6}));
  EXPECT_EQ(recognised([](B b, ValueId x) { return b.clip(b.clip(x, -1, 4), 0, 6); }),
            (Unary{UnaryKind::kClip, 0, 4}));
  EXPECT_EQ(recognised([](B b, ValueId x) { return b.clip(b.clip(x, -9, -8), 0, 6); }),
            (Unary{UnaryKind::kClip, 0, 0}));
}

TEST(SimplifyClips, KeepsWhatItCannotSay) {
  Builder b;
  const ValueId x = b.input("x", Shape{2, 3}), bound = b.input("bound", Shape{});
  Graph graph = b.done({b.add(Op::kClip, {}, {x, bound, b.scalar(6)}),
                        b.binary(BinaryKind::kMax, x, b.weights({3})),
                        b.binary(BinaryKind::kMin, x, b.scalar(6))});
  EXPECT_EQ(apply(simplify_clips, graph), 0);
}

struct NormOptions {
  bool squared_by_mul = false;
  std::int64_t axis = -1;
  float power = 2;
  std::int64_t scale_extent = 6;
  bool biased = true;
};

Graph layer_norm(const NormOptions& o) {
  Builder b;
  const ValueId x = b.input("x", Shape{2, 5, 6});
  const ReduceAttrs mean;
  const ValueId centred = b.minus(x, b.add(Op::kReduce, mean, {x, b.ints({o.axis})}));
  const ValueId squares = o.squared_by_mul ? b.times(centred, centred)
                                           : b.binary(BinaryKind::kPow, centred, b.scalar(o.power));
  const ValueId variance = b.add(Op::kReduce, mean, {squares, b.ints({o.axis})});
  const ValueId deviation = b.unary(UnaryKind::kSqrt, b.plus(variance, b.scalar(1e-6f)));
  ValueId y = b.times(b.over(centred, deviation), b.weights({o.scale_extent}));
  if (o.biased) y = b.plus(y, b.weights({6}));
  return b.done({y});
}

TEST(SimplifyLayerNorm, Recognises) {
  for (bool by_mul : {false, true}) {
    Graph graph = layer_norm({.squared_by_mul = by_mul});
    EXPECT_EQ(apply(simplify_layer_norm, graph), 1);
    ASSERT_EQ(ops(graph), std::vector{Op::kLayerNorm});
    EXPECT_EQ(graph.nodes[0].inputs.size(), 3u);
    EXPECT_EQ(graph.nodes[0].as<NormAttrs>().axis, 2);
    EXPECT_EQ(graph.nodes[0].as<NormAttrs>().epsilon, 1e-6f);
  }
  Graph plain = layer_norm({.biased = false});
  apply(simplify_layer_norm, plain);
  EXPECT_EQ(ops(plain), std::vector{Op::kLayerNorm});
}

TEST(SimplifyLayerNorm, KeepsOtherArithmetic) {
  for (const NormOptions& o :
       {NormOptions{.axis = 1}, NormOptions{.power = 3}, NormOptions{.scale_extent = 1}}) {
    Graph graph = layer_norm(o);
    EXPECT_EQ(apply(simplify_layer_norm, graph), 0);
  }
}

}  // namespace
}  // namespace convoy::passes
