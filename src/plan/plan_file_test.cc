// Plans that are saved and replayed, and files that are refused: of other models and devices, wrong
// by hand, damaged by chance.
#include "plan/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <random>

#include "base/error.h"
#include "base/sha256.h"
#include "exec/session.h"
#include "plan/graph_hash.h"
#include "tests/support/graph_builder.h"

namespace convoy {
namespace {

using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::make_tensor;

ConstTensor weights(const Shape& shape, int seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::uniform_real_distribution<float> uniform(-0.3f, 0.3f);
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (float& v : values) v = uniform(random);
  return make_tensor<float>(shape, values);
}

// An inverted residual between a stem and a pool: reorders, fused groups, a residual, a rename.
Graph model(int seed = 1, std::int64_t wide = 96) {
  GraphBuilder b;
  const ValueId image = b.input("image", Shape{1, 3, 56, 56});
  int next = seed * 100;
  const auto conv = [&](ValueId x, std::int64_t c, std::int64_t k, std::int64_t groups,
                        std::int64_t size, std::int64_t stride) {
    ConvAttrs attrs;
    attrs.groups = groups;
    attrs.stride = {stride, stride};
    const std::int64_t pad = size / 2;
    attrs.pads = {pad, pad, pad, pad};
    return b.add(Op::kConv, attrs,
                 {x, b.constant(weights({k, c / groups, size, size}, next++)),
                  b.constant(weights({k}, next++))});
  };
  const auto relu6 = [&](ValueId x) {
    return b.add(Op::kUnary, Unary{UnaryKind::kClip, 0, 6}, {x});
  };
  ValueId x = relu6(conv(image, 3, 16, 1, 3, 1));
  ValueId y = relu6(conv(x, 16, wide, 1, 1, 1));
  y = relu6(conv(y, wide, wide, wide, 3, 1));
  x = b.add(Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {}}, {conv(y, wide, 16, 1, 1, 1), x});
  y = relu6(conv(x, 16, 16, 16, 3, 2));
  y = relu6(conv(y, 16, 48, 1, 1, 1));
  ReduceAttrs mean;
  mean.spatial = true;
  y = b.add(Op::kReduce, mean, {y});
  return b.finish({b.add(Op::kFlatten, AxisAttrs{1}, {y}), x});
}

CompileOptions recording(int threads = 1) {
  CompileOptions options;
  options.threads = threads;
  options.record_plan = true;
  return options;
}

std::shared_ptr<const Program> replayed(const std::string& text, Graph graph, int threads = 0) {
  CompileOptions options = recording(threads);
  options.replayed = std::make_shared<PlanFile>(parse_plan_file(text, "a.plan"));
  options.plan_origin = "a.plan";
  return compile(std::move(graph), options);
}

std::string saved(int threads = 1) {
  return to_text(*compile(model(), recording(threads))->plan_file);
}

std::vector<std::vector<float>> results(const std::shared_ptr<const Program>& program) {
  const ConstTensor x = weights({1, 3, 56, 56}, 9);
  std::vector<std::vector<float>> values;
  std::vector<TensorView> outputs;
  for (const ValueId v : program->graph.outputs) {
    const Shape& shape = *program->graph.value(v).shape;
    values.emplace_back(static_cast<std::size_t>(shape.elements()));
    outputs.push_back({values.back().data(), DType::kF32, Layout::kNchw, shape});
  }
  const TensorView inputs[] = {x->view()};
  Session(program).run(inputs, outputs);
  return values;
}

// The file after a change by someone who also puts the right hash below it.
std::string edited(const std::string& from, const std::string& to) {
  std::string text = saved();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " is not in\n" << text;
  if (at == std::string::npos) return text;
  text.replace(at, from.size(), to);
  text.resize(text.find("sha256 = "));
  return text + "sha256 = " + to_hex(sha256(text)) + "\n";
}

void expect_refused(const std::function<void()>& load, ErrorCode code, const std::string& words) {
  try {
    load();
    FAIL() << "not refused; expected: " << words;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(words));
    EXPECT_THAT(error.what(), HasSubstr("a.plan"));
  }
}

void expect_refused(const std::string& text, const std::string& words,
                    ErrorCode code = ErrorCode::kInvalidArgument) {
  expect_refused([&] { replayed(text, model()); }, code, words);
}

