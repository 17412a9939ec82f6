// Every kernel of Convoy is one entry of one ordered list per operator. An entry says what it
// supports (or why not, in words), what workspace it needs, what it will cost, and prepares itself
// for one exact step. The last entry of each list is the reference: it supports everything.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/op.h"
#include "base/tensor.h"
#include "base/thread_pool.h"
#include "cost/estimate.h"
#include "device/device.h"

namespace convoy {

// One step to be computed, free of the graph. Operands whose contents are known when planning
// (weights, axes) have `data`; all others have null. Absent optional operands have no elements and
// are told apart by `present()`.
struct OpDesc {
  Op op = Op::kIdentity;
  const Attrs* attrs = nullptr;
  std::span<const TensorView> inputs;
  std::span<const bool> absent;  // same length as inputs; true where an optional operand is missing
  std::span<const TensorView> outputs;

  template <class T>
  const T& as() const {
    return std::get<T>(*attrs);
  }
  bool present(std::size_t i) const { return i < inputs.size() && !absent[i]; }
  bool constant(std::size_t i) const { return present(i) && inputs[i].data != nullptr; }
};

// Yes, or the reason in words ("needs constant weights").
struct Support {
  std::string reason;  // empty: supported
  explicit operator bool() const { return reason.empty(); }
  static Support yes() { return {}; }
  static Support no(std::string why) { return {std::move(why)}; }
};

// Views bound for one run; shapes, types and layouts are those of the OpDesc it was prepared for.
// inputs[i].data is null for absent operands.
struct RunArgs {
  std::span<const TensorView> inputs;
  std::span<const TensorView> outputs;
  std::span<std::byte> workspace;  // 64-byte aligned, of the size booked, contents unspecified
  ThreadPool& pool;
  // GPU kernels: the CUstream the work is enqueued on (null: the default stream). The views and the
  // workspace then hold device pointers, and run() returns before the work is done.
  void* stream = nullptr;
};

// A kernel made ready for one step: geometry resolved, weights packed. Immutable, so one instance
// serves concurrent sessions. run() allocates nothing and cannot fail.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(const RunArgs& args) const = 0;
  // Bytes of packed weights this kernel holds; constants it does not read again in run().
  virtual std::size_t packed_bytes() const { return 0; }
  virtual bool reads_constant(std::size_t /*input*/) const { return true; }
};

// One way to cut a step: its text, which prepare_tile() understands, and what it would cost.
struct TileChoice {
  std::string tile;   // "28x56 step 4 of 96 channels"
  Estimate estimate;  // workspace included
};

struct Implementation {
  std::string_view name;  // "conv.im2win.cpu.f32": operator, algorithm, device, precision
  Support (*supports)(const OpDesc& desc, const DeviceDesc& device);
  // Bytes of scratch for device.threads threads.
  std::size_t (*workspace)(const OpDesc& desc, const DeviceDesc& device);
  Estimate (*estimate)(const OpDesc& desc, const DeviceDesc& device);
  std::unique_ptr<Kernel> (*prepare)(const OpDesc& desc, const DeviceDesc& device);
  // May write its first output over its first input of equal shape, type and layout.
  bool in_place = false;
  DeviceDesc::Kind device = DeviceDesc::Kind::kCpu;  // where it runs
  // Kernels that can cut a step in several ways; null for those that have one. At most `count` of
  // the ways, the least estimate first; prepare(), workspace() and estimate() are of the first.
  // Asked only of steps that are supported.
  std::vector<TileChoice> (*tiles)(const OpDesc& desc, const DeviceDesc& device,
                                   std::size_t count) = nullptr;
  // The way that the text names. Throws kInvalidArgument for a text that is no tile of the step's,
  // with the reason.
  std::unique_ptr<Kernel> (*prepare_tile)(const OpDesc& desc, const DeviceDesc& device,
                                          std::string_view tile) = nullptr;
};

// What `entry` says of `desc` on `device`, an entry for another kind of device declining.
// Everything that chooses among entries asks here, so that an entry only judges the devices it was
// made for.
Support can_run(const Implementation& entry, const OpDesc& desc, const DeviceDesc& device);

// The entries for one operator, best first, the reference last.
std::span<const Implementation* const> implementations(Op op);

// All entries of all operators, in registry order.
std::span<const Implementation* const> all_implementations();

// Null when there is none of that name.
const Implementation* find_implementation(std::string_view name);

// Computes one step at once with the reference implementation; for constant folding and tests.
// Throws kUnsupported when the reference declines (a data type outside the operator's).
void evaluate_reference(const OpDesc& desc, std::span<const TensorView> inputs,
                        std::span<const TensorView> outputs);

// Layouts that some implementation of `op` computes in natively, beside kNchw (always). The layout
// pass may give a step kNhwc operands only where this is true.
bool supports_nhwc(Op op, const Attrs& attrs, const Shape& x);

// --- for the cells ------------------------------------------------------------------------------

// Each cell hands its list to the registry through one function, named here.
using ImplementationList = std::span<const Implementation>;
ImplementationList conv_implementations();              // kernels/conv: reference last
ImplementationList depthwise_implementations();         // kernels/depthwise
ImplementationList pointwise_implementations();         // kernels/pointwise
ImplementationList fused_conv_implementations();        // kernels/fused
ImplementationList conv_transpose_implementations();    // kernels/conv_transpose
ImplementationList elementwise_implementations(Op op);  // kernels/elementwise: unary, binary,
                                                        // where, clip, cast
ImplementationList norm_implementations(Op op);         // kernels/norm: batch norm, layer norm
ImplementationList pool_implementations();              // kernels/pool
ImplementationList reduce_implementations();            // kernels/reduce
ImplementationList matmul_implementations(Op op);       // kernels/matmul: matmul, gemm
ImplementationList softmax_implementations();           // kernels/softmax
ImplementationList movement_implementations(Op op);  // kernels/movement: whatever only moves data
ImplementationList resize_implementations();         // kernels/resize

// An entry's estimate for kernels whose time is that of streaming their operands and results.
Estimate estimate_streaming(const OpDesc& desc, const DeviceDesc& device);
inline std::size_t no_workspace(const OpDesc&, const DeviceDesc&) { return 0; }

}  // namespace convoy
