#include "cost/cache_model.h"

#include <algorithm>

namespace convoy {

CacheModel::CacheModel(const DeviceDesc& device) {
  const std::int64_t bytes[kLevels] = {device.l1_bytes, device.l2_bytes, device.l3_bytes};
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    Level& level = levels_[i];
    const std::int64_t lines = std::max<std::int64_t>(16, bytes[i] / kLineBytes);
    level.ways = lines % 12 == 0 ? 12 : 16;  // 48 KiB have 12
    level.sets = lines / level.ways;
    level.lines.resize(static_cast<std::size_t>(level.sets * level.ways));
  }
}

void CacheModel::forget_counts() {
  for (Level& level : levels_) level.moved = {};
}

void CacheModel::access(const void* first, std::int64_t bytes, int kind, bool writes) {
  if (bytes <= 0) return;
  const auto begin = reinterpret_cast<std::uintptr_t>(first);
  const std::uint64_t last = (begin + static_cast<std::uint64_t>(bytes) - 1) / kLineBytes;
  for (std::uint64_t line = begin / kLineBytes; line <= last; ++line) touch(0, line, kind, writes);
}

void CacheModel::touch(std::size_t index, std::uint64_t address, int kind, bool writes) {
  if (index == levels_.size()) return;  // memory
  Level& level = levels_[index];
  const auto set = address % static_cast<std::uint64_t>(level.sets);
  Line* const begin = &level.lines[set * static_cast<std::uint64_t>(level.ways)];
  Line* const end = begin + level.ways;
  Line* line = std::find_if(begin, end, [&](const Line& l) { return l.address == address; });
  if (line == end) {
    line =
        std::min_element(begin, end, [](const Line& a, const Line& b) { return a.used < b.used; });
    if (line->changed) {
      level.moved.written[static_cast<std::size_t>(line->kind)] += kLineBytes;
      touch(index + 1, line->address, line->kind, true);
    }
    if (!writes) {
      level.moved.read[static_cast<std::size_t>(kind)] += kLineBytes;
      touch(index + 1, address, kind, false);
    }
    *line = {.address = address, .kind = kind};
  }
  line->used = ++now_;
  line->changed = line->changed || writes;
}

}  // namespace convoy
