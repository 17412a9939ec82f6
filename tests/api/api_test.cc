// The public interface through the shared library: what works, and every wrong use refused in
// words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <convoy/convoy.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

namespace {

using testing::HasSubstr;

std::vector<float> ramp(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 23) * 0.1f - 1;
  return values;
}

std::vector<float> run_once(convoy::Session& session) {
  const std::vector<float> x = ramp(session.input(0).elements());
  std::vector<float> y(session.output(0).elements(), -7);
  session.run({x.data()}, {y.data()});
  return y;
}

void expect_refused(convoy_status status, convoy_status expected, const char* words) {
  EXPECT_EQ(status, expected);
  EXPECT_THAT(convoy_last_error(), HasSubstr(words));
}

TEST(Model, DescribesItsTensorsWithOpenExtents) {
  const convoy::Model model(CONVOY_SMALL_MODEL);
  ASSERT_EQ(model.input_count(), 1u);
  EXPECT_EQ(model.input(0).name, "image");
  EXPECT_EQ(model.input(0).shape, (std::vector<std::int64_t>{-1, 3, 17, 15}));
  EXPECT_EQ(model.output(0).name, "scores");
}

TEST(Model, LoadsFromMemoryThatMayGoAway) {
  std::ifstream file(CONVOY_SMALL_MODEL, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const convoy::Model model(bytes.data(), bytes.size());
  std::memset(bytes.data(), 0xFF, bytes.size());
  convoy::Session session(model);
  const convoy::Model from_file(CONVOY_SMALL_MODEL);
  convoy::Session other(from_file);
  EXPECT_EQ(run_once(session), run_once(other));
}

TEST(Model, RefusesWrongFilesAndArguments) {
  convoy_model* model = reinterpret_cast<convoy_model*>(1);
  expect_refused(convoy_model_load("/nowhere/none.onnx", &model), CONVOY_NOT_FOUND, "none.onnx");
  EXPECT_EQ(model, nullptr);
  expect_refused(convoy_model_load(nullptr, &model), CONVOY_INVALID_ARGUMENT, "path is null");
  expect_refused(convoy_model_load(CONVOY_SMALL_MODEL, nullptr), CONVOY_INVALID_ARGUMENT, "model");
  expect_refused(convoy_model_load_bytes("garbage", 7, &model), CONVOY_INVALID_MODEL, "malformed");
  expect_refused(convoy_model_load_bytes(nullptr, 7, &model), CONVOY_INVALID_ARGUMENT, "bytes");
}

TEST(Session, GivesTheSameBitsOnAnyNumberOfThreads) {
  const convoy::Model model(CONVOY_SMALL_MODEL);
  convoy::Session one(model, {.threads = 1, .batch = 3});
  const std::vector<float> expected = run_once(one);
  ASSERT_EQ(expected.size(), 15u);
  EXPECT_NEAR(expected[0] + expected[1] + expected[2] + expected[3] + expected[4], 1, 1e-5);
  for (int threads : {1, 2, 3, 5}) {
    convoy::Session session(model, {.threads = threads, .batch = 3});
    EXPECT_EQ(run_once(session), expected) << threads;
    EXPECT_EQ(run_once(session), expected) << threads << ", again";
  }
}

TEST(Session, ClonesRunInParallelWithTheSameBits) {
  const convoy::Model model(CONVOY_SMALL_MODEL);
  convoy::Session first(model, {.threads = 2});
  const std::vector<float> expected = run_once(first);
  std::vector<std::thread> threads;
  std::vector<int> different(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      convoy::Session mine = first.clone();
      for (int i = 0; i < 50; ++i)
        different[static_cast<std::size_t>(t)] += run_once(mine) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, std::vector<int>(4, 0));
}

TEST(Session, OutlivesItsModel) {
  auto model = std::make_unique<convoy::Model>(CONVOY_SMALL_MODEL);
  convoy::Session session(*model);
  const std::vector<float> before = run_once(session);
  model.reset();
  EXPECT_EQ(run_once(session), before);
}

TEST(Session, ForcesKernelsAndRefusesUnknownOnes) {
  const convoy::Model model(CONVOY_SMALL_MODEL);
  convoy::Session session(model, {.force = {"conv=reference"}});
  convoy::Session best(model);
  const std::vector<float> a = run_once(session), b = run_once(best);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
  try {
    convoy::Session wrong(model, {.force = {"conv=warp"}});
    FAIL();
  } catch (const convoy::Error& error) {
    EXPECT_EQ(error.status(), CONVOY_NOT_FOUND);
    EXPECT_THAT(error.what(), HasSubstr("conv.reference"));
  }
}

TEST(Session, RefusesWrongShapes) {
  const convoy::Model model(CONVOY_SMALL_MODEL);
  EXPECT_THROW(convoy::Session(model, {.shapes = {{"nobody", {1, 3, 17, 15}}}}), convoy::Error);
  EXPECT_THROW(convoy::Session(model, {.shapes = {{"image", {1, 4, 17, 15}}}}), convoy::Error);
  EXPECT_THROW(convoy::Session(model, {.threads = -1}), convoy::Error);
  convoy_session* session = nullptr;
  convoy_session_options options = {};
  expect_refused(convoy_session_create(model.get(), &options, &session), CONVOY_INVALID_ARGUMENT,
                 "struct_size");
}

TEST(Session, PlansWithinABudgetAndForLessMemory) {
  using convoy::Objective;
  const convoy::Model model(CONVOY_SMALL_MODEL);
  convoy::Session usual(model);
  convoy::Session least(model, {.objective = Objective::kMemory});
  convoy::Session bytes(model, {.objective = Objective::kBytes});
  convoy::Session apart(model, {.objective = Objective::kMemory, .fusion = false});
  EXPECT_LT(least.arena_bytes(), usual.arena_bytes());
  EXPECT_LT(least.arena_bytes(), apart.arena_bytes());
  EXPECT_NE(least.arena_bytes(), bytes.arena_bytes());
  convoy::Session kept(model, {.memory_budget = usual.arena_bytes() - 1});
  EXPECT_LT(kept.arena_bytes(), usual.arena_bytes());
  const std::vector<float> expected = run_once(usual);
  for (convoy::Session* other : {&least, &bytes, &apart, &kept}) {
    const std::vector<float> found = run_once(*other);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
  }
  try {
    convoy::Session none(model, {.memory_budget = 16});
    FAIL() << "a budget of 16 bytes was kept";
  } catch (const convoy::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("16"));
  }
}

