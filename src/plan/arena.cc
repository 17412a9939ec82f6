#include "plan/arena.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/tensor.h"

namespace convoy {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

bool alive_together(const ArenaBuffer& a, const ArenaBuffer& b) {
  return a.first <= b.last && b.first <= a.last;
}

// The smallest gap between already placed neighbours in time that is large enough.
std::size_t best_gap(const ArenaBuffer& buffer, std::vector<const ArenaBuffer*>& neighbours) {
  std::sort(neighbours.begin(), neighbours.end(),
            [](const ArenaBuffer* a, const ArenaBuffer* b) { return a->offset < b->offset; });
  const std::size_t need = aligned(buffer.bytes);
  std::size_t end = 0, best = SIZE_MAX, best_size = SIZE_MAX;
  for (const ArenaBuffer* other : neighbours) {
    if (other->offset >= end + need && other->offset - end < best_size) {
      best = end;
      best_size = other->offset - end;
    }
    end = std::max(end, other->offset + aligned(other->bytes));
  }
  return best != SIZE_MAX ? best : end;
}

std::size_t place_in_order(std::vector<ArenaBuffer>& buffers,
                           const std::vector<std::size_t>& order) {
  std::size_t size = 0;
  std::vector<const ArenaBuffer*> neighbours;
  for (std::size_t i = 0; i < order.size(); ++i) {
    ArenaBuffer& buffer = buffers[order[i]];
    neighbours.clear();
    for (std::size_t j = 0; j < i; ++j) {
      const ArenaBuffer& other = buffers[order[j]];
      if (alive_together(buffer, other)) neighbours.push_back(&other);
    }
    buffer.offset = best_gap(buffer, neighbours);
    size = std::max(size, buffer.offset + aligned(buffer.bytes));
  }
  return size;
}

}  // namespace

std::size_t place_buffers(std::vector<ArenaBuffer>& buffers) {
  const auto lifetime = [](const ArenaBuffer& b) {
    return static_cast<std::size_t>(b.last - b.first + 1);
  };
  const std::function<bool(const ArenaBuffer&, const ArenaBuffer&)> orders[] = {
      [](const ArenaBuffer& a, const ArenaBuffer& b) { return a.bytes > b.bytes; },
      [&](const ArenaBuffer& a, const ArenaBuffer& b) {
        return a.bytes * lifetime(a) > b.bytes * lifetime(b);
      },
      [](const ArenaBuffer& a, const ArenaBuffer& b) { return a.first < b.first; },
  };
  std::vector<ArenaBuffer> best;
  std::size_t best_size = SIZE_MAX;
  for (const auto& before : orders) {
    std::vector<std::size_t> order(buffers.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return before(buffers[a], buffers[b]); });
    std::vector<ArenaBuffer> attempt = buffers;
    const std::size_t size = place_in_order(attempt, order);
    if (size < best_size) {
      best_size = size;
      best = std::move(attempt);
    }
  }
  buffers = std::move(best);
  return best_size;
}

std::size_t arena_lower_bound(const std::vector<ArenaBuffer>& buffers) {
  std::size_t peak = 0;
  for (const ArenaBuffer& at : buffers) {
    std::size_t sum = 0;
    for (const ArenaBuffer& other : buffers) {
      if (other.first <= at.first && at.first <= other.last) sum += aligned(other.bytes);
    }
    peak = std::max(peak, sum);
  }
  return peak;
}

}  // namespace convoy
