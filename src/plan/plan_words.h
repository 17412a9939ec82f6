// Words that plan files are written in and read by.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "plan/plan.h"

namespace convoy::plan_words {

inline constexpr std::array<std::pair<Objective, std::string_view>, 3> kObjectives{
    {{Objective::kTime, "time"}, {Objective::kBytes, "bytes"}, {Objective::kMemory, "memory"}}};
inline constexpr std::array<std::pair<DType, std::string_view>, 4> kPrecisions{
    {{DType::kF32, "f32"}, {DType::kF16, "f16"}, {DType::kBF16, "bf16"}, {DType::kS8, "s8"}}};
inline constexpr std::string_view kNoBudget = "none";

constexpr std::string_view to_string(Objective objective) {
  for (const auto& [value, word] : kObjectives) {
    if (value == objective) return word;
  }
  return {};
}

}  // namespace convoy::plan_words
