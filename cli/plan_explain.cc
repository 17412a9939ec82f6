// A plan in words: a block a step.
#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <map>

#include "cli/plan_output.h"
#include "plan/cost_model.h"

namespace convoy::cli {
namespace {

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  std::va_list arguments, again;
  va_start(arguments, pattern);
  va_copy(again, arguments);
  std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, pattern, arguments)), ' ');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(arguments);
  return text;
}

std::string bytes_text(double bytes) { return human_bytes(static_cast<std::size_t>(bytes)); }

std::string percent(double part) { return format("%.*f %%", part < 0.0995 ? 1 : 0, part * 100); }

std::string time_text(double seconds) { return format("%.4f ms", seconds * 1e3); }

const char* words(Bound bound) {
  switch (bound) {
    case Bound::kArithmetic:
      return "arithmetic";
    case Bound::kL2:
      return "L2 bytes";
    case Bound::kDram:
      return "DRAM bytes";
    case Bound::kLatency:
      break;
  }
  return "latency";
}

double share_of(const Shares& shares, Bound bound) {
  switch (bound) {
    case Bound::kArithmetic:
      return shares.arithmetic;
    case Bound::kL2:
      return shares.l2;
    case Bound::kDram:
      return shares.dram;
    case Bound::kLatency:
      break;
  }
  return 0;
}

// A model's names may hold what a terminal would obey.
std::string printable(std::string name) {
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  }
  return name;
}

std::string with_tile(const std::string& kernel, const std::string& tile) {
  return tile.empty() ? kernel : kernel + ", " + tile;
}

class Writer {
 public:
  Writer(const PlanReport& report, bool candidates) : report_(report), candidates_(candidates) {}

  std::string text() {
    for (std::size_t s = 0; s < report_.steps.size(); ++s) step(s, report_.steps[s]);
    not_fused();
    totals();
    return std::move(text_);
  }

 private:
  void line(const std::string& text) { text_ += "      " + text + "\n"; }

  void step(std::size_t index, const StepReport& r) {
    std::string work;
    for (const Member& m : r.members) work += (work.empty() ? "" : " | ") + m.work;
    const Value& y = report_.program->graph.value(r.node->outputs[0]);
    text_ += format("%4zu  %-60s %12s%s  %s", index, work.c_str(),
                    time_text(r.step->estimate.seconds).c_str(),
                    r.step->measured ? " measured" : "", words(r.bound));
    if (r.bound != Bound::kLatency) text_ += " " + percent(share_of(r.shares, r.bound));
    text_ += "\n";
    line(printable(r.node->name) + " -> " + to_string(*y.shape) + " " +
         std::string(to_string(y.layout)));
    line(with_tile(std::string(r.step->implementation->name), r.step->tile));
    if (r.step->apart) saved(r);
    if (r.runner_up) line("runner-up " + alternative(*r.runner_up, r));
    if (r.next_tile) {
      line(format("of %d tiles the second: ", r.tiles) + r.next_tile->tile + ", " +
           loss(*r.next_tile, r));
    }
    if (candidates_) ways(r);
  }

  void saved(const StepReport& r) {
    const double bytes = r.bytes_apart - r.bytes,
                 seconds = r.seconds_apart - r.step->estimate.seconds;
    std::string text = "moves " + bytes_text(r.bytes) + " instead of " + bytes_text(r.bytes_apart);
    if (r.bytes_apart > 0) {
      text += ": " + percent(std::abs(bytes) / r.bytes_apart) + (bytes < 0 ? " more" : " saved");
    }
    text += "; " + percent(std::abs(seconds) / r.seconds_apart) +
            (seconds < 0 ? " slower" : " faster") + " than layer by layer";
    line(text);
  }

  std::string alternative(const Alternative& a, const StepReport& r) const {
    return with_tile(a.kernel, a.tile) + ": " + time_text(a.estimate.seconds) +
           (a.measured ? " measured" : "") + ", " +
           bytes_text(cost_of(a.estimate, Objective::kBytes, report_.program->plan.device)) + ", " +
           loss(a, r);
  }

