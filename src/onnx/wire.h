// Protobuf's wire format: the fields of one message, every malformed byte refused.
//
// protozero decodes the varints. Its own reader checks wire types by assertion alone and cuts
// lengths to 32 bits, which is not enough for untrusted bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <protozero/exception.hpp>
#include <protozero/varint.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace convoy::onnx {

// Valid UTF-8 without NUL: what names must be to be printed, compared and handed to C.
bool is_clean_text(std::string_view text);

// A name between quotes for messages, cut when it is very long.
std::string quote(std::string_view text);

class WireReader {
 public:
  // `message` names what is read in errors ("NodeProto") and must be a literal.
  WireReader(std::string_view bytes, const char* message)
      : begin_(bytes.data()),
        at_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        message_(message) {}

  // Decodes the next field, whatever it is. Throws kInvalidModel when it is malformed.
  bool next();
  std::uint32_t tag() const { return tag_; }

  // The value of the current field; throw kInvalidModel when it has another wire type.
  std::int64_t integer() const;
  float f32() const;
  std::string_view bytes() const;
  std::string_view text() const;  // is_clean_text

  // Calls fn for each element of a repeated field, packed or not. Throws as above.
  template <class Fn>
  void each_varint(Fn fn) const;
  // The little-endian bytes of a repeated fixed-width field, packed or not.
  std::string_view fixed_bytes(std::size_t width) const;

  [[noreturn]] void malformed(const std::string& what) const;

 private:
  enum Wire : std::uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

  void expect(Wire wire) const;

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* message_;
  std::uint32_t tag_ = 0;
  std::uint32_t wire_ = 0;
  std::uint64_t number_ = 0;
  std::string_view view_;  // of a length-delimited or fixed-width field
};

template <class Fn>
void WireReader::each_varint(Fn fn) const {
  if (wire_ == kVarint) {
    fn(number_);
    return;
  }
  expect(kLength);
  const char* at = view_.data();
  const char* const end = at + view_.size();
  try {
    while (at != end) fn(protozero::decode_varint(&at, end));
  } catch (const protozero::exception& error) {
    malformed(error.what());
  }
}

}  // namespace convoy::onnx
