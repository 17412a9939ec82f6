#include "base/conv_desc.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace convoy {
namespace {

TEST(ConvDesc, PrintsWhatItParses) {
  for (const char* text :
       {"n128 c3 h227 w227 k96 r11 s11 stride4", "n1 c32 h112 w112 k32 r3 s3 stride2 pad1 groups32",
        "n1 c8 h9 w7 k4 r3 s1 stride_h2 stride_w1 dilation_h1 dilation_w3 "
        "pad_top0 pad_left1 pad_bottom1 pad_right2"}) {
    EXPECT_EQ(to_string(parse_conv_desc(text)), text);
  }
}

TEST(ConvDesc, ReadsOneDnnProblems) {
  const ConvDesc d = parse_conv_desc("mb1_g32ic32oc32_ih112oh112kh3sh1dh0ph1_n\"x\"");
  EXPECT_EQ(to_string(d), "n1 c32 h112 w112 k32 r3 s3 pad1 groups32");
  EXPECT_EQ(parse_conv_desc("ic3ih8oc4oh6kh3").n, 2);
}

TEST(ConvDesc, RefusesWhatMakesNoSense) {
  for (const char* text :
       {"", "n1 x3", "n1 c3 h4 w4 k2 r3 s3 stride0", "c3 h4 w4 k4 r1 s1 groups2", "h2 w2 r3 s3",
        "h4 w4 r1 s1 pad9223372036854775807", "h4 w4 r1 s1 dilation0", "h4 w4 r2x s2", "c"}) {
    EXPECT_THROW(parse_conv_desc(text), Error) << text;
  }
}

}  // namespace
}  // namespace convoy
