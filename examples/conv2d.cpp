// One 3x3 convolution with ReLU: lists the kernels that could compute it and runs the best.
#include <convoy/convoy.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

int main() {
  convoy::ConvDesc desc;
  desc.c = 16, desc.h = desc.w = 32;
  desc.k = 24, desc.r = desc.s = 3;
  desc.pad_top = desc.pad_left = desc.pad_bottom = desc.pad_right = 1;
  desc.activation = CONVOY_RELU;

  for (const convoy::ConvCandidate& candidate : convoy::Conv2d::candidates(desc)) {
    if (candidate.declined.empty()) {
      std::printf("%-30s %8zu bytes of workspace\n", candidate.name.c_str(),
                  candidate.workspace_bytes);
    } else {
      std::printf("%-30s declined: %s\n", candidate.name.c_str(), candidate.declined.c_str());
    }
  }

  const std::vector<float> x(16 * 32 * 32, 1.0f), weights(24 * 16 * 3 * 3, 0.5f), bias(24, -1.0f);
  std::vector<float> y(static_cast<std::size_t>(desc.k * desc.p() * desc.q()));
  const convoy::Conv2d conv(desc, weights.data(), bias.data());
  const std::size_t bytes = (conv.workspace_bytes() + 63) / 64 * 64;
  const std::unique_ptr<void, decltype(&std::free)> workspace(
      bytes > 0 ? std::aligned_alloc(64, bytes) : nullptr, &std::free);
  conv.run(x.data(), y.data(), workspace.get(), bytes);
  std::printf("%s: centre %g\n", conv.name().c_str(), static_cast<double>(y[(16 * 32 + 16) * 24]));
  // 3 * 3 * 16 products of 0.5, and the bias.
  return y[(16 * 32 + 16) * 24] == 71.0f ? 0 : 1;
}
