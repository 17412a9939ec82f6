// Chains of convolutions and what goes with them, run strip by strip: the same results, whatever
// the region, the number of strips and the windows.
#include "plan/patch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "exec/session.h"
#include "tests/property/error_bound.h"
#include "tests/property/memory_check.h"
#include "tests/property/random_graph.h"
#include "tests/support/graph_builder.h"

namespace convoy::testing {
namespace {

// A chain of 1 to 10 layers over a map of odd and even extents, of one image or more.
class Chain : public GraphBuilder {
 public:
  explicit Chain(std::uint64_t seed) : random_(seed) {
    const std::int64_t batch = random_.chance(80) ? 1 : 2;
    shape_ = {batch, random_.in(1, 9), random_.in(12, 60), random_.in(5, 20)};
    ValueId x = input("x", shape_);
    const std::int64_t depth = random_.in(1, 10);
    for (std::int64_t i = 0; i < depth; ++i) x = layer(x);
    graph = finish({x});
  }

 private:
  ConstTensor random_tensor(const Shape& shape, float size) {
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (float& v : values) v = random_.real(-size, size);
    return make_tensor(shape, values);
  }

  ValueId layer(ValueId x) {
    switch (random_.in(0, 9)) {
      case 0:
        return pool(x);
      case 1:
        return add(Op::kUnary, Unary{UnaryKind::kClip, 0, 6}, {x});
      case 2:
        return add(Op::kBinary, BinaryAttrs{BinaryKind::kMul, {}},
                   {x, constant(random_tensor({1, shape_[1], 1, 1}, 2))});
      case 3:
        return block(x);
      case 4: {
        const Shape before = shape_;
        const ValueId a = conv(x, 3, random_.in(1, 8), 1);
        const ValueId b = add(Op::kUnary, Unary{UnaryKind::kRelu, 0, 0}, {a});
        const ValueId both = add(Op::kConcat, AxisAttrs{1, false}, {a, b, x});
        shape_[1] = 2 * shape_[1] + before[1];
        return both;
      }
      default:
        return conv(x, 0, 0, 0);
    }
  }

  // Arguments of 0 are random. Same extents with a stride of 1 and an odd kernel of at least 3.
  ValueId conv(ValueId x, std::int64_t kernel, std::int64_t k, std::int64_t groups) {
    ConvAttrs attrs;
    const bool depthwise = groups == 0 && random_.chance(30);
    const bool keeps_extents = kernel > 0;
    const std::int64_t c = shape_[1];
    if (k == 0) k = depthwise ? c : random_.in(1, 12);
    attrs.groups = depthwise ? c : std::max<std::int64_t>(1, groups);
    const std::int64_t r = keeps_extents ? kernel : 2 * random_.in(0, 3) + 1;
    for (int axis = 0; axis < 2; ++axis) {
      const auto at = static_cast<std::size_t>(axis);
      attrs.stride[at] = keeps_extents || random_.chance(60) ? 1 : random_.in(1, 3);
      attrs.dilation[at] = keeps_extents || random_.chance(70) ? 1 : 2;
      const std::int64_t span = attrs.dilation[at] * (r - 1) + 1;
      const std::int64_t extent = shape_[axis + 2];
      std::int64_t begin = keeps_extents ? r / 2 : random_.in(0, std::min(r - 1, std::int64_t{3}));
      std::int64_t end = keeps_extents ? r / 2 : random_.in(0, std::min(r - 1, std::int64_t{3}));
      if (extent + begin + end < span) end += span - extent - begin - end;
      (axis == 0 ? attrs.pads.top : attrs.pads.left) = begin;
      (axis == 0 ? attrs.pads.bottom : attrs.pads.right) = end;
      shape_[axis + 2] = (extent + begin + end - span) / attrs.stride[at] + 1;
    }
    shape_[1] = k;
    const Shape w{k, c / attrs.groups, r, r};
    const float size = 1.5f / static_cast<float>(std::sqrt(w[1] * r * r));
    return add(Op::kConv, attrs,
               {x, constant(random_tensor(w, size)), constant(random_tensor({k}, 1))});
  }

