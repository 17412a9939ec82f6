// Regions of a graph that run strip by strip: rows of the whole region's result at a time, so that
// the large feature maps inside it are never there whole. After "MCUNetV2: Memory-Efficient
// Patch-based Inference for Tiny Deep Learning", NeurIPS 2021, section 3 (docs/design/patches.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "plan/plan.h"
#include "plan/strip_rows.h"

namespace convoy {

// Nodes [first, last] of a graph; the rows of the last one's result are cut into so many strips.
struct PatchRegion {
  std::int32_t first = 0, last = 0;
  std::int64_t strips = 1;
  bool operator==(const PatchRegion&) const = default;
};

// Regions that do not overlap, in execution order.
using PatchChoice = std::vector<PatchRegion>;

// The same with the nodes' names, for a plan of with_patches(), and back.
std::vector<StripRegion> describe_patches(const Graph& graph, const PatchChoice& choice);
PatchChoice patches_of(const std::vector<StripRegion>& strips);

// Why these nodes cannot run strip by strip, whatever the number of strips; empty when they can:
// every node can be cut (strip_rows.h), and of what they compute the last one's result alone is
// read elsewhere.
std::string cannot_patch(const Graph& graph, const Uses& uses, std::int32_t first,
                         std::int32_t last);

// The rows of strip `index` of `strips`: as even as can be.
Rows strip_of(std::int64_t rows, std::int64_t index, std::int64_t strips);

// The rows of each node's result, from `first` to `last`, that a strip of the last one's needs: the
// least run of rows that holds what all of its readers ask for. Nothing when a window would lie in
// the padding alone, or when a node's result is needed whole by another.
std::optional<std::vector<Rows>> needed_rows(const Graph& graph, std::int32_t first,
                                             std::int32_t last, const Rows& strip);

// The graph in which every region runs strip by strip: copies of its nodes that read rows of the
// region's operands (Slice), recompute the halo between strips, and whose last results are put
// together (Concat). Computes what `graph` computes, in the same order along every sum that a
// kernel does in an order of its own. Constants are shared. Throws kInvalidArgument, with the
// reason, for a region that cannot run so.
Graph with_patches(const Graph& graph, const PatchChoice& choice);

}  // namespace convoy
