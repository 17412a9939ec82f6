#include "plan/paper_cost.h"

#include <optional>

#include "base/error.h"
#include "plan/problem_text.h"

namespace convoy {
namespace {

using paper::Layer;

// None for what the model does not know: neither depthwise nor pointwise, dilated, strided by
// different numbers.
std::optional<Layer> layer_of(const ConvAttrs& conv, const Shape& x, const Shape& w) {
  if (x.rank() != 4 || conv.dilation != Pair{1, 1} || conv.stride[0] != conv.stride[1]) return {};
  const bool depthwise = conv.groups > 1 && conv.groups == x[1] && w[0] == x[1];
  const bool pointwise = conv.groups == 1 && w[2] == 1 && w[3] == 1;
  if (!depthwise && !pointwise) return {};
  const auto extent = [&](std::int64_t in, std::int64_t before, std::int64_t after,
                          std::int64_t window) {
    return (in + before + after - window) / conv.stride[0] + 1;
  };
  return Layer{.kind = depthwise ? Layer::Kind::kDepthwise : Layer::Kind::kPointwise,
               .c = x[1],
               .h = x[2],
               .w = x[3],
               .k = w[0],
               .p = extent(x[2], conv.pads.top, conv.pads.bottom, w[2]),
               .q = extent(x[3], conv.pads.left, conv.pads.right, w[3]),
               .r = w[2],
               .s = w[3],
               .stride = conv.stride[0]};
}

// The step's convolutions; empty when one of them is none that the model knows.
std::vector<Layer> layers_of(const OpDesc& desc) {
  std::vector<Layer> layers;
  const auto add = [&](const ConvAttrs& conv, const Shape& x, const Shape& w) {
    const std::optional<Layer> layer = layer_of(conv, x, w);
    if (layer) layers.push_back(*layer);
    return layer.has_value();
  };
  Shape map = desc.inputs[0].shape;
  if (desc.op == Op::kConv) {
    add(desc.as<ConvAttrs>(), map, desc.inputs[1].shape);
    return layers;
  }
  const auto& stages = desc.as<FusedConvAttrs>().stages;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (!add(stages[i].conv, map, desc.inputs[1 + 3 * i].shape)) return {};
    map = Shape{map[0], layers.back().k, layers.back().p, layers.back().q};
  }
  return layers;
}

// The cheapest of the paper's modules of these layers.
paper::Cost cost_of_layers(const std::vector<Layer>& layers, std::int64_t element_bytes,
                           const DeviceDesc& device) {
  if (layers.size() == 1) {
    return paper::best_cost(layers, paper::Module::kSingle, element_bytes, device);
  }
  paper::Cost best;
  best.infeasible = "the paper has no such module";
  if (layers.size() > 2) return best;
  for (const paper::Module module : paper::modules_of(layers)) {
    paper::Cost cost = paper::best_cost(layers, module, element_bytes, device);
    if (!best && (cost || best.tile.h == 0)) {
      best = std::move(cost);
    } else if (cost && cost.bytes < best.bytes) {
      best = std::move(cost);
    }
  }
  return best;
}

}  // namespace

PaperCost::PaperCost(const PlanOptions& options) : options_(options), registry_(options) {
  if (options.device.kind != DeviceDesc::Kind::kCuda) {
    fail(ErrorCode::kInvalidArgument,
         "the cost model 'paper' is of GPUs, expected a plan for one; " + options.device.name +
             " is none");
  }
}

const std::vector<Candidate>& PaperCost::candidates(const OpDesc& desc) const {
  const std::string problem = problem_text(desc);
  if (problem.empty()) return registry_.candidates(desc);
  const auto found = known_.find(problem);
  return found != known_.end() ? found->second : known_.emplace(problem, judge(desc)).first->second;
}

std::vector<Candidate> PaperCost::judge(const OpDesc& desc) const {
  std::vector<Candidate> all = registry_.candidates(desc);
  const std::vector<Layer> layers = layers_of(desc);
  const bool alone = desc.op == Op::kConv || desc.as<FusedConvAttrs>().stages.size() == 1;
  if (alone && layers.empty()) return all;
  const TensorView& x = desc.inputs[0];
  paper::Cost cost;
  if (layers.empty()) {
    cost.infeasible = "the paper fuses depthwise and pointwise convolutions alone";
  } else {
    cost = cost_of_layers(layers, static_cast<std::int64_t>(size_of(x.dtype)), options_.device);
  }
  // A convolution must run, feasible by the paper or not.
  if (alone && !cost) return all;

  const Candidate* const fastest = best_of(all, Objective::kTime, options_.device, SIZE_MAX);
  for (Candidate& c : all) {
    if (!c.declined.empty()) continue;
    if (!cost) {
      c.declined = "the paper's model: " + cost.infeasible;
      continue;
    }
    if (&c != fastest) {
      c.declined = "the paper's model knows one kernel, which is " +
                   std::string(fastest->implementation->name);
      continue;
    }
    const double bytes = cost.bytes * static_cast<double>(x.shape[0]);
    c.estimate.bytes_l2 = c.estimate.bytes_dram = bytes;
    c.estimate.seconds = bytes / options_.device.bytes_per_second;
    c.measured = false;
  }
  return all;
}

std::unique_ptr<CostModel> named_cost_model(const PlanOptions& options) {
  if (options.costs == Costs::kPaper) return std::make_unique<PaperCost>(options);
  return std::make_unique<RegistryCost>(options);
}

}  // namespace convoy
