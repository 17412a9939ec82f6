#include "bench/cuda/fcm_ours.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/error.h"

namespace convoy::bench {
namespace {

using fused_cuda::Tile;

// The stages [first, last) of the case, their constants taken as known.
FusedProblem problem_of(const FcmCase& fcm, DType dtype, std::size_t first, std::size_t last) {
  FusedProblem problem = fused_problem(FcmOp(fcm, dtype, Layout::kNhwc, first, last).desc());
  problem.constant_operands = true;
  return problem;
}

std::string name_of(const char* how, const FcmStep& step) {
  return std::string(how) + "." + step.fcm().module + ".cuda." +
         arithmetic_name(step.fcm(), step.dtype());
}

// Runs once and takes the error of what it wrote; false, with a status, when that is wrong.
bool is_right(const FcmStep& step, const GraphTimer& timer, const Enqueue& enqueue,
              double (FcmStep::*error)() const, Row& row) {
  enqueue(timer.stream());
  timer.synchronize();
  row.error = (step.*error)();
  if (row.error <= 1) return true;
  char text[80];
  std::snprintf(text, sizeof text, "wrong: an error of %.3g times its bound", row.error);
  row.status = text;
  return false;
}

FcmVariant unfused(FcmStep& step, const GraphTimer& timer, Row row, const FcmTiles& tiles) {
  row.implementation = name_of("unfused", step);
  const DeviceDesc& device = step.device().desc();
  std::vector<std::shared_ptr<Kernel>> kernels;
  for (std::size_t i = 0; i < step.fcm().stages.size(); ++i) {
    if (tiles.stages[i].empty()) {
      row.status = "there is no tile for convolution " + std::to_string(i);
      return {row, nullptr};
    }
    const Tile& tile = tiles.stages[i][0];
    row.tile += (i == 0 ? "" : ", ") + fused_cuda::to_string(tile);
    kernels.push_back(fused_cuda::make_module(step.stage(i), device, tile));
  }
  const Enqueue enqueue = [&step, kernels](CUstream stream) {
    for (std::size_t i = 0; i < kernels.size(); ++i) step.run_stage(i, *kernels[i], stream);
  };
  step.poison_stages();
  if (!is_right(step, timer, enqueue, &FcmStep::stages_error, row)) return {row, nullptr};
  timer.measure(enqueue, row);
  return {row, enqueue};
}

// Not measured, without a status, when it is slower than `best` milliseconds anyway.
FcmVariant fused(FcmStep& step, const GraphTimer& timer, Row row, const Tile& tile, double best) {
  row.implementation = name_of("fused", step);
  row.tile = fused_cuda::to_string(tile);
  row.peak_bytes = row.bytes;
  const std::shared_ptr<Kernel> kernel =
      fused_cuda::make_module(step.whole(), step.device().desc(), tile);
  const Enqueue enqueue = [&step, kernel](CUstream stream) { step.run_whole(*kernel, stream); };
  step.poison_whole();
  if (!is_right(step, timer, enqueue, &FcmStep::whole_error, row)) return {row, nullptr};
  if (best > 0 && timer.is_beaten(enqueue, best)) return {row, nullptr};
  timer.measure(enqueue, row);
  return {row, enqueue};
}

// `measure`, what it throws becoming the row's status unless the device is lost.
template <class F>
FcmVariant guarded(const FcmStep& step, const std::string& name, const Row& base, F&& measure) {
  try {
    return measure();
  } catch (const Error& error) {
    step.device().synchronize();
    Row row = base;
    row.implementation = name;
    row.status = error.what();
    return {row, nullptr};
  }
}

}  // namespace

FcmTiles fcm_tiles(const FcmCase& fcm, DType dtype, const DeviceDesc& device,
                   std::size_t candidates) {
  const auto first_tiles = [&](std::size_t first, std::size_t last, std::size_t count) {
    std::vector<Tile> tiles =
        fused_cuda::candidate_tiles(problem_of(fcm, dtype, first, last), device);
    if (tiles.size() > count) tiles.resize(count);
    return tiles;
  };
  FcmTiles tiles;
  tiles.whole = first_tiles(0, fcm.stages.size(), std::max<std::size_t>(candidates, 1));
  for (std::size_t i = 0; i < fcm.stages.size(); ++i) {
    tiles.stages.push_back(first_tiles(i, i + 1, 1));
  }
  return tiles;
}

std::vector<cuda::Program> fcm_programs(const FcmCase& fcm, DType dtype, const FcmTiles& tiles) {
  std::vector<cuda::Program> programs;
  const auto append = [&](std::size_t first, std::size_t last, const std::vector<Tile>& of) {
    const FusedProblem problem = problem_of(fcm, dtype, first, last);
    for (const Tile& tile : of) programs.push_back(fused_cuda::module_program(problem, tile));
  };
  append(0, fcm.stages.size(), tiles.whole);
  for (std::size_t i = 0; i < fcm.stages.size(); ++i) append(i, i + 1, tiles.stages[i]);
  return programs;
}

std::vector<FcmVariant> our_fcm_variants(FcmStep& step, const GraphTimer& timer, const Row& base,
                                         const FcmTiles& tiles) {
  std::vector<FcmVariant> variants;
  variants.push_back(guarded(step, name_of("unfused", step), base,
                             [&] { return unfused(step, timer, base, tiles); }));
  Row row = base;
  row.implementation = name_of("fused", step);
  row.chosen_by = "model";
  if (tiles.whole.empty()) {
    row.status = "there is no tile";
    variants.push_back({row, nullptr});
    return variants;
  }
  FcmVariant best;
  for (std::size_t i = 0; i < tiles.whole.size(); ++i) {
    FcmVariant variant = guarded(step, row.implementation, row, [&] {
      return fused(step, timer, row, tiles.whole[i], best.row.milliseconds);
    });
    if (variant.enqueue != nullptr &&
        (best.enqueue == nullptr || variant.row.milliseconds < best.row.milliseconds)) {
      best = variant;
    }
    // A wrong candidate is told of, whichever it is.
    if (i == 0 || !variant.row.status.empty()) variants.push_back(std::move(variant));
    row.chosen_by = "time";
  }
  if (tiles.whole.size() > 1 && best.enqueue != nullptr) {
    best.row.chosen_by = "time";
    variants.push_back(best);
  }
  return variants;
}

}  // namespace convoy::bench
