// Window convolutions whose lanes are images: CHWN and CHWN8, direct, implicit or explicit.
#pragma once

#include <memory>

#include "kernels/conv/window_conv.h"

namespace convoy {

std::size_t batch_conv_workspace(const ConvProblem& problem, WindowForm form,
                                 const DeviceDesc& device);

// Needs constant weights and bias, one data type, and x, y and residual all CHWN or all CHWN8.
std::unique_ptr<Kernel> make_batch_conv(const ConvProblem& problem, WindowForm form,
                                        const DeviceDesc& device);

}  // namespace convoy
