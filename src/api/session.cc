#include "exec/session.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "api/model.h"
#include "exec/bindings.h"
#include "plan/plan_file.h"

struct convoy_session {
  std::shared_ptr<const convoy::Program> program;
  int threads;
  std::unique_ptr<convoy::Session> session;
};

namespace convoy::api {
namespace {

// `objective` came after the first version.
constexpr std::size_t kFirstVersion = offsetof(convoy_session_options, objective);

convoy_session_options known_fields(const convoy_session_options* options) {
  const std::size_t given = sized(options, "options", kFirstVersion).struct_size;
  convoy_session_options known = {};
  std::memcpy(&known, options, given < sizeof known ? kFirstVersion : sizeof known);
  return known;
}

// How the model is planned, or which plan is followed.
void read_plan_options(const convoy_session_options& o, CompileOptions& options) {
  constexpr Objective kObjectives[] = {Objective::kTime, Objective::kBytes, Objective::kMemory};
  const int objective = number_of(o.objective);
  if (objective < CONVOY_LEAST_TIME || objective > CONVOY_LEAST_MEMORY) {
    fail(ErrorCode::kInvalidArgument,
         "options: objective is " + std::to_string(objective) + ", expected a convoy_objective");
  }
  options.plan.objective = kObjectives[objective];
  options.plan.fuse = o.no_fusion == 0;
  if (o.memory_budget > 0) options.plan.memory_budget = o.memory_budget;
  if (o.plan == nullptr) return;
  if (o.force_count > 0 || o.no_fusion != 0 || o.objective != CONVOY_LEAST_TIME) {
    fail(ErrorCode::kInvalidArgument,
         "options: the plan is made, so that force, no_fusion and objective have no effect");
  }
  options.replayed = std::make_shared<PlanFile>(load_plan_file(o.plan));
  options.plan_origin = o.plan;
}

CompileOptions read_options(const Graph& graph, const convoy_session_options* given) {
  CompileOptions options;
  if (given == nullptr) return options;
  const convoy_session_options o = known_fields(given);
  if (o.threads < 0 || o.threads > 1024) {
    fail(ErrorCode::kInvalidArgument,
         "options: threads is " + std::to_string(o.threads) + ", expected 0 to 1024");
  }
  options.threads = o.threads;
  for (std::size_t i = 0; i < o.shape_count; ++i) {
    required(o.shapes, "options: shapes");
    const convoy_shape& at = o.shapes[i];
    required(at.input, "options: a shape's input");
    if (at.rank < 0 || at.rank > CONVOY_MAX_RANK) {
      fail(ErrorCode::kInvalidArgument, "options: shape of '" + std::string(at.input) +
                                            "' has rank " + std::to_string(at.rank) +
                                            ", expected 0 to 8");
    }
    if (at.rank > 0) required(at.dims, "options: a shape's dims");
    options.bindings.shapes[at.input] =
        Shape(std::span<const std::int64_t>(at.dims, static_cast<std::size_t>(at.rank)));
  }
  for (std::size_t i = 0; i < o.force_count; ++i) {
    required(o.force, "options: force");
    const std::string entry = &required(o.force[i], "options: an entry of force");
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) {
      fail(ErrorCode::kInvalidArgument,
           "options: force '" + entry + "', expected OPERATOR=KERNEL, as conv=direct.cpu.f32");
    }
    options.plan.force[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  if (o.batch < 0) {
    fail(ErrorCode::kInvalidArgument,
         "options: batch is " + std::to_string(o.batch) + ", expected 0 or more");
  }
  if (o.batch > 0) bind_batch(graph, o.batch, options.bindings);
  read_plan_options(o, options);
  return options;
}

void publish(std::shared_ptr<const Program> program, int threads, convoy_session** session) {
  auto made = std::make_unique<convoy_session>();
  made->session = std::make_unique<Session>(program, threads);
  made->threads = threads;
  made->program = std::move(program);
  add_handle(made.get());
  *session = made.release();
}

const Graph& graph_of(const convoy_session* session) {
  return checked(session, "session").program->graph;
}

}  // namespace
}  // namespace convoy::api

using namespace convoy;
using namespace convoy::api;

void convoy_session_options_init_sized(convoy_session_options* options, size_t size) {
  if (options == nullptr) return;
  convoy_session_options all = {};
  all.struct_size = std::min(size, sizeof all);
  std::memcpy(options, &all, all.struct_size);
}

void(convoy_session_options_init)(convoy_session_options* options) {
  convoy_session_options_init_sized(options, kFirstVersion);
}

convoy_status convoy_session_create(const convoy_model* model,
                                    const convoy_session_options* options,
                                    convoy_session** session) {
  return guarded([&] {
    required(session, "session") = nullptr;
    const Graph& graph = checked(model, "model").graph;
    const CompileOptions compile_with = read_options(graph, options);
    publish(compile(graph, compile_with), compile_with.threads, session);
  });
}

convoy_status convoy_session_clone(const convoy_session* session, convoy_session** clone) {
  return guarded([&] {
    required(clone, "clone") = nullptr;
    const convoy_session& from = checked(session, "session");
    publish(from.program, from.threads, clone);
  });
}

convoy_status convoy_session_input_count(const convoy_session* session, size_t* count) {
  return guarded([&] { required(count, "count") = graph_of(session).inputs.size(); });
}

convoy_status convoy_session_output_count(const convoy_session* session, size_t* count) {
  return guarded([&] { required(count, "count") = graph_of(session).outputs.size(); });
}

convoy_status convoy_session_input(const convoy_session* session, size_t index,
                                   convoy_tensor_info* info) {
  return guarded([&] {
    const Graph& graph = graph_of(session);
    describe_value(value_at(graph, graph.inputs, index, "input"), true, sized(info, "info"));
  });
}

convoy_status convoy_session_output(const convoy_session* session, size_t index,
                                    convoy_tensor_info* info) {
  return guarded([&] {
    const Graph& graph = graph_of(session);
    describe_value(value_at(graph, graph.outputs, index, "output"), true, sized(info, "info"));
  });
}

convoy_status convoy_session_memory(const convoy_session* session, size_t* arena_bytes,
                                    size_t* weight_bytes) {
  return guarded([&] {
    const Plan& plan = checked(session, "session").program->plan;
    required(arena_bytes, "arena_bytes") = plan.arena_bytes;
    required(weight_bytes, "weight_bytes") = plan.weight_bytes;
  });
}

convoy_status convoy_session_run(convoy_session* session, const void* const* inputs,
                                 size_t input_count, void* const* outputs, size_t output_count) {
  return guarded([&] {
    convoy_session& s = checked(session, "session");
    const Graph& graph = s.program->graph;
    if (input_count != graph.inputs.size() || output_count != graph.outputs.size()) {
      fail(ErrorCode::kInvalidArgument, "run: got " + std::to_string(input_count) + " inputs and " +
                                            std::to_string(output_count) + " outputs, expected " +
                                            std::to_string(graph.inputs.size()) + " and " +
                                            std::to_string(graph.outputs.size()));
    }
    if (input_count > 0) required(inputs, "inputs");
    if (output_count > 0) required(outputs, "outputs");
    s.session->run_pointers(inputs, outputs);
  });
}

void convoy_session_free(convoy_session* session) {
  if (drop_handle(session)) delete session;
}