TEST(PlanFile, IsReadBackToTheSame) {
  const std::string text = saved();
  const PlanFile file = parse_plan_file(text, "a.plan");
  EXPECT_EQ(to_text(file), text);
  EXPECT_EQ(file.objective, Objective::kTime);
  EXPECT_EQ(file.memory_budget, SIZE_MAX);
  EXPECT_EQ(file.device.threads, 1);
  PlanFile other = file;
  other.graph = " two\nlines\\ \xff ";
  other.objective = Objective::kBytes;
  other.memory_budget = 12345;
  other.fuse = false;
  const PlanFile again = parse_plan_file(to_text(other), "a.plan");
  EXPECT_EQ(again.graph, other.graph);
  EXPECT_EQ(again.objective, Objective::kBytes);
  EXPECT_EQ(again.memory_budget, 12345u);
  EXPECT_FALSE(again.fuse);
}

TEST(PlanFile, IsReplayedBitForBit) {
  for (const int threads : {1, 2}) {
    const auto program = compile(model(), recording(threads));
    const auto again = replayed(to_text(*program->plan_file), model());
    ASSERT_EQ(again->plan.steps.size(), program->plan.steps.size());
    bool fused = false;
    for (std::size_t s = 0; s < program->plan.steps.size(); ++s) {
      const Step& a = program->plan.steps[s];
      const Step& b = again->plan.steps[s];
      EXPECT_EQ(a.implementation, b.implementation);
      EXPECT_EQ(a.tile, b.tile);
      EXPECT_EQ(a.workspace_bytes, b.workspace_bytes);
      EXPECT_TRUE(a.workspace_bytes == 0 || a.workspace_offset == b.workspace_offset);
      fused |= program->graph.nodes[static_cast<std::size_t>(a.node)].op == Op::kFusedConv;
    }
    EXPECT_TRUE(fused);  // or the test would say little
    EXPECT_EQ(again->plan.arena_bytes, program->plan.arena_bytes);
    EXPECT_EQ(again->plan.weight_bytes, program->plan.weight_bytes);
    EXPECT_EQ(again->plan.device.threads, threads);
    EXPECT_EQ(to_string(again->plan, again->graph), to_string(program->plan, program->graph));
    EXPECT_EQ(to_text(*again->plan_file), to_text(*program->plan_file));
    EXPECT_EQ(results(again), results(program));
  }
}

TEST(PlanFile, SaysWhatRunsInStrips) {
  Graph graph = model();
  infer_shapes(graph, {}, {});
  PlanOptions options;
  options.device = detect_cpu(1);
  // The stem, which nothing else reads before its activation.
  const PatchChoice choice{{0, 1, 4}};
  const PlannedGraph planned = plan_graph(with_patches(graph, choice), options);
  const std::string text = to_text(plan_file(graph, planned, options, choice));
  EXPECT_THAT(text, HasSubstr("\nstrips = 4 of nodes 0 to 1\n"));
  const PlanFile file = parse_plan_file(text, "a.plan");
  EXPECT_EQ(file.patches, choice);
  const PlannedGraph again = replay(graph, file, options, "a.plan");
  EXPECT_EQ(to_string(again.plan, again.graph), to_string(planned.plan, planned.graph));
  EXPECT_EQ(again.plan.arena_bytes, planned.plan.arena_bytes);
  for (const PatchRegion& wrong : {PatchRegion{0, 99, 4}, PatchRegion{0, 1, 1000000000}}) {
    PlanFile other = file;
    other.patches = {wrong};
    expect_refused([&] { replay(graph, other, options, "a.plan"); }, ErrorCode::kInvalidArgument,
                   "patches: ");
  }
}

TEST(PlanFile, KeepsWhatWasPlannedWhateverTheDeviceIsSaidToDo) {
  // Kernels that choose by the device's figures see those of the file.
  PlanFile file = parse_plan_file(saved(), "a.plan");
  file.device.l2_bytes /= 2;
  CompileOptions options = recording();
  options.replayed = std::make_shared<PlanFile>(file);
  options.plan_origin = "a.plan";
  try {
    EXPECT_EQ(compile(model(), options)->plan.device.l2_bytes, file.device.l2_bytes);
  } catch (const Error& error) {  // a kernel whose tiles and scratch follow from the cache
    EXPECT_THAT(error.what(), ::testing::AnyOf(HasSubstr("of scratch"), HasSubstr("is no tile")));
  }
}

