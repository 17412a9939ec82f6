// Computing what is already known while shapes are inferred.
#pragma once

#include <string>

#include "graph/infer.h"

namespace convoy {

// Replaces nodes by constants, within the limits of InferOptions.
class Folder {
 public:
  Folder(Graph& graph, const Evaluate& evaluate, const InferOptions& options)
      : graph_(graph), evaluate_(evaluate), options_(options) {}

  // Makes the outputs of a node whose shapes are inferred constants, if its result is known.
  // When its operands are known but the result cannot be computed, `reason` says why.
  bool fold(const Node& node, std::string& reason);

 private:
  bool operands_known(const Node& node) const;
  bool within_limits(const Node& node, std::string& reason);

  Graph& graph_;
  const Evaluate& evaluate_;
  const InferOptions& options_;
  std::int64_t total_bytes_ = 0;
};

}  // namespace convoy
