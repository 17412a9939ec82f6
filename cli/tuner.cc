#include "cli/tuner.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "plan/tuning_file.h"

namespace convoy::cli {
namespace {

bool has_way(const TuningRecord& record, const Candidate& way) {
  return std::any_of(record.ways.begin(), record.ways.end(), [&](const TimedWay& timed) {
    return timed.kernel == way.implementation->name && timed.tile == way.tile;
  });
}

// The ways of one problem, timed in turn.
TuningRecord measure(const Graph& graph, const TuningTask& task, StepTimer& timer,
                     const InterleaveRule& rule, std::vector<std::string>& failed) {
  const StepDesc desc(graph, task.node);
  const OpDesc op = desc.desc();
  const std::unique_ptr<TimedStep> step = timer.step(op);
  std::vector<const Candidate*> ready;
  for (const Candidate& way : task.ways) {
    try {
      step->add(way);
      ready.push_back(&way);
    } catch (const Error& error) {
      // A tile that takes more registers than were predicted, say; a device that is gone is not
      // one way's failure.
      if (error.code() == ErrorCode::kDevice) throw;
      failed.push_back(std::string(way.implementation->name) + " " + way.tile + ": " +
                       error.what());
    }
  }
  const std::vector<double> seconds = interleave(
      ready.size(), [&](std::size_t i) { return step->run(i); }, rule);
  TuningRecord record{.rates = rates_text(timer.device())};
  for (std::size_t i = 0; i < ready.size(); ++i) {
    record.ways.push_back({std::string(ready[i]->implementation->name), ready[i]->tile, seconds[i],
                           ready[i]->estimate.seconds});
  }
  return record;
}

}  // namespace

std::vector<bool> to_measure(const std::vector<TuningTask>& tasks, const TuningTable& known,
                             const std::string& device, bool restart) {
  std::vector<bool> wanted;
  for (const TuningTask& task : tasks) {
    const TuningRecord* record = known.find(device, task.problem);
    const auto there = [&](const Candidate& way) { return has_way(*record, way); };
    wanted.push_back(restart || record == nullptr ||
                     !std::all_of(task.ways.begin(), task.ways.end(), there));
  }
  return wanted;
}

TuningOutcome tune(const Graph& graph, const std::vector<TuningTask>& tasks, StepTimer& timer,
                   const TunerOptions& options, const BeforeTask& before) {
  const std::string device = tuning_device(timer.device());
  const TuningFile file = read_tuning(options.file);
  const std::vector<bool> wanted = to_measure(tasks, file.table, device, options.restart);
  save_tuning(options.file, {});  // what cannot be kept is not worth measuring
  TuningOutcome outcome;
  outcome.table = file.table;
  const auto start = std::chrono::steady_clock::now();
  bool stop = false;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!wanted[i]) {
      ++outcome.known;
      continue;
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    stop = stop || (options.budget > 0 && spent.count() >= options.budget) || before(tasks[i], i);
    if (stop) {
      ++outcome.left;
      continue;
    }
    const TuningRecord record = measure(graph, tasks[i], timer, options.rule, outcome.failed);
    if (record.ways.empty()) continue;
    ++outcome.measured;
    outcome.ways += record.ways.size();
    TuningTable fresh;
    fresh.keep(device, tasks[i].problem, record);
    save_tuning(options.file, fresh);
    outcome.table.merge(fresh);
  }
  return outcome;
}

}  // namespace convoy::cli
