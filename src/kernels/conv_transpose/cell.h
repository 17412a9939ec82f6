// What the files of this cell offer to its list of implementations (conv_transpose.cc).
#pragma once

#include <memory>

#include "kernels/registry.h"

namespace convoy::conv_transpose {

// f32 and f64 of rank 3 or 4 in any strided layout, accumulated in double.
//   y[n][k][p][q] = activation(bias[k] + sum over c of k's group, and over r, s, h, w with
//                   h * stride_h + r * dilation_h = p + pad_top (w alike), of
//                   x[n][c][h][w] * weight[c][k within the group][r][s])
Support supports_reference(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc& device);

// f32 in NHWC with constant weights and one group. The workspace holds one image's products, and is
// none where the filter is as large as the stride.
Support supports_gemm(const OpDesc& desc, const DeviceDesc& device);
std::size_t gemm_workspace(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_gemm(const OpDesc& desc, const DeviceDesc& device);

// 2 * multiply-adds: every input element meets every filter tap.
double flops(const OpDesc& desc);

}  // namespace convoy::conv_transpose
