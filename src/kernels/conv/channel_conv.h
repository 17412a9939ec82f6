// Window convolutions whose lanes are output channels: NHWC and NCHW, direct, implicit or explicit.
//
// NCHW shares the vector dimension of NHWC: a dot product along the window, the other choice, fills
// 9 of 16 lanes on a 3 x 3 filter and ends in a horizontal sum per output.
#pragma once

#include <memory>

#include "kernels/conv/window_conv.h"

namespace convoy {

std::size_t channel_conv_workspace(const ConvProblem& problem, WindowForm form,
                                   const DeviceDesc& device);

// Needs constant weights and bias, one data type, and x, y and residual all NHWC or all NCHW.
std::unique_ptr<Kernel> make_channel_conv(const ConvProblem& problem, WindowForm form,
                                          const DeviceDesc& device);

}  // namespace convoy
