#include "kernels/conv/cuda/tuned_tiles.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/error.h"
#include "kernels/conv/cuda/window_tiles.h"

namespace convoy::conv_cuda {
namespace {

struct Field {
  std::string_view name;
  int Tile::*member;
};
constexpr Field kFields[] = {{"q", &Tile::q},
                             {"k", &Tile::k},
                             {"k_threads", &Tile::k_threads},
                             {"segments", &Tile::segments},
                             {"row_segments", &Tile::row_segments},
                             {"warp_k", &Tile::warp_k},
                             {"split", &Tile::split},
                             {"channels", &Tile::channels},
                             {"rows", &Tile::rows},
                             {"buffers", &Tile::buffers},
                             {"blocks", &Tile::blocks}};

// Words that turn a member's default round.
struct Flag {
  std::string_view name;
  bool Tile::*member;
};
constexpr Flag kFlags[] = {{"separate_windows", &Tile::separate_windows},
                           {"q_outer", &Tile::q_outer},
                           {"one_way", &Tile::back_and_forth},
                           {"no_prefetch", &Tile::prefetch}};

constexpr std::string_view kText =
#include "kernels/conv/cuda/tuned_tiles.inc"
    ;

const std::map<std::string, std::string, std::less<>>& lines() {
  static const auto parsed = [] {
    std::map<std::string, std::string, std::less<>> result;
    for (std::string_view rest = kText; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::size_t colon = line.find(" : ");
      if (colon == std::string_view::npos) continue;
      result.emplace(line.substr(0, colon), line.substr(colon + 3));
    }
    return result;
  }();
  return parsed;
}

}  // namespace

std::string to_string(const Tile& tile) {
  constexpr Tile kDefault;
  std::string out;
  const auto word = [&](const std::string& text) { out += (out.empty() ? "" : " ") + text; };
  for (const Field& field : kFields) {
    if (tile.*field.member == kDefault.*field.member) continue;
    word(std::string(field.name) + std::to_string(tile.*field.member));
  }
  for (const Flag& flag : kFlags) {
    if (tile.*flag.member != kDefault.*flag.member) word(std::string(flag.name));
  }
  return out;
}

Tile parse_tile(std::string_view text) {
  Tile tile;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const auto flag = std::find_if(std::begin(kFlags), std::end(kFlags),
                                   [&](const Flag& f) { return f.name == word; });
    if (flag != std::end(kFlags)) {
      tile.*flag->member = !(tile.*flag->member);
      continue;
    }
    const std::size_t digits = std::min(word.find_first_of("0123456789"), word.size());
    int value = 0;
    const auto [end, status] =
        std::from_chars(word.data() + digits, word.data() + word.size(), value);
    bool known = status == std::errc() && end == word.data() + word.size() && value > 0;
    if (known) {
      known = false;
      for (const Field& field : kFields) {
        if (field.name != word.substr(0, digits)) continue;
        tile.*field.member = value;
        known = true;
      }
    }
    if (!known) {
      fail(ErrorCode::kInvalidArgument,
           "tile: '" + std::string(word) + "' is not a field with a positive number");
    }
  }
  return tile;
}

std::string tuning_key(const ConvProblem& problem, const DeviceDesc& device) {
  return device.cuda.arch + " " + std::string(convoy::to_string(problem.x_layout)) + " " +
         std::string(convoy::to_string(problem.y_layout)) + " " + convoy::to_string(problem.desc);
}

std::optional<Tile> tuned_tile(const ConvProblem& problem, const DeviceDesc& device) {
  const auto line = lines().find(tuning_key(problem, device));
  if (line == lines().end()) return std::nullopt;
  const Tile tile = parse_tile(line->second);
  const Problem cut = window_problem(problem);
  if (!launchable(cut, tile, sizes_of(cut, tile), device)) return std::nullopt;
  return tile;
}

}  // namespace convoy::conv_cuda
