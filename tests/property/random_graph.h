// Small random models: chains and branches of every operator that is continuous in its float
// operands, with the patterns that exporters write and passes look for.
#pragma once

#include <cstdint>

#include "graph/infer.h"

namespace convoy::testing {

// A generator of its own, so that a seed means the same graph with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) { next(); }
  std::uint64_t next();
  // In [low, high].
  std::int64_t in(std::int64_t low, std::int64_t high);
  bool chance(int percent) { return in(1, 100) <= percent; }
  float real(float low, float high);

 private:
  std::uint64_t state_;
};

// Makes up to `steps` additions to a graph of one or two inputs; additions that shape inference
// refuses are left out, so every graph infers. A prefix of the same seed is the same graph: the
// first `steps` for which a property fails is the smallest failure of that seed.
// Shapes are not inferred in the result.
Graph random_graph(std::uint64_t seed, int steps, const Evaluate& evaluate);

}  // namespace convoy::testing
