#include "cli/plan_files.h"

#include "base/error.h"
#include "cli/npy.h"
#include "plan/plan_file.h"

namespace convoy::cli {

void apply_plan_files(const ModelOptions& options, CompileOptions& compile_with) {
  compile_with.record_plan = !options.save_plan.empty();
  if (options.load_plan.empty()) return;
  if (!options.force.empty() || options.no_fuse || options.objective != "time") {
    throw UsageError(
        "--load-plan: the plan is made, so that --force, --objective and --no-fuse have no effect");
  }
  compile_with.replayed = std::make_shared<PlanFile>(load_plan_file(options.load_plan));
  compile_with.plan_origin = options.load_plan;
  compile_with.plan.objective = compile_with.replayed->objective;  // what reports say
}

void save_plan(const ModelOptions& options, const Program& program) {
  if (options.save_plan.empty()) return;
  const std::string text = to_text(*program.plan_file);
  write_file(options.save_plan, std::as_bytes(std::span(text)));
}

}  // namespace convoy::cli
