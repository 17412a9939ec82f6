/* One depthwise 3x3 convolution, stride 2, with ReLU6. */
#include <convoy/convoy.h>
#include <stdio.h>
#include <stdlib.h>

enum { kChannels = 8, kSize = 9 };

int main(void) {
  convoy_conv2d_desc desc;
  convoy_conv2d_desc_init(&desc);
  desc.c = desc.k = desc.groups = kChannels;
  desc.h = desc.w = kSize;
  desc.r = desc.s = 3;
  desc.stride_h = desc.stride_w = 2;
  desc.activation = CONVOY_CLIP;
  desc.alpha = 0;
  desc.beta = 6;

  static float x[kSize * kSize * kChannels], weights[kChannels * 9], y[4 * 4 * kChannels];
  for (int i = 0; i < kSize * kSize * kChannels; ++i) x[i] = 1;
  for (int i = 0; i < kChannels * 9; ++i) weights[i] = i < 9 ? 0.25f : 2;

  convoy_conv2d* conv = NULL;
  size_t bytes = 0;
  if (convoy_conv2d_create(&desc, NULL, weights, NULL, &conv) != CONVOY_OK ||
      convoy_conv2d_workspace(conv, &bytes) != CONVOY_OK) {
    fprintf(stderr, "%s\n", convoy_last_error());
    return 1;
  }
  void* workspace = bytes > 0 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
  if (convoy_conv2d_execute(conv, x, NULL, y, workspace, bytes) != CONVOY_OK) {
    fprintf(stderr, "%s\n", convoy_last_error());
    return 1;
  }
  printf("channel 0: %g, channel 1: %g\n", y[0], y[1]);
  free(workspace);
  convoy_conv2d_free(conv);
  return y[0] == 2.25f && y[1] == 6 ? 0 : 1;
}
