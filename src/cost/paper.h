// The cost model of "Fusing Depthwise and Pointwise Convolutions for Efficient Inference on GPUs"
// (Qararyah, Azhar, Maleki, Trancoso; ICPP Workshops 2024): the bytes that a depthwise (DW) or
// pointwise (PW) convolution, or a fused module of them, moves to and from global memory, by tile.
// It knows no caches beyond L1, no time and no launches; Convoy's own models do. It is here to be
// compared with.
//
// A block makes one spatial tile of the output and one slice of its channels. With IFM and OFM the
// bytes of the maps that go in and out, W those of weights, `halo` what neighbouring tiles read
// twice, `tiles` the number of spatial tiles and `slices` that of channel slices:
//
//   DW            IFM + halo + OFM + W * tiles
//   PW            slices * IFM + OFM + W * tiles
//   DW -> PW      slices * (IFM + halo) + OFM + (W_dw + W_pw) * tiles
//   PW -> DW      slices * (IFM + halo) + OFM + (W_pw + W_dw) * tiles
//   PW -> PW      slices * IFM + OFM + (W_1 * slices + W_2) * tiles
//   PW -> DW -> PW  slices * (IFM + halo) + OFM + ((W_1 + W_dw) * slices + W_2) * tiles
//
// The last is Convoy's. A tile is feasible when what a block holds at once fits shared memory, that
// and its part of the output fit L1, and there are at least as many blocks as multiprocessors. A
// block walks the input channels of a PW in steps of kChannelStep.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "device/device.h"

namespace convoy::paper {

inline constexpr std::int64_t kChannelStep = 32;

// One convolution at batch 1, padded as its extents say, the odd row or column at the end.
struct Layer {
  enum class Kind : std::uint8_t { kDepthwise, kPointwise };
  Kind kind = Kind::kPointwise;
  std::int64_t c = 0, h = 0, w = 0;  // of the map that goes in
  std::int64_t k = 0, p = 0, q = 0;  // of the map that comes out; k == c when depthwise
  std::int64_t r = 1, s = 1, stride = 1;

  friend auto operator<=>(const Layer&, const Layer&) = default;
};

enum class Module : std::uint8_t { kSingle, kDwPw, kPwDw, kPwDwWide, kPwPw, kPwDwPw };

// "dwpw", "pwdw_wide"; "single".
const char* to_string(Module module);
// Throws kInvalidArgument, naming all there are.
Module parse_module(const std::string& text);

struct Tile {
  std::int64_t h = 0, w = 0;  // of the last convolution's output
  std::int64_t k = 0;         // its channels in one slice; a DW on its own: always 1
};

struct Cost {
  std::string infeasible;  // why there is none, in words; empty when there is one
  Tile tile;
  double bytes = 0;
  double redundant = 0;  // multiply-adds done more than once, as a part of the necessary ones
  std::int64_t blocks = 0;

  explicit operator bool() const { return infeasible.empty(); }
};

struct Rules {
  // The paper's planner looks at powers of two, and at the whole extent. Without: at every extent
  // that cuts the map into another number of tiles as well.
  bool powers_of_two = true;
  // Redundant arithmetic that is tolerable, as a part of the necessary.
  double most_redundant = 0.6;
  // Every slice reads the halo again, as the formulas say and as it is. The planner that the
  // paper's authors published counts it once, which makes PW -> DW cheaper the more slices there
  // are.
  bool halo_every_slice = true;
};

// What `layers`, each taking what the one before makes, move as one `module` with elements of
// `element_bytes`, tiled so. Throws kInvalidArgument when the layers are not of that module's
// kinds or do not fit each other.
Cost cost_of(std::span<const Layer> layers, Module module, const Tile& tile,
             std::int64_t element_bytes, const DeviceDesc& device, const Rules& rules = {});

// The feasible tile that moves the least; a wide module's tiles are as wide as the map. When there
// is none, the smallest tile and what is against it.
Cost best_cost(std::span<const Layer> layers, Module module, std::int64_t element_bytes,
               const DeviceDesc& device, const Rules& rules = {});

// The modules that layers of these kinds can run as, without kSingle.
std::vector<Module> modules_of(std::span<const Layer> layers);

}  // namespace convoy::paper
