// What is alive in the arena while a step runs, before anything has a place there.
#pragma once

#include <cstddef>
#include <vector>

#include "plan/fuse.h"
#include "plan/views.h"

namespace convoy {

class Liveness {
 public:
  // f32 tensors as large as in `precision`.
  Liveness(const Graph& graph, const Views& views, DType precision);

  // Bytes of all activations that are alive while the group runs as one step, in the place of its
  // last node: its operands and results and what later steps read, but not what lies between its
  // nodes. Constants and the caller's inputs and outputs are not in the arena and do not count.
  std::size_t around(const Group& group) const;

  // Bytes of what is there before node `first` and is read by it or by later ones.
  std::size_t across(std::int32_t first) const;
  // Bytes of the memory that holds `v`; 0 outside of the arena.
  std::size_t bytes(ValueId v) const;

 private:
  struct Span {
    std::int32_t first = -1, last = -1;  // nodes
    std::size_t bytes = 0;
  };
  const Graph& graph_;
  std::vector<std::int32_t> owner_;  // of each value: the value whose memory it is
  std::vector<Span> spans_;          // of each value that owns memory in the arena
};

}  // namespace convoy
