// TensorProto: every element type in every encoding, and everything that may be wrong with one.
#include "onnx/tensor_proto.h"

#include <gtest/gtest.h>

#include "onnx/load.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/refusal.h"

namespace convoy {
namespace {

using test::expect_refused;
using test::Ints;
using test::OnnxTensor;

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

ConstTensor load(const OnnxTensor& tensor) {
  return load_tensor_proto(test::as_bytes(tensor.bytes()));
}

// Typed data of varints, packed into field `tag`.
OnnxTensor typed(std::int32_t data_type, std::uint32_t tag, const Ints& values) {
  OnnxTensor tensor{"t", data_type, {static_cast<std::int64_t>(values.size())}, "", false, ""};
  protozero::pbf_writer(tensor.extra).add_packed_int64(tag, values.begin(), values.end());
  return tensor;
}

TEST(TensorProto, RawDataOfEveryType) {
  const std::pair<std::int32_t, DType> types[] = {
      {1, DType::kF32},  {2, DType::kU8},   {3, DType::kS8},   {4, DType::kU16},  {5, DType::kS16},
      {6, DType::kS32},  {7, DType::kS64},  {9, DType::kBool}, {10, DType::kF16}, {11, DType::kF64},
      {12, DType::kU32}, {13, DType::kU64}, {16, DType::kBF16}};
  for (const auto& [code, dtype] : types) {
    std::string raw(2 * size_of(dtype), '\0');
    raw[0] = 1;
    const ConstTensor tensor = load({"t", code, {2}, raw, true, ""});
    EXPECT_EQ(tensor->dtype(), dtype);
    EXPECT_EQ(std::memcmp(tensor->view().data, raw.data(), raw.size()), 0);
  }
}

TEST(TensorProto, TypedDataOfEveryType) {
  EXPECT_EQ(load(typed(3, 5, {-128, 127}))->as<std::int8_t>()[0], -128);
  EXPECT_EQ(load(typed(2, 5, {255}))->as<std::uint8_t>()[0], 255);
  EXPECT_EQ(load(typed(5, 5, {-32768}))->as<std::int16_t>()[0], -32768);
  EXPECT_EQ(load(typed(4, 5, {65535}))->as<std::uint16_t>()[0], 65535);
  EXPECT_EQ(load(typed(6, 5, {-7}))->as<std::int32_t>()[0], -7);
  EXPECT_EQ(load(typed(10, 5, {0x3c00}))->as<std::uint16_t>()[0], 0x3c00);
  EXPECT_EQ(load(typed(7, 7, {-7, 1}))->as<std::int64_t>()[0], -7);
  EXPECT_EQ(load(typed(12, 11, {0xffffffff}))->as<std::uint32_t>()[0], 0xffffffffu);
  EXPECT_EQ(load(typed(13, 11, {-1}))->as<std::uint64_t>()[0], UINT64_MAX);
  OnnxTensor floats{"t", 1, {2}, "", false, ""};
  protozero::pbf_writer(floats.extra).add_float(4, 1.5f);  // not packed, one by one
  protozero::pbf_writer(floats.extra).add_float(4, -2.0f);
  EXPECT_EQ(load(floats)->as<float>()[1], -2.0f);
  OnnxTensor doubles{"t", 11, {1}, "", false, ""};
  protozero::pbf_writer(doubles.extra).add_double(10, 0.25);
  EXPECT_EQ(load(doubles)->as<double>()[0], 0.25);
}

TEST(TensorProto, EmptyTensors) {
  EXPECT_EQ(load({"t", 1, {0, 3}, "", true, ""})->shape(), (Shape{0, 3}));
  EXPECT_EQ(load({"t", 1, {0}, "", false, ""})->shape(), (Shape{0}));
}

TEST(TensorProto, MalformedTensorsAreRefused) {
  const std::int64_t big = std::int64_t{1} << 32;
  OnnxTensor both = test::float_tensor("t", {1}, {1});
  protozero::pbf_writer(both.extra).add_float(4, 1.0f);
  OnnxTensor two_fields = typed(7, 7, {1});
  two_fields.extra += typed(6, 5, {1}).extra;
  OnnxTensor segment = test::float_tensor("t", {1}, {1});
  protozero::pbf_writer(segment.extra).add_message(3, std::string());
  OnnxTensor partial{"t", 1, {1}, "", false, ""};
  protozero::pbf_writer(partial.extra).add_bytes(4, "abc");
  OnnxTensor short_data = typed(7, 7, {1});
  short_data.dims = {2};
  const struct {
    const char* what;
    OnnxTensor tensor;
    test::Refusal refusal;
  } cases[] = {
      {"negative dimension",
       {"t", 1, {2, -1}, "", true, ""},
       {kInvalid, {"'t'", "negative", "-1"}}},
      {"overflow", {"t", 1, {big, big}, "", true, ""}, {kInvalid, {"'t'", "overflow"}}},
      {"overflow in bytes", {"t", 7, {big, big / 4}, "", true, ""}, {kInvalid, {"'t'"}}},
      {"a terabyte", {"t", 1, {big, 64}, "abcd", true, ""}, {kInvalid, {"'t'", "4 bytes"}}},
      {"a typed terabyte", {"t", 1, {big, 64}, "", false, ""}, {kInvalid, {"'t'", "0 elements"}}},
      {"raw length", {"t", 1, {2}, "abcd", true, ""}, {kInvalid, {"'t'", "4 bytes", "takes 8"}}},
      {"typed length", short_data, {kInvalid, {"'t'", "1 elements"}}},
      {"raw and typed", both, {kInvalid, {"'t'", "raw_data and typed"}}},
      {"two typed fields", two_fields, {kInvalid, {"'t'", "two typed"}}},
      {"wrong typed field", typed(1, 7, {1}), {kInvalid, {"'t'", "field 7"}}},
      {"unknown type", {"t", 99, {1}, "", true, ""}, {kInvalid, {"'t'", "99"}}},
      {"type undefined", {"t", 0, {1}, "", true, ""}, {kInvalid, {"'t'", "0"}}},
      {"string", {"t", 8, {1}, "", false, ""}, {kUnsupported, {"'t'", "string"}}},
      {"complex", {"t", 14, {1}, "", false, ""}, {kUnsupported, {"'t'", "complex"}}},
      {"segment", segment, {kUnsupported, {"'t'", "segment"}}},
      {"partial float", partial, {kInvalid, {"multiple of 4"}}},
      {"s8 too large", typed(3, 5, {128}), {kInvalid, {"'t'", "128", "s8"}}},
      {"u8 negative", typed(2, 5, {-1}), {kInvalid, {"'t'", "-1", "u8"}}},
      {"s32 too large", typed(6, 5, {big}), {kInvalid, {"'t'", "s32"}}},
      {"bool of 2", typed(9, 5, {2}), {kInvalid, {"'t'", "2", "bool"}}},
      {"raw bool of 2", {"t", 9, {1}, "\x02", true, ""}, {kInvalid, {"'t'", "bool"}}},
      {"rank 9", {"t", 1, Ints(9, 1), "", true, ""}, {kUnsupported, {"'t'", "8 dimensions"}}},
      {"rank 10^6", {"t", 1, Ints(1000000, 1), "", true, ""}, {kUnsupported, {"'t'"}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    expect_refused([&] { load(c.tensor); }, c.refusal);
  }
}

TEST(TensorProto, OverlongVarintInPackedData) {
  OnnxTensor tensor{"t", 7, {1}, "", false, ""};
  protozero::pbf_writer(tensor.extra).add_bytes(7, std::string(11, '\xff'));
  expect_refused([&] { load(tensor); }, {kInvalid, {"varint"}});
}

TEST(TensorProto, VarintsMayNotGrowWithoutBound) {
  // 8 Mi one-byte varints would take 64 MiB.
  OnnxTensor tensor{"t", 7, {8 << 20}, "", false, ""};
  protozero::pbf_writer(tensor.extra).add_bytes(7, std::string(8 << 20, '\x01'));
  expect_refused([&] { load(tensor); }, {kUnsupported, {"'t'", "67108864", "raw_data"}});
}

TEST(TensorProto, AlignedRawDataIsAliasedAndTheRestCopied) {
  alignas(8) char buffer[64];
  const auto owner = std::shared_ptr<const void>(buffer, [](const void*) {});
  for (const std::size_t offset : {4u, 5u}) {
    OnnxTensor tensor = test::float_tensor("", {1}, {1.0f});
    const std::string message = tensor.bytes();  // its raw data are its last four bytes
    char* at = buffer + offset + (8 - message.size() % 8) % 8;
    std::memcpy(at, message.data(), message.size());
    onnx::TensorSource source;
    source.owner = owner;
    source.copy_budget = 1000;
    const ConstTensor made = onnx::read_tensor({at, message.size()}, source, "t").tensor;
    EXPECT_EQ(*made->as<float>(), 1.0f);
    const char* raw = at + message.size() - 4;
    EXPECT_EQ(made->view().data == static_cast<const void*>(raw),
              reinterpret_cast<std::uintptr_t>(raw) % 4 == 0);
    EXPECT_EQ(source.copy_budget == 1000u, reinterpret_cast<std::uintptr_t>(raw) % 4 == 0);
  }
}

}  // namespace
}  // namespace convoy
