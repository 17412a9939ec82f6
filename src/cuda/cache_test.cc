#include "cuda/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "base/error.h"
#include "cuda/cache_entry.h"
#include "cuda/cache_key.h"
#include "cuda/embedded.h"

namespace convoy::cuda {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::int64_t kMany = 1 << 30;

Binary binary(std::size_t bytes, char fill = 'x') {
  return {
      .cubin = std::vector<char>(bytes, fill),
      .resources = {.registers = 40, .spill_bytes = 8, .stack_bytes = 16, .shared_bytes = 4096}};
}

Digest key(int i) { return sha256("key " + std::to_string(i)); }

std::vector<fs::path> files(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& file : fs::directory_iterator(folder)) found.push_back(file.path());
  return found;
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
}

class CacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "convoy_cache_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    base_ = pattern;
  }
  void TearDown() override {
    for (const char* name : {"CONVOY_CACHE_DIR", "CONVOY_CACHE_SIZE", "XDG_CACHE_HOME"}) {
      unsetenv(name);
    }
    fs::remove_all(base_);
  }
  fs::path base_;
};

TEST_F(CacheTest, WhatIsKeptIsFound) {
  const Cache cache(base_ / "deep" / "cache", kMany);
  EXPECT_EQ(cache.off(), "");
  struct stat folder;
  ASSERT_EQ(stat(cache.folder().c_str(), &folder), 0);
  EXPECT_EQ(folder.st_mode & 0777, 0700u);
  EXPECT_FALSE(cache.find(key(1)));
  cache.keep(key(1), binary(1000));
  const std::optional<Binary> found = Cache(cache.folder(), kMany).find(key(1));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->from_cache);
  EXPECT_EQ(found->cubin, binary(1000).cubin);
  EXPECT_EQ(found->resources.registers, 40);
  EXPECT_EQ(found->resources.spill_bytes, 8);
  EXPECT_EQ(found->resources.stack_bytes, 16);
  EXPECT_EQ(found->resources.shared_bytes, 4096);
  EXPECT_FALSE(cache.find(key(2)));
  EXPECT_EQ(cache.usage().entries, 1);
  EXPECT_EQ(cache.usage().bytes,
            static_cast<std::int64_t>(fs::file_size(files(cache.folder())[0])));
}

// Header, key, resources, length, machine code, hash: every byte of an entry.
TEST_F(CacheTest, AnyChangedByteIsSeen) {
  const std::string entry = write_entry(key(1), binary(100));
  ASSERT_TRUE(read_entry(key(1), entry));
  for (std::size_t i = 0; i < entry.size(); ++i) {
    for (const int bit : {0, 7}) {
      std::string damaged = entry;
      damaged[i] = static_cast<char>(damaged[i] ^ 1 << bit);
      EXPECT_FALSE(read_entry(key(1), damaged)) << "byte " << i;
    }
  }
}

TEST_F(CacheTest, AnyOtherLengthIsSeen) {
  const std::string entry = write_entry(key(1), binary(100));
  for (std::size_t size = 0; size < entry.size(); ++size) {
    EXPECT_FALSE(read_entry(key(1), entry.substr(0, size))) << size << " bytes";
  }
  EXPECT_FALSE(read_entry(key(1), entry + '\0'));
  EXPECT_FALSE(read_entry(key(1), entry + entry));
}

// An entry that is whole, under the name of another.
TEST_F(CacheTest, AnEntryOfAnotherKeyIsNotFound) {
  const Cache cache(base_, kMany);
  cache.keep(key(1), binary(10));
  fs::rename(files(base_)[0], base_ / (to_hex(key(2)) + ".kernel"));
  EXPECT_FALSE(cache.find(key(2)));
}

TEST_F(CacheTest, ADamagedFileIsReplaced) {
  const Cache cache(base_, kMany);
  for (const char* damage : {"", "short", "longer than what stood there, which is hard to be"}) {
    cache.keep(key(1), binary(10));
    write(files(base_)[0], damage);
    EXPECT_FALSE(cache.find(key(1)));
    cache.keep(key(1), binary(10));
    EXPECT_TRUE(cache.find(key(1)));
  }
  const fs::path entry = files(base_)[0];
  fs::remove(entry);
  fs::create_symlink("/dev/zero", entry);
  EXPECT_FALSE(cache.find(key(1)));
  fs::remove(entry);
  fs::create_directory(entry);
  EXPECT_FALSE(cache.find(key(1)));
  cache.keep(key(1), binary(10));  // cannot be replaced: not an error, and nothing is left over
  EXPECT_EQ(files(base_).size(), 1u);
}

