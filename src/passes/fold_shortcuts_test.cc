#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

constexpr std::int64_t kChannels = 4;

struct Options {
  std::int64_t groups = kChannels, r = 3, s = 3;
  Pair stride{1, 1}, dilation{1, 1};
  Pads pads{1, 1, 1, 1};
  bool conv_first = true, read_elsewhere = false, of_another = false;
  UnaryKind activation = UnaryKind::kIdentity;
};

Graph shortcut(const Options& o) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, kChannels, 6, 7});
  const ValueId other = b.input("other", Shape{1, kChannels, 6, 7});
  ConvAttrs attrs;
  attrs.groups = o.groups;
  attrs.stride = o.stride;
  attrs.dilation = o.dilation;
  attrs.pads = o.pads;
  attrs.epilogue.activation.kind = o.activation;
  const ValueId w = b.weights({kChannels, kChannels / o.groups, o.r, o.s});
  const ValueId y = b.add(Op::kConv, attrs, {x, w, b.weights({kChannels}, 0.5f)});
  const ValueId shortcut = o.of_another ? other : x;
  std::vector<ValueId> outputs{o.conv_first ? b.plus(y, shortcut) : b.plus(shortcut, y)};
  if (o.read_elsewhere) outputs.push_back(y);
  return b.done(outputs);
}

// The places where the weights have become larger by one, after all others were seen to be as they
// were.
std::vector<std::int64_t> larger_by_one(const Options& o) {
  const std::vector<float> before = floats(shortcut(o), shortcut(o).nodes[0].inputs[1]);
  Graph graph = shortcut(o);
  EXPECT_EQ(apply(fold_shortcuts, graph), 1);
  EXPECT_EQ(ops(graph), std::vector{Op::kConv});
  const std::vector<float> after = floats(graph, graph.nodes[0].inputs[1]);
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (after[i] == before[i]) continue;
    EXPECT_EQ(after[i], before[i] + 1);
    places.push_back(static_cast<std::int64_t>(i));
  }
  return places;
}

TEST(FoldShortcuts, MakesTheMiddleTapLarger) {
  using ::testing::ElementsAre;
  EXPECT_THAT(larger_by_one({}), ElementsAre(4, 13, 22, 31));
  EXPECT_THAT(larger_by_one({.conv_first = false}), ElementsAre(4, 13, 22, 31));
  EXPECT_THAT(larger_by_one({.dilation = {2, 2}, .pads = {2, 2, 2, 2}}),
              ElementsAre(4, 13, 22, 31));
  EXPECT_THAT(larger_by_one({.r = 1, .s = 5, .pads = {0, 2, 0, 2}}), ElementsAre(2, 7, 12, 17));
}

TEST(FoldShortcuts, FindsTheTapThatMeetsThePixel) {
  using ::testing::ElementsAre;
  EXPECT_THAT(larger_by_one({.pads = {2, 0, 0, 2}}), ElementsAre(6, 15, 24, 33));
  EXPECT_THAT(larger_by_one({.r = 2, .s = 2, .pads = {0, 1, 1, 0}}), ElementsAre(1, 5, 9, 13));
}

TEST(FoldShortcuts, FindsTheChannelInItsGroup) {
  using ::testing::ElementsAre;
  EXPECT_THAT(larger_by_one({.groups = 1, .r = 1, .s = 1, .pads = {}}), ElementsAre(0, 5, 10, 15));
  EXPECT_THAT(larger_by_one({.groups = 2, .r = 1, .s = 1, .pads = {}}), ElementsAre(0, 3, 4, 7));
}

TEST(FoldShortcuts, Refuses) {
  const Options refused[] = {
      {.read_elsewhere = true},
      {.of_another = true},
      {.activation = UnaryKind::kRelu},
      {.dilation = {2, 1}, .pads = {3, 1, 1, 1}},  // between two taps
  };
  for (const Options& o : refused) {
    Graph graph = shortcut(o);
    EXPECT_EQ(apply(fold_shortcuts, graph), 0);
  }
}

TEST(FoldShortcuts, RefusesWhatBroadcasts) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, kChannels, 1, 1});
  ConvAttrs attrs;
  attrs.groups = kChannels;
  attrs.pads = {2, 2, 2, 2};
  const ValueId y = b.add(Op::kConv, attrs, {x, b.weights({kChannels, 1, 3, 3})});  // 3 x 3
  Graph graph = b.done({b.plus(y, x)});
  EXPECT_EQ(apply(fold_shortcuts, graph), 0);
}

TEST(FoldShortcuts, FindsEachOfAChain) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId y = b.plus(b.conv(x, 2, 2, 3), x);
  Graph graph = b.done({b.plus(y, b.conv(y, 2, 2, 1))});
  EXPECT_EQ(apply(fold_shortcuts, graph), 2);
  EXPECT_EQ(ops(graph), (std::vector{Op::kConv, Op::kConv}));
}

}  // namespace
}  // namespace convoy::passes
