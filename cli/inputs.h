// What the user gives for each input: .npy, ONNX tensor (.pb), photograph, or nothing (random).
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/image.h"
#include "cli/options.h"

namespace convoy::cli {

struct InputOptions {
  std::vector<std::string> inputs;  // NAME=FILE, or FILE for a model of one input
  std::string fit = "crop";
  std::vector<float> mean, deviation;
  bool bgr = false;
  std::uint32_t seed = 1;

  void add_to(CLI::App& app);
  Preprocess preprocess() const;  // throws UsageError
};

// Files read before planning. Photographs are kept as pixels until the planned shape is known.
class Inputs {
 public:
  // Throws UsageError for a name the model lacks, Error for a file that cannot be read.
  Inputs(const InputOptions& options, const Graph& graph);

  const NamedTensors& tensors() const { return tensors_; }

  // One tensor per input of the planned graph, in order; random where nothing was given.
  std::vector<ConstTensor> materialize(const Graph& planned) const;

 private:
  InputOptions options_;
  NamedTensors tensors_;
  std::map<std::string, Image> images_;
};

// Uniform in [0, 1) for floating types, 0 or 1 for bool, 0..9 for integers; the same for a seed.
ConstTensor random_tensor(DType dtype, const Shape& shape, std::uint32_t seed);

}  // namespace convoy::cli
