// The passes, one function each: rewrites the graph and returns how many places changed. Order and
// reasons: docs/design/passes.md.
#pragma once

#include "passes/passes.h"

namespace convoy::passes {

int eliminate_dead(Graph& graph, const PassOptions& options);
int merge_duplicates(Graph& graph, const PassOptions& options);
int fold_constants(Graph& graph, const PassOptions& options);
int remove_identities(Graph& graph, const PassOptions& options);
int simplify_clips(Graph& graph, const PassOptions& options);
int simplify_activations(Graph& graph, const PassOptions& options);
int simplify_layer_norm(Graph& graph, const PassOptions& options);
int simplify_gates(Graph& graph, const PassOptions& options);
int fold_pads(Graph& graph, const PassOptions& options);
int hoist_scales(Graph& graph, const PassOptions& options);
int fold_batch_norm(Graph& graph, const PassOptions& options);
int fold_linear(Graph& graph, const PassOptions& options);
int fold_into_next(Graph& graph, const PassOptions& options);
int fold_shortcuts(Graph& graph, const PassOptions& options);
int fuse_epilogues(Graph& graph, const PassOptions& options);
int assign_layouts(Graph& graph, const PassOptions& options);

}  // namespace convoy::passes
