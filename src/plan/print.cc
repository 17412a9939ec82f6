#include <cstdio>

#include "plan/plan.h"

namespace convoy {
namespace {

std::string cell(std::string text, std::size_t width) {
  if (text.size() > width) text = text.substr(0, width - 3) + "...";
  text.resize(width, ' ');
  return text;
}

std::string result_of(const Plan& plan, const Graph& graph, const Node& node) {
  const ValueId id = node.outputs[0];
  const Value& value = graph.value(id);
  const Place& place = plan.places[static_cast<std::size_t>(id)];
  std::string text = cell(to_string(*value.shape), 18) + " " + std::string(to_string(value.layout));
  if (place.kind == Place::Kind::kArena) return text + " @" + std::to_string(place.offset);
  return text + (place.kind == Place::Kind::kOutput ? " output" : "");
}

}  // namespace

std::string to_string(const Plan& plan, const Graph& graph) {
  std::string text = cell("kernel", 34) + cell("node", 34) + cell("est. ms", 10) + "result\n";
  for (const Step& step : plan.steps) {
    const Node& node = graph.nodes[static_cast<std::size_t>(step.node)];
    char time[32];
    std::snprintf(time, sizeof time, "%.4f", step.estimate.seconds * 1e3);
    text += cell(std::string(step.implementation->name), 33) + " " + cell(node.name, 33) + " " +
            cell(time, 10) + result_of(plan, graph, node) + "\n";
  }
  return text;
}

}  // namespace convoy
