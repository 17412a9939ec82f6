// Plans of the FCM paper's networks under its own cost model: layer by layer, as published, as its
// rules say, and the best there is.
#pragma once

#include <string>
#include <vector>

#include "bench/paper_network.h"

namespace convoy::bench {

// Consecutive layers that run as one kernel.
struct PaperGroup {
  std::vector<std::size_t> layers;  // of the network
  paper::Module module = paper::Module::kSingle;
  paper::Cost cost;       // of the kernel alone
  double side_bytes = 0;  // of what is exchanged within, where others take it, too
};

struct PaperPlan {
  std::vector<PaperGroup> groups;       // every layer is in one
  std::vector<std::string> impossible;  // pairs that were asked for, and why they are not fused

  double bytes() const;
};

struct PaperSetting {
  std::int64_t element_bytes = 4;
  DeviceDesc device;
  bool halo_every_slice = false;  // paper::Rules
};

PaperPlan layer_by_layer(const PaperNetwork& network, const PaperSetting& setting);

// `pairs` fused, with the tiles that the paper's planner looks at. A pair that has no feasible
// tile is left unfused.
PaperPlan with_pairs(const PaperNetwork& network, const std::vector<PaperPair>& pairs,
                     const PaperSetting& setting);

// The pairs that the rules fuse which agree best with what is published (docs/performance):
// PW -> DW first, then DW -> PW, then PW -> PW, in each the network's order; a pair is fused when
// it moves fewer bytes than its two layers and neither is in a module yet. Padding that is an
// operator of its own is not fused across; additions are, by PW -> PW alone.
std::vector<PaperPair> pairs_by_rules(const PaperNetwork& network, const PaperSetting& setting);

// Two lists of pairs of one network.
struct Agreement {
  std::vector<PaperPair> both, only_first, only_second;
  std::size_t same_module = 0;  // of `both`

  void add(const Agreement& other);
};
Agreement compare_pairs(const std::vector<PaperPair>& first, const std::vector<PaperPair>& second);

// The least bytes of all ways to cut the network into modules of one to three layers, with tiles
// of any extents: dynamic programming over the tree that the links are. What others take as well
// is written, which the rules above overlook.
PaperPlan optimal(const PaperNetwork& network, const PaperSetting& setting);

}  // namespace convoy::bench
