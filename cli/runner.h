// A compiled model with its tensors, ready to run again and again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/inputs.h"
#include "cli/options.h"
#include "exec/session.h"

namespace convoy::cli {

struct Statistics {
  std::vector<double> samples;        // milliseconds, sorted
  double percentile(double p) const;  // nearest rank
  double median() const { return percentile(50); }
  double mean() const;
};

// The stop rule of a measurement; every bound must be met.
struct StopRule {
  double warmup_ms = 200;
  double seconds = 1;
  int iterations = 10;
  void add_to(CLI::App& app);
};

class Runner {
 public:
  Runner(std::shared_ptr<const Program> program, std::vector<ConstTensor> inputs);

  void run();
  Session& session() { return *session_; }
  const Program& program() const { return session_->program(); }
  const std::vector<TensorView>& input_views() const { return input_views_; }
  const std::vector<TensorView>& output_views() const { return output_views_; }
  const std::vector<ConstTensor>& inputs() const { return inputs_; }
  std::string output_name(std::size_t i) const;

  Statistics measure(const StopRule& rule);

 private:
  std::unique_ptr<Session> session_;
  std::vector<ConstTensor> inputs_;
  std::vector<std::unique_ptr<Tensor>> outputs_;
  std::vector<TensorView> input_views_, output_views_;
};

// Loads, reads inputs, compiles; the common beginning of run, bench and profile.
Runner make_runner(const ModelOptions& model, const InputOptions& input);

}  // namespace convoy::cli
