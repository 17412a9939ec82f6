#include "base/sha256.h"

#include <gtest/gtest.h>

namespace convoy {
namespace {

TEST(Sha256, TheStandardsExamples) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Every length around a block's end, in one piece and in pieces of every size.
TEST(Sha256, PiecesMakeNoDifference) {
  for (std::size_t length = 0; length < 140; ++length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += static_cast<char>(i * 31);
    const Digest whole = sha256(text);
    for (std::size_t piece = 1; piece <= length; ++piece) {
      Sha256 hash;
      for (std::size_t i = 0; i < length; i += piece) {
        hash.add(std::string_view(text).substr(i, piece));
      }
      ASSERT_EQ(hash.finish(), whole) << length << " bytes by " << piece;
    }
  }
}

}  // namespace
}  // namespace convoy
