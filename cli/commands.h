// One subcommand per file; each adds itself to the application and runs in its callback.
#pragma once

#include <CLI/CLI.hpp>

namespace convoy::cli {

void add_run(CLI::App& app);
void add_bench(CLI::App& app);
void add_profile(CLI::App& app);
void add_plan(CLI::App& app);
void add_plan_diff(CLI::App& app);
void add_tune(CLI::App& app);
void add_info(CLI::App& app);

}  // namespace convoy::cli