  ValueId pool(ValueId x) {
    PoolAttrs attrs;
    attrs.kind = random_.chance(50) ? PoolAttrs::Kind::kMax : PoolAttrs::Kind::kAverage;
    attrs.count_include_pad = random_.chance(50);
    attrs.kernel = {3, 2};
    attrs.stride = {random_.in(1, 2), 1};
    attrs.pads = {random_.in(0, 1), 0, random_.in(0, 1), 1};
    if (shape_[2] < 3) return x;
    shape_[2] = (shape_[2] + attrs.pads.top + attrs.pads.bottom - 3) / attrs.stride[0] + 1;
    return add(Op::kPool, attrs, {x});
  }

  // Expand, filter, project and add: the residual lies inside a region or crosses its border.
  ValueId block(ValueId x) {
    const std::int64_t c = shape_[1];
    ValueId y = conv(x, 1, 2 * c, 1);
    y = add(Op::kUnary, Unary{UnaryKind::kClip, 0, 6}, {y});
    y = conv(y, 2 * random_.in(1, 2) + 1, c, 1);
    return add(Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {}}, {y, x});
  }

  Random random_;
  Shape shape_;
};

CompileOptions as_it_is() {
  CompileOptions options;
  options.threads = 2;
  for (const std::string_view pass : pass_names()) options.disabled_passes.emplace(pass);
  options.plan.fuse = false;
  return options;
}

std::vector<float> run(const Program& program, const std::vector<float>& x) {
  const auto shared = std::shared_ptr<const Program>(std::shared_ptr<void>(), &program);
  Session session(shared);
  const Shape& in = *program.graph.value(program.graph.inputs[0]).shape;
  const Shape& out = *program.graph.value(program.graph.outputs[0]).shape;
  std::vector<float> y(static_cast<std::size_t>(out.elements()), NAN);
  const TensorView inputs[] = {{const_cast<float*>(x.data()), DType::kF32, Layout::kNchw, in}};
  const TensorView outputs[] = {{y.data(), DType::kF32, Layout::kNchw, out}};
  session.run(inputs, outputs);
  return y;
}

// Shapes of a rewritten graph are what inference says they are.
void expect_shapes_inferred(const Graph& graph) {
  Graph again = graph;
  infer_shapes(again, {}, {});
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    EXPECT_EQ(to_string(*again.values[v].shape), to_string(*graph.values[v].shape))
        << graph.values[v].name;
  }
}

// Of every node the kernel that computes it, of all its strips when it has several.
std::map<std::string, std::set<std::string_view>> kernels_of(const Program& program) {
  std::map<std::string, std::set<std::string_view>> result;
  for (const Step& step : program.plan.steps) {
    const Node& node = program.graph.nodes[static_cast<std::size_t>(step.node)];
    if (node.op != Op::kConv) continue;
    result[node.name.substr(0, node.name.find('['))].insert(step.implementation->name);
  }
  return result;
}

