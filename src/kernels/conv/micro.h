// The register kernels of this cell, one set per instruction set, chosen once when preparing.
//
// A convolution becomes many small outer products: `rows` values broadcast against `vectors`
// vectors, summed along a window. In NHWC and NCHW the lanes are output channels and the broadcast
// values are the pixels' windows; in CHWN and CHWN8 the lanes are images of the batch and the
// broadcast values are weights.
#pragma once

#include <cstdint>

#include "base/op.h"

namespace convoy {

// How one window is walked: three nested strides around runs of elements. Offsets count elements of
// the input (`data`) and of the reduction in packed order (`weights`).
struct WindowLoop {
  struct Level {
    std::int64_t count = 1, data = 0, weights = 0;
  };
  Level outer, rows, columns;
  std::int64_t length = 0;   // of a run
  std::int64_t step = 1;     // between a run's elements in the input; 1 where lanes are channels
  std::int64_t weights = 0;  // where the walk starts in packed order
};

inline constexpr int kMaxRows = 12;
inline constexpr int kMaxVectors = 4;
inline constexpr int kMaxLanes = 16;
// 24 accumulators at most: 12 x 2, 8 x 3 or 6 x 4.
inline constexpr int kTileElements = 24 * kMaxLanes;

// tile[row][v] (+)= sum over the window of pixels[row][...] * weights[...][v].
template <class T>
struct ChannelBlock {
  const T* pixels[kMaxRows];
  int rows = 0;
  int vectors = 0;
  const T* weights = nullptr;  // packed: [reduction][width]
  std::int64_t width = 0;      // elements of one packed row and of one row of the tile
  const WindowLoop* window = nullptr;
  T* tile = nullptr;    // rows x width, aligned
  bool resume = false;  // add to the tile's contents
};

// tile[row][v] (+)= sum over the window of weights[...][row] * images[v][...].
template <class T>
struct BatchBlock {
  const T* images[kMaxVectors];
  std::int64_t lanes_used[kMaxVectors];  // lanes that exist in memory
  bool partial = false;                  // some vector has fewer than all
  int vectors = 0;
  const T* weights = nullptr;  // packed: [reduction][rows]
  const WindowLoop* window = nullptr;
  T* tile = nullptr;  // rows x vectors x lanes, aligned
  bool resume = false;
};

// y[row][0..count) = epilogue(tile[row][0..count)), tile rows `width` apart.
template <class T>
struct FinishRows {
  const Epilogue* epilogue = nullptr;
  const T* tile = nullptr;
  std::int64_t width = 0;
  int rows = 0;
  std::int64_t count = 0;
  const T* bias = nullptr;  // per element of a row, readable up to `width`; or null
  T bias_of_row[kMaxRows];  // added when `bias` is null
  T* y[kMaxRows];
  const T* residual[kMaxRows];  // read when the epilogue has one
};

template <class T>
struct MicroOps {
  int lanes;                     // of a vector whose lanes are channels
  int batch_lanes;               // of a vector whose lanes are images of chwn
  int batch8_lanes;              // ... and of chwn8: at most eight
  int max_vectors;               // registers allow this many vectors per block
  int rows_of[kMaxVectors + 1];  // and this many rows for that many vectors
  int batch_rows;                // of a block whose lanes are images
  void (*channels)(const ChannelBlock<T>&);
  void (*batch)(const BatchBlock<T>&);
  void (*batch8)(const BatchBlock<T>&);
  void (*finish)(const FinishRows<T>&);
};

// For the best instruction set of this machine.
template <class T>
const MicroOps<T>& micro_ops();

}  // namespace convoy
