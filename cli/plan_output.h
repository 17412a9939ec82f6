// A plan's report for programs and for readers.
#pragma once

#include <string>

#include "cli/plan_report.h"
#include "cli/report.h"

namespace convoy::cli {

// docs/guide/plan.md says what each member is.
Json to_json(const PlanReport& report);

// One block a step: what it computes, how, what that saves and what came second; what was not fused
// and why; totals. `candidates`: every way to compute each step as well, or why it is none.
std::string explain(const PlanReport& report, bool candidates);

// One page that needs nothing beside itself: cli/plan_page with the report's JSON put in. No string
// of the model becomes markup.
std::string to_html(const PlanReport& report);

}  // namespace convoy::cli
