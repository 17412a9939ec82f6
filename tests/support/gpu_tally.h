// What a GPU test covered: counts for every implementation, printed, and what failed.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/support/conv_check.h"

namespace convoy::testing {

inline std::string environment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

struct Tally {
  int checked = 0;
  std::map<std::string, int> declined;
  double worst = 0;
  std::string worst_case;
  std::vector<std::string> failures;

  void count(const CheckOutcome& outcome, const std::string& label) {
    if (!outcome.declined.empty()) {
      ++declined[outcome.declined];
      return;
    }
    ++checked;
    if (outcome.worst > worst) {
      worst = outcome.worst;
      worst_case = label;
    }
    if (!outcome.failure.empty()) failures.push_back(label + ": " + outcome.failure);
  }

  // Prints what was covered; fails for what went wrong.
  void report(const std::string& name) const {
    std::printf("%-32s checked %d, worst error %.3f of its bound", name.c_str(), checked, worst);
    if (worst > 0) std::printf(" (%s)", worst_case.c_str());
    for (const auto& [reason, times] : declined) {
      std::printf("; declined %d: %s", times, reason.c_str());
    }
    std::printf("\n");
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < std::min(kShown, failures.size()); ++i) {
      ADD_FAILURE() << name << " on " << failures[i];
    }
    EXPECT_EQ(failures.size(), 0u) << name;
  }
};
using Tallies = std::map<std::string, Tally>;

}  // namespace convoy::testing
