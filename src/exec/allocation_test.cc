// Memory: run() takes none, and when the system has none left, everything fails cleanly.
//
// Replaces the allocation functions of the whole test executable.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

#include "base/error.h"
#include "exec/session.h"
#include "onnx/load.h"
#include "tests/support/mobilenet_v2.h"

namespace {

std::atomic<long> allocations{0};  // by any thread
std::atomic<long> live{0};         // blocks of operator new
std::atomic<long> until_failure{std::numeric_limits<long>::max()};
std::atomic<std::size_t> buffer_bytes{0};  // of all Buffers ever made
std::atomic<std::byte*> last_buffer{nullptr};

// Counts one allocation; false when it is the one to fail.
bool grant() {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return until_failure.fetch_sub(1, std::memory_order_relaxed) != 0;
}

void* take(std::size_t bytes, std::size_t alignment) {
  void* p = nullptr;
  if (!grant() || posix_memalign(&p, alignment, bytes) != 0) return nullptr;
  live.fetch_add(1, std::memory_order_relaxed);
  return p;
}

void give(void* p) {
  if (p != nullptr) live.fetch_sub(1, std::memory_order_relaxed);
  std::free(p);
}

void* take_or_throw(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
  void* p = take(bytes, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

// clang-format off
void* operator new(std::size_t n) { return take_or_throw(n); }
void* operator new[](std::size_t n) { return take_or_throw(n); }
void* operator new(std::size_t n, std::align_val_t a) { return take_or_throw(n, std::size_t(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return take_or_throw(n, std::size_t(a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return take(n, alignof(std::max_align_t)); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return take(n, alignof(std::max_align_t)); }
void operator delete(void* p) noexcept { give(p); }
void operator delete[](void* p) noexcept { give(p); }
void operator delete(void* p, std::size_t) noexcept { give(p); }
void operator delete[](void* p, std::size_t) noexcept { give(p); }
void operator delete(void* p, std::align_val_t) noexcept { give(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { give(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { give(p); }
// clang-format on

// What Buffer takes its memory from.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  void* p = nullptr;
  if (!grant() || posix_memalign(&p, alignment, bytes) != 0) return nullptr;
  buffer_bytes.fetch_add(bytes, std::memory_order_relaxed);
  last_buffer = static_cast<std::byte*>(p);
  return p;
}

// Sanitizers need malloc for themselves; elsewhere kernels written in C style count as well.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" void* __libc_malloc(std::size_t bytes);
extern "C" void* malloc(std::size_t bytes) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
#endif

namespace convoy {
namespace {

const char* const kModel = CONVOY_SOURCE_DIR "/tests/data/small.onnx";

// One input and one output, ready to run. Made before failures begin.
struct Tensors {
  explicit Tensors(const Graph& graph)
      : x(DType::kF32, *graph.value(graph.inputs[0]).shape),
        y(DType::kF32, *graph.value(graph.outputs[0]).shape),
        input(x.view()),
        output(y.view()) {
    for (std::int64_t i = 0; i < input.elements(); ++i) {
      x.as<float>()[i] = static_cast<float>(i % 23) * 0.1f - 1;
    }
  }
  Tensor x, y;
  TensorView input, output;
};

std::shared_ptr<const Program> small_program(int threads) {
  return compile(load_onnx(kModel), {.threads = threads});
}

TEST(Allocation, TheCounterSeesAllocations) {
  const long before = allocations;
  const Buffer buffer(100);
  ::operator delete(::operator new(4));  // a new-expression may be optimised away
  EXPECT_GE(allocations - before, 2);
}

TEST(Allocation, RunTakesNoMemory) {
  for (int threads : {1, 3}) {
    const auto program = small_program(threads);
    Session session(program);
    Tensors tensors(program->graph);
    const void* inputs[] = {tensors.input.data};
    void* outputs[] = {tensors.output.data};
    const long before = allocations;
    for (int i = 0; i < 20; ++i) session.run({&tensors.input, 1}, {&tensors.output, 1});
    for (int i = 0; i < 20; ++i) session.run_pointers(inputs, outputs);
    const long after = allocations;
    EXPECT_EQ(after - before, 0) << threads << " threads";
  }
}

// What a session takes and what its run writes of it: the plan's number, to the last cache line.
// Once with what lies between convolutions in memory, and once in fused modules, which may book
// scratch that they do not fill.
TEST(Allocation, MobileNetV2RunsWithin2MiBAsPlanned) {
  constexpr std::size_t kBudget = 2 << 20;
  const testing::MobileNetV2 network(224);
  for (const bool fuse : {false, true}) {
    CompileOptions options{.threads = 1};
    options.plan.fuse = fuse;
    const auto whole = compile(network.graph, options);
    options.plan.memory_budget = kBudget;
    const auto cut = compile(network.graph, options);
    EXPECT_GT(whole->plan.arena_bytes, fuse ? kBudget : 2 * kBudget);
    EXPECT_LE(cut->plan.arena_bytes, kBudget);
    EXPECT_FALSE(cut->plan.strips.empty());

    Tensors tensors(cut->graph);
    Session(whole).run({&tensors.input, 1}, {&tensors.output, 1});
    const std::vector<float> expected(tensors.y.as<float>(),
                                      tensors.y.as<float>() + tensors.output.elements());
    const std::size_t before = buffer_bytes;
    Session session(cut);
    EXPECT_EQ(buffer_bytes - before, cut->plan.arena_bytes);
    std::byte* const arena = last_buffer;
    constexpr std::byte kUntouched{0xa5};
    std::fill_n(arena, cut->plan.arena_bytes, kUntouched);
    const std::size_t at_start = buffer_bytes;
    session.run({&tensors.input, 1}, {&tensors.output, 1});
    EXPECT_EQ(buffer_bytes, at_start);
    std::size_t touched = cut->plan.arena_bytes;
    while (touched > 0 && arena[touched - 1] == kUntouched) --touched;
    std::size_t scratch = 0;
    for (const Step& step : cut->plan.steps) scratch = std::max(scratch, step.workspace_bytes);
    if (!fuse) {
      EXPECT_EQ(scratch, 0u);
    }
    EXPECT_GT(touched + kAlignment + scratch, cut->plan.arena_bytes);
    EXPECT_EQ(std::vector<float>(tensors.y.as<float>(),
                                 tensors.y.as<float>() + tensors.output.elements()),
              expected);
  }
}

// Loads, plans, runs and frees with the n-th allocation failing; true when n was beyond the last.
bool survives(long n, const Tensors& tensors) {
  bool finished = false;
  until_failure = n;
  try {
    Session session(small_program(2));
    session.run({&tensors.input, 1}, {&tensors.output, 1});
    finished = until_failure >= 0;
  } catch (const std::bad_alloc&) {
  } catch (const Error& error) {
    until_failure = std::numeric_limits<long>::max();
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << n << ": " << error.what();
  }
  until_failure = std::numeric_limits<long>::max();
  return finished;
}

TEST(Allocation, EveryFailureIsCleanAndLeavesNothingBehind) {
  const Tensors tensors(small_program(2)->graph);
  ASSERT_TRUE(survives(std::numeric_limits<long>::max() - 1, tensors));
  const std::vector<float> expected(tensors.y.as<float>(),
                                    tensors.y.as<float>() + tensors.y.view().elements());
  long n = 0;
  for (bool finished = false; !finished; ++n) {
    const long before = live;
    finished = survives(n, tensors);
    ASSERT_EQ(live - before, 0) << "leaked when allocation " << n << " failed";
  }
  EXPECT_GT(n, 100);
  ASSERT_TRUE(survives(std::numeric_limits<long>::max() - 1, tensors));
  EXPECT_EQ(std::vector<float>(tensors.y.as<float>(),
                               tensors.y.as<float>() + tensors.y.view().elements()),
            expected);
}

}  // namespace
}  // namespace convoy