TEST(Session, FollowsASavedPlan) {
#ifndef CONVOY_COMMAND
  GTEST_SKIP() << "the command, which saves plans, is not built";
#else
  const std::string file = testing::TempDir() + "convoy_api_test.plan";
  const std::string command = std::string(CONVOY_COMMAND) + " plan " + CONVOY_SMALL_MODEL +
                              " --objective memory --threads 1 --save-plan " + file +
                              " > /dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const convoy::Model model(CONVOY_SMALL_MODEL);
  convoy::Session planned(model, {.threads = 1, .objective = convoy::Objective::kMemory});
  convoy::Session followed(model, {.plan = file});
  EXPECT_EQ(followed.arena_bytes(), planned.arena_bytes());
  EXPECT_EQ(run_once(followed), run_once(planned));
  const auto refusal = [&](const convoy::SessionOptions& options) -> std::string {
    try {
      convoy::Session session(model, options);
    } catch (const convoy::Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal({.fusion = false, .plan = file}), HasSubstr("the plan is made"));
  EXPECT_THAT(refusal({.force = {"conv=reference"}, .plan = file}), HasSubstr("the plan is made"));
  EXPECT_THAT(refusal({.plan = "/nowhere/none.plan"}), HasSubstr("none.plan"));
  EXPECT_THAT(refusal({.plan = CONVOY_SMALL_MODEL}), HasSubstr("small.onnx"));
  std::remove(file.c_str());
#endif
}

TEST(Session, OptionsOfTheFirstVersionAreUnderstood) {
  const convoy::Model model(CONVOY_SMALL_MODEL);
  convoy_session_options options;
  std::memset(static_cast<void*>(&options), 0x5A, sizeof options);
  const convoy_session_options untouched = options;
  (convoy_session_options_init)(&options);  // the function older programs call, not the macro
  EXPECT_EQ(options.struct_size, offsetof(convoy_session_options, objective));
  EXPECT_EQ(options.plan, untouched.plan);
  convoy_session* session = nullptr;
  ASSERT_EQ(convoy_session_create(model.get(), &options, &session), CONVOY_OK)
      << convoy_last_error();
  convoy_session_free(session);
  convoy_session_options_init(&options);
  EXPECT_EQ(options.struct_size, sizeof options);
  options.objective = static_cast<convoy_objective>(7);
  expect_refused(convoy_session_create(model.get(), &options, &session), CONVOY_INVALID_ARGUMENT,
                 "objective is 7");
}

TEST(Session, RefusesWrongRunArguments) {
  const convoy::Model model(CONVOY_SMALL_MODEL);
  convoy::Session owner(model);
  auto* session = const_cast<convoy_session*>(owner.get());
  std::vector<float> x(owner.input(0).elements()), y(5);
  const void* inputs[] = {x.data()};
  void* outputs[] = {y.data()};
  EXPECT_EQ(convoy_session_run(session, inputs, 1, outputs, 1), CONVOY_OK);
  expect_refused(convoy_session_run(session, inputs, 0, outputs, 1), CONVOY_INVALID_ARGUMENT,
                 "0 inputs");
  expect_refused(convoy_session_run(session, nullptr, 1, outputs, 1), CONVOY_INVALID_ARGUMENT,
                 "inputs is null");
  const void* null_input[] = {nullptr};
  expect_refused(convoy_session_run(session, null_input, 1, outputs, 1), CONVOY_INVALID_ARGUMENT,
                 "'image'");
  void* inside[] = {x.data() + 3};
  expect_refused(convoy_session_run(session, inputs, 1, inside, 1), CONVOY_INVALID_ARGUMENT,
                 "overlaps");
  const void* crooked[] = {reinterpret_cast<char*>(x.data()) + 1};
  expect_refused(convoy_session_run(session, crooked, 1, outputs, 1), CONVOY_INVALID_ARGUMENT,
                 "aligned");
}

TEST(Handles, FreedAndNullOnesAreRefused) {
  convoy_model* model = nullptr;
  ASSERT_EQ(convoy_model_load(CONVOY_SMALL_MODEL, &model), CONVOY_OK);
  convoy_model_free(model);
  convoy_model_free(model);  // twice is harmless
  convoy_model_free(nullptr);
  std::size_t count = 0;
  expect_refused(convoy_model_input_count(model, &count), CONVOY_INVALID_ARGUMENT, "live handle");
  expect_refused(convoy_model_input_count(nullptr, &count), CONVOY_INVALID_ARGUMENT, "null");
  convoy_session* session = nullptr;
  expect_refused(convoy_session_create(model, nullptr, &session), CONVOY_INVALID_ARGUMENT, "live");
}

convoy::ConvDesc small_conv() {
  convoy::ConvDesc desc;
  desc.c = 3, desc.h = desc.w = 9, desc.k = 5, desc.r = desc.s = 3;
  return desc;
}

TEST(Conv2d, EveryCandidateThatDoesNotDeclineComputesTheSame) {
  const convoy::ConvDesc desc = small_conv();
  std::vector<float> x(3 * 81), w(5 * 27), bias{1, 2, 3, 4, 5};
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 5) - 2;
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 3) - 1;
  std::vector<float> first;
  int ran = 0;
  for (const convoy::ConvCandidate& candidate : convoy::Conv2d::candidates(desc)) {
    if (!candidate.declined.empty()) continue;
    const convoy::Conv2d conv(desc, w.data(), bias.data(), candidate.name);
    EXPECT_EQ(conv.name(), candidate.name);
    EXPECT_EQ(conv.workspace_bytes(), candidate.workspace_bytes);
    std::vector<float> y(5 * 49, -99);
    const std::size_t bytes = (conv.workspace_bytes() + 63) / 64 * 64;
    void* workspace = bytes ? std::aligned_alloc(64, bytes) : nullptr;
    conv.run(x.data(), y.data(), workspace, bytes);
    std::free(workspace);
    if (first.empty()) first = y;
    EXPECT_EQ(y, first) << candidate.name;  // small integers: exact
    ++ran;
  }
  EXPECT_GE(ran, 4);
}

