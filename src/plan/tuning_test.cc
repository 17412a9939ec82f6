#include "plan/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "plan/tuning_file.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TuningTable some_table() {
  TuningTable table;
  table.keep("cpu A, AVX2, 2 threads, convoy 1", "f32 nhwc>nhwc n1 c32 h8 w8 k64 r1 s1 bias",
             {"192 GFLOP/s",
              {{"pointwise.gemm.cpu.f32", "", 2.5e-5, 2e-5},
               {"conv.im2win.cpu.f32", "", 1.23456789e-5, 3e-5}}});
  table.keep("cpu A, AVX2, 2 threads, convoy 1", "f32 nhwc>nhwc n1 c8 h8 w8 k8 r3 s3 | n1 c8 ...",
             {"192 GFLOP/s", {{"fused.dwpw.cpu.f32", "28x56 step 2 of 32 channels", 0.5, 0.25}}});
  table.keep("cuda B, sm_90a, 132 multiprocessors, convoy 1", "f16 nhwc>nhwc n1 c8 ...",
             {"1 GFLOP/s", {{"fused.pw.cuda.f16", "8x8 out64 mid0", 1e-6, 2e-6}}});
  return table;
}

class TuningFileTest : public ::testing::Test {
 protected:
  TuningFileTest() {
    std::string name = (fs::temp_directory_path() / "convoy-tuning-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~TuningFileTest() override { fs::remove_all(folder_); }
  fs::path file() const { return folder_ / "tuning.txt"; }
  void write(const std::string& text) const { std::ofstream(file(), std::ios::binary) << text; }

  fs::path folder_;
};

TEST(Tuning, TheTextReadsBackAndNamesTheFastestFirst) {
  const TuningTable table = some_table();
  EXPECT_EQ(table.size(), 3u);
  const std::string text = tuning_text(table);
  const ParsedTuning parsed = parse_tuning(text);
  EXPECT_EQ(parsed.table, table);
  EXPECT_EQ(parsed.version, kTuningVersion);
  EXPECT_EQ(parsed.damaged, 0u);
  EXPECT_LT(text.find("conv.im2win.cpu.f32"), text.find("pointwise.gemm.cpu.f32"));
  EXPECT_THAT(text, HasSubstr("12.346 us, estimated       30.000 us, conv.im2win.cpu.f32\n"));
}

TEST(Tuning, ATimeIsAtLeastANanosecond) {
  TuningTable table;
  table.keep("d", "p", {"r", {{"k", "", 0, 1e-12}}});
  EXPECT_EQ(table.find("d", "p")->ways[0].seconds, 1e-9);
  EXPECT_EQ(parse_tuning(tuning_text(table)).table, table);
}

// Whatever one byte becomes, what is read is a part of what was written, and all but one record.
TEST(Tuning, DamageOfAnyByteCostsAtMostTheRecordItIsIn) {
  const TuningTable table = some_table();
  const std::string text = tuning_text(table);
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const int byte : std::vector<int>{0, '\n', ' ', '1', 'p', 255, text[at] ^ 1}) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(byte);
      const ParsedTuning parsed = parse_tuning(damaged);
      const bool other_version = parsed.version != 0 && parsed.version != kTuningVersion;
      ASSERT_GE(parsed.table.size(), other_version ? 0u : 2u) << at << " " << byte;
      for (const auto& [device, records] : parsed.table.devices()) {
        for (const auto& [problem, record] : records) {
          const TuningRecord* was = table.find(device, problem);
          ASSERT_NE(was, nullptr) << at << " " << byte;
          ASSERT_EQ(record, *was) << at << " " << byte;
        }
      }
    }
  }
}

TEST(Tuning, ATextThatEndsEarlyIsReadAsFarAsItGoes) {
  const std::string text = tuning_text(some_table());
  std::size_t before = 0;
  for (std::size_t end = 0; end <= text.size(); ++end) {
    const std::size_t records = parse_tuning(std::string_view(text).substr(0, end)).table.size();
    ASSERT_GE(records, before);
    before = records;
  }
  EXPECT_EQ(before, 3u);
}

