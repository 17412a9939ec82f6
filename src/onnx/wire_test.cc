// Bytes that are no model: truncated, mistyped, or another format altogether.
#include <gtest/gtest.h>

#include "onnx/load.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/refusal.h"

namespace convoy {
namespace {

using namespace std::string_literals;
using test::expect_refused;
using test::OnnxModel;
using test::OnnxNode;

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;

OnnxModel relu_model() {
  OnnxModel model;
  model.input("x", {1, 3}).output("y").node(OnnxNode("Relu", {"x"}, {"y"}, "act"));
  return model;
}

void expect_bytes_refused(const std::string& bytes, const std::vector<std::string>& words,
                          ErrorCode code = kInvalid) {
  expect_refused([&] { load_onnx(test::as_bytes(bytes)); }, {code, words});
}

TEST(Wire, AValidModelLoads) {
  const Graph graph = load_onnx(test::as_bytes(relu_model().bytes()));
  ASSERT_EQ(graph.nodes.size(), 1u);
  EXPECT_EQ(graph.nodes[0].name, "act");
}

TEST(Wire, OtherFormatsAreRecognised) {
  expect_bytes_refused("", {"empty"});
  expect_bytes_refused("PK\x03\x04 and more", {"zip"});
  expect_bytes_refused("\x1f\x8b\x08 and more", {"gzip"});
  expect_bytes_refused("<!DOCTYPE html><html>", {"HTML"});
  expect_bytes_refused("\x89PNG\r\n\x1a\n", {"PNG"});
  expect_bytes_refused("\xff\xd8\xff\xe0", {"JPEG"});
  expect_bytes_refused("version https://git-lfs.github.com/spec/v1", {"git-lfs"});
  expect_bytes_refused("hello, this is text", {"not an ONNX"});
}

TEST(Wire, EveryTruncationIsRefused) {
  const std::string bytes = relu_model().bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    // The opset import comes last, so no prefix is a model.
    expect_refused([&] { load_onnx(test::as_bytes(bytes.substr(0, length))); }, {kInvalid, {}});
  }
}

TEST(Wire, OverlongVarint) {
  expect_bytes_refused("\x08"s + std::string(10, '\xff') + "\x01", {"ModelProto", "varint"});
}

TEST(Wire, LengthPastTheEnd) {
  expect_bytes_refused("\x3a\x7f", {"ModelProto", "127", "truncated"});
  // 2^32 + 0: cutting the length to 32 bits would accept it.
  expect_bytes_refused("\x3a\x80\x80\x80\x80\x10"s, {"ModelProto", "4294967296"});
}

TEST(Wire, WrongWireType) {
  expect_bytes_refused("\x38\x01", {"ModelProto", "field 7", "wire type"});  // graph as a varint
  expect_bytes_refused("\x3b\x01", {"unknown wire type 3"});                 // a group
  expect_bytes_refused("\x02\x01", {"field number"});                        // field 0
}

TEST(Wire, TwoGraphsAreRefused) {
  OnnxModel model = relu_model();
  model.model_field(7, model.graph());
  expect_bytes_refused(model.bytes(), {"two graphs"});
}

TEST(Wire, NoGraph) { expect_bytes_refused("\x08\x07", {"no graph"}); }

TEST(Wire, NamesMustBeCleanText) {
  const std::string bad[] = {"a\0b"s,   "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                             "\xe2\x82"};
  for (const std::string& name : bad) {
    OnnxModel model;
    model.input("x", {1}).output(name).node(OnnxNode("Relu", {"x"}, {name}));
    expect_bytes_refused(model.bytes(), {"UTF-8"});
  }
  OnnxModel model;
  model.input("x", {1}).output("größe €").node(OnnxNode("Relu", {"x"}, {"größe €"}));
  EXPECT_NO_THROW(load_onnx(test::as_bytes(model.bytes())));
}

TEST(Wire, MessagesCutLongNames) {
  OnnxModel model;
  model.input("x", {1}).output("y").node(OnnxNode("Relu", {std::string(100000, 'q')}, {"y"}));
  try {
    load_onnx(test::as_bytes(model.bytes()));
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::string(error.what()).size(), 1000u);
  }
}

}  // namespace
}  // namespace convoy
