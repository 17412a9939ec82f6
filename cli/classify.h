// Scores -> the most probable classes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace convoy::cli {

struct Guess {
  std::int64_t index;
  double probability;
};

// The `count` largest of one row of scores; softmax is applied unless they already are
// probabilities (non-negative, summing to one).
std::vector<Guess> top_classes(const float* scores, std::int64_t classes, int count);

// One name per line; a .json file may hold an array of names. Throws Error naming the file.
std::vector<std::string> read_labels(const std::filesystem::path& file);

}  // namespace convoy::cli
