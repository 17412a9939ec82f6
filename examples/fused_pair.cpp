// A depthwise 3x3 and a pointwise convolution with ReLU6, as MobileNets have them, as one kernel:
// lists the kernels that could compute the pair and runs the best.
#include <convoy/convoy.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

int main() {
  convoy::ConvDesc depthwise;
  depthwise.c = depthwise.k = depthwise.groups = 32, depthwise.h = depthwise.w = 56;
  depthwise.r = depthwise.s = 3;
  depthwise.pad_top = depthwise.pad_left = depthwise.pad_bottom = depthwise.pad_right = 1;
  depthwise.activation = CONVOY_CLIP, depthwise.alpha = 0, depthwise.beta = 6;
  convoy::ConvDesc pointwise;
  pointwise.c = depthwise.k, pointwise.h = depthwise.p(), pointwise.w = depthwise.q();
  pointwise.k = 64;
  pointwise.activation = CONVOY_CLIP, pointwise.alpha = 0, pointwise.beta = 6;

  for (const convoy::ConvCandidate& candidate :
       convoy::Conv2d::fused_candidates({depthwise, pointwise})) {
    std::printf("%-30s %s\n", candidate.name.c_str(),
                candidate.declined.empty() ? "can compute it" : candidate.declined.c_str());
  }

  const std::vector<float> x(32 * 56 * 56, 1.0f), taps(32 * 9, 0.25f), weights(64 * 32, 0.0625f);
  const std::vector<float> bias(64, -1.0f);
  std::vector<float> y(64 * 56 * 56);
  const convoy::Conv2d pair = convoy::Conv2d::fused(
      {depthwise, pointwise}, {taps.data(), weights.data()}, {nullptr, bias.data()});
  const std::size_t bytes = (pair.workspace_bytes() + 63) / 64 * 64;
  const std::unique_ptr<void, decltype(&std::free)> workspace(
      bytes > 0 ? std::aligned_alloc(64, bytes) : nullptr, &std::free);
  pair.run(x.data(), y.data(), workspace.get(), bytes);
  const float centre = y[(28 * 56 + 28) * 64];
  std::printf("%s: centre %g\n", pair.name().c_str(), static_cast<double>(centre));
  // 9 * 0.25 of each of 32 channels, times 0.0625, and the bias.
  return centre == 3.5f ? 0 : 1;
}
