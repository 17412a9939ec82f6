// Element types. Names are the short ones of the field: f32, s8, u8, s64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace convoy {

enum class DType : std::uint8_t {
  kF32,
  kF64,
  kF16,
  kBF16,
  kS8,
  kU8,
  kS16,
  kU16,
  kS32,
  kU32,
  kS64,
  kU64,
  kBool,  // one byte, 0 or 1
};

constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::kS8:
    case DType::kU8:
    case DType::kBool:
      return 1;
    case DType::kF16:
    case DType::kBF16:
    case DType::kS16:
    case DType::kU16:
      return 2;
    case DType::kF32:
    case DType::kS32:
    case DType::kU32:
      return 4;
    case DType::kF64:
    case DType::kS64:
    case DType::kU64:
      return 8;
  }
  return 0;
}

constexpr bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF64 || t == DType::kF16 || t == DType::kBF16;
}

std::string_view to_string(DType t);

template <class T>
struct DTypeOf;
// clang-format off
template <> struct DTypeOf<float> { static constexpr DType value = DType::kF32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::kF64; };
template <> struct DTypeOf<std::int8_t> { static constexpr DType value = DType::kS8; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = DType::kU8; };
template <> struct DTypeOf<std::int16_t> { static constexpr DType value = DType::kS16; };
template <> struct DTypeOf<std::uint16_t> { static constexpr DType value = DType::kU16; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = DType::kS32; };
template <> struct DTypeOf<std::uint32_t> { static constexpr DType value = DType::kU32; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = DType::kS64; };
template <> struct DTypeOf<std::uint64_t> { static constexpr DType value = DType::kU64; };
template <> struct DTypeOf<bool> { static constexpr DType value = DType::kBool; };
// clang-format on

}  // namespace convoy
