// Linked into the tests of kernels: CONVOY_ISA=sse4 runs all of them as a CPU without AVX would.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "device/isa.h"

namespace convoy::testing {
namespace {

class IsaEnvironment : public ::testing::Environment {
  void SetUp() override {
    const char* key = std::getenv("CONVOY_ISA");
    try {
      apply_isa_environment();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    if (key != nullptr && *key != '\0') {
      ASSERT_EQ(running_isa().key, key);
    }
    std::printf("vector code runs on %s\n", std::string(running_isa().name).c_str());
  }
};

[[maybe_unused]] const auto* const kEnvironment =
    ::testing::AddGlobalTestEnvironment(new IsaEnvironment);

}  // namespace
}  // namespace convoy::testing
