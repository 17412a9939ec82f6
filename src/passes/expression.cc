#include "passes/expression.h"

#include <algorithm>
#include <cmath>

#include "passes/constants.h"

namespace convoy::passes {
namespace {

constexpr int kMaxDepth = 8;  // of nodes between x and the result

bool is_zero(const Polynomial& a) {
  return std::all_of(a.begin(), a.end(), [](double c) { return c == 0; });
}

bool is_number(const Expression& e) {
  return e.function < 0 && e.p[1] == 0 && e.p[2] == 0 && e.p[3] == 0;
}

std::optional<Polynomial> multiply(const Polynomial& a, const Polynomial& b) {
  Polynomial product{};
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      const double term = a[i] * b[j];
      if (term == 0) continue;
      if (i + j >= product.size()) return std::nullopt;
      product[i + j] += term;
    }
  }
  return product;
}

std::optional<Expression> multiply(const Expression& a, const Expression& b) {
  if (a.function >= 0 && b.function >= 0) return std::nullopt;
  const Expression& with = a.function >= 0 ? a : b;
  const Expression& plain = a.function >= 0 ? b : a;
  const auto p = multiply(with.p, plain.p), q = multiply(with.q, plain.p);
  if (!p || !q) return std::nullopt;
  return Expression{*p, *q, with.function};
}

std::optional<Expression> add(const Expression& a, const Expression& b, double sign) {
  if (a.function >= 0 && b.function >= 0) return std::nullopt;
  Expression sum{a.p, a.q, std::max(a.function, b.function)};
  for (std::size_t i = 0; i < sum.p.size(); ++i) {
    sum.p[i] += sign * b.p[i];
    sum.q[i] += sign * b.q[i];
  }
  return sum;
}

std::optional<Expression> power(const Expression& base, const Expression& exponent) {
  const double n = exponent.p[0];
  if (!is_number(exponent) || (n != 2 && n != 3)) return std::nullopt;
  auto result = multiply(base, base);
  return result && n == 3 ? multiply(*result, base) : result;
}

std::optional<Expression> combine(BinaryKind kind, const Expression& a, const Expression& b) {
  switch (kind) {
    case BinaryKind::kAdd:
      return add(a, b, 1);
    case BinaryKind::kSub:
      return add(a, b, -1);
    case BinaryKind::kMul:
      return multiply(a, b);
    case BinaryKind::kDiv:
      if (!is_number(b) || b.p[0] == 0) return std::nullopt;
      return multiply(a, Expression{{1 / b.p[0]}, {}, -1});
    case BinaryKind::kPow:
      return power(a, b);
    default:
      return std::nullopt;
  }
}

std::optional<Expression> read(Editor& editor, ValueId v, ValueId x, bool inner, int depth) {
  if (v == x) return Expression{{0, 1}, {}, -1};
  if (const auto number = splat(editor.graph(), v)) return Expression{{*number}, {}, -1};
  const int n = editor.producer(v);
  if (n < 0 || depth > kMaxDepth || (inner && !editor.sole_use(v))) return std::nullopt;
  if (!is_f32(editor.graph(), v) || !(editor.shape(v) == editor.shape(x))) return std::nullopt;
  const Node& node = editor.node(n);
  if (node.op == Op::kUnary) {
    if (node.as<Unary>().kind != UnaryKind::kNeg) return Expression{{}, {1}, n};
    const auto a = read(editor, node.inputs[0], x, true, depth + 1);
    return a ? multiply(*a, Expression{{-1}, {}, -1}) : std::nullopt;
  }
  if (node.op != Op::kBinary) return std::nullopt;
  const auto& attrs = node.as<BinaryAttrs>();
  if (attrs.activation.kind != UnaryKind::kIdentity) return std::nullopt;
  const auto a = read(editor, node.inputs[0], x, true, depth + 1);
  if (!a) return std::nullopt;
  const auto b = read(editor, node.inputs[1], x, true, depth + 1);
  return b ? combine(attrs.kind, *a, *b) : std::nullopt;
}

}  // namespace

std::optional<Expression> read_expression(Editor& editor, ValueId result, ValueId x) {
  return read(editor, result, x, false, 0);
}

std::optional<Polynomial> read_polynomial(Editor& editor, ValueId value, ValueId x) {
  const auto e = read(editor, value, x, true, 0);
  if (!e || e->function >= 0 || !is_zero(e->q)) return std::nullopt;
  return e->p;
}

bool near(double a, double b) {
  constexpr double kRelative = 1e-6, kNothing = 1e-9;
  return std::fabs(a - b) <= std::max(kRelative * std::max(std::fabs(a), std::fabs(b)), kNothing);
}

bool near(const Polynomial& a, const Polynomial& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) { return near(x, y); });
}

}  // namespace convoy::passes
