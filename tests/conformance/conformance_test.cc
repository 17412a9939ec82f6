// Runs ONNX's own backend tests (Debian's libonnx-testdata): a model, its inputs, its outputs.
// Every test of a supported operator passes, every other is refused with a clear error, none
// crashes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "exec/session.h"
#include "onnx/load.h"
#include "tests/conformance/tensor_compare.h"
#include "tests/support/onnx_builder.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;

// Raise this when more pass; it never goes down.
constexpr int kExpectedPasses =
#include "tests/conformance/expected_passes.txt"
    ;

const fs::path kData = "/usr/share/libonnx-testdata/data";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// stem_0.pb, stem_1.pb, ... of a data set.
std::vector<ConstTensor> read_tensors(const fs::path& set, const std::string& stem) {
  std::vector<ConstTensor> tensors;
  for (int i = 0;; ++i) {
    const fs::path file = set / (stem + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(file)) return tensors;
    tensors.push_back(load_tensor_proto(test::as_bytes(read_file(file))));
  }
}

std::vector<fs::path> data_sets(const fs::path& test) {
  std::vector<fs::path> sets;
  for (const auto& entry : fs::directory_iterator(test)) {
    if (entry.is_directory()) sets.push_back(entry.path());
  }
  std::sort(sets.begin(), sets.end());
  return sets;
}

// Binds shapes, and the contents of integer inputs too when shapes depend on them.
std::shared_ptr<const Program> compile_for(const Graph& graph,
                                           const std::vector<ConstTensor>& inputs,
                                           bool reference_only) {
  if (inputs.size() < graph.inputs.size()) {
    fail(ErrorCode::kInternal, "the data set has fewer inputs than the model");
  }
  CompileOptions options;
  options.threads = 1;
  options.reference_only = reference_only;
  Bindings with_values;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const std::string& name = graph.value(graph.inputs[i]).name;
    options.bindings.shapes[name] = inputs[i]->shape();
    with_values.shapes[name] = inputs[i]->shape();
    if (!is_float(inputs[i]->dtype()) || inputs[i]->shape().elements() <= 8) {
      with_values.values[name] = inputs[i];
    }
  }
  try {
    return compile(graph, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
  }
  options.bindings = with_values;
  return compile(graph, options);
}

// Empty, or what is wrong with the first output that is wrong.
std::string run_data_set(const Graph& model, const fs::path& set, bool reference_only) {
  const std::vector<ConstTensor> inputs = read_tensors(set, "input");
  const std::vector<ConstTensor> expected = read_tensors(set, "output");
  const auto program = compile_for(model, inputs, reference_only);
  const Graph& graph = program->graph;
  std::vector<TensorView> in;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) in.push_back(inputs[i]->view());
  std::vector<Tensor> results;
  std::vector<TensorView> out;
  for (const ValueId id : graph.outputs) {
    results.emplace_back(graph.value(id).dtype, *graph.value(id).shape);
    out.push_back(results.back().view());
  }
  Session(program, 1).run(in, out);
  for (std::size_t i = 0; i < std::min(out.size(), expected.size()); ++i) {
    const std::string wrong = test::difference(out[i], *expected[i]);
    if (!wrong.empty()) return "output " + std::to_string(i) + ": " + wrong;
  }
  return out.size() == expected.size() ? "" : "the number of outputs differs";
}

struct Summary {
  int passed = 0;
  int without_data = 0;                // or with data of other types than the model's
  std::map<std::string, int> refused;  // by reason
};

// The part of a message that is the same for all models: from the operator's type on.
std::string reason_of(const std::string& message) {
  const std::size_t type = message.find(" (");
  return type == std::string::npos ? message.substr(message.find(": ") + 1)
                                   : message.substr(type + 1);
}

void run_test(const fs::path& test, bool reference_only, Summary& summary) {
  SCOPED_TRACE(test.string());
  const std::vector<fs::path> sets = data_sets(test);
  // The data of these hold u16 where the model says bf16, in other shapes.
  const bool mistyped = test.filename().string().find("BFLOAT16") != std::string::npos;
  if (sets.empty() || mistyped) {
    ++summary.without_data;
    return;
  }
  try {
    const Graph model = load_onnx(test / "model.onnx");
    for (const fs::path& set : sets) {
      const std::string wrong = run_data_set(model, set, reference_only);
      if (!wrong.empty()) {
        ADD_FAILURE() << wrong;
        return;
      }
    }
    ++summary.passed;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnsupported) {
      ++summary.refused[reason_of(error.what())];
    } else {
      ADD_FAILURE() << to_string(error.code()) << ": " << error.what();
    }
  }
}

void print(const Summary& summary, const char* what) {
  int refused = 0;
  for (const auto& [reason, count] : summary.refused) {
    std::printf("%5d refused: %s\n", count, reason.c_str());
    refused += count;
  }
  std::printf("conformance, %s: %d passed, %d refused cleanly, %d without usable data\n", what,
              summary.passed, refused, summary.without_data);
}

void run_all(bool reference_only) {
  if (!fs::exists(kData)) GTEST_SKIP() << kData << " is missing: install libonnx-testdata";
  std::vector<fs::path> tests;
  for (const auto& entry : fs::recursive_directory_iterator(kData)) {
    if (entry.path().filename() == "model.onnx") tests.push_back(entry.path().parent_path());
  }
  std::sort(tests.begin(), tests.end());
  Summary summary;
  for (const fs::path& test : tests) run_test(test, reference_only, summary);
  print(summary, reference_only ? "reference kernels" : "best kernels");
  EXPECT_GE(summary.passed, kExpectedPasses);
}

TEST(Conformance, BestKernels) { run_all(false); }

TEST(Conformance, ReferenceKernels) { run_all(true); }

}  // namespace
}  // namespace convoy