TEST(PlanFile, ModelsAreToldApart) {
  const std::string text = saved();
  expect_refused([&] { replayed(text, model(2)); }, ErrorCode::kInvalidArgument, "another model");
  expect_refused([&] { replayed(text, model(1, 64)); }, ErrorCode::kInvalidArgument,
                 "another model");
  // Names decide nothing.
  Graph renamed = model();
  for (Node& node : renamed.nodes) node.name += "'";
  EXPECT_EQ(results(replayed(text, renamed)), results(compile(model(), recording())));
}

TEST(PlanFile, EveryPartOfAModelCounts) {
  Graph graph = model();
  infer_shapes(graph, {}, {});
  const std::string hash = graph_hash(graph);
  const auto changes = [&](const std::function<void(Graph&)>& change) {
    Graph other = graph;
    change(other);
    return graph_hash(other) != hash;
  };
  EXPECT_FALSE(changes([](Graph&) {}));
  EXPECT_FALSE(changes([](Graph& g) { g.add_value("unused", DType::kF32); }));
  EXPECT_FALSE(changes([](Graph& g) { g.name = "other"; }));
  EXPECT_TRUE(changes([](Graph& g) { g.outputs.pop_back(); }));
  EXPECT_TRUE(changes([](Graph& g) { std::swap(g.outputs[0], g.outputs[1]); }));
  EXPECT_TRUE(changes([](Graph& g) { g.nodes[0].as<ConvAttrs>().epilogue.activation.beta = 1; }));
  EXPECT_TRUE(changes([](Graph& g) { g.nodes[1].as<Unary>().beta = 7; }));
  EXPECT_TRUE(changes([](Graph& g) { g.nodes[1].as<Unary>().alpha = -0.0f; }));
  EXPECT_TRUE(changes([](Graph& g) { g.value(g.nodes[0].outputs[0]).layout = Layout::kNhwc; }));
  EXPECT_TRUE(changes([](Graph& g) { g.value(g.inputs[0]).dtype = DType::kF16; }));
  EXPECT_TRUE(changes([](Graph& g) { (*g.value(g.inputs[0]).shape)[2] = 57; }));
  EXPECT_TRUE(changes([](Graph& g) { g.nodes[0].inputs[2] = kNoValue; }));
  EXPECT_TRUE(changes([](Graph& g) {
    Value& w = g.value(g.nodes[0].inputs[1]);
    auto other = std::make_shared<Tensor>(DType::kF32, w.constant->shape());
    std::memcpy(other->view().data, w.constant->view().data, other->view().bytes());
    other->as<float>()[other->shape().elements() - 1] += 1;
    w.constant = other;
  }));
}

TEST(PlanFile, OtherDevicesAreRefusedWithWhatDiffers) {
  expect_refused([&] { replayed(saved(1), model(), 2); }, ErrorCode::kInvalidArgument,
                 "the number of threads is 2, the plan's 1");
  expect_refused(edited("\nname = ", "\nname = Other "), "its name is '");
  expect_refused(edited("\nisa = ", "\nisa = Z"), "its instruction set is '");
  expect_refused(edited("\ncores = ", "\ncores = 1"), "the number of cores is ");
}

TEST(PlanFile, WhatDoesNotFitTheModelIsRefused) {
  expect_refused(edited("kernel = fused.", "kernel = fumed."), "there is no kernel 'fumed.");
  expect_refused(edited("kernel = reorder.simd.cpu", "kernel = conv.direct.cpu.f32"),
                 "there is no kernel 'conv.direct.cpu.f32' for it");
  expect_refused(edited("kernel = fused.", "kernel = fused.reference\n#"),
                 "is no tile of fused.reference");
  expect_refused(edited("tile = ", "tile = 1"), "is no tile of fused.");
  expect_refused(edited(" channels\n", " channels \n"), "is no tile of fused.");
  expect_refused(edited("kernel = reorder.simd.cpu", "kernel = reorder.simd.cpu\ntile = 1x1"),
                 "is no tile of reorder.simd.cpu");
  expect_refused(edited("node = 1 ", "node = 999999 "), "node 999999 is none of the model's");
  expect_refused(edited("node = 1 ", "node = 0 "), "node 0 is in two steps");
  expect_refused(edited("[step]\nnode = 1 ", "node = 1 "), "expected '[places]'");
}

