// Activations that exporters spell out in pieces, in whatever order, become one kUnary.
#include <algorithm>
#include <optional>
#include <vector>

#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/expression.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

constexpr double kInvSqrt2 = 0.70710678118654752440, kSqrt2OverPi = 0.79788456080286535588;
constexpr int kMaxDepth = 8;

// The function inside the expression that ends at `v`, if any: the nearest kUnary that only the
// expression reads.
int find_function(Editor& editor, ValueId v, bool inner, int depth) {
  const int n = editor.producer(v);
  if (n < 0 || depth > kMaxDepth || (inner && !editor.sole_use(v))) return -1;
  const Node& node = editor.node(n);
  if (node.op == Op::kUnary && node.as<Unary>().kind != UnaryKind::kNeg) return n;
  if (node.op != Op::kBinary && node.op != Op::kUnary) return -1;
  for (ValueId operand : node.inputs) {
    const int found = find_function(editor, operand, true, depth + 1);
    if (found >= 0) return found;
  }
  return -1;
}

// Values that the argument of the function may be written in: itself, and what it is computed from.
void collect_variables(Editor& editor, ValueId v, int depth, std::vector<ValueId>& out) {
  if (is_constant(editor.graph(), v) || out.size() >= 8 || depth > kMaxDepth) return;
  if (std::find(out.begin(), out.end(), v) == out.end()) out.push_back(v);
  const int n = editor.producer(v);
  if (n < 0 || !editor.sole_use(v)) return;
  const Node& node = editor.node(n);
  if (node.op != Op::kBinary && node.op != Op::kUnary) return;
  for (ValueId operand : node.inputs) collect_variables(editor, operand, depth + 1, out);
}

// p + q * limits(a x + b) as a gate that runs from 0 to 1: hard_sigmoid.
std::optional<Unary> hard_gate(double p, double q, const Polynomial& argument, const Unary& f) {
  double low = 0, high = 1, a = argument[1], b = argument[0];
  if (f.kind == UnaryKind::kClip) {
    low = static_cast<double>(f.alpha);
    high = static_cast<double>(f.beta);
  } else {  // kHardSigmoid
    b = static_cast<double>(f.alpha) * b + static_cast<double>(f.beta);
    a = static_cast<double>(f.alpha) * a;
  }
  if (argument[2] != 0 || argument[3] != 0 || a == 0 || q <= 0) return std::nullopt;
  if (!near(p + q * low, 0) || !near(p + q * high, 1)) return std::nullopt;
  return Unary{UnaryKind::kHardSigmoid, static_cast<float>(q * a), static_cast<float>(q * b + p)};
}

std::optional<Unary> recognise_hard(const Expression& e, const Polynomial& argument,
                                    const Unary& f) {
  const bool constant = near(e.p[1], 0) && near(e.q[1], 0);
  const bool times_x = near(e.p[0], 0) && near(e.q[0], 0);
  const bool linear = e.p[2] == 0 && e.p[3] == 0 && e.q[2] == 0 && e.q[3] == 0;
  if (!linear || constant == times_x) return std::nullopt;
  const std::size_t degree = times_x ? 1 : 0;
  auto gate = hard_gate(e.p[degree], e.q[degree], argument, f);
  if (gate && times_x) gate->kind = UnaryKind::kHardSwish;
  return gate;
}

std::optional<Unary> recognise_smooth(const Expression& e, const Polynomial& argument,
                                      UnaryKind kind) {
  const Polynomial zero{}, x{0, 1}, half_x{0, 0.5};
  const bool gated = near(e.p, zero) && near(e.q, x);           // x * u
  const bool centred = near(e.p, half_x) && near(e.q, half_x);  // 0.5 x (1 + u)
  if (kind == UnaryKind::kSigmoid && gated && near(argument, x)) return Unary{UnaryKind::kSilu};
  if (kind == UnaryKind::kErf && centred && near(argument, Polynomial{0, kInvSqrt2})) {
    return Unary{UnaryKind::kGelu};
  }
  if (kind == UnaryKind::kTanh && centred &&
      near(argument, Polynomial{0, kSqrt2OverPi, 0, kSqrt2OverPi * 0.044715})) {
    return Unary{UnaryKind::kGeluTanh};
  }
  return std::nullopt;
}

