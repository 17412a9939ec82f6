#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/movement/block_copy.cc"
#include "kernels/movement/block_copy.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace convoy::movement {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
constexpr std::int64_t kSquare = 1;
HWY_INLINE void transpose_square(const std::uint32_t* in, std::int64_t, std::uint32_t* out,
                                 std::int64_t) {
  *out = *in;
}
#else
// Squares of 8 x 8, or 4 x 4 where registers are of 16 bytes.
using Tag = hn::CappedTag<std::uint32_t, 8>;
using Vector = hn::Vec<Tag>;
constexpr std::int64_t kSquare = hn::MaxLanes(Tag());

HWY_INLINE void transpose_pairs(const Vector* r, Vector* u) {
  constexpr Tag d;
  const hn::Repartition<std::uint64_t, Tag> d64;
  const auto low64 = [&](Vector a, Vector b) {
    return hn::BitCast(d, hn::InterleaveLower(d64, hn::BitCast(d64, a), hn::BitCast(d64, b)));
  };
  const auto high64 = [&](Vector a, Vector b) {
    return hn::BitCast(d, hn::InterleaveUpper(d64, hn::BitCast(d64, a), hn::BitCast(d64, b)));
  };
  const Vector t0 = hn::InterleaveLower(d, r[0], r[1]), t1 = hn::InterleaveUpper(d, r[0], r[1]);
  const Vector t2 = hn::InterleaveLower(d, r[2], r[3]), t3 = hn::InterleaveUpper(d, r[2], r[3]);
  u[0] = low64(t0, t2);
  u[1] = high64(t0, t2);
  u[2] = low64(t1, t3);
  u[3] = high64(t1, t3);
}

// out[i * out_row + j] = in[j * in_column + i] for i, j < kSquare.
HWY_INLINE void transpose_square(const std::uint32_t* in, std::int64_t in_column,
                                 std::uint32_t* out, std::int64_t out_row) {
  constexpr Tag d;
  Vector r[kSquare], u[kSquare];
  for (std::int64_t j = 0; j < kSquare; ++j) r[j] = hn::LoadU(d, in + j * in_column);
  transpose_pairs(r, u);
  if constexpr (kSquare == 4) {
    for (std::int64_t i = 0; i < 4; ++i) hn::StoreU(u[i], d, out + i * out_row);
  } else {
    transpose_pairs(r + 4, u + 4);
    for (std::int64_t i = 0; i < 4; ++i) {
      hn::StoreU(hn::ConcatLowerLower(d, u[i + 4], u[i]), d, out + i * out_row);
      hn::StoreU(hn::ConcatUpperUpper(d, u[i + 4], u[i]), d, out + (i + 4) * out_row);
    }
  }
}

#endif