  // A cheaper way that was not taken needs scratch that the budget has no room for, or has only
  // been predicted where the chosen one was measured.
  std::string loss(const Alternative& a, const StepReport& r) const {
    const std::string what = report_.objective == Objective::kBytes ? "bytes" : "time";
    if (!a.loses) return "as good";
    if (*a.loses >= 10) return format("loses: %.0f times the ", *a.loses + 1) + what;
    if (*a.loses >= 0) return "loses by " + percent(*a.loses) + " of the " + what;
    const std::string least = percent(-*a.loses) + " less " + what + ", but ";
    if (r.step->measured && !a.measured) return least + "not measured";
    return least + "it needs " + human_bytes(a.estimate.workspace_bytes) + " of scratch";
  }

  // Every kernel once, with the span of its tiles.
  void ways(const StepReport& r) {
    std::vector<std::string_view> order;
    std::map<std::string_view, std::vector<const Candidate*>> by_kernel;
    for (const Candidate* c : r.candidates) {
      auto& group = by_kernel[c->implementation->name];
      if (group.empty()) order.push_back(c->implementation->name);
      group.push_back(c);
    }
    for (const std::string_view name : order) {
      const auto& group = by_kernel[name];
      const Candidate& first = *group.front();
      const bool chosen = first.implementation == r.step->implementation;
      std::string text = (chosen ? "* " : first.declined.empty() ? "  " : "- ") + std::string(name);
      if (!first.declined.empty()) {
        line(text + " declined: " + first.declined);
        continue;
      }
      double most = 0, least = first.estimate.seconds;
      for (const Candidate* c : group) {
        most = std::max(most, c->estimate.seconds);
        least = std::min(least, c->estimate.seconds);
      }
      text += group.size() == 1
                  ? ", " + to_string(first.estimate)
                  : format(", %zu tiles, %.4f to %.4f ms", group.size(), least * 1e3, most * 1e3);
      line(text);
      if (group.size() == 1) continue;
      for (const Candidate* c : group) {
        line(
            format("    %s%s: ", c->tile == r.step->tile && chosen ? "* " : "  ", c->tile.c_str()) +
            to_string(c->estimate) + (c->measured ? ", measured" : ""));
      }
    }
  }

  void not_fused() {
    if (report_.not_fused.empty()) return;
    text_ += "\nnot fused\n";
    for (const NotFusedReport& entry : report_.not_fused) {
      std::string nodes;
      for (const std::string& node : entry.nodes) nodes += (nodes.empty() ? "" : " + ") + node;
      line(printable(nodes + ": " + entry.reason));
    }
  }

  void totals() {
    text_ +=
        format("\n%-24s %10s %14s %14s %14s\n", "total", "steps", "predicted", "traffic", "arena");
    const auto row = [&](const char* name, const Totals& t) {
      text_ += format("%-24s %10zu %14s %14s %14s\n", name, t.steps, time_text(t.seconds).c_str(),
                      bytes_text(t.bytes).c_str(), human_bytes(t.arena_bytes).c_str());
    };
    row("this plan", report_.totals);
    if (!report_.layer_by_layer) return;
    row("layer by layer", *report_.layer_by_layer);
    const auto saved = [](double with, double without) {
      return without > 0 ? percent(1 - with / without) : std::string("-");
    };
    const Totals &with = report_.totals, &without = *report_.layer_by_layer;
    text_ += format(
        "%-24s %10s %14s %14s %14s\n", "saved", "", saved(with.seconds, without.seconds).c_str(),
        saved(with.bytes, without.bytes).c_str(),
        saved(static_cast<double>(with.arena_bytes), static_cast<double>(without.arena_bytes))
            .c_str());
  }

  const PlanReport& report_;
  bool candidates_;
  std::string text_;
};

}  // namespace

std::string explain(const PlanReport& report, bool candidates) {
  return Writer(report, candidates).text();
}

}  // namespace convoy::cli
