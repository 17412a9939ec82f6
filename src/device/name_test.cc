#include "device/name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace convoy {
namespace {

TEST(DeviceName, IsReadAndWritten) {
  EXPECT_EQ(parse_device("cpu").kind, DeviceDesc::Kind::kCpu);
  for (const auto& [text, ordinal] : {std::pair{"cuda", 0}, {"cuda:0", 0}, {"cuda:13", 13}}) {
    const DeviceName name = parse_device(text);
    EXPECT_EQ(name.kind, DeviceDesc::Kind::kCuda) << text;
    EXPECT_EQ(name.ordinal, ordinal) << text;
    EXPECT_EQ(to_string(name), "cuda:" + std::to_string(ordinal));
  }
  EXPECT_EQ(to_string(parse_device("cpu")), "cpu");
}

TEST(DeviceName, OtherTextsAreRefusedWithWhatIsExpected) {
  for (const char* text : {"", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda: 1",
                           "cuda:99999999999", "cpu:0", "cuda1"}) {
    try {
      parse_device(text);
      ADD_FAILURE() << "'" << text << "' is taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), testing::HasSubstr(std::string("'") + text + "', expected cpu"));
    }
  }
}

}  // namespace
}  // namespace convoy