// x * tanh(softplus(x))
std::optional<Unary> recognise_mish(Editor& editor, const Expression& e, const Node& tanh,
                                    ValueId x) {
  const int n = editor.producer(tanh.inputs[0], Op::kUnary);
  if (n < 0 || !editor.sole_use(tanh.inputs[0])) return std::nullopt;
  const Node& inner = editor.node(n);
  if (inner.as<Unary>().kind != UnaryKind::kSoftplus || inner.inputs[0] != x) return std::nullopt;
  if (!near(e.p, Polynomial{}) || !near(e.q, Polynomial{0, 1})) return std::nullopt;
  return Unary{UnaryKind::kMish};
}

std::optional<Unary> recognise(Editor& editor, ValueId result, ValueId x) {
  const auto e = read_expression(editor, result, x);
  if (!e || e->function < 0) return std::nullopt;
  const Node& function = editor.node(e->function);
  const Unary& f = function.as<Unary>();
  if (f.kind == UnaryKind::kTanh) {
    if (const auto mish = recognise_mish(editor, *e, function, x)) return mish;
  }
  const auto argument = read_polynomial(editor, function.inputs[0], x);
  if (!argument) return std::nullopt;
  if (f.kind == UnaryKind::kClip || f.kind == UnaryKind::kHardSigmoid) {
    return recognise_hard(*e, *argument, f);
  }
  return recognise_smooth(*e, *argument, f.kind);
}

// softplus(x) = log(1 + exp(x)), which overflows long before softplus does.
bool simplify_softplus(Editor& editor, int n) {
  const Node& log = editor.node(n);
  if (log.op != Op::kUnary || log.as<Unary>().kind != UnaryKind::kLog) return false;
  const int add = editor.producer(log.inputs[0], Op::kBinary);
  if (add < 0 || !is_f32(editor.graph(), log.outputs[0])) return false;
  const int exp = find_function(editor, log.inputs[0], true, 0);
  if (exp < 0 || editor.node(exp).as<Unary>().kind != UnaryKind::kExp) return false;
  const ValueId x = editor.node(exp).inputs[0];
  const auto e = read_expression(editor, log.inputs[0], x);
  if (!e || e->function != exp || !near(e->p, Polynomial{1}) || !near(e->q, Polynomial{1})) {
    return false;
  }
  editor.rewrite(n, Op::kUnary, Unary{UnaryKind::kSoftplus}, {x});
  return true;
}

bool simplify(Editor& editor, int n) {
  const Node& node = editor.node(n);
  const ValueId result = node.outputs[0];
  const int function = find_function(editor, result, false, 0);
  if (function < 0) return false;
  std::vector<ValueId> variables;
  collect_variables(editor, editor.node(function).inputs[0], 0, variables);
  // The innermost first: what is added before a hard gate belongs to its parameters.
  for (auto x = variables.rbegin(); x != variables.rend(); ++x) {
    if (const auto unary = recognise(editor, result, *x)) {
      editor.rewrite(n, Op::kUnary, *unary, {*x});
      return true;
    }
  }
  return false;
}

}  // namespace

int simplify_activations(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (!editor.dead(n) && simplify_softplus(editor, n)) editor.changed();
  }
  // From the end, so that the outermost node of an expression is tried first.
  for (int n = editor.size() - 1; n >= 0; --n) {
    if (editor.dead(n) || editor.node(n).op != Op::kBinary) continue;
    if (is_f32(graph, editor.node(n).outputs[0]) && simplify(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
