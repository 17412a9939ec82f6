// Benchmarks of single convolutions: every implementation that supports a layer, and oneDNN where
// it is installed, in one process. On a machine that others use too, compare `best`, the fastest
// run, with `peak`, the share of the multiply-add rate that the same process measured.
#pragma once

#include <string_view>

namespace convoy::bench {

// Registers benchmarks of one NHWC layer with ReLU6 and bias: "<implementation>/<layer>/<threads>".
// `only` is a prefix of the implementations' names.
void register_conv(std::string_view layer, std::string_view only);

// Multiply-adds per second, times two, of one thread on full registers; measured once.
double peak_flops();

}  // namespace convoy::bench
