// Measures what a search chooses among, and keeps it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/interleave.h"
#include "cli/step_timer.h"
#include "plan/tuning.h"
#include "plan/tuning_tasks.h"

namespace convoy::cli {

struct TunerOptions {
  std::filesystem::path file;  // where times are kept, after every problem
  bool restart = false;        // measures what is known as well
  double budget = 0;           // seconds after which no problem is begun; 0: no limit
  InterleaveRule rule;         // of each problem
};

struct TuningOutcome {
  std::size_t measured = 0, known = 0, left = 0;  // problems; known: measured before
  std::size_t ways = 0;                           // measured now
  // Ways that could not be made ready or did not run, with the reason.
  std::vector<std::string> failed;
  TuningTable table;  // of all tasks, those known before included
};

// Called before each problem that is measured, with its number among all; returns whether to stop.
using BeforeTask = std::function<bool(const TuningTask&, std::size_t number)>;

// What of the tasks is to be measured: those of which the table lacks a way.
std::vector<bool> to_measure(const std::vector<TuningTask>& tasks, const TuningTable& known,
                             const std::string& device, bool restart);

// Throws kIo where times cannot be kept, kInvalidArgument for a file that is no table of times.
TuningOutcome tune(const Graph& graph, const std::vector<TuningTask>& tasks, StepTimer& timer,
                   const TunerOptions& options, const BeforeTask& before);

}  // namespace convoy::cli
