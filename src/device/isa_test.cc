#include "device/isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "device/device.h"

namespace convoy {
namespace {

TEST(Isa, VectorCodeRunsOnEachOneThatItIsLimitedTo) {
  ASSERT_FALSE(available_isas().empty());
  for (const Isa& isa : available_isas()) {
    limit_isa(isa.key);
    EXPECT_EQ(running_isa().key, isa.key);
    EXPECT_EQ(detect_cpu(1).isa, isa.name);
    EXPECT_EQ(detect_cpu(1).vector_bytes, isa.vector_bytes);
    // The proof that ./check looks for.
    printf("vector code ran on %s\n", std::string(isa.name).c_str());
  }
  limit_isa("");
  EXPECT_EQ(running_isa().key, available_isas().front().key);
}

TEST(Isa, EveryOneOfX86IsBuilt) {
#if defined(__x86_64__)
  std::vector<std::string> keys;
  for (const Isa& isa : available_isas()) keys.emplace_back(isa.key);
  EXPECT_THAT(keys, ::testing::IsSupersetOf({"sse4", "scalar"}));
  EXPECT_EQ(__builtin_cpu_supports("avx2") != 0,
            std::find(keys.begin(), keys.end(), "avx2") != keys.end());
#endif
}

TEST(Isa, UnknownIsRefusedWithWhatThereIs) {
  try {
    limit_isa("avx9");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("avx9"));
    for (const Isa& isa : available_isas()) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(std::string(isa.key)));
    }
  }
  EXPECT_EQ(running_isa().key, available_isas().front().key);
}

// In child processes, since the environment is read once.
TEST(Isa, EnvironmentLimits) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string least(available_isas().back().key);
  EXPECT_EXIT(
      {
        setenv("CONVOY_ISA", least.c_str(), 1);
        detect_cpu(1);
        std::exit(running_isa().key == least ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        setenv("CONVOY_ISA", "mmx", 1);
        try {
          detect_cpu(1);
        } catch (const Error& error) {
          fprintf(stderr, "%s\n", error.what());
          std::exit(3);
        }
      },
      ::testing::ExitedWithCode(3), "CONVOY_ISA.*mmx");
}

}  // namespace
}  // namespace convoy
