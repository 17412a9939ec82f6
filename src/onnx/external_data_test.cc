// Weights in other files: what may be read, and every way to be refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "onnx/load.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/refusal.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using test::expect_refused;
using test::OnnxModel;
using test::OnnxNode;
using test::OnnxTensor;
using Entries = std::vector<std::pair<std::string, std::string>>;

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class ExternalDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "convoy-external-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    folder_ = root_ / "model";
    fs::create_directories(folder_ / "sub");
    write(folder_ / "w.bin", test::raw_bytes<float>({1, 2, 3, 4}));
    write(folder_ / "sub" / "w.bin", test::raw_bytes<float>({5, 6}));
    write(root_ / "outside.bin", test::raw_bytes<float>({7, 8}));
  }
  void TearDown() override { fs::remove_all(root_); }

  static OnnxModel model(const std::vector<Entries>& tensors) {
    OnnxModel model;
    model.input("x", {2}).output("y").node(OnnxNode("Relu", {"x"}, {"y"}));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      model.initializer({"w" + std::to_string(i),
                         test::kOnnxFloat,
                         {2},
                         "",
                         false,
                         test::external_fields(tensors[i])});
    }
    return model;
  }
  Graph load(const std::vector<Entries>& tensors) {
    write(folder_ / "m.onnx", model(tensors).bytes());
    return load_onnx(folder_ / "m.onnx");
  }
  void refuse(const Entries& entries, std::vector<std::string> words, ErrorCode code = kInvalid) {
    SCOPED_TRACE(entries.empty() ? "" : entries[0].second);
    words.push_back("'w0'");
    expect_refused([&] { load({entries}); }, {code, words});
  }

  fs::path root_, folder_;
};

TEST_F(ExternalDataTest, IsRead) {
  const Graph graph = load({{{"location", "w.bin"}, {"offset", "8"}, {"length", "8"}},
                            {{"location", "sub/w.bin"}},
                            {{"location", "w.bin"}, {"offset", "8"}}});
  EXPECT_EQ(graph.value(0).constant->as<float>()[0], 3.0f);
  EXPECT_EQ(graph.value(1).constant->as<float>()[1], 6.0f);
  EXPECT_EQ(graph.value(2).constant->view().data, graph.value(0).constant->view().data);
}

TEST_F(ExternalDataTest, ForbiddenPlaces) {
  refuse({{"location", "../outside.bin"}}, {"../outside.bin"});
  refuse({{"location", "sub/../../outside.bin"}}, {"'..'"});
  refuse({{"location", (root_ / "outside.bin").string()}}, {"absolute"});
  refuse({{"location", ""}}, {"empty"});
  fs::create_symlink(folder_ / "w.bin", folder_ / "link.bin");
  refuse({{"location", "link.bin"}}, {"symbolic link"});
  fs::create_directory_symlink(folder_ / "sub", folder_ / "linked");
  refuse({{"location", "linked/w.bin"}}, {"symbolic link"});
  fs::create_hard_link(root_ / "outside.bin", folder_ / "hard.bin");
  refuse({{"location", "hard.bin"}}, {"hard links"});
  refuse({{"location", "sub"}}, {"directory"}, ErrorCode::kIo);
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  refuse({{"location", "fifo"}}, {"special file"}, ErrorCode::kIo);
  refuse({{"location", "absent.bin"}}, {"absent.bin"}, ErrorCode::kNotFound);
}

TEST_F(ExternalDataTest, BadRangesAndKeys) {
  const std::pair<std::string, std::string> at{"location", "w.bin"};
  refuse({at, {"offset", "-1"}}, {"offset", "-1"});
  refuse({at, {"offset", "0x10"}}, {"offset", "0x10"});
  refuse({at, {"offset", ""}}, {"offset"});
  refuse({at, {"offset", "99999999999999999999"}}, {"offset"});
  refuse({at, {"offset", "9223372036854775807"}}, {"past its end"});
  refuse({at, {"offset", "12"}}, {"12", "past its end"});
  refuse({at, {"length", "4"}}, {"length", "4"});
  refuse({at, {"length", "-8"}}, {"length", "-8"});
  refuse({at, {"colour", "red"}}, {"colour"});
  refuse({at, at}, {"location", "twice"});
  refuse({at, {"offset", "0"}, {"offset", "8"}}, {"offset", "twice"});
  refuse({}, {"location"});
}

TEST_F(ExternalDataTest, OverlappingRangesDoNotMultiplyAFile) {
  const auto from = [](const char* offset) {
    return Entries{{"location", "w.bin"}, {"offset", offset}};
  };
  EXPECT_NO_THROW(load({from("0"), from("8")}));
  expect_refused([&] { load({from("0"), from("4"), from("8")}); }, {kInvalid, {"overlap"}});
}

TEST_F(ExternalDataTest, InlineDataBesideIt) {
  OnnxTensor tensor = test::float_tensor("w", {2}, {1, 2});
  tensor.extra = test::external_fields({{"location", "w.bin"}});
  OnnxModel with_both = model({});
  write(folder_ / "m.onnx", with_both.initializer(tensor).bytes());
  expect_refused([&] { load_onnx(folder_ / "m.onnx"); }, {kInvalid, {"'w'", "both"}});
}

TEST_F(ExternalDataTest, NotForModelsFromMemory) {
  const std::string bytes = model({{{"location", "w.bin"}}}).bytes();
  expect_refused([&] { load_onnx(test::as_bytes(bytes)); },
                 {ErrorCode::kUnsupported, {"'w0'", "external"}});
}

TEST_F(ExternalDataTest, ModelFilesThemselves) {
  expect_refused([&] { load_onnx(folder_ / "absent.onnx"); },
                 {ErrorCode::kNotFound, {"absent.onnx"}});
  expect_refused([&] { load_onnx(folder_); }, {ErrorCode::kIo, {"directory"}});
  ASSERT_EQ(mkfifo((folder_ / "f.onnx").c_str(), 0600), 0);
  expect_refused([&] { load_onnx(folder_ / "f.onnx"); }, {ErrorCode::kIo, {"special file"}});
  write(folder_ / "big.onnx", "x");
  ASSERT_EQ(truncate((folder_ / "big.onnx").c_str(), std::int64_t{3} << 30), 0);
  expect_refused([&] { load_onnx(folder_ / "big.onnx"); }, {kInvalid, {"3221225472", "2 GiB"}});
  write(folder_ / "bad.onnx", "PK\x03\x04");
  expect_refused([&] { load_onnx(folder_ / "bad.onnx"); }, {kInvalid, {"bad.onnx", "zip"}});
}

}  // namespace
}  // namespace convoy
