#include "base/shape.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace convoy {
namespace {

TEST(Shape, CountsElements) {
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{0, 5}).elements(), 0);
}

TEST(Shape, RefusesAProductThatOverflows) {
  EXPECT_THROW((Shape{std::int64_t{1} << 32, std::int64_t{1} << 32}).elements(), Error);
}

TEST(Shape, RefusesMoreThanEightDimensionsAndNegativeOnes) {
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), Error);
  EXPECT_THROW((Shape{1, -1}), Error);
}

TEST(Shape, Broadcasts) {
  EXPECT_EQ(broadcast({2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_THROW(broadcast({2, 3}, {4, 3}), Error);
}

}  // namespace
}  // namespace convoy
