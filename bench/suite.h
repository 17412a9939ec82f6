// What the suites of convoy-bench share: options, one measured row, and the layers they run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/conv_desc.h"
#include "base/tensor.h"

namespace convoy::bench {

struct Options {
  std::vector<std::int64_t> batches{1};
  int threads = 0;  // 0: all this process may use
  std::vector<std::string> layouts{"nhwc"};
  std::vector<std::string> implementations;  // substrings of names; empty: all
  std::vector<std::string> peers{"onednn"};
  std::vector<std::string> layers;  // exact names; empty: all
  std::string shapes;               // file of named layers
  double seconds = 0.3;             // measured per row, five repetitions at least
  std::string device = "cpu";       // "cuda", "cuda:1"
  bool ablation = false;            // GPU: the techniques one by one instead of the peers
  std::size_t candidates = 200;     // tiles that are measured of each problem
  std::vector<std::string> dtypes{"f32", "f16", "s8"};  // of fused modules
  double budget = 0;    // GPU: seconds after which no more fused modules are measured; 0: none
  bool energy = false;  // GPU: measure joules, 5 s a row
  bool once = false;    // GPU: launch each variant once, for a profiler to count
};

// Bytes between one level of memory and those nearer: what the cost model says and what was
// counted.
struct LevelBytes {
  const char* name;  // "l2"
  double predicted = 0, counted = 0;
};

// One line of the JSON list every suite prints.
struct Row {
  std::string suite, layer, implementation, device = "cpu", dtype = "f32", layout;
  std::int64_t batch = 1;
  int threads = 1;
  double milliseconds = 0;       // median
  double best_milliseconds = 0;  // what a machine shared with others can still be judged by
  double flops = 0, bytes = 0, workspace_bytes = 0;
  double error = 0;                // largest error over its bound
  double peak_bytes = 0;           // operands, workspace, packed weights; GPU rows
  std::string status;              // why there is no time; empty when there is
  std::string ablation;            // "all", "-prefetch", "none", "+tiling"
  std::vector<std::string> marks;  // of the layer
  std::string module;              // of fused modules: "dwpw"
  std::string tile;                // how the kernel cuts the problem, where it can be told
  std::string chosen_by;     // "model": the tile it would run with; "time": the fastest measured
  std::string algorithms;    // that a peer ran
  double joules = 0;         // of one run; 0: not measured
  double between_bytes = 0;  // that convolutions one after the other write and read in between
  double l2_bytes = 0;       // what the device can keep of `bytes` near; GPU rows of fused modules
  std::string device_name;   // "NVIDIA H200"
  // What the cost model said of the row, where that is what is measured; 0: it was not asked.
  double predicted_milliseconds = 0, predicted_l2_bytes = 0, predicted_dram_bytes = 0;
  std::vector<LevelBytes> levels;  // CPU rows of the planner's suite
};

struct NamedConv {
  std::string name;
  ConvDesc desc;
};

// Reads "name n1 c3 ..." lines; '#' starts a comment. Throws Error naming the line.
std::vector<NamedConv> read_shapes(const std::string& path);

// The layers that the options name, each at each of their batches.
std::vector<NamedConv> selected_layers(const Options& options);

void print_row(const Row& row);

// True when `filters` is empty or one of them is part of `name`.
bool selected(const std::vector<std::string>& filters, const std::string& name);

// Times `run` into the row, after two unmeasured calls.
void measure_time(double seconds, const std::function<void()>& run, Row& row);

// --- suites --------------------------------------------------------------------------------------

// Bytes of im2col and of im2win per layer, by formula and as the implementations book them.
std::vector<Row> memory_suite(const Options& options);
// Every convolution of ours beside oneDNN's, interleaved in one process.
std::vector<Row> convolution_suite(const Options& options);

// The networks of the FCM paper under its own cost model: bench/paper_plan.h. Prints a table.
std::vector<Row> planner_paper_suite(const Options& options);

// --- peers ---------------------------------------------------------------------------------------

// oneDNN's forward convolution, its own choice of layouts when `layout` is "any"; empty when the
// bench was built without it. y receives nothing: only time is taken.
std::vector<Row> onednn_rows(const Options& options, const NamedConv& layer,
                             const std::string& layout);

}  // namespace convoy::bench
