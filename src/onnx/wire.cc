#include "onnx/wire.h"

#include <cstring>

namespace convoy::onnx {

namespace {

// Length of the UTF-8 sequence at the start of `text`, 0 when it is not one.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
  if (lead == 0xED && byte(1) > 0x9F) return 0;  // surrogate
  if (lead == 0xF0 && byte(1) < 0x90) return 0;  // overlong
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;  // beyond U+10FFFF
  return length;
}

}  // namespace

bool is_clean_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text[0] == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string quote(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  if (text.size() <= kLongest) return "'" + std::string(text) + "'";
  std::size_t end = kLongest;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return "'" + std::string(text.substr(0, end)) + "...'";
}

bool WireReader::next() {
  if (at_ == end_) return false;
  try {
    const std::uint64_t key = protozero::decode_varint(&at_, end_);
    if (key >> 3 == 0 || key >> 3 > (1u << 29) - 1) malformed("a field number is out of range");
    tag_ = static_cast<std::uint32_t>(key >> 3);
    wire_ = static_cast<std::uint32_t>(key & 7);
    if (wire_ == kVarint) {
      number_ = protozero::decode_varint(&at_, end_);
      return true;
    }
    std::uint64_t length = 0;
    switch (wire_) {
      case kFixed64:
        length = 8;
        break;
      case kFixed32:
        length = 4;
        break;
      case kLength:
        length = protozero::decode_varint(&at_, end_);
        break;
      default:
        malformed("field " + std::to_string(tag_) + " has the unknown wire type " +
                  std::to_string(wire_));
    }
    const auto left = static_cast<std::uint64_t>(end_ - at_);
    if (length > left) {
      malformed("field " + std::to_string(tag_) + " claims " + std::to_string(length) +
                " bytes where " + std::to_string(left) + " are left (a truncated file?)");
    }
    view_ = {at_, static_cast<std::size_t>(length)};
    at_ += length;
  } catch (const protozero::exception& error) {
    malformed(error.what());
  }
  return true;
}

void WireReader::malformed(const std::string& what) const {
  fail(ErrorCode::kInvalidModel, "not an ONNX file: " + std::string(message_) +
                                     " is malformed near its byte " + std::to_string(at_ - begin_) +
                                     ": " + what);
}

void WireReader::expect(Wire wire) const {
  if (wire_ != wire) {
    malformed("field " + std::to_string(tag_) + " has wire type " + std::to_string(wire_) +
              " instead of " + std::to_string(wire));
  }
}

std::int64_t WireReader::integer() const {
  expect(kVarint);
  return std::bit_cast<std::int64_t>(number_);
}

float WireReader::f32() const {
  expect(kFixed32);
  float value;
  std::memcpy(&value, view_.data(), sizeof value);
  return value;
}

std::string_view WireReader::bytes() const {
  expect(kLength);
  return view_;
}

std::string_view WireReader::text() const {
  const std::string_view text = bytes();
  if (!is_clean_text(text)) {
    malformed("the text of field " + std::to_string(tag_) + " is not UTF-8 or holds a NUL");
  }
  return text;
}

std::string_view WireReader::fixed_bytes(std::size_t width) const {
  if (wire_ == (width == 4 ? kFixed32 : kFixed64)) return view_;
  expect(kLength);
  if (view_.size() % width != 0) {
    malformed("field " + std::to_string(tag_) + " holds " + std::to_string(view_.size()) +
              " bytes, not a multiple of " + std::to_string(width));
  }
  return view_;
}

}  // namespace convoy::onnx
