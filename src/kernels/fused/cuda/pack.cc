#include "kernels/fused/cuda/pack.h"

#include <bit>
#include <cstring>

#include "base/half.h"

namespace convoy::fused_cuda {
namespace {

float as_f32(const void* values, Element element, std::size_t i) {
  switch (element) {
    case Element::kF16:
      return f16_to_f32(static_cast<const std::uint16_t*>(values)[i]);
    case Element::kBf16:
      return bf16_to_f32(static_cast<const std::uint16_t*>(values)[i]);
    case Element::kS8:
      return static_cast<const std::int8_t*>(values)[i];
    case Element::kF32:
    case Element::kF32Split:
      break;
  }
  return static_cast<const float*>(values)[i];
}

}  // namespace

std::vector<std::byte> pack_pointwise(const FusedStage& stage, Element element) {
  const std::int64_t k_extent = stage.desc.k, c_extent = stage.desc.c;
  const std::int64_t step = step_channels(element), size = size_of(element);
  const std::int64_t steps = (c_extent + step - 1) / step;
  const std::int64_t panels = (k_extent + kPanel - 1) / kPanel;
  std::vector<std::byte> packed(static_cast<std::size_t>(panels * steps * step_bytes(element)));
  const auto* from = static_cast<const std::byte*>(stage.weights);
  for (std::int64_t k = 0; k < k_extent; ++k) {
    for (std::int64_t c = 0; c < c_extent; ++c, from += size) {
      const std::int64_t row = k % kPanel, column = c % step;
      std::int64_t at = k / kPanel * steps + c / step;
      at *= step_bytes(element);
      if (element == Element::kF32) {
        at += (column * kPanel + row) * size;
      } else {
        // Of every four outputs two are columns of one product, two of the next, so that a lane
        // has sums of all four. Lane (column, byte / 4 % 4) has four words: by products, by halves
        // of the step.
        const std::int64_t byte = column * size;
        const std::int64_t lane = (row / 4 * 2 + row % 2) * 4 + byte / 4 % 4;
        const std::int64_t word = row % 4 / 2 + byte / 16 * 2;
        at += lane * 16 + word * 4 + byte % 4;
      }
      std::memcpy(packed.data() + at, from, static_cast<std::size_t>(size));
    }
  }
  return packed;
}

std::vector<std::byte> pack_depthwise(const FusedStage& stage, Element element,
                                      bool tensor_filter) {
  const ConvDesc& d = stage.desc;
  const std::int64_t taps = d.r * d.s, line = (d.k + 3) / 4 * 4;
  std::vector<std::uint32_t> packed(static_cast<std::size_t>(taps * line));
  for (std::int64_t k = 0; k < d.k; ++k) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const auto from = static_cast<std::size_t>(k * taps + tap);
      std::uint32_t& word = packed[static_cast<std::size_t>(tap * line + k)];
      if (tensor_filter) {
        word = std::uint32_t{static_cast<const std::uint16_t*>(stage.weights)[from]} << k % 2 * 16;
      } else {
        word = std::bit_cast<std::uint32_t>(as_f32(stage.weights, element, from));
      }
    }
  }
  std::vector<std::byte> bytes(packed.size() * sizeof(std::uint32_t));
  std::memcpy(bytes.data(), packed.data(), bytes.size());
  return bytes;
}

DeviceOperands::DeviceOperands(const cuda::Device& device, const FusedProblem& problem,
                               const Tile& tile) {
  const Module module = describe(problem);
  const Element element = module.element;
  const bool filter = tensor_filter(module, tile);
  for (std::size_t i = 0; i < problem.stages.size(); ++i) {
    const FusedStage& stage = problem.stages[i];
    Arguments::Weights& weights = stage.is_depthwise()              ? arguments_.depthwise
                                  : i == 0 && module.expand.present ? arguments_.expand
                                                                    : arguments_.project;
    const std::vector<std::byte> packed = stage.is_depthwise()
                                              ? pack_depthwise(stage, element, filter)
                                              : pack_pointwise(stage, element);
    weights.w = upload(device, packed.data(), packed.size());
    const auto k = static_cast<std::size_t>(stage.desc.k);
    if (stage.has_bias && element == Element::kS8) {
      weights.bias = upload(device, stage.bias, k * sizeof(std::int32_t));
    } else if (stage.has_bias) {
      std::vector<float> bias(k);
      for (std::size_t j = 0; j < k; ++j) bias[j] = as_f32(stage.bias, element, j);
      weights.bias = upload(device, bias.data(), k * sizeof(float));
    }
    if (element == Element::kS8) {
      weights.scale = static_cast<const float*>(upload(device, stage.scale, k * sizeof(float)));
    }
  }
}

std::size_t DeviceOperands::bytes() const {
  std::size_t sum = 0;
  for (const cuda::DeviceBuffer& buffer : buffers_) sum += buffer.bytes();
  return sum;
}

const void* DeviceOperands::upload(const cuda::Device& device, const void* host,
                                   std::size_t bytes) {
  cuda::DeviceBuffer& buffer = buffers_.emplace_back(device, bytes);
  buffer.upload(host, bytes);
  return buffer.data();
}

}  // namespace convoy::fused_cuda
