// Transcendental functions on vectors of f32, within a few units in the last place on every target.
// Highway's own ignore NaN and infinities; these keep them. Errors are tested in
// kernels/elementwise/activation_test.cc.
// Include inside a file compiled by hwy/foreach_target.h, after hwy/highway.h.
#if defined(CONVOY_KERNELS_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_SIMD_MATH_INL_H_
#undef CONVOY_KERNELS_SIMD_MATH_INL_H_
#else
#define CONVOY_KERNELS_SIMD_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include <limits>

#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// max(v, low) and min(v, high) that return v when v is NaN. x86 returns the second operand when
// either is NaN, so the value goes second; Highway's other targets return the one that is no NaN.
#define CONVOY_MAX_KEEPS_NAN \
  (HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3)

template <class V>
HWY_INLINE V at_least(V low, V v) {
#if CONVOY_MAX_KEEPS_NAN
  return hn::Max(low, v);
#else
  return hn::IfThenElse(hn::Lt(v, low), low, v);
#endif
}
template <class V>
HWY_INLINE V at_most(V high, V v) {
#if CONVOY_MAX_KEEPS_NAN
  return hn::Min(high, v);
#else
  return hn::IfThenElse(hn::Lt(high, v), high, v);
#endif
}
#undef CONVOY_MAX_KEEPS_NAN

template <class V>
HWY_INLINE V clamp(V v, V low, V high) {
  return at_most(high, at_least(low, v));
}

// x = power * ln 2 + rest, |rest| <= ln 2 / 2; `poly` is exp(rest) - 1.
template <class D, class V = hn::Vec<D>>
struct ExpParts {
  hn::Vec<hn::RebindToSigned<D>> power;
  V poly;

  HWY_INLINE ExpParts(D d, V x) {
    const V rounded = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
    power = hn::ConvertTo(hn::RebindToSigned<D>(), rounded);
    // ln 2 in two parts, the first short enough for exact products.
    V rest = hn::MulAdd(rounded, hn::Set(d, -0.693145751953125f), x);
    rest = hn::MulAdd(rounded, hn::Set(d, -1.428606765330187045e-6f), rest);
    // Highway's coefficients.
    const V square = hn::Mul(rest, rest);
    V p = hn::MulAdd(rest, hn::Set(d, 0.000198527617612853646f), hn::Set(d, 0.00139304355252534f));
    p = hn::MulAdd(rest, p, hn::Set(d, 0.00833336077630519867f));
    p = hn::MulAdd(rest, p, hn::Set(d, 0.0416664853692054749f));
    p = hn::MulAdd(rest, p, hn::Set(d, 0.166666671633720398f));
    p = hn::MulAdd(rest, p, hn::Set(d, 0.5f));
    poly = hn::MulAdd(square, p, rest);
  }
};

// 2^e for -127 < e < 128.
template <class D, class VI>
HWY_INLINE hn::Vec<D> power_of_two(D d, VI e) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(e, hn::Set(di, 127))));
}

// Infinite above 88.7, denormal and then 0 below -87.3.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exponential(D d, V x) {
  const ExpParts<D> parts(d, clamp(x, hn::Set(d, -104.0f), hn::Set(d, 89.0f)));
  // In two steps, since 2^power alone may overflow or vanish.
  const auto half = hn::ShiftRight<1>(parts.power);
  const V value = hn::Add(parts.poly, hn::Set(d, 1.0f));
  return hn::Mul(hn::Mul(value, power_of_two(d, half)),
                 power_of_two(d, hn::Sub(parts.power, half)));
}

// exp(x) - 1 for x <= 40, accurate near 0 too.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exponential_minus_one(D d, V x) {
  const ExpParts<D> parts(d, clamp(x, hn::Set(d, -40.0f), hn::Set(d, 40.0f)));
  const V scale = power_of_two(d, parts.power);
  return hn::MulAdd(scale, parts.poly, hn::Sub(scale, hn::Set(d, 1.0f)));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V e = exponential(d, hn::Neg(hn::Abs(x)));  // at most 1, so that nothing overflows
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V hyperbolic_tangent(D d, V x) {
  // 1 to within half a unit from 9.01 on.
  const V size = at_most(hn::Set(d, 10.0f), hn::Abs(x));
  const V t = exponential_minus_one(d, hn::Add(size, size));
  return hn::CopySign(hn::Div(t, hn::Add(t, hn::Set(d, 2.0f))), x);
}

// log(1 + exp(x)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V softplus(D d, V x) {
  const V e = exponential(d, hn::Neg(hn::Abs(x)));
  return hn::Add(at_least(hn::Zero(d), x), hn::Log1p(d, e));
}

// x * tanh(softplus(x)), where tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V mish(D d, V x) {
  const V two = hn::Set(d, 2.0f);
  const V e = exponential(d, at_most(hn::Set(d, 20.0f), x));
  const V n = hn::Mul(e, hn::Add(e, two));
  return hn::Mul(x, hn::Div(n, hn::Add(n, two)));
}

// Minimax forms of N. Juffa: odd around 0, 1 - exp(polynomial) outside.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V error_function(D d, V x) {
  const V size = at_most(hn::Set(d, 4.2f), hn::Abs(x));  // 1 in f32 from 3.92 on
  const V square = hn::Mul(x, x);
  V inner = hn::Set(d, -5.96761703e-4f);
  for (float c :
       {4.99119423e-3f, -2.67681349e-2f, 1.12819925e-1f, -3.76125336e-1f, 1.28379166e-1f}) {
    inner = hn::MulAdd(inner, square, hn::Set(d, c));
  }
  inner = hn::MulAdd(inner, x, x);

  V outer = hn::Set(d, -1.72853470e-5f);
  for (float c : {3.83197126e-4f, -3.88396438e-3f, 2.42546219e-2f, -1.06777877e-1f, -6.34846687e-1f,
                  -1.28717512e-1f}) {
    outer = hn::MulAdd(outer, size, hn::Set(d, c));
  }
  outer = hn::MulAdd(outer, size, hn::Neg(size));
  outer = hn::CopySign(hn::Neg(exponential_minus_one(d, outer)), x);
  return hn::IfThenElse(hn::Gt(hn::Abs(x), hn::Set(d, 0.927734375f)), outer, inner);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V logarithm(D d, V x) {
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  const V zero = hn::Zero(d);
  const V finite = hn::Log(d, x);
  const V special = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity),
                                   hn::IfThenElse(hn::Eq(x, infinity), infinity, hn::NaN(d)));
  const auto regular = hn::And(hn::Gt(x, zero), hn::Lt(x, infinity));
  return hn::IfThenElse(regular, finite, special);
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
