#include "cli/verify.h"

#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace convoy::cli {
namespace {

double element(const TensorView& t, std::int64_t i) {
  switch (t.dtype) {
    case DType::kF32:
      return t.as<float>()[i];
    case DType::kF64:
      return t.as<double>()[i];
    case DType::kS64:
      return static_cast<double>(t.as<std::int64_t>()[i]);
    case DType::kS32:
      return t.as<std::int32_t>()[i];
    case DType::kU8:
    case DType::kBool:
      return t.as<std::uint8_t>()[i];
    default:
      fail(ErrorCode::kUnsupported,
           "comparing " + std::string(to_string(t.dtype)) + " tensors is not supported");
  }
}

}  // namespace

Difference compare(const std::string& name, const TensorView& y, const TensorView& reference,
                   double rtol, double atol) {
  if (y.dtype != reference.dtype || !(y.shape == reference.shape)) {
    fail(ErrorCode::kInvalidArgument,
         "output '" + name + "' is " + std::string(to_string(y.dtype)) + " " + to_string(y.shape) +
             ", the reference " + std::string(to_string(reference.dtype)) + " " +
             to_string(reference.shape));
  }
  Difference result{name, 0, 0, true};
  double scale = 0;
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    const double r = element(reference, i), v = element(y, i);
    if (std::isfinite(r)) scale = std::max(scale, std::abs(r));
    if (std::isnan(v) && std::isnan(r)) continue;
    const double d = v == r ? 0 : std::abs(v - r);
    if (!(d <= result.largest)) result.largest = d;
  }
  result.relative = scale > 0 ? result.largest / scale : result.largest;
  result.within = result.largest <= atol + rtol * scale;
  return result;
}

std::vector<Difference> verify_against_reference(const ModelOptions& options, const Runner& runner,
                                                 double rtol, double atol) {
  NamedTensors known;
  Graph graph = load_model(options);
  for (std::size_t i = 0; i < runner.inputs().size(); ++i) {
    const Graph& planned = runner.program().graph;
    known[planned.value(planned.inputs[i]).name] = runner.inputs()[i];
  }
  ModelOptions untuned = options;  // nothing is chosen
  untuned.no_tuned = true;
  CompileOptions reference = compile_options(untuned, graph, known);
  reference.reference_only = true;
  reference.replayed.reset();
  reference.plan.force.clear();
  Runner other(compile(std::move(graph), reference), runner.inputs());
  other.run();
  std::vector<Difference> result;
  for (std::size_t i = 0; i < runner.output_views().size(); ++i) {
    result.push_back(compare(runner.output_name(i), runner.output_views()[i],
                             other.output_views()[i], rtol, atol));
  }
  return result;
}

bool report_differences(const std::vector<Difference>& differences, bool quiet) {
  bool all = true;
  for (const Difference& d : differences) {
    all &= d.within;
    if (quiet && d.within) continue;
    std::fprintf(d.within ? stdout : stderr,
                 "verify      '%s': largest difference %.3g, %.3g of the largest value: %s\n",
                 d.output.c_str(), d.largest, d.relative, d.within ? "ok" : "TOO LARGE");
  }
  return all;
}

}  // namespace convoy::cli
