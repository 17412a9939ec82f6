#include "device/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "device/profile_files.h"

namespace convoy {
namespace {

using testing::HasSubstr;

const std::string kGpu =
    "kind = cuda\nname = A GPU\ncompute = 8.6 | vendor\nmultiprocessors = 48 | vendor: sheet\n"
    "clock = 1560 MHz | derived\nl1 = 128 KiB | vendor\nshared_multiprocessor = 100 KiB | vendor\n"
    "shared_block = 99 KiB | vendor\nregisters = 65536 | vendor\nthreads = 1536 | vendor\n"
    "l2 = 4 MiB | vendor\nmemory = 16 GiB | vendor\nbandwidth = 448 GB/s | measured: a copy\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string message_of(const std::string& text, ErrorCode code = ErrorCode::kInvalidArgument) {
  try {
    parse_profile(text, "x.profile");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "taken:\n" << text;
  return {};
}

TEST(Profile, EveryOneOfOursLoads) {
  EXPECT_THAT(
      profile_names(),
      testing::ElementsAre("a100", "cpu-avx2", "cpu-avx512", "cpu-neoverse", "gtx-1660", "h100",
                           "h200", "jetson-agx-orin", "l4", "rtx-4090", "rtx-a4000"));
  for (const std::string& name : profile_names()) {
    const DeviceDesc device = load_profile(name);
    EXPECT_FALSE(device.name.empty()) << name;
    EXPECT_EQ(device.kind == DeviceDesc::Kind::kCpu, name.starts_with("cpu-"));
  }
}

// Data sheets give TFLOP/s of f32, which follows here from multiprocessors, clock and capability.
TEST(Profile, RatesAreThoseOfTheDataSheets) {
  for (const auto& [name, tflops] : {std::pair{"a100", 19.5},
                                     {"h100", 66.9},
                                     {"h200", 66.9},
                                     {"l4", 30.3},
                                     {"rtx-4090", 82.6},
                                     {"rtx-a4000", 19.2},
                                     {"gtx-1660", 5.0},
                                     {"jetson-agx-orin", 5.3}}) {
    const DeviceDesc device = load_profile(name);
    EXPECT_NEAR(device.cores * device.flops_per_second_core * 1e-12, tflops, 0.06) << name;
  }
}

TEST(Profile, FiguresGoWhereTheyBelong) {
  const DeviceDesc a4000 = load_profile("rtx-a4000");
  EXPECT_EQ(a4000.kind, DeviceDesc::Kind::kCuda);
  EXPECT_EQ(a4000.name, "NVIDIA RTX A4000");
  EXPECT_EQ(a4000.cuda.arch, "sm_86");
  EXPECT_EQ(a4000.cores, 48);
  EXPECT_EQ(a4000.l1_bytes, 128 << 10);
  EXPECT_EQ(a4000.l2_bytes, 4 << 20);
  EXPECT_EQ(a4000.l3_bytes, a4000.l2_bytes);
  EXPECT_EQ(a4000.cuda.shared_bytes_multiprocessor, 100 << 10);
  EXPECT_EQ(a4000.cuda.shared_bytes_block, 99 << 10);
  EXPECT_EQ(a4000.cuda.registers_multiprocessor, 65536);
  EXPECT_EQ(a4000.cuda.threads_multiprocessor, 1536);
  EXPECT_EQ(a4000.cuda.memory_bytes, 16LL << 30);
  EXPECT_EQ(a4000.bytes_per_second, 448e9);
  EXPECT_EQ(load_profile("h200").cuda.arch, "sm_90a");
  const DeviceDesc cpu = load_profile("cpu-avx2");
  EXPECT_EQ(cpu.isa, "AVX2");
  EXPECT_EQ(cpu.vector_bytes, 32);
  EXPECT_EQ(cpu.threads, cpu.cores);
  EXPECT_EQ(cpu.flops_per_second_core, 96e9);
}

TEST(Profile, TextsReadBackToTheSameDevice) {
  for (const std::string& name : profile_names()) {
    DeviceDesc device = load_profile(name);
    device.bytes_per_second *= 0.8271;  // digits that no unit makes short
    const std::string text = profile_text(device, "detected: here", "measured");
    const DeviceDesc again = parse_profile(text, name);
    EXPECT_EQ(again.bytes_per_second, device.bytes_per_second) << text;
    EXPECT_EQ(profile_text(again, "detected: here", "measured"), text);
    EXPECT_EQ(again.cuda.arch, device.cuda.arch);
  }
}

TEST(Profile, TheMachineAtHandCanBeStored) {
  const DeviceDesc cpu = detect_cpu();
  const DeviceDesc again = parse_profile(profile_text(cpu, "detected", "typical: assumed"), "here");
  EXPECT_EQ(again.l2_bytes, cpu.l2_bytes);
  EXPECT_EQ(again.isa, cpu.isa);
  EXPECT_EQ(again.name, cpu.name);
  EXPECT_EQ(again.l2_bytes_per_second_core, cpu.l2_bytes_per_second_core);
}

TEST(Profile, UnknownNamesAreAnsweredWithTheNearest) {
  for (const auto& [name, nearest] : {std::pair{"h20", "h200"},
                                      {"rtx-a400", "rtx-a4000"},
                                      {"H100", "h100"},
                                      {"cpu-avx", "cpu-avx2"}}) {
    try {
      load_profile(name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNotFound);
      EXPECT_THAT(error.what(), HasSubstr(std::string("the nearest is ") + nearest + ";"));
      EXPECT_THAT(error.what(), HasSubstr("jetson-agx-orin"));
    }
  }
}

TEST(Profile, FilesOfUsersAreRead) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "mine.profile";
  std::ofstream(path) << kGpu;
  EXPECT_EQ(load_profile(path).name, "A GPU");
  std::ofstream(path) << std::string(1 << 20, '#');
  EXPECT_THROW(load_profile(path), Error);
  std::filesystem::remove(path);
  for (const std::string& missing : {path.string(), std::string("nowhere.profile"),
                                     testing::TempDir()}) {  // a folder is no file
    try {
      load_profile(missing);
      ADD_FAILURE() << missing;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(missing));
    }
  }
}

