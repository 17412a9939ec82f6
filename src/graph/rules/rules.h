// The shape rule of every operator: checks a node's operands and attributes against each other,
// sets the types and shapes of its outputs, and resolves attributes that depend on shapes.
#pragma once

#include "graph/rules/node_context.h"

namespace convoy::rules {

using Rule = void (*)(NodeContext&);

// The table of all operators.
Rule rule_of(Op op);

void infer_conv(NodeContext&);
void infer_conv_transpose(NodeContext&);
void infer_pool(NodeContext&);

void infer_unary(NodeContext&);
void infer_clip(NodeContext&);
void infer_binary(NodeContext&);
void infer_where(NodeContext&);
void infer_cast(NodeContext&);

void infer_batch_norm(NodeContext&);
void infer_layer_norm(NodeContext&);
void infer_softmax(NodeContext&);
void infer_reduce(NodeContext&);

void infer_matmul(NodeContext&);
void infer_gemm(NodeContext&);

void infer_concat(NodeContext&);
void infer_split(NodeContext&);
void infer_slice(NodeContext&);
void infer_gather(NodeContext&);

void infer_reshape(NodeContext&);
void infer_flatten(NodeContext&);
void infer_squeeze(NodeContext&);
void infer_unsqueeze(NodeContext&);
void infer_transpose(NodeContext&);
void infer_depth_to_space(NodeContext&);
void infer_space_to_depth(NodeContext&);

void infer_expand(NodeContext&);
void infer_tile(NodeContext&);
void infer_pad(NodeContext&);
void infer_constant_of_shape(NodeContext&);
void infer_range(NodeContext&);

void infer_resize(NodeContext&);

void infer_shape(NodeContext&);
void infer_identity(NodeContext&);

}  // namespace convoy::rules
