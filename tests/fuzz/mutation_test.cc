// Broken files, thousands of them: whatever the bytes, loading and shape inference either work or
// throw convoy::Error, and never anything else.
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "exec/session.h"
#include "graph/infer.h"
#include "onnx/load.h"
#include "tests/fuzz/models.h"

namespace convoy {
namespace {

// One to four small changes, as transmission errors and careless editors make them.
std::string mutate(std::string bytes, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return random() % std::max<std::size_t>(limit, 1); };
  const std::size_t changes = 1 + below(4);
  for (std::size_t i = 0; i < changes && !bytes.empty(); ++i) {
    const std::size_t at = below(bytes.size());
    const auto byte = static_cast<char>(random());
    switch (below(6)) {
      case 0:
        bytes[at] = byte;
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 2:
        bytes.insert(at, 1 + below(3), byte);
        break;
      case 3:
        bytes.erase(at, 1 + below(3));
        break;
      case 4:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(32)));
        break;
      case 5:
        if (below(8) == 0) bytes.resize(at);
        break;
    }
  }
  return bytes;
}

void load_and_infer(const std::string& bytes) {
  Graph graph = load_onnx(test::as_bytes(bytes));
  infer_shapes(graph, {}, reference_evaluator(), {.max_folded_bytes = 1 << 20});
  verify(graph, true);
}

class Mutation : public ::testing::TestWithParam<std::string (*)()> {};

TEST_P(Mutation, OnlyErrorsComeOut) {
  constexpr int kMutants = 3000;
  const std::string model = GetParam()();
  ASSERT_NO_THROW(load_and_infer(model));
  std::mt19937 random(20240229);
  int refused = 0;
  for (int i = 0; i < kMutants; ++i) {
    const std::string mutant = mutate(model, random);
    try {
      load_and_infer(mutant);
    } catch (const Error& error) {
      ASSERT_NE(error.code(), ErrorCode::kInternal) << "mutant " << i << ": " << error.what();
      ++refused;
    } catch (const std::exception& other) {
      FAIL() << "mutant " << i << ": " << other.what();
    }
  }
  EXPECT_GT(refused, kMutants / 4);
  EXPECT_LT(refused, kMutants);
}

INSTANTIATE_TEST_SUITE_P(Models, Mutation,
                         ::testing::Values(test::convolution_model, test::shape_model,
                                           test::arithmetic_model));

}  // namespace
}  // namespace convoy
