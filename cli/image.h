// Photographs -> network inputs.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/tensor.h"

namespace convoy::cli {

// Interleaved 8-bit RGB.
struct Image {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // height x width x 3
};

struct Preprocess {
  enum class Fit { kCrop, kStretch };
  Fit fit = Fit::kCrop;
  // (value - mean) / deviation per channel, values 0..255. The defaults are torchvision's.
  std::array<float, 3> mean{123.675f, 116.28f, 103.53f};
  std::array<float, 3> deviation{58.395f, 57.12f, 57.375f};
  bool bgr = false;
};

// True when the bytes start as a JPEG or PNG file does.
bool looks_like_image(std::span<const std::byte> bytes);

// JPEG or PNG by content; grey, palette and alpha become RGB. Throws Error naming the file.
Image decode_image(std::span<const std::byte> bytes, const std::filesystem::path& name);

// 1 x 3 x height x width f32. kCrop scales the short side to 8/7 of the crop (224 of 256), as image
// classifiers are evaluated, and takes the centre; kStretch scales both sides. Resampling is
// bicubic, widened when shrinking.
ConstTensor to_tensor(const Image& image, std::int64_t height, std::int64_t width,
                      const Preprocess& preprocess);

}  // namespace convoy::cli
