#include "cuda/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"

namespace convoy::cuda {
namespace {

using ::testing::HasSubstr;

Program program(const std::string& body) {
  return {.kernel = "kernel",
          .source =
              "#include \"kernels/conv/cuda/problem.cuh\"\n"
              "extern \"C\" __global__ void kernel(float* y) {" +
              body + "}\n"};
}

class Compile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = compiler_missing(); !reason.empty()) GTEST_SKIP() << reason;
    setenv("CONVOY_CACHE_DIR", "off", 1);
  }
  void TearDown() override { unsetenv("CONVOY_CACHE_DIR"); }
};

TEST_F(Compile, EveryArchitectureWithItsResources) {
  EXPECT_THAT(compiler_version(), HasSubstr("NVRTC 1"));
  const Program store = program(
      "__shared__ float s[100]; s[threadIdx.x] = y[0]; __syncthreads();"
      "y[threadIdx.x] = s[99 - threadIdx.x];");
  for (const char* arch : {"sm_75", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"}) {
    const Binary binary = compile_uncached(store, arch);
    EXPECT_EQ(binary.kernel, "kernel");
    EXPECT_EQ(std::string(binary.cubin.data() + 1, 3), "ELF") << arch;
    EXPECT_GT(binary.resources.registers, 3) << arch;
    EXPECT_LT(binary.resources.registers, 64) << arch;
    EXPECT_GE(binary.resources.shared_bytes, 400) << arch;  // the system adds its own on some
    EXPECT_EQ(binary.resources.spill_bytes, 0) << arch;
    EXPECT_GT(binary.seconds, 0);
  }
}

TEST_F(Compile, SpillsAreSeen) {
  // More live values than the registers the option leaves.
  Program many = program(
      "float v[64];\n#pragma unroll\nfor (int i = 0; i < 64; ++i) v[i] = y[i * 7];"
      "__syncthreads();\n#pragma unroll\nfor (int i = 0; i < 64; ++i) "
      "y[i] = v[i] * v[63 - i];");
  many.options = {"--maxrregcount=24"};
  const Resources resources = compile_uncached(many, "sm_90a").resources;
  EXPECT_LE(resources.registers, 24);
  EXPECT_GT(resources.spill_bytes, 0);
  EXPECT_GT(resources.stack_bytes, 0);
}

TEST_F(Compile, ProgramsOfOneCallKeepTheirOrder) {
  std::vector<Program> programs;
  for (int i = 0; i < 5; ++i) {
    programs.push_back({.kernel = "k" + std::to_string(i),
                        .source = "extern \"C\" __global__ void k" + std::to_string(i) + "() {}"});
  }
  for (const int threads : {0, 1, 3}) {
    const std::vector<Binary> binaries = compile(programs, "sm_90a", threads);
    ASSERT_EQ(binaries.size(), 5u);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(binaries[i].kernel, programs[i].kernel);
  }
}

TEST_F(Compile, TheSecondTimeComesFromTheCache) {
  std::string folder = ::testing::TempDir() + "convoy_compile_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  setenv("CONVOY_CACHE_DIR", folder.c_str(), 1);
  const std::vector programs{program("y[threadIdx.x] = 1;"), program("y[threadIdx.x] = 2;")};
  const std::vector<Binary> first = compile(programs, "sm_90a"),
                            again = compile(programs, "sm_90a");
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_FALSE(first[i].from_cache);
    EXPECT_TRUE(again[i].from_cache);
    EXPECT_EQ(first[i].kernel, again[i].kernel);
    EXPECT_EQ(first[i].cubin, again[i].cubin);
    EXPECT_EQ(first[i].resources.registers, again[i].resources.registers);
    EXPECT_LT(again[i].seconds, first[i].seconds);
  }
  EXPECT_FALSE(compile(programs, "sm_80")[0].from_cache);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".kernel") continue;
    std::filesystem::resize_file(entry.path(), 100);
  }
  EXPECT_FALSE(compile(programs, "sm_90a")[0].from_cache);
  EXPECT_TRUE(compile(programs, "sm_90a")[0].from_cache);
  setenv("CONVOY_CACHE_DIR", "off", 1);
  EXPECT_FALSE(compile(programs, "sm_90a")[0].from_cache);
  std::filesystem::remove_all(folder);
}

TEST_F(Compile, AWrongSourceFailsWithTheCompilersWords) {
  try {
    compile(std::vector{program(""), program("undeclared = 1;")}, "sm_90a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    EXPECT_THAT(error.what(), HasSubstr("kernel does not compile for sm_90a"));
    EXPECT_THAT(error.what(), HasSubstr("undeclared"));
  }
  EXPECT_THROW(compile_uncached(program(""), "sm_1"), Error);
}

}  // namespace
}  // namespace convoy::cuda
