// What a refused input looks like: one error of the right code whose message names the culprit.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace convoy::test {

struct Refusal {
  ErrorCode code;
  std::vector<std::string> words;  // all of them must be in the message
};

inline void expect_refused(const std::function<void()>& action, const Refusal& expected) {
  try {
    action();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.code(), expected.code) << message;
    for (const std::string& word : expected.words) {
      EXPECT_NE(message.find(word), std::string::npos) << "'" << word << "' is not in: " << message;
    }
    return;
  }
  ADD_FAILURE() << "nothing was refused";
}

}  // namespace convoy::test
