// The networks of the FCM paper (src/cost/paper.h) as chains of depthwise and pointwise
// convolutions, and what its published configuration fuses: tests/data/fcm_paper.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cost/paper.h"

namespace convoy::bench {

// A convolution that takes what another one makes, whatever pads, activations and additions are
// in between: what could be one kernel.
struct PaperLink {
  std::size_t from = 0, to = 0;  // layers of the network
  bool across_padding = false;   // an operator of its own that pads lies between
  bool across_addition = false;  // an addition lies between
  bool shared = false;           // others, too, take what is exchanged: it must be written anyway
};

struct PaperNetwork {
  std::string name;
  std::vector<int> ids;              // of the layers, in the file
  std::vector<paper::Layer> layers;  // in the file's order; convolutions of other kinds left out
  std::vector<PaperLink> links;      // by `from`; none leads to a layer twice
  int repeats = 1;                   // how many such networks the model has
};

// The four networks of layers.csv. Throws kInvalidArgument naming file and line.
std::vector<PaperNetwork> read_paper_networks(const std::string& folder);

// The feed-forward blocks of CeiT-T and CMT-Ti, from bench/shapes/fcm.txt: most of their
// convolutions. Each distinct block is a network of its own that is repeated.
std::vector<PaperNetwork> paper_transformers(const std::string& shapes);

struct PaperPair {
  int first = 0, second = 0;  // ids
  paper::Module module = paper::Module::kDwPw;
};

// fused_pairs.csv: precision ("f32", "s8") and network -> pairs.
using PaperPairs = std::map<std::pair<std::string, std::string>, std::vector<PaperPair>>;
PaperPairs read_paper_pairs(const std::string& folder);

}  // namespace convoy::bench