TEST_F(CacheTest, WritersAndReadersShareAFolder) {
  constexpr int kThreads = 6, kRounds = 40, kKeys = 5;
  std::atomic<int> found{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const Cache cache(base_, 400'000);  // which does not hold all: some evict meanwhile
        for (int i = 0; i < kRounds; ++i) {
          const int k = (t + i) % kKeys;
          const Binary expected = binary(100'000, static_cast<char>('a' + k));
          if (const auto entry = cache.find(key(k))) {
            ++found;
            EXPECT_EQ(entry->cubin, expected.cubin);
          }
          cache.keep(key(k), expected);
        }
      });
    }
  }
  EXPECT_GT(found, 0);
  EXPECT_LE(Cache(base_, kMany).usage().bytes, 400'000);
  for (const fs::path& file : files(base_)) EXPECT_EQ(file.extension(), ".kernel") << file;
}

TEST_F(CacheTest, WhatWasNotUsedForTheLongestGoes) {
  const auto now = fs::file_time_type::clock::now();
  const auto path = [&](int i) { return base_ / (to_hex(key(i)) + ".kernel"); };
  const Cache cache(base_, 4000);  // three entries of 1112 bytes
  for (int i = 0; i < 3; ++i) {
    cache.keep(key(i), binary(1000));
    fs::last_write_time(path(i), now - std::chrono::hours(9 - i));
  }
  EXPECT_EQ(cache.usage().entries, 3);
  EXPECT_TRUE(cache.find(key(0)));  // the oldest, but used now
  cache.keep(key(3), binary(1000));
  EXPECT_TRUE(cache.find(key(0)));
  EXPECT_FALSE(cache.find(key(1)));
  EXPECT_TRUE(cache.find(key(2)));
  EXPECT_TRUE(cache.find(key(3)));
  EXPECT_LE(cache.usage().bytes, 4000);
  cache.keep(key(4), binary(5000));  // larger than everything: does not push all others out
  EXPECT_FALSE(cache.find(key(4)));
  EXPECT_EQ(cache.usage().entries, 3);
}

TEST_F(CacheTest, FilesOfOthersAreLeftAlone) {
  write(base_ / "notes.txt", std::string(5000, 'n'));
  const fs::path fresh = base_ / (to_hex(key(7)) + ".kernel.new-abcdef");
  const fs::path abandoned = base_ / (to_hex(key(8)) + ".kernel.new-abcdef");
  write(fresh, "being written");
  write(abandoned, "by a process that is no more");
  fs::last_write_time(abandoned, fs::file_time_type::clock::now() - std::chrono::hours(2));
  const Cache cache(base_, 1500);
  for (int i = 0; i < 3; ++i) cache.keep(key(i), binary(1000));
  EXPECT_EQ(cache.usage().entries, 1);
  EXPECT_TRUE(fs::exists(base_ / "notes.txt"));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_FALSE(fs::exists(abandoned));
}

TEST_F(CacheTest, TheEnvironmentSaysWhere) {
  setenv("XDG_CACHE_HOME", base_.c_str(), 1);
  EXPECT_EQ(Cache::of_environment().folder(), base_ / "convoy");
  EXPECT_EQ(Cache::of_environment().limit_bytes(), 512 << 20);
  setenv("CONVOY_CACHE_DIR", (base_ / "named").c_str(), 1);
  EXPECT_EQ(Cache::of_environment().folder(), base_ / "named");
  unsetenv("CONVOY_CACHE_DIR");
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_THAT(Cache::of_environment().folder().string(), ::testing::Not(HasSubstr("relative")));
}

TEST_F(CacheTest, TheEnvironmentSwitchesItOff) {
  for (const char* off : {"off", ""}) {
    setenv("CONVOY_CACHE_DIR", off, 1);
    const Cache cache = Cache::of_environment();
    EXPECT_THAT(cache.off(), HasSubstr("CONVOY_CACHE_DIR"));
    cache.keep(key(1), binary(10));
    EXPECT_FALSE(cache.find(key(1)));
    EXPECT_EQ(cache.usage().entries, 0);
  }
}

TEST_F(CacheTest, TheEnvironmentSaysHowMuch) {
  setenv("CONVOY_CACHE_DIR", base_.c_str(), 1);
  const auto limit = [](const char* text) {
    setenv("CONVOY_CACHE_SIZE", text, 1);
    return Cache::of_environment().limit_bytes();
  };
  EXPECT_EQ(limit("0"), 0);
  EXPECT_EQ(limit("1000"), 1000);
  EXPECT_EQ(limit("3K"), 3072);
  EXPECT_EQ(limit("300M"), 300 << 20);
  EXPECT_EQ(limit("2G"), std::int64_t{2} << 30);
  for (const char* wrong :
       {"M", "-1", "1.5G", "3T", "3KB", "9000000000G", "99999999999999999999"}) {
    try {
      limit(wrong);
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr(wrong));
    }
  }
}