TEST(Profile, MistakesAreNamedWithWhatWasExpected) {
  const struct {
    std::string text, message;
  } kCases[] = {
      {"", "there is no 'kind', expected cpu or cuda"},
      {replaced(kGpu, "cuda", "tpu"), "x.profile:1: kind is 'tpu', expected cpu or cuda"},
      {replaced(kGpu, "name = A GPU\n", ""), "there is no 'name'"},
      {replaced(kGpu, "name = A GPU", "name ="), "x.profile:2: name is ''"},
      {replaced(kGpu, "8.6", "8"), "x.profile:3: compute is '8', expected a compute capability"},
      {replaced(kGpu, "8.6", "8.60"), "compute is '8.60'"},
      {replaced(kGpu, "8.6", "-8.6"), "compute is '-8.6'"},
      {replaced(kGpu, "48 |", "0 |"),
       "x.profile:4: multiprocessors is '0', expected 1 to 4096, a whole number"},
      {replaced(kGpu, "48 |", "4.5 |"), "multiprocessors is '4.5'"},
      {replaced(kGpu, "48 |", "48 GHz |"), "multiprocessors is '48 GHz'"},
      {replaced(kGpu, "48 |", "nan |"), "multiprocessors is 'nan'"},
      {replaced(kGpu, "48 |", "1e999 |"), "multiprocessors is '1e999'"},
      {replaced(kGpu, "4 MiB", "4"),
       "l2 is '4', expected 64 KiB to 64 GiB in one of the units: TiB, GiB, MiB, KiB, GB, B"},
      {replaced(kGpu, "4 MiB", "4 GB/s"), "l2 is '4 GB/s'"},
      {replaced(kGpu, "4 MiB", "many MiB"), "l2 is 'many MiB'"},
      {replaced(kGpu, "1560 MHz | derived", "1560 MHz"),
       "x.profile:5: clock is from '', expected after a '|' one of vendor, measured, derived"},
      {replaced(kGpu, "| derived", "| hearsay: a friend"), "clock is from 'hearsay: a friend'"},
      {replaced(kGpu, "l2 = 4 MiB", "l2 4 MiB"), "x.profile:11: found 'l2 4 MiB"},
      {replaced(kGpu, "l2 = 4 MiB | vendor\n", ""), "there is no 'l2', expected 64 KiB to 64 GiB"},
      {kGpu + "l2 = 4 MiB | vendor\n", "x.profile:14: 'l2' is there twice, expected each key once"},
      {kGpu + "l4 = 4 MiB | vendor\n", "x.profile:14: unknown key 'l4', expected kind, name"},
      {replaced(kGpu, "99 KiB", "101 KiB"), "expected no more than shared_multiprocessor"},
      {kGpu + std::string(65 << 10, '\n'), "more than 64 KiB"},
      {std::string("\x01\xff\0k", 4), "found '???k', expected 'key = value | origin'"},
  };
  for (const auto& each : kCases) EXPECT_THAT(message_of(each.text), HasSubstr(each.message));
}

// Whatever is changed, a profile is read or refused as such; sanitizers see the rest.
TEST(Profile, BrokenTextsAreRefusedOrRead) {
  const std::string bytes("\0\n|=9. x\xff", 9);
  std::size_t read = 0, refused = 0;
  const auto attempt = [&](const std::string& text) {
    try {
      parse_profile(text, "x");
      ++read;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      ++refused;
    }
  };
  for (std::size_t at = 0; at < kGpu.size(); ++at) {
    attempt(kGpu.substr(0, at));
    attempt(kGpu.substr(at));
    for (char byte : bytes) {
      std::string text = kGpu;
      text[at] = byte;
      attempt(text);
    }
  }
  EXPECT_GT(read, 100u);  // in names and what origins rest on
  EXPECT_GT(refused, 1000u);
}

TEST(Profile, SpacesCommentsAndLineEndsOfOtherSystemsDoNotMatter) {
  std::string text = "# a comment\r\n\r\n";
  for (char c : kGpu) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  text.resize(text.size() - 2);  // the last line without an end
  EXPECT_EQ(profile_text(parse_profile(text, ""), "vendor", "vendor"),
            profile_text(parse_profile(kGpu, ""), "vendor", "vendor"));
}

}  // namespace
}  // namespace convoy
