// --save-plan and --load-plan.
#pragma once

#include "cli/options.h"

namespace convoy::cli {

// Reads the file of --load-plan, if there is one, and asks for the record that --save-plan needs.
// Throws UsageError for options that a loaded plan has decided already.
void apply_plan_files(const ModelOptions& options, CompileOptions& compile_with);

// Writes the file of --save-plan, if one is asked for.
void save_plan(const ModelOptions& options, const Program& program);

}  // namespace convoy::cli
