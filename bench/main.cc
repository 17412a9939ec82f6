// convoy-bench: suites that put Convoy's kernels beside other libraries in one process.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "bench/cuda/suite.h"
#include "bench/fcm_cpu.h"
#include "bench/planner.h"
#include "bench/suite.h"

namespace convoy::bench {
namespace {

nlohmann::ordered_json to_json(const Row& row) {
  nlohmann::ordered_json json = {{"suite", row.suite},
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
  if (!row.tile.empty()) json["tile"] = row.tile;
  for (const LevelBytes& level : row.levels) {
    json["predicted_" + std::string(level.name) + "_bytes"] = level.predicted;
    json["counted_" + std::string(level.name) + "_bytes"] = level.counted;
  }
  if (row.device == "cpu") {
    if (row.predicted_milliseconds > 0) {
      json["us"] = row.best_milliseconds * 1e3;
      json["predicted_us"] = row.predicted_milliseconds * 1e3;
      json["exceeds_l3"] = row.bytes > row.l2_bytes;
      if (!row.chosen_by.empty()) json["chosen_by"] = row.chosen_by;
    }
    return json;
  }
  json["device_name"] = row.device_name;
  json["tflops"] = row.milliseconds > 0 ? row.flops / row.milliseconds / 1e9 : 0;
  json["peak_bytes"] = row.peak_bytes;
  if (!row.module.empty()) {
    json["module"] = row.module;
    if (!row.marks.empty()) json["marks"] = row.marks;
    json["us"] = row.milliseconds * 1e3;
    json["between_bytes"] = row.between_bytes;
    json["exceeds_l2"] = row.bytes > row.l2_bytes;
    if (!row.chosen_by.empty()) json["chosen_by"] = row.chosen_by;
    if (!row.algorithms.empty()) json["algorithms"] = row.algorithms;
    if (row.joules > 0) json["joules"] = row.joules;
    if (row.predicted_milliseconds > 0) {
      json["predicted_us"] = row.predicted_milliseconds * 1e3;
      json["predicted_l2_bytes"] = row.predicted_l2_bytes;
      json["predicted_dram_bytes"] = row.predicted_dram_bytes;
    }
  }
  if (!row.ablation.empty()) json["ablation"] = row.ablation;
  if (!row.status.empty()) {
    json["status"] = row.status;
    for (const char* unknown : {"ms", "ms_best", "tflops", "error", "us"}) {
      if (json.contains(unknown)) json[unknown] = nullptr;
    }
  }
  return json;
}

struct Suite {
  const char* name;
  const char* help;
  std::vector<Row> (*run)(const Options&);
};

constexpr Suite kSuites[] = {
    {"im2win12", "time of every convolution on the twelve layers, beside other libraries'",
     convolution_suite},
    {"memory", "workspace of every convolution on the twelve layers", memory_suite},
    {"fcm", "time of fused depthwise and pointwise convolutions beside that of unfused ones",
     fcm_suite},
    {"planner", "what the cost model says of fused modules, and what is measured of them",
     planner_suite},
    {"tune", "the fastest tiles of the implicit im2win kernel on a GPU", tune_suite},
    {"compile", "time to compile a GPU kernel, and to find it in the cache", compile_suite},
    {"planner-paper",
     "bytes of the FCM paper's networks under its own cost model, on its three GPUs",
     planner_paper_suite},
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
    command->add_option("--batch", options.batches, "batch sizes (default: 1; on cuda 128,16,1)")
        ->delimiter(',');
    command->add_option("--threads", options.threads, "threads (default: all)");
    command
        ->add_option("--layout", options.layouts,
                     "nchw, nhwc, chwn, chwn8 (default: nhwc; on cuda nchw,nhwc)")
        ->delimiter(',');
    command->add_option("--impl", options.implementations, "parts of names")->delimiter(',');
    command
        ->add_option(
            "--peers", options.peers,
            "peers to run: onednn on the cpu (the default there), cudnn and cublas on cuda")
        ->delimiter(',');
    command->add_option("--device", options.device, "cpu, cuda or cuda:N");
    command->add_flag(
        "--ablation", options.ablation,
        "on cuda: im2win without each of its techniques, and with more and more of them");
    command->add_option("--candidates", options.candidates,
                        "tiles that are measured of each problem (default: 200; fcm on cuda 1)");
    command
        ->add_option(
            "--layer", options.layers,
            "names of layers; of fcm also modules (pwdwpw), models (mbv2) and marks (peers)")
        ->delimiter(',');
    command->add_option("--shapes", options.shapes, "file of named convolutions");
    command->add_option("--dtype", options.dtypes, "fcm on cuda: f32, f32_split, f16, bf16, s8")
        ->delimiter(',');
    command->add_flag("--energy", options.energy, "fcm on cuda: joules, measured for 5 s a row");
    command->add_flag("--once", options.once,
                      "fcm on cuda: run each row once more while a profiler counts");
    command->add_option("--budget", options.budget,
                        "fcm on cuda: seconds after which no more is measured");
    command->add_option("--seconds", options.seconds, "measured per row");
  }
  CLI11_PARSE(app, argc, argv);
  for (const Suite& suite : kSuites) {
    CLI::App* command = app.get_subcommand(suite.name);
    if (!command->parsed()) continue;
    const bool modules = command->get_name() == "fcm" || command->get_name() == "planner";
    if (modules && command->count("--shapes") == 0) {
      options.shapes = CONVOY_SOURCE_DIR "/bench/shapes/fcm.txt";
    }
    if (options.device != "cpu") {
      if (command->count("--peers") == 0) options.peers.clear();
      if (modules && command->count("--candidates") == 0) options.candidates = 1;
      if (command->count("--batch") == 0) {
        options.batches =
            modules ? std::vector<std::int64_t>{1, 32} : std::vector<std::int64_t>{128, 16, 1};
      }
      if (command->count("--layout") == 0) options.layouts = {"nchw", "nhwc"};
    }
    const std::vector<Row> rows = suite.run(options);
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
