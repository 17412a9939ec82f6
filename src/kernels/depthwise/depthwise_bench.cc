// The depthwise layers of EfficientNet-Lite0, batch 1.
#include "bench/kernels/kernel_bench.h"

namespace convoy::bench {
namespace {

const bool kRegistered = [] {
  for (const char* layer : {
           "n1 c32 h112 w112 k32 r3 s3 pad1 groups32",
           "n1 c96 h113 w113 k96 r3 s3 stride2 groups96",
           "n1 c144 h56 w56 k144 r3 s3 pad1 groups144",
           "n1 c144 h56 w56 k144 r5 s5 stride2 pad2 groups144",
           "n1 c240 h28 w28 k240 r5 s5 pad2 groups240",
           "n1 c240 h28 w28 k240 r3 s3 stride2 pad1 groups240",
           "n1 c480 h14 w14 k480 r3 s3 pad1 groups480",
           "n1 c480 h14 w14 k480 r5 s5 pad2 groups480",
           "n1 c672 h14 w14 k672 r5 s5 pad2 groups672",
           "n1 c672 h14 w14 k672 r5 s5 stride2 pad2 groups672",
           "n1 c1152 h7 w7 k1152 r5 s5 pad2 groups1152",
           "n1 c1152 h7 w7 k1152 r3 s3 pad1 groups1152",
       }) {
    register_conv(layer, "depthwise.");
  }
  return true;
}();

}  // namespace
}  // namespace convoy::bench