TEST(Patches, RandomRegionsOfRandomChainsComputeTheSame) {
  int regions = 0, exact = 0, impossible = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Chain chain(seed);
    Graph original = chain.graph;
    infer_shapes(original, {}, reference_evaluator());
    Graph graph = original;
    Random random(seed + 77);
    // Without a layout pass the maps stay NCHW, and rows are copied.
    PassOptions passes;
    passes.evaluate = reference_evaluator();
    if (random.chance(20)) passes.disabled.insert("assign_layouts");
    run_passes(graph, passes);

    const auto last = static_cast<std::int32_t>(random.in(0, std::ssize(graph.nodes) - 1));
    const auto first = static_cast<std::int32_t>(random.in(0, last));
    const Shape& whole = *graph.value(graph.nodes[static_cast<std::size_t>(last)].outputs[0]).shape;
    if (whole.rank() != 4 || whole[2] < 2) continue;
    const std::int64_t strips = random.in(2, whole[2]);
    Graph patched;
    try {
      patched = with_patches(graph, {{first, last, strips}});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      ++impossible;
      continue;
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + ", nodes " + std::to_string(first) + " to " +
                 std::to_string(last) + " in " + std::to_string(strips) + " strips\n" +
                 to_string(graph));
    ++regions;
    SCOPED_TRACE(to_string(patched));
    verify(patched, true);
    expect_shapes_inferred(patched);
    const auto plain = compile(graph, as_it_is());
    const auto strip_by_strip = compile(patched, as_it_is());
    EXPECT_EQ(check_memory(strip_by_strip->plan, strip_by_strip->graph), "");

    auto input = std::make_shared<Tensor>(DType::kF32, *original.value(original.inputs[0]).shape);
    std::vector<float> x(static_cast<std::size_t>(input->shape().elements()));
    for (float& v : x) v = random.real(-1, 1);
    std::memcpy(input->view().data, x.data(), input->view().bytes());
    const std::vector<float> expected = run(*plain, x), found = run(*strip_by_strip, x);
    if (std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0) {
      ++exact;
      continue;
    }
    // Only another kernel, which the fewer rows made the faster one, may sum in another order.
    EXPECT_NE(kernels_of(*plain), kernels_of(*strip_by_strip)) << "other bits from equal kernels";
    const std::vector<ConstTensor> inputs{input};
    const Bounded bound =
        run_bounded(original, inputs)[static_cast<std::size_t>(original.outputs[0])];
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_LE(std::fabs(found[i] - expected[i]), 2 * bound.error) << "element " << i;
    }
  }
  std::printf("%d regions, %d of them bit for bit, %d impossible\n", regions, exact, impossible);
  EXPECT_GE(regions, 200);
  EXPECT_GE(exact, regions * 9 / 10);
}

// Whatever the budget: it is kept with the same results, or refused.
TEST(Patches, RandomBudgetsAreKeptOrRefused) {
  int kept = 0, cut = 0, refused = 0;
  for (std::uint64_t seed = 1000; seed < 1080; ++seed) {
    const Chain chain(seed);
    Random random(seed);
    CompileOptions options;
    options.threads = 1;
    options.plan.fuse = random.chance(50);
    const auto plain = compile(chain.graph, options);
    std::vector<float> x(
        static_cast<std::size_t>(plain->graph.value(plain->graph.inputs[0]).shape->elements()));
    for (float& v : x) v = random.real(-1, 1);
    const std::vector<float> expected = run(*plain, x);
    for (const double share : {0.8, 0.6, 0.4}) {
      options.plan.memory_budget =
          static_cast<std::size_t>(share * static_cast<double>(plain->plan.arena_bytes));
      SCOPED_TRACE("seed " + std::to_string(seed) + ", budget " +
                   std::to_string(options.plan.memory_budget));
      try {
        const auto small = compile(chain.graph, options);
        EXPECT_LE(small->plan.arena_bytes, options.plan.memory_budget);
        EXPECT_EQ(check_memory(small->plan, small->graph), "");
        const std::vector<float> found = run(*small, x);
        for (std::size_t i = 0; i < found.size(); ++i) {
          ASSERT_NEAR(found[i], expected[i], 1e-3f * (1 + std::fabs(expected[i])));
        }
        ++kept;
        if (!small->plan.strips.empty()) ++cut;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
        ++refused;
      }
    }
  }
  std::printf("%d budgets kept, %d of them in strips, %d refused\n", kept, cut, refused);
  EXPECT_GE(kept, 60);
  EXPECT_GE(cut, 20);
}

}  // namespace
}  // namespace convoy::testing
