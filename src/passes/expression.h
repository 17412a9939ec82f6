// Arithmetic around one function, read back from the nodes it was spelled out in.
#pragma once

#include <array>
#include <optional>

#include "passes/editor.h"

namespace convoy::passes {

using Polynomial = std::array<double, 4>;  // c[0] + c[1] x + c[2] x^2 + c[3] x^3

// p(x) + q(x) * u, with u the result of node `function` (a kUnary); -1 when there is none.
struct Expression {
  Polynomial p{};
  Polynomial q{};
  int function = -1;
};

// Reads the elementwise arithmetic between `x` and `result` (additions, products, divisions by and
// powers of constants). Nothing when there is anything else, when a value in between has another
// reader, another shape than x, or a type other than f32.
std::optional<Expression> read_expression(Editor& editor, ValueId result, ValueId x);

// The same where no function may occur; `value` itself may have other readers only if it is x.
std::optional<Polynomial> read_polynomial(Editor& editor, ValueId value, ValueId x);

// Equal but for the rounding of constants to f32 and to the digits people write.
bool near(double a, double b);
bool near(const Polynomial& a, const Polynomial& b);

}  // namespace convoy::passes
