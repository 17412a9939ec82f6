#include <vector>

#include "base/error.h"
#include "graph/graph.h"

namespace convoy {
namespace {

[[noreturn]] void broken(const std::string& message) {
  fail(ErrorCode::kInternal, "graph: " + message);
}

bool has_own_attrs(const Node& node) {
  const auto is = [&node]<class T>(const T*) { return std::holds_alternative<T>(node.attrs); };
  switch (node.op) {
    case Op::kConv:
      return is(static_cast<ConvAttrs*>(nullptr));
    case Op::kFusedConv:
      return is(static_cast<FusedConvAttrs*>(nullptr));
    case Op::kConvTranspose:
      return is(static_cast<ConvTransposeAttrs*>(nullptr));
    case Op::kUnary:
      return is(static_cast<Unary*>(nullptr));
    case Op::kBinary:
      return is(static_cast<BinaryAttrs*>(nullptr));
    case Op::kCast:
      return is(static_cast<CastAttrs*>(nullptr));
    case Op::kBatchNorm:
    case Op::kLayerNorm:
      return is(static_cast<NormAttrs*>(nullptr));
    case Op::kPool:
      return is(static_cast<PoolAttrs*>(nullptr));
    case Op::kReduce:
      return is(static_cast<ReduceAttrs*>(nullptr));
    case Op::kGemm:
      return is(static_cast<GemmAttrs*>(nullptr));
    case Op::kSoftmax:
    case Op::kConcat:
    case Op::kSplit:
    case Op::kGather:
    case Op::kFlatten:
      return is(static_cast<AxisAttrs*>(nullptr));
    case Op::kReshape:
      return is(static_cast<ReshapeAttrs*>(nullptr));
    case Op::kTranspose:
      return is(static_cast<TransposeAttrs*>(nullptr));
    case Op::kPad:
      return is(static_cast<PadAttrs*>(nullptr));
    case Op::kResize:
      return is(static_cast<ResizeAttrs*>(nullptr));
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return is(static_cast<BlockAttrs*>(nullptr));
    case Op::kShape:
      return is(static_cast<ShapeAttrs*>(nullptr));
    case Op::kConstantOfShape:
      return is(static_cast<FillAttrs*>(nullptr));
    case Op::kClip:
    case Op::kWhere:
    case Op::kMatMul:
    case Op::kSlice:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
    case Op::kExpand:
    case Op::kTile:
    case Op::kRange:
    case Op::kIdentity:
    case Op::kReorder:
      return is(static_cast<std::monostate*>(nullptr));
  }
  return false;
}

// Walks the graph in order, marking values as they become available.
class Verifier {
 public:
  Verifier(const Graph& graph, bool need_shapes)
      : graph_(graph), need_shapes_(need_shapes), available_(graph.values.size(), false) {}

  void run() {
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      if (graph_.values[i].constant) check_constant(graph_.values[i]);
      available_[i] = graph_.values[i].constant != nullptr;
    }
    for (ValueId id : graph_.inputs) {
      check_id(id, "the inputs");
      available_[static_cast<std::size_t>(id)] = true;
      check_shape(id, "the inputs");
    }
    for (const Node& node : graph_.nodes) check_node(node);
    for (ValueId id : graph_.outputs) {
      check_id(id, "the outputs");
      check_available(id, "the outputs");
      check_shape(id, "the outputs");
    }
  }

 private:
  void check_id(ValueId id, const std::string& where) const {
    if (id < 0 || static_cast<std::size_t>(id) >= graph_.values.size()) {
      broken(where + " name the value " + std::to_string(id) + " of " +
             std::to_string(graph_.values.size()));
    }
  }

  void check_available(ValueId id, const std::string& where) const {
    if (available_[static_cast<std::size_t>(id)]) return;
    broken(where + " read '" + graph_.value(id).name + "' before anything produces it");
  }

  void check_shape(ValueId id, const std::string& where) const {
    if (!need_shapes_ || graph_.value(id).shape) return;
    broken(where + ": '" + graph_.value(id).name + "' has no shape");
  }

  static void check_constant(const Value& v) {
    if (v.constant->dtype() != v.dtype) {
      broken("the constant '" + v.name + "' has type " +
             std::string(to_string(v.constant->dtype())) + ", its value " +
             std::string(to_string(v.dtype)));
    }
    if (!v.shape || !(*v.shape == v.constant->shape())) {
      broken("the constant '" + v.name + "' has shape " + to_string(v.constant->shape()) +
             ", its value another");
    }
    if (v.constant->view().layout != v.layout) {
      broken("the constant '" + v.name + "' lies in another layout than its value says");
    }
  }

  void check_node(const Node& node) {
    const std::string where = Graph::describe(node);
    if (!has_own_attrs(node)) broken(where + " has the attributes of another operator");
    for (ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      check_id(id, where);
      check_available(id, where);
      check_shape(id, where);
    }
    bool any = false;
    for (ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      any = true;
      check_id(id, where);
      if (available_[static_cast<std::size_t>(id)]) {
        broken(where + " produces '" + graph_.value(id).name + "', which exists already");
      }
      available_[static_cast<std::size_t>(id)] = true;
      check_shape(id, where);
    }
    if (!any) broken(where + " produces nothing");
  }

  const Graph& graph_;
  const bool need_shapes_;
  std::vector<bool> available_;
};

}  // namespace

void verify(const Graph& graph, bool need_shapes) { Verifier(graph, need_shapes).run(); }

}  // namespace convoy
