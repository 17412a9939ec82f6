// A tile as text, for plans, logs and the table of measured tiles.
#include <cstdio>

#include "kernels/fused/cuda/module.h"

namespace convoy::fused_cuda {

std::string to_string(const Tile& t) {
  const auto number = [](int value) { return std::to_string(value); };
  std::string text = number(t.rows) + "x" + number(t.columns) + " out" + number(t.outputs) +
                     " mid" + number(t.middle) + " in" + number(t.inputs) + " warps" +
                     number(t.warps_pixels) + "x" + number(t.warps_outputs) + "x" +
                     number(t.warps_sums) + " expand" + number(t.expand_warps_pixels) + " strip" +
                     number(t.strip_rows) + "x" + number(t.strip);
  if (t.blocks_sums > 1) text += " cluster" + number(t.blocks_sums);
  if (t.blocks > 1) text += " blocks" + number(t.blocks);
  if (t.stage_weights) text += " staged";
  if (t.walks) text += " walks";
  return text;
}

std::optional<Tile> parse_tile(std::string_view text) {
  const std::string copy(text);
  Tile t;
  int end = 0;
  if (std::sscanf(copy.c_str(), "%dx%d out%d mid%d in%d warps%dx%dx%d expand%d strip%dx%d%n",
                  &t.rows, &t.columns, &t.outputs, &t.middle, &t.inputs, &t.warps_pixels,
                  &t.warps_outputs, &t.warps_sums, &t.expand_warps_pixels, &t.strip_rows, &t.strip,
                  &end) != 11) {
    return std::nullopt;
  }
  const auto option = [&](const char* format, int& value) {
    int length = 0;
    if (std::sscanf(copy.c_str() + end, format, &value, &length) == 1) end += length;
  };
  option(" cluster%d%n", t.blocks_sums);
  option(" blocks%d%n", t.blocks);
  const std::string rest = copy.substr(static_cast<std::size_t>(end));
  t.stage_weights = rest.starts_with(" staged");
  t.walks = rest.ends_with(" walks");
  if (to_string(t) != text) return std::nullopt;
  return t;
}

}  // namespace convoy::fused_cuda
