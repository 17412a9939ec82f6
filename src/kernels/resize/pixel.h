// The input pixels that make one result pixel.
#pragma once

namespace convoy::resize {

struct Pixel {
  int taps = 0;  // 1, or up to 4 x 4
  const float* at[16];
  float weight[16];
};

}  // namespace convoy::resize
