// The convolutions that every implementation is tested on, in the textual form.
#pragma once

#include <string_view>

namespace convoy::testing {

// Small enough for the double-precision oracle, odd enough to meet every remainder.
inline constexpr std::string_view kConvCases[] = {
    // one window, one pixel, one channel
    "n1 c1 h1 w1 k1 r1 s1",
    "n1 c1 h3 w3 k1 r3 s3",
    "n1 c3 h1 w1 k5 r1 s1",
    // stems: few channels
    "n1 c3 h9 w9 k32 r3 s3 stride2 pad_top0 pad_left0 pad_bottom1 pad_right1",
    "n2 c3 h23 w23 k24 r11 s11 stride4",
    "n1 c3 h15 w17 k16 r7 s7 stride2 pad3",
    "n3 c1 h8 w11 k7 r3 s3 pad1",
    // ordinary
    "n1 c16 h8 w8 k16 r3 s3 pad1",
    "n2 c17 h7 w9 k33 r3 s3 pad1",
    "n1 c64 h6 w6 k64 r3 s3",
    "n3 c17 h9 w7 k19 r5 s5 pad2",
    "n1 c40 h5 w31 k96 r3 s3 pad1",
    "n1 c130 h4 w4 k70 r3 s3 pad1",
    // long reductions, which kernels cut into blocks
    "n1 c520 h3 w3 k20 r3 s3 pad1",
    "n1 c200 h3 w4 k17 r5 s5 pad2",
    // strides 1-4, also different ones and larger than the filter
    "n1 c5 h13 w14 k9 r3 s3 stride3 pad1",
    "n2 c4 h17 w15 k12 r3 s3 stride4",
    "n1 c8 h12 w13 k8 r2 s2 stride2",
    "n1 c3 h16 w16 k20 r4 s4 stride4",
    "n1 c6 h11 w12 k10 r5 s3 stride_h1 stride_w3 pad2",
    "n1 c6 h11 w12 k10 r3 s5 stride_h4 stride_w1 pad1",
    // dilation
    "n1 c5 h11 w12 k6 r3 s3 pad2 dilation2",
    "n2 c17 h14 w13 k18 r3 s3 dilation_h3 dilation_w2 pad_top3 pad_left2 pad_bottom1 pad_right4",
    "n1 c4 h15 w15 k8 r5 s5 stride2 dilation3 pad6",
    // filters of one row or one column, even filters, asymmetric padding
    "n1 c12 h9 w10 k14 r1 s5 pad_top0 pad_left2 pad_bottom0 pad_right2",
    "n1 c12 h9 w10 k14 r5 s1 pad_top2 pad_left0 pad_bottom2 pad_right0",
    "n1 c7 h8 w9 k17 r4 s2 pad_top1 pad_left0 pad_bottom2 pad_right1",
    "n1 c9 h6 w7 k8 r2 s2 pad_top1 pad_left1 pad_bottom0 pad_right0",
    "n1 c5 h7 w7 k6 r1 s1 pad1",
    "n1 c5 h9 w9 k6 r1 s3 stride2 pad2",
    // filter larger than the input, whole windows of padding
    "n1 c4 h2 w3 k5 r5 s5 pad2",
    "n1 c3 h1 w2 k4 r3 s5 pad_top1 pad_left2 pad_bottom1 pad_right2",
    "n2 c2 h3 w3 k3 r3 s3 pad4",
    "n1 c2 h4 w4 k3 r2 s2 stride3 pad3",
    // batches: odd, and across blocks of eight
    "n5 c3 h6 w5 k4 r3 s3 pad1",
    "n8 c5 h5 w6 k7 r3 s3",
    "n9 c4 h5 w5 k6 r3 s3 pad1 stride2",
    "n19 c3 h4 w5 k9 r2 s3",
    "n33 c2 h3 w4 k3 r2 s2",
    // groups
    "n1 c8 h7 w7 k8 r3 s3 pad1 groups2",
    "n2 c12 h6 w7 k18 r3 s3 pad1 groups3",
    "n1 c34 h5 w6 k34 r3 s3 pad1 groups2",
    "n1 c32 h6 w6 k64 r3 s3 stride2 pad1 groups8",
    "n1 c6 h7 w8 k4 r3 s2 groups2 dilation2 pad1",
    // depthwise
    "n1 c16 h9 w9 k16 r3 s3 pad1 groups16",
    "n2 c17 h10 w11 k17 r3 s3 stride2 pad1 groups17",
    "n1 c33 h8 w12 k33 r5 s5 pad2 groups33",
    "n1 c19 h9 w9 k19 r5 s5 stride2 pad_top1 pad_left1 pad_bottom2 pad_right2 groups19",
    "n1 c20 h11 w9 k20 r7 s7 pad3 groups20",
    "n1 c8 h12 w12 k8 r3 s3 pad2 dilation2 groups8",
    "n1 c5 h6 w7 k10 r3 s3 pad1 groups5",
    "n3 c40 h5 w5 k40 r3 s3 pad1 groups40",
    "n1 c64 h1 w9 k64 r1 s3 pad_top0 pad_left1 pad_bottom0 pad_right1 groups64",
    "n1 c18 h9 w1 k18 r4 s1 pad_top1 pad_left0 pad_bottom2 pad_right0 groups18",
    "n1 c3 h4 w4 k3 r6 s6 pad3 groups3",
    // pointwise
    "n1 c16 h7 w7 k32 r1 s1",
    "n2 c17 h5 w6 k19 r1 s1",
    "n1 c96 h4 w9 k24 r1 s1",
    "n1 c300 h3 w3 k65 r1 s1",
    "n1 c24 h9 w9 k40 r1 s1 stride2",
    "n1 c64 h1 w1 k100 r1 s1",
    "n3 c8 h6 w5 k12 r1 s1 groups4",
};

// One-dimensional ones: run with rank-3 tensors, h and r being 1.
inline constexpr std::string_view kConv1dCases[] = {
    "n1 c4 h1 w20 k6 r1 s5 pad_top0 pad_left2 pad_bottom0 pad_right2",
    "n2 c17 h1 w33 k18 r1 s7 dilation_h1 dilation_w3 pad_top0 pad_left9 pad_bottom0 pad_right9",
    "n1 c3 h1 w40 k16 r1 s10 stride_h1 stride_w5",
    "n1 c16 h1 w21 k16 r1 s3 pad_top0 pad_left1 pad_bottom0 pad_right1 groups16",
    "n1 c30 h1 w17 k20 r1 s1",
};

}  // namespace convoy::testing
