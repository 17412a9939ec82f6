// Every implementation of the operators that only move data, against the definition of each
// operator written as "which operand element does this result element come from".
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

}  // namespace
}  // namespace convoy
