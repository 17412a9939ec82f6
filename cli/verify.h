// Comparing outputs: against the reference kernels, or against tensors that the user has.
#pragma once

#include <filesystem>
#include <string>

#include "cli/report.h"
#include "cli/runner.h"

namespace convoy::cli {

struct Difference {
  std::string output;
  double largest = 0;   // |y - r|
  double relative = 0;  // largest / max |r|
  bool within = true;   // |y - r| <= atol + rtol * max |r| for every element, NaN only beside NaN
};

Difference compare(const std::string& name, const TensorView& y, const TensorView& reference,
                   double rtol, double atol);

// Runs the model once more, unfused, on the reference kernels; one difference per output.
std::vector<Difference> verify_against_reference(const ModelOptions& options, const Runner& runner,
                                                 double rtol, double atol);

// Prints one line per output; failing ones to standard error, the others unless `quiet`.
// True when all are within bounds.
bool report_differences(const std::vector<Difference>& differences, bool quiet);

}  // namespace convoy::cli