TEST_F(CacheTest, AFolderThatCannotBeIsNoError) {
  write(base_ / "file", "not a folder");
  for (const fs::path& folder : {base_ / "file", base_ / "file" / "below", fs::path()}) {
    const Cache cache(folder, kMany);
    EXPECT_NE(cache.off(), "") << folder;
    cache.keep(key(1), binary(10));
    EXPECT_FALSE(cache.find(key(1)));
    EXPECT_EQ(cache.usage().entries, 0);
  }
}

TEST_F(CacheTest, AFolderThatEveryUserMayWriteToIsNotTrusted) {
  Cache(base_, kMany).keep(key(1), binary(10));
  ASSERT_EQ(chmod(base_.c_str(), 0777), 0);
  const Cache cache(base_, kMany);
  EXPECT_THAT(cache.off(), HasSubstr("every user may write"));
  EXPECT_FALSE(cache.find(key(1)));
}

TEST_F(CacheTest, AFolderThatCannotBeWrittenToStillIsRead) {
  Cache(base_, kMany).keep(key(1), binary(10));
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ASSERT_EQ(chmod(base_.c_str(), 0500), 0);
  const Cache cache(base_, kMany);
  cache.keep(key(2), binary(10));
  EXPECT_TRUE(cache.find(key(1)));
  EXPECT_FALSE(cache.find(key(2)));
  chmod(base_.c_str(), 0700);
}

TEST(CacheKey, DependsOnEveryField) {
  const std::string header = embedded_files().front().name;
  const Program plain{.kernel = "k", .source = "void k() {}"};
  std::set<Digest> keys;
  const auto fresh = [&](const Program& program, const std::string& arch = "sm_90a",
                         const std::string& compiler = "NVRTC 13.0") {
    return keys.insert(cache_key(program, arch, compiler)).second;
  };
  EXPECT_TRUE(fresh(plain));
  EXPECT_FALSE(fresh(plain));
  EXPECT_TRUE(fresh(plain, "sm_80"));
  EXPECT_TRUE(fresh(plain, "sm_90a", "NVRTC 13.1"));
  EXPECT_TRUE(fresh({.kernel = "k2", .source = plain.source}));
  EXPECT_TRUE(fresh({.kernel = "k", .source = plain.source + " "}));
  EXPECT_TRUE(fresh({.kernel = "k", .source = plain.source, .options = {"-G"}}));
  EXPECT_TRUE(fresh({.kernel = "k", .source = plain.source, .options = {"-", "G"}}));
  EXPECT_TRUE(fresh({.kernel = "kv", .source = "oid k() {}"}));  // where one field ends
  // Every way to write the include of a file adds its text; what is no include does not.
  const auto texts = [&](const std::string& source) { return included_files(source).size(); };
  EXPECT_EQ(texts("#include \"" + header + "\"\n"), texts("  #  include\t<" + header + ">\n"));
  EXPECT_GE(texts("#include \"" + header + "\"\n"), 1u);
  EXPECT_EQ(texts("#include <cuda_fp16.h>\n#define include \"" + header + "\"\n#"), 0u);
}

// A file that another includes counts as well.
TEST(CacheKey, FollowsIncludes) {
  std::size_t followed = 0;
  for (const EmbeddedFile& file : embedded_files()) {
    const auto found = included_files("#include \"" + std::string(file.name) + "\"\n");
    EXPECT_TRUE(found.contains(file.name));
    for (const EmbeddedFile& other : embedded_files()) {
      const bool direct =
          std::string(file.text).find("#include \"" + std::string(other.name)) != std::string::npos;
      if (!direct) continue;
      ++followed;
      for (std::string_view below :
           included_files("#include \"" + std::string(other.name) + "\"\n")) {
        EXPECT_TRUE(found.contains(below)) << file.name << " by way of " << other.name;
      }
    }
  }
  EXPECT_GT(followed, 0u);
}

// A hit takes less than 5 ms, on any machine that is not overwhelmed: the best of several.
TEST_F(CacheTest, AHitIsFast) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a sanitizer is slow";
#endif
  const Cache cache(base_, kMany);
  const Program program{
      .kernel = "k", .source = "#include \"" + std::string(embedded_files().front().name) + "\"\n"};
  cache.keep(cache_key(program, "sm_90a", ""), binary(200'000));
  double best = 1;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(cache.find(cache_key(program, "sm_90a", "")));
    const auto end = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double>(end - start).count());
  }
  EXPECT_LT(best, 0.005);
}

}  // namespace
}  // namespace convoy::cuda