TEST(PlanFile, KernelsThatDeclineAreRefused) {
  // A kernel of the right operator for another kind of step.
  const std::string text = saved();
  const bool four_stages = text.find("fused.pwdwpw.cpu.f32") != std::string::npos;
  expect_refused(four_stages ? edited("fused.pwdwpw.cpu.f32", "fused.pwpw.cpu.f32")
                             : edited("fused.dwpw.cpu.f32", "fused.pwpw.cpu.f32"),
                 "fused.pwpw.cpu.f32 declines: needs the stages", ErrorCode::kUnsupported);
}

TEST(PlanFile, GroupsThatAreNoPathsAreRefused) {
  PlanFile file = parse_plan_file(saved(), "a.plan");
  for (std::size_t s = 1; s < file.steps.size(); ++s) {
    if (file.steps[s].nodes.size() < 2) continue;
    PlanFile swapped = file;
    std::swap(swapped.steps[s].nodes[0], swapped.steps[s].nodes[1]);
    expect_refused(to_text(swapped), "cannot be fused with");
    PlanFile torn = file;  // a step less, its nodes in the one before
    torn.steps[s - 1].nodes.insert(torn.steps[s - 1].nodes.end(), torn.steps[s].nodes.begin(),
                                   torn.steps[s].nodes.end());
    torn.steps.erase(torn.steps.begin() + static_cast<std::ptrdiff_t>(s));
    expect_refused(to_text(torn), "cannot be fused with");
  }
  PlanFile fewer = file;
  fewer.steps.pop_back();
  expect_refused(to_text(fewer), "which runs then");
  PlanFile other = file;
  std::swap(other.steps[0], other.steps[1]);
  expect_refused(to_text(other), "which runs then");
}

TEST(PlanFile, PlacesThatCannotBeAreRefused) {
  const PlanFile file = parse_plan_file(saved(), "a.plan");
  const auto refused = [&](const std::function<void(PlanFile&)>& change, const std::string& words) {
    PlanFile other = file;
    change(other);
    expect_refused(to_text(other), words);
  };
  const auto in_arena = [](PlanFile& f) -> PlanFile::Value& {
    return *std::ranges::find_if(f.values, [](const PlanFile::Value& v) {
      return v.place.kind == Place::Kind::kArena && v.place.bytes > 64;
    });
  };
  const auto with_scratch = [](PlanFile& f) -> PlanFile::Step& {
    return *std::ranges::find_if(
        f.steps, [](const PlanFile::Step& s) { return s.estimate.workspace_bytes > 0; });
  };
  refused([&](PlanFile& f) { in_arena(f).place.offset = SIZE_MAX - 63; }, "outside the arena");
  refused([&](PlanFile& f) { in_arena(f).place.offset += 4; }, "");
  refused([&](PlanFile& f) { in_arena(f).place.bytes -= 4; }, "bytes of the arena, expected");
  refused([&](PlanFile& f) { in_arena(f).place.kind = Place::Kind::kOutput; }, "of output 0");
  refused([&](PlanFile& f) { in_arena(f).number = 99999; }, "none that has a place");
  refused([&](PlanFile& f) { f.values.pop_back(); }, "values, the model needs");
  refused([&](PlanFile& f) { f.values.back() = f.values.front(); }, "twice there");
  refused([&](PlanFile& f) { f.arena_bytes = 0; }, "outside the arena");
  refused([&](PlanFile& f) { f.arena_bytes += 64; }, "of which");
  refused([&](PlanFile& f) { f.arena_bytes = SIZE_MAX; }, "of which");
  refused([&](PlanFile& f) { with_scratch(f).workspace_offset = SIZE_MAX - 63; },
          "outside the arena");
  refused([&](PlanFile& f) { with_scratch(f).workspace_offset += 32; }, "");
  refused([&](PlanFile& f) { with_scratch(f).estimate.workspace_bytes -= 64; }, "of scratch");
  // Everything at the arena's beginning: some step's operand is then written over.
  refused(
      [&](PlanFile& f) {
        for (PlanFile::Value& v : f.values) v.place.offset = 0;
      },
      "");
  refused(
      [&](PlanFile& f) {
        for (PlanFile::Step& s : f.steps) s.workspace_offset = 0;
      },
      "");
}

