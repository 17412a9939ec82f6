// The implementations of the operators that only move data.
#include <string>

#include "base/error.h"
#include "kernels/movement/box.h"
#include "kernels/movement/cell.h"

namespace convoy {
namespace {

using namespace movement;  // NOLINT: the cell's own names, in its own list

Support supports_box_copy(const OpDesc& desc, const DeviceDesc&) { return supports_boxes(desc); }

// One element at a time with a division per axis: about 5 ns each on a current core.
Estimate estimate_elementwise(const OpDesc& desc, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(desc, device);
  for (const TensorView& y : desc.outputs) {
    estimate.seconds += 5e-9 * static_cast<double>(y.elements());
  }
  return estimate;
}

constexpr Implementation box_copy(std::string_view name) {
  return {name, supports_box_copy, no_workspace, estimate_streaming, prepare_box_copy};
}

// Copies nothing at all when the result lies over the operand.
constexpr Implementation same_order(std::string_view name) {
  Implementation entry = box_copy(name);
  entry.in_place = true;
  return entry;
}

constexpr Implementation box_reference(std::string_view name) {
  return {name, supports_box_copy, no_workspace, estimate_elementwise, prepare_box_reference};
}

const Implementation kConcat[] = {box_copy("concat.copy.cpu"), box_reference("concat.reference")};
const Implementation kSplit[] = {box_copy("split.copy.cpu"), box_reference("split.reference")};
const Implementation kSlice[] = {box_copy("slice.copy.cpu"), box_reference("slice.reference")};
const Implementation kReshape[] = {same_order("reshape.copy.cpu"),
                                   box_reference("reshape.reference")};
const Implementation kFlatten[] = {same_order("flatten.copy.cpu"),
                                   box_reference("flatten.reference")};
const Implementation kSqueeze[] = {same_order("squeeze.copy.cpu"),
                                   box_reference("squeeze.reference")};
const Implementation kUnsqueeze[] = {same_order("unsqueeze.copy.cpu"),
                                     box_reference("unsqueeze.reference")};
const Implementation kIdentity[] = {same_order("identity.copy.cpu"),
                                    box_reference("identity.reference")};
const Implementation kTranspose[] = {box_copy("transpose.blocked.cpu"),
                                     box_reference("transpose.reference")};
const Implementation kExpand[] = {box_copy("expand.copy.cpu"), box_reference("expand.reference")};
const Implementation kTile[] = {box_copy("tile.copy.cpu"), box_reference("tile.reference")};
const Implementation kDepthToSpace[] = {box_copy("depth_to_space.copy.cpu"),
                                        box_reference("depth_to_space.reference")};
const Implementation kSpaceToDepth[] = {box_copy("space_to_depth.copy.cpu"),
                                        box_reference("space_to_depth.reference")};
const Implementation kReorder[] = {box_copy("reorder.simd.cpu"),
                                   box_reference("reorder.reference")};
const Implementation kPad[] = {
    {"pad.copy.cpu", supports_pad_copy, no_workspace, estimate_streaming, prepare_pad_copy},
    {"pad.reference", supports_pad, no_workspace, estimate_elementwise, prepare_pad_reference}};
const Implementation kGather[] = {
    {"gather.reference", supports_gather, no_workspace, estimate_streaming, prepare_gather}};
const Implementation kShape[] = {
    {"shape.reference", supports_shape, no_workspace, estimate_streaming, prepare_shape}};
const Implementation kConstantOfShape[] = {
    {"constant_of_shape.reference", supports_fill, no_workspace, estimate_streaming, prepare_fill}};
const Implementation kRange[] = {
    {"range.reference", supports_range, no_workspace, estimate_streaming, prepare_range}};

}  // namespace

ImplementationList movement_implementations(Op op) {
  switch (op) {
    case Op::kConcat:
      return kConcat;
    case Op::kSplit:
      return kSplit;
    case Op::kSlice:
      return kSlice;
    case Op::kGather:
      return kGather;
    case Op::kReshape:
      return kReshape;
    case Op::kFlatten:
      return kFlatten;
    case Op::kSqueeze:
      return kSqueeze;
    case Op::kUnsqueeze:
      return kUnsqueeze;
    case Op::kTranspose:
      return kTranspose;
    case Op::kExpand:
      return kExpand;
    case Op::kTile:
      return kTile;
    case Op::kPad:
      return kPad;
    case Op::kDepthToSpace:
      return kDepthToSpace;
    case Op::kSpaceToDepth:
      return kSpaceToDepth;
    case Op::kShape:
      return kShape;
    case Op::kConstantOfShape:
      return kConstantOfShape;
    case Op::kRange:
      return kRange;
    case Op::kIdentity:
      return kIdentity;
    case Op::kReorder:
      return kReorder;
    default:
      fail(ErrorCode::kInternal, std::string(to_string(op)) + " does not only move data");
  }
}

}  // namespace convoy
