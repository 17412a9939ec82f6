// Every implementation of the operators that only move data, against the definition of each
// operator written as "which operand element does this result element come from".
#include <algorithm>
#include <functional>

#include "tests/support/step.h"

namespace convoy {
namespace {

using namespace testing;  // NOLINT: test helpers

using Index = std::array<std::int64_t, kMaxRank>;

Index index_of(std::int64_t element, const Shape& shape) {
  Index index{};
  for (int a = shape.rank() - 1; a >= 0; --a) {
    index[static_cast<std::size_t>(a)] = element % shape[a];
    element /= shape[a];
  }
  return index;
}

std::int64_t offset_of(const Index& index, const TensorView& view) {
  if (view.layout == Layout::kChwn8) {
    std::int64_t offset = index[0] / 8;
    for (int a = 1; a < view.shape.rank(); ++a) {
      offset = offset * view.shape[a] + index[static_cast<std::size_t>(a)];
    }
    return offset * 8 + index[0] % 8;
  }
  const Strides strides = strides_of(view.shape, view.layout);
  std::int64_t offset = 0;
  for (std::size_t a = 0; a < kMaxRank; ++a) offset += index[a] * strides[a];
  return offset;
}

// Where a result element comes from: an operand and an index into it.
struct Source {
  std::size_t input;
  Index index;
};
using Definition = std::function<Source(std::size_t output, const Index& index)>;

void check(const Step& step, const Definition& definition) {
  for (const Implementation* entry : implementations(step.op)) {
    const bool is_reference = entry == implementations(step.op).back();
    if (const Support support = supports(*entry, step); !support) {
      EXPECT_FALSE(is_reference) << entry->name << ": " << support.reason;
      continue;
    }
    const auto results = run_step(*entry, step);
    for (std::size_t i = 0; i < results.size(); ++i) {
      const TensorView& y = step.outputs[i];
      const std::size_t size = size_of(y.dtype);
      const std::int64_t count = y.elements();
      for (std::int64_t element = 0; element < count; ++element) {
        const Index index = index_of(element, y.shape);
        const Source source = definition(i, index);
        const Operand& x = step.inputs[source.input];
        const auto from = static_cast<std::size_t>(offset_of(source.index, x.view)) * size;
        const auto to = static_cast<std::size_t>(offset_of(index, y)) * size;
        ASSERT_EQ(std::memcmp(&results[i][to], &x.values[from], size), 0)
            << entry->name << " " << to_string(x.view.shape) << " -> " << to_string(y.shape) << " "
            << to_string(x.view.layout) << " -> " << to_string(y.layout) << " "
            << to_string(y.dtype) << ", element " << element;
      }
    }
  }
}

TensorView result(DType dtype, const Shape& shape, Layout layout = Layout::kNchw) {
  return {nullptr, dtype, layout, shape};
}

constexpr DType kTypes[] = {DType::kU8, DType::kF16, DType::kF32, DType::kS64};

TEST(Reorder, BetweenAllLayouts) {
  constexpr Layout kLayouts[] = {Layout::kNchw, Layout::kNhwc, Layout::kChwn, Layout::kChwn8};
  const Shape shapes[] = {{1, 3, 13, 9},  {2, 4, 5, 7}, {9, 2, 3, 5},     {17, 1, 4, 4},
                          {1, 37, 6, 11}, {3, 16, 21},  {2, 3, 4, 5, 2},  {8, 64, 5, 13},
                          {1, 2, 40, 33}, {0, 3, 4, 4}, {1, 130, 17, 16}, {1, 8, 1, 1}};
  for (DType dtype : kTypes) {
    for (const Shape& shape : shapes) {
      if (dtype != DType::kF32 && shape[0] != 9 && shape[1] != 37) continue;  // one of each kind
      for (Layout from : kLayouts) {
        for (Layout to : kLayouts) {
          const Step step{Op::kReorder,
                          {},
                          {random_operand(dtype, shape, from, 7)},
                          {result(dtype, shape, to)}};
          check(step, [](std::size_t, const Index& index) { return Source{0, index}; });
        }
      }
    }
  }
}

constexpr Layout kTwoLayouts[] = {Layout::kNchw, Layout::kNhwc};

TEST(Concat, AndSplitAlongEveryAxis) {
  for (DType dtype : kTypes) {
    for (Layout layout : kTwoLayouts) {
      for (int axis = 0; axis < 4; ++axis) {
        const std::int64_t parts[] = {3, 0, 8, 1};
        Shape whole{2, 3, 5, 7};
        whole[axis] = 12;
        Step concat{Op::kConcat, AxisAttrs{axis - 4}, {}, {result(dtype, whole, layout)}};
        Step split{Op::kSplit, AxisAttrs{axis}, {random_operand(dtype, whole, layout, 1)}, {}};
        for (std::int64_t part : parts) {
          Shape shape = whole;
          shape[axis] = part;
          concat.inputs.push_back(random_operand(dtype, shape, layout, 2));
          split.outputs.push_back(result(dtype, shape, layout));
        }
        const auto a = static_cast<std::size_t>(axis);
        check(concat, [&](std::size_t, Index index) {
          std::size_t part = 0;
          while (index[a] >= parts[part]) index[a] -= parts[part++];
          return Source{part, index};
        });
        check(split, [&](std::size_t output, Index index) {
          for (std::size_t part = 0; part < output; ++part) index[a] += parts[part];
          return Source{0, index};
        });
      }
    }
  }
}

TEST(Slice, WithAnySteps) {
  const auto s64 = [](const std::vector<std::int64_t>& v) { return testing::constant_ints(v); };
  for (Layout layout : kTwoLayouts) {
    const Operand x = random_operand(DType::kF32, {2, 9, 6, 7}, layout, 3);
    // Channels 8, 5, 2; rows 1 .. 5; columns 6 down to 0.
    const Step step{
        Op::kSlice,
        {},
        {x, s64({-1, 1, 100}), s64({-100, 100, INT64_MIN}), s64({1, -2, 3}), s64({-3, 1, -1})},
        {result(DType::kF32, {2, 3, 5, 7}, layout)}};
    check(step, [](std::size_t, Index i) {
      return Source{0, {i[0], 8 - 3 * i[1], 1 + i[2], 6 - i[3]}};
    });
    // Without axes and steps; an empty result; a step as large as they come.
    check({Op::kSlice,
           {},
           {x, s64({1, 4}), s64({2, 6}), absent()},
           {result(DType::kF32, {1, 2, 6, 7}, layout)}},
          [](std::size_t, Index i) {
            return Source{0, {i[0] + 1, i[1] + 4, i[2], i[3]}};
          });
    check({Op::kSlice,
           {},
           {x, s64({7}), s64({7}), s64({3})},
           {result(DType::kF32, {2, 9, 6, 0}, layout)}},
          [](std::size_t, Index i) {
            return Source{0, i};
          });
    check({Op::kSlice,
           {},
           {x, s64({-1}), s64({INT64_MIN}), s64({1}), s64({INT64_MIN})},
           {result(DType::kF32, {2, 1, 6, 7}, layout)}},
          [](std::size_t, Index i) {
            return Source{0, {i[0], 8, i[2], i[3]}};
          });
  }
}

TEST(Slice, DeclinesWhatItCannotKnow) {
  Step step{Op::kSlice,
            {},
            {random_operand(DType::kF32, {4}, Layout::kNchw, 1), testing::constant_ints({0}),
             testing::constant_ints({2})},
            {result(DType::kF32, {2})}};
  step.inputs[1].constant = false;
  for (const Implementation* entry : implementations(Op::kSlice)) {
    EXPECT_EQ(supports(*entry, step).reason, "needs constant starts") << entry->name;
  }
}

TEST(Transpose, EveryPermutation) {
  for (DType dtype : kTypes) {
    for (const Shape& shape : {Shape{2, 19, 3, 17}, Shape{1, 8, 16, 33}, Shape{5, 1, 40, 2}}) {
      std::vector<std::int64_t> perm = {0, 1, 2, 3};
      do {
        Shape y = shape;
        for (int a = 0; a < 4; ++a)
          y[a] = shape[static_cast<int>(perm[static_cast<std::size_t>(a)])];
        check({Op::kTranspose,
               TransposeAttrs{perm},
               {random_operand(dtype, shape, Layout::kNchw, 4)},
               {result(dtype, y)}},
              [&](std::size_t, const Index& i) {
                Source source{0, {}};
                for (std::size_t a = 0; a < 4; ++a) {
                  source.index[static_cast<std::size_t>(perm[a])] = i[a];
                }
                return source;
              });
      } while (std::next_permutation(perm.begin(), perm.end()));
    }
  }
}

TEST(Transpose, ReversesByDefaultAndBlocksLongRows) {
  check({Op::kTranspose,
         TransposeAttrs{},
         {random_operand(DType::kF32, {301, 517}, Layout::kNchw, 5)},
         {result(DType::kF32, {517, 301})}},
        [](std::size_t, const Index& i) {
          return Source{0, {i[1], i[0]}};
        });
}

TEST(Expand, AndTileRepeat) {
  for (DType dtype : kTypes) {
    const Operand x = random_operand(dtype, {3, 1, 5}, Layout::kNchw, 6);
    check(
        {Op::kExpand, {}, {x, testing::constant_ints({2, 3, 4, 5})}, {result(dtype, {2, 3, 4, 5})}},
        [](std::size_t, const Index& i) {
          return Source{0, {i[1], 0, i[3]}};
        });
    check({Op::kTile, {}, {x, testing::constant_ints({2, 3, 4})}, {result(dtype, {6, 3, 20})}},
          [](std::size_t, const Index& i) {
            return Source{0, {i[0] % 3, 0, i[2] % 5}};
          });
    check({Op::kTile, {}, {x, testing::constant_ints({2, 0, 4})}, {result(dtype, {6, 0, 20})}},
          [](std::size_t, const Index&) {
            return Source{0, {}};
          });
  }
}

TEST(Reshape, AndItsKinKeepTheOrder) {
  for (Op op : {Op::kReshape, Op::kFlatten, Op::kSqueeze, Op::kUnsqueeze}) {
    check({op,
           {},
           {random_operand(DType::kF16, {3, 4, 5}, Layout::kNchw, 7)},
           {result(DType::kF16, {60})}},
          [](std::size_t, const Index& i) {
            return Source{0, index_of(i[0], {3, 4, 5})};
          });
  }
  for (Layout layout : kTwoLayouts) {
    check({Op::kIdentity,
           {},
           {random_operand(DType::kF32, {1, 4, 5, 3}, layout, 7)},
           {result(DType::kF32, {1, 4, 5, 3}, layout)}},
          [](std::size_t, const Index& i) {
            return Source{0, i};
          });
  }
}

// numpy's modes, each written out.
std::int64_t padded_source(PadAttrs::Mode mode, std::int64_t i, std::int64_t extent) {
  switch (mode) {
    case PadAttrs::Mode::kConstant:
      break;
    case PadAttrs::Mode::kEdge:
      return i < 0 ? 0 : i >= extent ? extent - 1 : i;
    case PadAttrs::Mode::kWrap:
      while (i < 0) i += extent;
      return i % extent;
    case PadAttrs::Mode::kReflect:
      while (extent > 1 && (i < 0 || i >= extent)) i = i < 0 ? -i : 2 * (extent - 1) - i;
      return extent == 1 ? 0 : i;
  }
  return i < 0 || i >= extent ? -1 : i;
}

TEST(Pad, EveryModeBothWays) {
  const std::vector<std::int64_t> cases[] = {{0, 0, 1, 2, 0, 0, 3, 1},
                                             {1, 2, 0, 0, 0, 3, 0, 0},
                                             {0, 0, 9, 0, 0, 0, 0, 14},
                                             {0, 0, 0, 0, 0, 0, 0, 0},
                                             {0, 1, -1, 2, 0, -1, 1, -2}};
  for (PadAttrs::Mode mode : {PadAttrs::Mode::kConstant, PadAttrs::Mode::kReflect,
                              PadAttrs::Mode::kEdge, PadAttrs::Mode::kWrap}) {
    for (const auto& pads : cases) {
      for (Layout layout : kTwoLayouts) {
        for (const bool value : {true, false}) {
          const Shape shape{1, 3, 4, 6};
          Shape y = shape;
          for (int a = 0; a < 4; ++a) {
            y[a] += pads[static_cast<std::size_t>(a)] + pads[static_cast<std::size_t>(a) + 4];
          }
          Step step{Op::kPad,
                    PadAttrs{mode},
                    {random_operand(DType::kF32, shape, layout, 8), testing::constant_ints(pads),
                     value ? operand<float>(Shape{}, {1.5f}) : absent()},
                    {result(DType::kF32, y, layout)}};
          Step with_zero = step;  // the definition's constant, when there is no operand
          with_zero.inputs[2] = operand<float>(Shape{}, {value ? 1.5f : 0.0f});
          const auto definition = [&](std::size_t, const Index& i) {
            Source source{0, {}};
            for (std::size_t a = 0; a < 4; ++a) {
              const std::int64_t crop = std::max<std::int64_t>(-pads[a], 0);
              const std::int64_t kept =
                  shape[static_cast<int>(a)] - crop - std::max<std::int64_t>(-pads[a + 4], 0);
              const std::int64_t from =
                  padded_source(mode, i[a] - std::max<std::int64_t>(pads[a], 0), kept);
              if (from < 0) return Source{2, {}};
              source.index[a] = crop + from;
            }
            return source;
          };
          if (value) {
            check(step, definition);
          } else {
            for (const Implementation* entry : implementations(Op::kPad)) {
              EXPECT_EQ(run_step(*entry, step),
                        run_step(*implementations(Op::kPad).back(), with_zero));
            }
          }
        }
      }
    }
  }
}

TEST(DepthToSpace, AndBack) {
  for (Layout layout : kTwoLayouts) {
    for (std::int64_t block : {1, 2, 3}) {
      const Shape deep{2, 5 * block * block, 4, 3}, wide{2, 5, 4 * block, 3 * block};
      for (const bool crd : {false, true}) {
        check({Op::kDepthToSpace,
               BlockAttrs{block, crd},
               {random_operand(DType::kF32, deep, layout, 9)},
               {result(DType::kF32, wide, layout)}},
              [&](std::size_t, const Index& i) {
                const std::int64_t corner = i[2] % block * block + i[3] % block;
                const std::int64_t c = crd ? i[1] * block * block + corner : corner * 5 + i[1];
                return Source{0, {i[0], c, i[2] / block, i[3] / block}};
              });
      }
      check({Op::kSpaceToDepth,
             BlockAttrs{block},
             {random_operand(DType::kF32, wide, layout, 9)},
             {result(DType::kF32, deep, layout)}},
            [&](std::size_t, const Index& i) {
              const std::int64_t corner = i[1] / 5;
              return Source{
                  0,
                  {i[0], i[1] % 5, i[2] * block + corner / block, i[3] * block + corner % block}};
            });
    }
  }
}

TEST(Gather, CountsNegativeIndicesFromTheEndAndClampsTheRest) {
  const Operand x = random_operand(DType::kF32, {3, 5, 4}, Layout::kNchw, 10);
  const std::vector<std::int64_t> indices = {0, -1, 4, -5, 2, 7, -9};
  const std::vector<std::int64_t> rows = {0, 4, 4, 0, 2, 4, 0};
  check({Op::kGather,
         AxisAttrs{1},
         {x, operand(Shape{7, 1}, indices)},
         {result(DType::kF32, {3, 7, 1, 4})}},
        [&](std::size_t, const Index& i) {
          return Source{0, {i[0], rows[static_cast<std::size_t>(i[1])], i[3]}};
        });
  const std::vector<std::int32_t> one = {-2};
  check({Op::kGather, AxisAttrs{-1}, {x, operand(Shape{}, one)}, {result(DType::kF32, {3, 5})}},
        [](std::size_t, const Index& i) {
          return Source{0, {i[0], i[1], 2}};
        });
}

template <class T>
std::vector<T> only_result(const Step& step) {
  return as_values<T>(run_step(*implementations(step.op).back(), step)[0]);
}

TEST(Shape_, TakesAPart) {
  const Operand x = random_operand(DType::kU8, {3, 0, 5, 7}, Layout::kNhwc, 1);
  using V = std::vector<std::int64_t>;
  const auto shape = [&](ShapeAttrs attrs, std::int64_t count) {
    return only_result<std::int64_t>({Op::kShape, attrs, {x}, {result(DType::kS64, {count})}});
  };
  EXPECT_EQ(shape({}, 4), (V{3, 0, 5, 7}));
  EXPECT_EQ(shape({1, -1}, 2), (V{0, 5}));
  EXPECT_EQ(shape({-100, 2}, 2), (V{3, 0}));
  EXPECT_EQ(shape({3, 1}, 0), V{});
}

TEST(ConstantOfShape, Fills) {
  auto seven = std::make_shared<Tensor>(DType::kS16, Shape{1});
  *seven->as<std::int16_t>() = 7;
  const Operand shape = testing::constant_ints({2, 3});
  EXPECT_EQ(only_result<std::int16_t>(
                {Op::kConstantOfShape, FillAttrs{seven}, {shape}, {result(DType::kS16, {2, 3})}}),
            std::vector<std::int16_t>(6, 7));
  EXPECT_EQ(only_result<float>(
                {Op::kConstantOfShape, FillAttrs{}, {shape}, {result(DType::kF32, {2, 3})}}),
            std::vector<float>(6, 0));
}

TEST(Range, CountsInEveryType) {
  const auto range = [](auto start, auto limit, auto delta, std::int64_t count) {
    using T = decltype(start);
    return only_result<T>(
        {Op::kRange,
         {},
         {operand<T>({}, {start}), operand<T>({}, {limit}), operand<T>({}, {delta})},
         {result(DTypeOf<T>::value, {count})}});
  };
  EXPECT_EQ(range(1.0f, 2.0f, 0.25f, 4), (std::vector<float>{1, 1.25f, 1.5f, 1.75f}));
  EXPECT_EQ(range(1.0, -1.0, -0.5, 4), (std::vector<double>{1, 0.5, 0, -0.5}));
  EXPECT_EQ(range(std::int16_t{5}, std::int16_t{-2}, std::int16_t{-3}, 3),
            (std::vector<std::int16_t>{5, 2, -1}));
  EXPECT_EQ(range(std::int32_t{0}, std::int32_t{5}, std::int32_t{2}, 3),
            (std::vector<std::int32_t>{0, 2, 4}));
  EXPECT_EQ(range(std::int64_t{0}, std::int64_t{0}, std::int64_t{1}, 0),
            std::vector<std::int64_t>{});
}

}  // namespace
}  // namespace convoy
