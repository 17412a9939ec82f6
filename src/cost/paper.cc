#include "cost/paper.h"

#include <algorithm>

#include "base/error.h"

namespace convoy::paper {
namespace {

using Kind = Layer::Kind;

struct NamedModule {
  Module module;
  const char* name;
  std::vector<Kind> kinds;
};

const std::vector<NamedModule>& fused_modules() {
  static const std::vector<NamedModule> modules = {
      {Module::kDwPw, "dwpw", {Kind::kDepthwise, Kind::kPointwise}},
      {Module::kPwDw, "pwdw", {Kind::kPointwise, Kind::kDepthwise}},
      {Module::kPwDwWide, "pwdw_wide", {Kind::kPointwise, Kind::kDepthwise}},
      {Module::kPwPw, "pwpw", {Kind::kPointwise, Kind::kPointwise}},
      {Module::kPwDwPw, "pwdwpw", {Kind::kPointwise, Kind::kDepthwise, Kind::kPointwise}},
  };
  return modules;
}

bool same_kinds(std::span<const Layer> layers, const std::vector<Kind>& kinds) {
  return std::ranges::equal(layers, kinds, {}, &Layer::kind);
}

void check(std::span<const Layer> layers, Module module) {
  const std::vector<Module> modules = modules_of(layers);
  const bool known = module == Module::kSingle
                         ? layers.size() == 1
                         : std::ranges::find(modules, module) != modules.end();
  if (!known) {
    fail(ErrorCode::kInvalidArgument,
         std::to_string(layers.size()) + " layers, expected those of " + to_string(module));
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& l = layers[i];
    const bool positive = std::min({l.c, l.h, l.w, l.k, l.p, l.q, l.r, l.s, l.stride}) > 0;
    const bool follows =
        i == 0 || (l.c == layers[i - 1].k && l.h == layers[i - 1].p && l.w == layers[i - 1].q);
    if (!positive || !follows || (l.kind == Kind::kDepthwise && l.c != l.k)) {
      fail(ErrorCode::kInvalidArgument,
           "layer " + std::to_string(i) + " takes " + std::to_string(l.c) + "x" +
               std::to_string(l.h) + "x" + std::to_string(l.w) + " and makes " +
               std::to_string(l.k) + "x" + std::to_string(l.p) + "x" + std::to_string(l.q) +
               ", expected what the layer before makes, and a DW to keep its channels");
    }
  }
}

// One dimension of a map cut into tiles of the output.
struct Cut {
  std::int64_t tiles = 0;
  std::int64_t read = 0;     // input rows of all tiles together, those outside the map left out
  std::int64_t largest = 0;  // of one tile
};

Cut cut(std::int64_t in, std::int64_t out, std::int64_t window, std::int64_t stride,
        std::int64_t tile) {
  const std::int64_t before = std::max<std::int64_t>(0, (out - 1) * stride + window - in) / 2;
  Cut result;
  for (std::int64_t first = 0; first < out; first += tile) {
    const std::int64_t last = std::min(out, first + tile) - 1;
    const std::int64_t begin = std::max<std::int64_t>(0, first * stride - before);
    const std::int64_t end = std::min(in, last * stride - before + window);
    ++result.tiles;
    result.read += std::max<std::int64_t>(0, end - begin);
    result.largest = std::max(result.largest, end - begin);
  }
  return result;
}

std::int64_t area(const Layer& l) { return l.r * l.s; }
std::int64_t step(std::int64_t channels) { return std::min(channels, kChannelStep); }

double macs(const Layer& l) {
  const std::int64_t each = l.kind == Kind::kDepthwise ? area(l) : l.c;
  return static_cast<double>(each * l.k) * static_cast<double>(l.p * l.q);
}

double weights(const Layer& l) {
  return static_cast<double>(l.kind == Kind::kDepthwise ? l.k * area(l) : l.k * l.c);
}

// Elements that a block holds at once: operands in shared memory, its part of the output in L1.
struct Held {
  std::int64_t shared = 0, output = 0;
};

// The layer whose window makes tiles overlap: the depthwise one, if there is one.
const Layer& windowed(std::span<const Layer> layers) {
  const auto found = std::ranges::find(layers, Kind::kDepthwise, &Layer::kind);
  return found == layers.end() ? layers.front() : *found;
}

Held held_by(std::span<const Layer> layers, Module module, const Tile& tile,
             std::int64_t halo_tile) {
  const Layer& first = layers.front();
  const Layer& last = layers.back();
  const std::int64_t pixels = tile.h * tile.w;
  const std::int64_t c = step(first.c), k = std::min(tile.k, last.k);
  Held held{0, pixels * k};
  switch (module) {
    case Module::kSingle:
      held.shared = first.kind == Kind::kDepthwise ? area(first) + halo_tile : c * (k + halo_tile);
      break;
    case Module::kDwPw:  // the DW of all channels lies between, made channel by channel
      held.shared = weights(first) + step(last.c) * k + halo_tile + pixels * first.k;
      break;
    case Module::kPwDw:
    case Module::kPwDwWide:  // the PW of a slice of channels lies between
      held.shared = c * (k + halo_tile) + area(last) * k + halo_tile * k;
      break;
    case Module::kPwPw:  // the first PW of all channels lies between
      held.shared = c * (first.k + halo_tile) + step(last.c) * k + pixels * first.k;
      break;
    case Module::kPwDwPw: {
      // The input stays, all channels of it; between lie kChannelStep channels at a time, of both.
      const std::int64_t middle = step(first.k);
      held.shared = first.c * (halo_tile + middle) + (halo_tile + area(layers[1])) * middle +
                    (pixels + k) * middle;
      break;
    }
  }
  return held;
}

struct Spatial {
  Cut rows, columns;
};

Spatial cut_map(std::span<const Layer> layers, const Tile& tile) {
  const Layer& l = windowed(layers);
  return {cut(l.h, l.p, l.r, l.stride, tile.h), cut(l.w, l.q, l.s, l.stride, tile.w)};
}

std::string kib(std::int64_t bytes) { return std::to_string((bytes + 1023) / 1024) + " KiB"; }

// The formulas of paper.h; `spatial` is the map cut into the tile's extents. Without `words` the
// reason of what is infeasible is no more than there.
Cost evaluate(std::span<const Layer> layers, Module module, const Tile& tile,
              const Spatial& spatial, std::int64_t element_bytes, const DeviceDesc& device,
              const Rules& rules, bool words) {
  const Layer& first = layers.front();
  const Layer& last = layers.back();
  const bool dw_alone = module == Module::kSingle && first.kind == Kind::kDepthwise;
  Cost cost;
  cost.tile = tile;
  const std::int64_t tiles = spatial.rows.tiles * spatial.columns.tiles;
  const std::int64_t slices = dw_alone ? last.k : (last.k + tile.k - 1) / tile.k;
  cost.blocks = tiles * slices;
  const Held held = held_by(layers, module, tile, spatial.rows.largest * spatial.columns.largest);
  const std::int64_t shared = held.shared * element_bytes;
  const std::int64_t all = (held.shared + held.output) * element_bytes;

  // Pixels that go in, over all tiles of one slice, and how many slices read them.
  const double pixels =
      static_cast<double>(spatial.rows.read) * static_cast<double>(spatial.columns.read);
  const double reads = dw_alone ? 1 : static_cast<double>(slices);
  double weight = 0, necessary = 0;
  for (const Layer& l : layers) {
    weight += weights(l);
    necessary += macs(l);
  }
  // Weights of layers that every slice computes anew.
  double again = 0;
  if (module == Module::kPwPw) again = weights(first);
  if (module == Module::kPwDwPw) again = weights(first) + weights(layers[1]);
  weight += again * (reads - 1);
  const double map = std::min(pixels, static_cast<double>(first.h * first.w));
  const double halo = pixels - map;
  cost.bytes =
      static_cast<double>(element_bytes) *
      ((reads * map + (rules.halo_every_slice ? reads : 1) * halo) * static_cast<double>(first.c) +
       static_cast<double>(last.k * last.p * last.q) + weight * static_cast<double>(tiles));

  // A PW before a DW is computed for the halo as well; whatever comes before the channels that are
  // sliced is computed by every slice.
  double done = macs(last);
  if (module == Module::kDwPw || module == Module::kPwPw) done += reads * macs(first);
  if (module == Module::kPwDw || module == Module::kPwDwWide) done += weights(first) * pixels;
  if (module == Module::kPwDwPw) done += reads * (weights(first) * pixels + macs(layers[1]));
  // A stride can leave pixels of the map unread, which is then less than was counted.
  cost.redundant = module == Module::kSingle ? 0 : std::max(0.0, done / necessary - 1);

  const std::int64_t most_shared = device.cuda.shared_bytes_multiprocessor;
  const bool fits = shared <= most_shared && all <= device.l1_bytes;
  if (fits && cost.blocks >= device.cores && cost.redundant <= rules.most_redundant) return cost;
  if (!words) {
    cost.infeasible = "?";
  } else if (shared > most_shared) {
    cost.infeasible =
        "a block's operands, " + kib(shared) + ", exceed the shared memory of " + kib(most_shared);
  } else if (!fits) {
    cost.infeasible =
        "what a block works on, " + kib(all) + ", exceeds the L1 of " + kib(device.l1_bytes);
  } else if (cost.blocks < device.cores) {
    cost.infeasible = std::to_string(cost.blocks) + " blocks for " + std::to_string(device.cores) +
                      " multiprocessors";
  } else {
    cost.infeasible = std::to_string(static_cast<int>(100 * cost.redundant)) +
                      " % redundant arithmetic, tolerable are " +
                      std::to_string(static_cast<int>(100 * rules.most_redundant)) + " %";
  }
  return cost;
}

// Extents to try, ascending; the whole one is the last.
std::vector<std::int64_t> extents(std::int64_t whole, bool powers_of_two) {
  std::vector<std::int64_t> list;
  for (std::int64_t power = 1; power < whole; power *= 2) list.push_back(power);
  if (!powers_of_two) {
    for (std::int64_t parts = whole; parts > 1; --parts)
      list.push_back((whole + parts - 1) / parts);
  }
  list.push_back(whole);
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

}  // namespace

const char* to_string(Module module) {
  for (const NamedModule& each : fused_modules()) {
    if (each.module == module) return each.name;
  }
  return "single";
}

Module parse_module(const std::string& text) {
  std::string known = "single";
  for (const NamedModule& each : fused_modules()) {
    if (text == each.name) return each.module;
    known += std::string(", ") + each.name;
  }
  if (text == "single") return Module::kSingle;
  fail(ErrorCode::kInvalidArgument, "module '" + text + "', expected one of " + known);
}

std::vector<Module> modules_of(std::span<const Layer> layers) {
  std::vector<Module> modules;
  // A strided PW leaves pixels out, which its neighbours' tiles would have to as well.
  const bool strided = std::ranges::any_of(
      layers, [](const Layer& l) { return l.kind == Kind::kPointwise && l.stride != 1; });
  for (const NamedModule& each : fused_modules()) {
    if (!strided && same_kinds(layers, each.kinds)) modules.push_back(each.module);
  }
  return modules;
}

Cost cost_of(std::span<const Layer> layers, Module module, const Tile& tile,
             std::int64_t element_bytes, const DeviceDesc& device, const Rules& rules) {
  check(layers, module);
  if (std::min({tile.h, tile.w, tile.k}) < 1) {
    fail(ErrorCode::kInvalidArgument, "a tile of " + std::to_string(tile.h) + "x" +
                                          std::to_string(tile.w) + "x" + std::to_string(tile.k) +
                                          ", expected 1 at least");
  }
  return evaluate(layers, module, tile, cut_map(layers, tile), element_bytes, device, rules, true);
}

Cost best_cost(std::span<const Layer> layers, Module module, std::int64_t element_bytes,
               const DeviceDesc& device, const Rules& rules) {
  check(layers, module);
  const Layer& last = layers.back();
  const bool dw_alone = module == Module::kSingle && last.kind == Kind::kDepthwise;
  const auto heights = extents(last.p, rules.powers_of_two);
  const auto widths = module == Module::kPwDwWide ? std::vector<std::int64_t>{last.q}
                                                  : extents(last.q, rules.powers_of_two);
  const auto slices =
      dw_alone ? std::vector<std::int64_t>{1} : extents(last.k, rules.powers_of_two);
  Cost best;
  for (const std::int64_t h : heights) {
    for (const std::int64_t w : widths) {
      const Spatial spatial = cut_map(layers, {h, w, 1});
      for (const std::int64_t k : slices) {
        Cost cost =
            evaluate(layers, module, {h, w, k}, spatial, element_bytes, device, rules, false);
        const bool better = cost && (!best || cost.bytes < best.bytes);
        if (best.tile.h == 0 || better) best = std::move(cost);
      }
    }
  }
  if (best) return best;
  return cost_of(layers, module, best.tile, element_bytes, device, rules);
}

}  // namespace convoy::paper