TEST(Tuning, DevicesAreToldApartByHowTheyAreUsedAndByConvoysVersion) {
  DeviceDesc device = detect_cpu(1);
  const std::string one = tuning_device(device);
  EXPECT_THAT(one, HasSubstr(device.isa));
  EXPECT_THAT(one, HasSubstr("1 thread, convoy "));
  device.threads = 2;
  EXPECT_NE(tuning_device(device), one);
  device.name = "a\nproblem b";
  EXPECT_EQ(tuning_device(device).find('\n'), std::string::npos);
}

TEST_F(TuningFileTest, SavingMergesWithWhatIsThere) {
  TuningTable first, second;
  first.keep("d", "p", {"r", {{"k", "", 1e-3, 1e-3}}});
  first.keep("d", "q", {"r", {{"k", "", 1e-3, 1e-3}}});
  second.keep("d", "q", {"r", {{"l", "", 2e-3, 1e-3}}});
  second.keep("e", "q", {"r", {{"l", "", 3e-3, 1e-3}}});
  const fs::path path = folder_ / "deeper" / "tuning.txt";
  EXPECT_EQ(read_tuning(path).table.size(), 0u);
  EXPECT_EQ(read_tuning(path).note, "");
  save_tuning(path, first);
  save_tuning(path, second);
  const TuningFile file = read_tuning(path);
  EXPECT_EQ(file.table.size(), 3u);
  EXPECT_EQ(file.table.find("d", "q")->ways.front().kernel, "l");
  EXPECT_EQ(file.table.find("d", "p")->ways.front().kernel, "k");
}

TEST_F(TuningFileTest, WhatSeveralSaveAtOnceIsAllThere) {
  constexpr int kThreads = 4, kEach = 20;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        TuningTable table;
        table.keep("d" + std::to_string(t), "p" + std::to_string(i), {"r", {{"k", "", 1, 1}}});
        save_tuning(file(), table);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read_tuning(file()).table.size(), std::size_t{kThreads} * kEach);
  std::size_t left = 0;  // nothing but the file and its lock
  for (const auto& entry : fs::directory_iterator(folder_)) left += entry.exists();
  EXPECT_EQ(left, 2u);
}

TEST_F(TuningFileTest, AnotherVersionIsLeftOutAndKeptAside) {
  write("convoy tuning 7\nwhatever that may be\n");
  EXPECT_THAT(read_tuning(file()).note, HasSubstr("version 7, expected 1"));
  save_tuning(file(), some_table());
  EXPECT_EQ(read_tuning(file()).table, some_table());
  EXPECT_TRUE(fs::exists(file().string() + ".version-7"));
}

TEST_F(TuningFileTest, WhatIsNoTableIsNotWrittenOver) {
  write("\x08\x07 a model, say");
  EXPECT_TRUE(read_tuning(file()).foreign);
  EXPECT_THAT(read_tuning(file()).note, HasSubstr("no table of times"));
  try {
    save_tuning(file(), some_table());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(read_tuning(folder_).foreign);  // a folder
  EXPECT_THROW(save_tuning(folder_, some_table()), Error);
}

TEST_F(TuningFileTest, DamageIsToldOnceAndGoneAfterTheNextSave) {
  std::string text = tuning_text(some_table());
  text[text.find("us, estimated") - 3] ^= 1;
  write(text);
  EXPECT_THAT(read_tuning(file()).note, HasSubstr("1 record is damaged"));
  save_tuning(file(), {});
  EXPECT_EQ(read_tuning(file()).note, "");
  EXPECT_EQ(read_tuning(file()).table.size(), 2u);
}

TEST_F(TuningFileTest, AFolderThatCannotBeWrittenIsNamed) {
  if (geteuid() == 0) {  // who may write everywhere
    EXPECT_THROW(save_tuning("/proc/self/tuning.txt", some_table()), Error);
    return;
  }
  chmod(folder_.c_str(), S_IRUSR | S_IXUSR);
  try {
    save_tuning(file(), some_table());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr(file().string()));
  }
  chmod(folder_.c_str(), S_IRWXU);
}

}  // namespace
}  // namespace convoy
