/* A depthwise 3x3 and a pointwise convolution as one kernel. */
#include <convoy/convoy.h>
#include <stdio.h>
#include <stdlib.h>

#define TRY(call)                                               \
  do {                                                          \
    if ((call) != CONVOY_OK) {                                  \
      fprintf(stderr, "fused_pair: %s\n", convoy_last_error()); \
      return 1;                                                 \
    }                                                           \
  } while (0)

enum { kChannels = 8, kOutputs = 16, kSize = 12 };

int main(void) {
  static float x[kSize * kSize * kChannels], y[kSize * kSize * kOutputs];
  static float taps[kChannels * 9], weights[kOutputs * kChannels];
  for (int i = 0; i < kSize * kSize * kChannels; ++i) x[i] = 1;
  for (int i = 0; i < kChannels * 9; ++i) taps[i] = 0.5f;
  for (int i = 0; i < kOutputs * kChannels; ++i) weights[i] = 0.25f;

  convoy_conv2d_desc depthwise, pointwise;
  convoy_conv2d_desc_init(&depthwise);
  depthwise.c = depthwise.k = depthwise.groups = kChannels;
  depthwise.h = depthwise.w = kSize;
  depthwise.r = depthwise.s = 3;
  depthwise.pad_top = depthwise.pad_left = depthwise.pad_bottom = depthwise.pad_right = 1;
  convoy_conv2d_desc_init(&pointwise);
  pointwise.c = kChannels;
  pointwise.h = pointwise.w = kSize;
  pointwise.k = kOutputs;

  const convoy_conv2d_desc* stages[] = {&depthwise, &pointwise};
  const void* both[] = {taps, weights};
  convoy_conv2d* pair = NULL;
  TRY(convoy_conv2d_create_fused(stages, 2, NULL, both, NULL, &pair));
  const char* name = NULL;
  size_t bytes = 0;
  TRY(convoy_conv2d_name(pair, &name));
  TRY(convoy_conv2d_workspace(pair, &bytes));
  bytes = (bytes + 63) / 64 * 64;
  void* workspace = bytes > 0 ? aligned_alloc(64, bytes) : NULL;
  TRY(convoy_conv2d_execute(pair, x, NULL, y, workspace, bytes));
  free(workspace);
  /* 9 * 0.5 of each of 8 channels, times 0.25. */
  const float centre = y[(6 * kSize + 6) * kOutputs];
  printf("%s: centre %g\n", name, (double)centre);
  convoy_conv2d_free(pair);
  return centre == 9.0f ? 0 : 1;
}
