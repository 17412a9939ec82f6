#include "cuda/known_compiler.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "cuda/library.h"
#include "cuda/nvrtc.h"

namespace convoy::cuda {
namespace {

namespace fs = std::filesystem;

class KnownCompiler : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = compiler_missing(); !reason.empty()) GTEST_SKIP() << reason;
    std::string pattern = ::testing::TempDir() + "convoy_known_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    unsetenv("CONVOY_LIBNVRTC");
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  // What a note that another process left makes of a compiler.
  void note(const std::string& environment, const std::string& path, const std::string& text) {
    std::ofstream(folder_ / "compiler") << environment << "\n" << path << "\n" << text << "\n";
  }
  std::string noted_environment() {
    std::string line;
    std::ifstream in(folder_ / "compiler");
    std::getline(in, line);
    return line;
  }
  Cache cache() const { return Cache(folder_, 1 << 20); }
  fs::path folder_;
};

TEST_F(KnownCompiler, IsNotedOnFirstUse) {
  EXPECT_EQ(known_compiler(cache()), compiler_identity().text);
  EXPECT_EQ(noted_environment().size(), 64u);
  EXPECT_EQ(known_compiler(cache()), compiler_identity().text);
  EXPECT_EQ(cache().usage().entries, 0);
}

TEST_F(KnownCompiler, ANoteIsBelievedWhileItsFileIsUnchanged) {
  known_compiler(cache());
  const std::string library = (folder_ / "libother.so").string();
  std::ofstream(library) << "another compiler";
  const std::string text = "NVRTC 99.0 " + file_identity(library), now = noted_environment();
  note(now, library, text);
  EXPECT_EQ(known_compiler(cache()), text);
  std::ofstream(library, std::ios::app) << ", changed";
  EXPECT_EQ(known_compiler(cache()), compiler_identity().text);  // and noted anew
  note(now, library, "NVRTC 99.0 " + file_identity(library));
  fs::remove(library);
  EXPECT_EQ(known_compiler(cache()), compiler_identity().text);
}

TEST_F(KnownCompiler, ANoteOfAnotherEnvironmentIsNot) {
  known_compiler(cache());
  const std::string library = (folder_ / "libother.so").string(), now = noted_environment();
  std::ofstream(library) << "another compiler";
  note(now, library, "NVRTC 99.0 " + file_identity(library));
  setenv("CONVOY_LIBNVRTC", "/elsewhere/libnvrtc.so", 1);
  EXPECT_EQ(known_compiler(cache()), compiler_identity().text);
  EXPECT_NE(noted_environment(), now);
}

TEST_F(KnownCompiler, DamagedNotesAreReplaced) {
  for (const char* damaged : {"", "x", "x\ny", "\n\n\n\n"}) {
    std::ofstream(folder_ / "compiler") << damaged;
    EXPECT_EQ(known_compiler(cache()), compiler_identity().text);
    EXPECT_EQ(noted_environment().size(), 64u);
  }
}

}  // namespace
}  // namespace convoy::cuda