void transpose_range(const std::uint32_t* in, std::uint32_t* out, const Block& b,
                     std::int64_t row_begin, std::int64_t row_end, std::int64_t column_begin,
                     std::int64_t column_end) {
  for (std::int64_t i = row_begin; i < row_end; ++i) {
    for (std::int64_t j = column_begin; j < column_end; ++j) {
      out[i * b.out_row + j] = in[j * b.in_column + i];
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// Two to four planes woven into pixels (columns consecutive in the result and few).
HWY_INLINE std::int64_t weave(const std::uint32_t* in, std::uint32_t* out, const Block& b) {
  const hn::ScalableTag<std::uint32_t> d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  const auto plane = [&](std::int64_t j, std::int64_t i) {
    return hn::LoadU(d, in + j * b.in_column + i);
  };
  std::int64_t i = 0;
  for (; i + step <= b.rows; i += step) {
    std::uint32_t* to = out + i * b.out_row;
    if (b.columns == 2) {
      hn::StoreInterleaved2(plane(0, i), plane(1, i), d, to);
    } else if (b.columns == 3) {
      hn::StoreInterleaved3(plane(0, i), plane(1, i), plane(2, i), d, to);
    } else {
      hn::StoreInterleaved4(plane(0, i), plane(1, i), plane(2, i), plane(3, i), d, to);
    }
  }
  return i;
}

// Pixels of two to four channels parted into planes.
HWY_INLINE std::int64_t part(const std::uint32_t* in, std::uint32_t* out, const Block& b) {
  const hn::ScalableTag<std::uint32_t> d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t j = 0;
  for (; j + step <= b.columns; j += step) {
    const std::uint32_t* from = in + j * b.in_column;
    hn::Vec<decltype(d)> v0, v1, v2 = hn::Zero(d), v3 = hn::Zero(d);
    if (b.rows == 2) {
      hn::LoadInterleaved2(d, from, v0, v1);
    } else if (b.rows == 3) {
      hn::LoadInterleaved3(d, from, v0, v1, v2);
    } else {
      hn::LoadInterleaved4(d, from, v0, v1, v2, v3);
    }
    hn::StoreU(v0, d, out + j);
    hn::StoreU(v1, d, out + b.out_row + j);
    if (b.rows > 2) hn::StoreU(v2, d, out + 2 * b.out_row + j);
    if (b.rows > 3) hn::StoreU(v3, d, out + 3 * b.out_row + j);
  }
  return j;
}
#endif

void transpose_words(const Block& b) {
  const auto* in = reinterpret_cast<const std::uint32_t*>(b.in);
  auto* out = reinterpret_cast<std::uint32_t*>(b.out);
#if HWY_TARGET != HWY_SCALAR
  if (b.columns >= 2 && b.columns <= 4 && b.out_row == b.columns) {
    return transpose_range(in, out, b, weave(in, out, b), b.rows, 0, b.columns);
  }
  if (b.rows >= 2 && b.rows <= 4 && b.in_column == b.rows) {
    return transpose_range(in, out, b, 0, b.rows, part(in, out, b), b.columns);
  }
#endif
  // Lines of 16 elements: of the side whose lines lie further apart, where they may share a cache
  // set, eight are visited whole before the next.
  constexpr std::int64_t kLine = 16;
  const std::int64_t rows = b.rows - b.rows % kSquare, columns = b.columns - b.columns % kSquare;
  const auto square = [&](std::int64_t i, std::int64_t j) {
    transpose_square(in + j * b.in_column + i, b.in_column, out + i * b.out_row + j, b.out_row);
  };
  for (std::int64_t strip = 0; strip < columns; strip += kLine) {
    const std::int64_t strip_end = std::min(columns, strip + kLine);
    for (std::int64_t band = 0; band < rows; band += kLine) {
      const std::int64_t band_end = std::min(rows, band + kLine);
      if (b.in_column > b.out_row) {
        for (std::int64_t j = strip; j < strip_end; j += kSquare) {
          for (std::int64_t i = band; i < band_end; i += kSquare) square(i, j);
        }
      } else {
        for (std::int64_t i = band; i < band_end; i += kSquare) {
          for (std::int64_t j = strip; j < strip_end; j += kSquare) square(i, j);
        }
      }
    }
  }
  transpose_range(in, out, b, 0, rows, columns, b.columns);
  transpose_range(in, out, b, rows, b.rows, 0, b.columns);
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy::movement
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy::movement {
namespace {

HWY_EXPORT(transpose_words);

template <class T>
void elements(const Block& b) {
  const T* in = reinterpret_cast<const T*>(b.in);
  T* out = reinterpret_cast<T*>(b.out);
  for (std::int64_t i = 0; i < b.rows; ++i) {
    const T* from = in + i * b.in_row;
    T* to = out + i * b.out_row;
    if (b.in_column == 0 && b.out_column == 1) {
      std::fill_n(to, b.columns, *from);
    } else {
      for (std::int64_t j = 0; j < b.columns; ++j) to[j * b.out_column] = from[j * b.in_column];
    }
  }
}

template <std::size_t kBytes>
void runs(const Block& b, std::int64_t element_bytes) {
  for (std::int64_t i = 0; i < b.rows; ++i) {
    std::memcpy(b.out + i * b.out_row * element_bytes, b.in + i * b.in_row * element_bytes, kBytes);
  }
}

}  // namespace

void copy_runs(const Block& b, std::size_t element_bytes) {
  const auto size = static_cast<std::int64_t>(element_bytes);
  const auto bytes = static_cast<std::size_t>(b.columns * size);
  switch (bytes) {  // runs too short for a call each
    case 4:
      return runs<4>(b, size);
    case 8:
      return runs<8>(b, size);
    case 12:
      return runs<12>(b, size);
    case 16:
      return runs<16>(b, size);
    case 32:
      return runs<32>(b, size);
    case 64:
      return runs<64>(b, size);
    default:
      for (std::int64_t i = 0; i < b.rows; ++i) {
        std::memcpy(b.out + i * b.out_row * size, b.in + i * b.in_row * size, bytes);
      }
  }
}

void copy_transposed(const Block& b, std::size_t element_bytes) {
  if (element_bytes == 4) return HWY_DYNAMIC_DISPATCH(transpose_words)(b);
  copy_elements(b, element_bytes);
}

void copy_elements(const Block& b, std::size_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return elements<std::uint8_t>(b);
    case 2:
      return elements<std::uint16_t>(b);
    case 4:
      return elements<std::uint32_t>(b);
    default:
      return elements<std::uint64_t>(b);
  }
}

}  // namespace convoy::movement
#endif  // HWY_ONCE
