// Convolutions that follow each other as one kernel, through the shared library: what works, and
// every wrong use refused in words. Operands are small integers, so that results are equal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <convoy/convoy.hpp>

#include <cstdlib>
#include <functional>

namespace {

using testing::HasSubstr;

std::vector<float> integers(std::int64_t count, unsigned seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 29) - 3;
  }
  return values;
}

struct Chain {
  std::vector<convoy::ConvDesc> stages;
  std::vector<std::vector<float>> weights, biases;
  std::vector<float> x, residual;

  std::vector<const void*> weight_pointers() const { return pointers(weights); }
  std::vector<const void*> bias_pointers() const { return pointers(biases); }
  const convoy::ConvDesc& last() const { return stages.back(); }
  std::int64_t y_count() const { return last().n * last().k * last().p() * last().q(); }

 private:
  static std::vector<const void*> pointers(const std::vector<std::vector<float>>& tensors) {
    std::vector<const void*> all;
    for (const std::vector<float>& tensor : tensors) all.push_back(tensor.data());
    return all;
  }
};

// Of 12 channels, 9 x 11: "d" a depthwise 3 x 3 with stride 2, "p" a pointwise into 20.
Chain chain(const std::string& kinds, bool has_residual = false) {
  Chain c;
  std::int64_t channels = 12, h = 9, w = 11;
  for (const char kind : kinds) {
    convoy::ConvDesc d;
    d.n = 2, d.c = channels, d.h = h, d.w = w, d.threads = 2, d.activation = CONVOY_RELU;
    if (kind == 'd') {
      d.k = d.groups = channels, d.r = d.s = 3, d.stride_h = d.stride_w = 2;
      d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    } else {
      d.k = 20;
    }
    channels = d.k, h = d.p(), w = d.q();
    c.weights.push_back(integers(d.k * (d.c / d.groups) * d.r * d.s, 1));
    c.biases.push_back(integers(d.k, 2));
    c.stages.push_back(d);
  }
  c.stages.back().has_residual = has_residual;
  c.x = integers(2 * 12 * 9 * 11, 3);
  c.residual = integers(c.y_count(), 4);
  return c;
}

std::vector<float> run(const convoy::Conv2d& conv, const std::vector<float>& x, std::int64_t count,
                       const float* residual) {
  std::vector<float> y(static_cast<std::size_t>(count), -77);
  const std::size_t bytes = (conv.workspace_bytes() + 63) / 64 * 64;
  void* workspace = bytes > 0 ? std::aligned_alloc(64, bytes) : nullptr;
  conv.run(x.data(), y.data(), workspace, bytes, residual);
  std::free(workspace);
  return y;
}

std::vector<float> one_by_one(const Chain& c) {
  std::vector<float> map = c.x;
  for (std::size_t i = 0; i < c.stages.size(); ++i) {
    const convoy::ConvDesc& d = c.stages[i];
    const convoy::Conv2d conv(d, c.weights[i].data(), c.biases[i].data());
    map = run(conv, map, d.n * d.k * d.p() * d.q(),
              d.has_residual != 0 ? c.residual.data() : nullptr);
  }
  return map;
}

TEST(Fused, IsWhatItsConvolutionsMakeOneByOne) {
  for (const char* kinds : {"dp", "pd", "pp", "pdp"}) {
    for (const bool has_residual : {false, true}) {
      SCOPED_TRACE(std::string(kinds) + (has_residual ? ", residual" : ""));
      const Chain c = chain(kinds, has_residual);
      const std::vector<float> expected = one_by_one(c);
      int taken = 0;
      for (const convoy::ConvCandidate& candidate : convoy::Conv2d::fused_candidates(c.stages)) {
        if (!candidate.declined.empty()) continue;
        SCOPED_TRACE(candidate.name);
        const convoy::Conv2d fused =
            convoy::Conv2d::fused(c.stages, c.weight_pointers(), c.bias_pointers(), candidate.name);
        EXPECT_EQ(fused.name(), candidate.name);
        EXPECT_EQ(fused.workspace_bytes(), candidate.workspace_bytes);
        const float* residual = has_residual ? c.residual.data() : nullptr;
        EXPECT_EQ(run(fused, c.x, c.y_count(), residual), expected);
        ++taken;
      }
      EXPECT_GE(taken, 2);  // the reference and the one that is made for it
      const convoy::Conv2d chosen =
          convoy::Conv2d::fused(c.stages, c.weight_pointers(), c.bias_pointers());
      EXPECT_THAT(chosen.name(), testing::StartsWith("fused."));
    }
  }
}

TEST(Fused, BiasesMayBeLeftOut) {
  Chain c = chain("dp");
  c.biases[1].assign(20, 0);
  const std::vector<float> expected = one_by_one(c);
  const convoy::Conv2d fused =
      convoy::Conv2d::fused(c.stages, c.weight_pointers(), {c.biases[0].data(), nullptr});
  EXPECT_EQ(run(fused, c.x, c.y_count(), nullptr), expected);
}

TEST(Fused, WhatDoesNotFollowIsRefused) {
  const auto refusal = [](const std::function<void(Chain&)>& change, const char* kinds = "dp") {
    Chain c = chain(kinds);
    change(c);
    try {
      convoy::Conv2d::fused(c.stages, c.weight_pointers(), c.bias_pointers());
    } catch (const convoy::Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  EXPECT_EQ(refusal([](Chain&) {}), "nothing");
  EXPECT_THAT(refusal([](Chain& c) { c.stages[1].c = 13; }),
              HasSubstr("convolution 1 has c 13, the one before makes 12"));
  EXPECT_THAT(refusal([](Chain& c) { c.stages[1].w = 11; }), HasSubstr("has w 11"));
  EXPECT_THAT(refusal([](Chain& c) { c.stages[0].has_residual = 1; }), HasSubstr("only the last"));
  EXPECT_THAT(refusal([](Chain& c) { c.stages[1].layout = CONVOY_NCHW; }), HasSubstr("layout"));
  EXPECT_THAT(refusal([](Chain& c) { c.stages[1].device = "cuda"; }), HasSubstr("device"));
  EXPECT_THAT(refusal([](Chain& c) { c.weights.pop_back(); }), HasSubstr("weights of 1"));
  EXPECT_THAT(refusal([](Chain& c) { c.stages[0].stride_h = 0; }), HasSubstr("stride"));
  EXPECT_THAT(refusal([](Chain&) {}, "pppp"), HasSubstr("there are 4 convolutions"));
  const Chain c = chain("dp");
  EXPECT_THROW(convoy::Conv2d::fused(c.stages, {c.weights[0].data(), nullptr}), convoy::Error);
  EXPECT_THROW(convoy::Conv2d::fused(c.stages, c.weight_pointers(), {}, "fused.warp"),
               convoy::Error);
  EXPECT_THROW(convoy::Conv2d::fused({}, {}), convoy::Error);
  convoy_conv2d* conv = nullptr;
  EXPECT_EQ(convoy_conv2d_create_fused(nullptr, 2, nullptr, nullptr, nullptr, &conv),
            CONVOY_INVALID_ARGUMENT);
  EXPECT_THAT(convoy_last_error(), HasSubstr("stages is null"));
}

}  // namespace
