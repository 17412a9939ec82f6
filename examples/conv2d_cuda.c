/* The convolution of conv2d.c on a GPU, in memory and on a stream of our own. */
#include <convoy/convoy.h>
#include <stdio.h>

#include "cuda_driver.h"

enum { kChannels = 8, kSize = 9, kOutput = 4 };

static int fail(void) {
  fprintf(stderr, "%s\n", convoy_last_error());
  return 1;
}

int main(void) {
  convoy_conv2d_desc desc;
  convoy_conv2d_desc_init(&desc);
  desc.device = "cuda";
  desc.c = desc.k = desc.groups = kChannels;
  desc.h = desc.w = kSize;
  desc.r = desc.s = 3;
  desc.stride_h = desc.stride_w = 2;
  desc.activation = CONVOY_CLIP;
  desc.alpha = 0;
  desc.beta = 6;

  static float x[kSize * kSize * kChannels], weights[kChannels * 9],
      y[kOutput * kOutput * kChannels];
  for (int i = 0; i < kSize * kSize * kChannels; ++i) x[i] = 1;
  for (int i = 0; i < kChannels * 9; ++i) weights[i] = i < 9 ? 0.25f : 2;

  /* Weights come from the host and are copied; a machine that cannot do this says what it lacks. */
  convoy_conv2d* conv = NULL;
  size_t bytes = 0;
  const convoy_status status = convoy_conv2d_create(&desc, NULL, weights, NULL, &conv);
  if (status == CONVOY_DEVICE) {
    fprintf(stderr, "%s\n", convoy_last_error());
    return kNoGpu;
  }
  if (status != CONVOY_OK || convoy_conv2d_workspace(conv, &bytes) != CONVOY_OK) return fail();

  const cuda_driver cuda = cuda_start();
  CUstream stream;
  CUdeviceptr device_x, device_y, workspace = 0;
  cuda_check(cuda.stream_create(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  cuda_check(cuda.alloc(&device_x, sizeof x), "cuMemAlloc");
  cuda_check(cuda.alloc(&device_y, sizeof y), "cuMemAlloc");
  if (bytes > 0) cuda_check(cuda.alloc(&workspace, bytes), "cuMemAlloc");

  /* Copy, convolve, copy: all in the order of the stream, none waited for until the end. */
  cuda_check(cuda.upload(device_x, x, sizeof x, stream), "cuMemcpyHtoDAsync");
  if (convoy_conv2d_enqueue(conv, (const void*)device_x, NULL, (void*)device_y, (void*)workspace,
                            bytes, stream) != CONVOY_OK) {
    return fail();
  }
  cuda_check(cuda.download(y, device_y, sizeof y, stream), "cuMemcpyDtoHAsync");
  cuda_check(cuda.stream_wait(stream), "cuStreamSynchronize");
  printf("channel 0: %g, channel 1: %g\n", y[0], y[1]);

  if (bytes > 0) cuda_check(cuda.free(workspace), "cuMemFree");
  cuda_check(cuda.free(device_y), "cuMemFree");
  cuda_check(cuda.free(device_x), "cuMemFree");
  cuda_check(cuda.stream_destroy(stream), "cuStreamDestroy");
  convoy_conv2d_free(conv);
  return y[0] == 2.25f && y[1] == 6 ? 0 : 1;
}
