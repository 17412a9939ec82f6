// convoy-bench: suites that put Convoy's kernels beside other libraries in one process.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "bench/suite.h"

namespace convoy::bench {
namespace {

nlohmann::ordered_json to_json(const Row& row) {
  return {{"suite", row.suite},
          {"layer", row.layer},
          {"impl", row.implementation},
          {"device", row.device},
          {"dtype", row.dtype},
          {"layout", row.layout},
          {"batch", row.batch},
          {"threads", row.threads},
          {"ms", row.milliseconds},
          {"ms_best", row.best_milliseconds},
          {"flops", row.flops},
          {"bytes", row.bytes},
          {"workspace_bytes", row.workspace_bytes},
          {"error", row.error}};
}

void print(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    std::printf(
        "%-7s n%-4ld %-8s t%d %-34s %9.3f ms %8.1f GFLOP/s %12.0f B workspace  error %.2g\n",
        row.layer.c_str(), static_cast<long>(row.batch), row.layout.c_str(), row.threads,
        row.implementation.c_str(), row.milliseconds,
        row.milliseconds > 0 ? row.flops / row.milliseconds / 1e6 : 0, row.workspace_bytes,
        row.error);
  }
}

struct Suite {
  const char* name;
  const char* help;
  std::vector<Row> (*run)(const Options&);
};

constexpr Suite kSuites[] = {
    {"im2win12", "time of every convolution on the twelve layers, beside oneDNN",
     convolution_suite},
    {"memory", "workspace of every convolution on the twelve layers", memory_suite},
};

int main_checked(int argc, char** argv) {
  CLI::App app("Benchmarks of Convoy's kernels beside other libraries.");
  app.require_subcommand(1);
  Options options;
  options.shapes = CONVOY_SOURCE_DIR "/bench/shapes/im2win12.txt";
  std::string json;
  for (const Suite& suite : kSuites) {
    CLI::App* command = app.add_subcommand(suite.name, suite.help);
    command->add_option("--json", json, "write the rows to this file");
    command->add_option("--batch", options.batches, "batch sizes")->delimiter(',');
    command->add_option("--threads", options.threads, "threads (default: all)");
    command->add_option("--layout", options.layouts, "nchw, nhwc, chwn, chwn8")->delimiter(',');
    command->add_option("--impl", options.implementations, "parts of names")->delimiter(',');
    command->add_option("--peers", options.peers, "peers to run")->delimiter(',');
    command->add_option("--layer", options.layers, "names of layers")->delimiter(',');
    command->add_option("--shapes", options.shapes, "file of named convolutions");
    command->add_option("--seconds", options.seconds, "measured per row");
  }
  CLI11_PARSE(app, argc, argv);
  for (const Suite& suite : kSuites) {
    if (!app.got_subcommand(suite.name)) continue;
    const std::vector<Row> rows = suite.run(options);
    print(rows);
    if (json.empty()) continue;
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Row& row : rows) list.push_back(to_json(row));
    std::ofstream file(json);
    if (!(file << list.dump(1) << '\n')) fail(ErrorCode::kIo, "cannot write " + json);
  }
  return 0;
}

}  // namespace
}  // namespace convoy::bench

int main(int argc, char** argv) {
  try {
    return convoy::bench::main_checked(argc, argv);
  } catch (const convoy::Error& error) {
    std::fprintf(stderr, "convoy-bench: %s\n", error.what());
    return 1;
  }
}