TEST(PlanFile, DamagedFilesAreRefused) {
  const std::string text = saved();
  expect_refused("", "no plan of Convoy");
  expect_refused(
      "\x7f"
      "ELF",
      "no plan of Convoy");
  expect_refused(text.substr(0, text.size() / 2), "cut off");
  expect_refused(text.substr(0, text.size() - 1), "cut off");
  expect_refused(text + "\n", "cut off");
  std::string flipped = text;
  flipped[text.find("kernel = ") + 9] ^= 1;
  expect_refused(flipped, "damaged or was edited");
  expect_refused(edited("format = 1", "format = 2"), "a plan of format '2', expected 1",
                 ErrorCode::kUnsupported);
  expect_refused(text + std::string(kMostPlanBytes, '#'), "MiB, which no plan has");
  expect_refused(edited("objective = time", "objective = fame"),
                 "expected time or bytes or memory");
  expect_refused(edited("fuse = yes", "fuse = 1"), "expected yes or no");
  expect_refused(edited("budget = none", "budget = -1 B"), "a whole number");
  expect_refused(edited("threads = 1", "threads = 0"), "at least one thread");
  expect_refused(edited(" s, ", " h, "), "expected ' s, '");
  expect_refused(edited("estimate = ", "estimate = nan"), "finite");
  expect_refused(edited("estimate = ", "estimate = 1e999"), "finite");
  expect_refused(edited("estimate = ", "estimate = -"), "finite");
  expect_refused(edited("estimate = ", "guess = "), "expected 'estimate = ...'");
  expect_refused(edited("vector = ", "vector = x"), "expected");
  expect_refused(edited("arena = ", "arena = 99999999999999999999999999"), "a whole number");
}

// Some bytes or lines changed, and the hash made right: what the checks behind it must withstand.
std::string mutate(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return random() % std::max<std::size_t>(limit, 1); };
  text.resize(text.find("sha256 = "));
  for (std::size_t i = 1 + below(2); i > 0; --i) {
    const std::size_t at = below(text.size());
    const std::size_t line = text.rfind('\n', at) + 1;
    const std::string whole = text.substr(line, text.find('\n', line) + 1 - line);
    switch (below(5)) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1 + below(3));
        break;
      case 2:
        text.erase(line, whole.size());
        break;
      case 3:
        text.insert(line, whole);
        break;
      default: {  // one digit, which mostly leaves a file that can be read
        const std::size_t digit = text.find_first_of("0123456789", at);
        if (digit != std::string::npos) text[digit] = static_cast<char>('0' + below(10));
      }
    }
  }
  return text + "sha256 = " + to_hex(sha256(text)) + "\n";
}

TEST(PlanFile, MutantsAreRefusedOrHarmless) {
  const std::string text = saved();
  const auto program = compile(model(), recording());
  const auto expected = results(program);
  std::mt19937 random(20240229);
  int refused = 0, equal = 0;
  for (int i = 0; i < 600; ++i) {
    const std::string mutant = mutate(text, random);
    try {
      // What is not refused computes the same: estimates and names decide nothing.
      EXPECT_EQ(results(replayed(mutant, model())), expected) << mutant;
      ++equal;
    } catch (const Error& error) {
      ASSERT_NE(error.code(), ErrorCode::kInternal) << "mutant " << i << ": " << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
  EXPECT_GT(equal, 10);
  // Without the right hash every one is refused.
  for (int i = 0; i < 300; ++i) {
    std::string mutant = text;
    mutant[random() % mutant.size()] ^= static_cast<char>(1 << random() % 8);
    EXPECT_THROW(parse_plan_file(mutant, "a.plan"), Error);
  }
}

TEST(PlanFile, ABudgetThatTheLoadedPlanExceedsIsRefused) {
  CompileOptions options = recording();
  options.replayed = std::make_shared<PlanFile>(parse_plan_file(saved(), "a.plan"));
  options.plan_origin = "a.plan";
  options.plan.memory_budget = options.replayed->arena_bytes;
  EXPECT_NO_THROW(compile(model(), options));
  --options.plan.memory_budget;
  try {
    compile(model(), options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), HasSubstr("1 more than the memory budget"));
  }
}

TEST(PlanFile, FilesThatAreNotThereAreSaidSo) {
  const auto load = [](const std::string& path) { return [=] { load_plan_file(path); }; };
  expect_refused(load("/nowhere/a.plan"), ErrorCode::kNotFound, "no such file");
  const std::string folder = ::testing::TempDir() + "/a.plan";
  std::ofstream(folder) << saved();
  EXPECT_EQ(to_text(load_plan_file(folder)), saved());
  std::remove(folder.c_str());
}

}  // namespace
}  // namespace convoy
