// The pointwise layers of EfficientNet-Lite0, batch 1.
#include "bench/kernels/kernel_bench.h"

namespace convoy::bench {
namespace {

const bool kRegistered = [] {
  for (const char* layer : {
           "n1 c32 h112 w112 k16 r1 s1", "n1 c16 h112 w112 k96 r1 s1", "n1 c96 h56 w56 k24 r1 s1",
           "n1 c24 h56 w56 k144 r1 s1",  "n1 c144 h56 w56 k24 r1 s1",  "n1 c144 h28 w28 k40 r1 s1",
           "n1 c40 h28 w28 k240 r1 s1",  "n1 c240 h28 w28 k40 r1 s1",  "n1 c240 h14 w14 k80 r1 s1",
           "n1 c80 h14 w14 k480 r1 s1",  "n1 c480 h14 w14 k80 r1 s1",  "n1 c480 h14 w14 k112 r1 s1",
           "n1 c112 h14 w14 k672 r1 s1", "n1 c672 h14 w14 k112 r1 s1", "n1 c672 h7 w7 k192 r1 s1",
           "n1 c192 h7 w7 k1152 r1 s1",  "n1 c1152 h7 w7 k192 r1 s1",  "n1 c1152 h7 w7 k320 r1 s1",
           "n1 c320 h7 w7 k1280 r1 s1",
       }) {
    register_conv(layer, "pointwise.");
  }
  return true;
}();

}  // namespace
}  // namespace convoy::bench