TEST(Conv2d, RefusesWhatMakesNoSense) {
  convoy::ConvDesc desc = small_conv();
  std::vector<float> w(5 * 27), x(3 * 81), y(5 * 49);
  EXPECT_THROW(convoy::Conv2d(desc, nullptr), convoy::Error);
  EXPECT_THROW(convoy::Conv2d(desc, w.data(), nullptr, "conv.warp"), convoy::Error);
  const convoy::Conv2d conv(desc, w.data());
  EXPECT_THROW(conv.run(nullptr, y.data()), convoy::Error);
  EXPECT_THROW(conv.run(x.data(), x.data()), convoy::Error);
  EXPECT_THROW(conv.run(x.data(), y.data(), nullptr, 0, y.data()), convoy::Error);
  desc.stride_h = 0;
  EXPECT_THROW(convoy::Conv2d(desc, w.data()), convoy::Error);
  desc = small_conv();
  desc.dtype = CONVOY_S8;
  EXPECT_THROW(convoy::Conv2d(desc, w.data()), convoy::Error);
  desc.dtype = CONVOY_F16;  // no kernel of the CPU's
  try {
    convoy::Conv2d half(desc, w.data());
    FAIL() << "f16 runs on a CPU";
  } catch (const convoy::Error& error) {
    EXPECT_EQ(error.status(), CONVOY_UNSUPPORTED);
    EXPECT_THAT(error.what(), HasSubstr("f16"));
  }
}

TEST(Conv2d, ChecksItsWorkspace) {
  const convoy::ConvDesc desc = small_conv();
  std::vector<float> w(5 * 27), x(3 * 81), y(5 * 49);
  const convoy::Conv2d conv(desc, w.data(), nullptr, "conv.im2win_explicit.cpu.f32");
  ASSERT_GT(conv.workspace_bytes(), 0u);
  const std::size_t bytes = conv.workspace_bytes() + 128;
  void* workspace = std::aligned_alloc(64, bytes / 64 * 64);
  EXPECT_THROW(conv.run(x.data(), y.data(), nullptr, bytes), convoy::Error);
  EXPECT_THROW(conv.run(x.data(), y.data(), workspace, conv.workspace_bytes() - 1), convoy::Error);
  EXPECT_THROW(
      conv.run(x.data(), y.data(), static_cast<char*>(workspace) + 4, conv.workspace_bytes()),
      convoy::Error);
  EXPECT_NO_THROW(conv.run(x.data(), y.data(), workspace, conv.workspace_bytes()));
  std::free(workspace);
}

TEST(Library, NamesItsVersionAndKernels) {
  EXPECT_STRNE(convoy_version(), "");
  std::size_t count = 0;
  while (convoy_kernel_name(count) != nullptr) ++count;
  EXPECT_GT(count, 20u);
}

}  // namespace
