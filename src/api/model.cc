#include "api/model.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "onnx/load.h"

namespace convoy::api {

void describe_value(const Value& value, bool planned, convoy_tensor_info& info) {
  info.name = value.name.c_str();
  info.dtype = static_cast<convoy_dtype>(value.dtype);
  std::fill_n(info.dims, CONVOY_MAX_RANK, 0);
  if (planned) {
    info.rank = value.shape->rank();
    std::copy(value.shape->begin(), value.shape->end(), info.dims);
    return;
  }
  info.rank = -1;
  if (!value.has_declared || value.declared.size() > CONVOY_MAX_RANK) return;
  info.rank = static_cast<std::int32_t>(value.declared.size());
  for (std::size_t i = 0; i < value.declared.size(); ++i) info.dims[i] = value.declared[i].value;
}

const Value& value_at(const Graph& graph, const std::vector<ValueId>& ids, std::size_t index,
                      const char* what) {
  if (index >= ids.size()) {
    fail(ErrorCode::kInvalidArgument, std::string(what) + " " + std::to_string(index) +
                                          ": there are " + std::to_string(ids.size()));
  }
  return graph.value(ids[index]);
}

namespace {

void publish(std::unique_ptr<convoy_model> made, convoy_model** model) {
  add_handle(made.get());
  *model = made.release();
}

}  // namespace
}  // namespace convoy::api

using namespace convoy;
using namespace convoy::api;

void convoy_tensor_info_init(convoy_tensor_info* info) {
  if (info != nullptr) *info = {sizeof *info, nullptr, CONVOY_F32, 0, {}};
}

convoy_status convoy_model_load(const char* path, convoy_model** model) {
  return guarded([&] {
    required(path, "path");
    required(model, "model") = nullptr;
    publish(std::make_unique<convoy_model>(convoy_model{load_onnx(std::filesystem::path(path))}),
            model);
  });
}

convoy_status convoy_model_load_bytes(const void* bytes, size_t size, convoy_model** model) {
  return guarded([&] {
    required(model, "model") = nullptr;
    if (bytes == nullptr && size > 0) fail(ErrorCode::kInvalidArgument, "bytes is null");
    const auto copy = std::make_shared<Buffer>(size);
    if (size > 0) std::memcpy(copy->data(), bytes, size);
    publish(std::make_unique<convoy_model>(
                convoy_model{load_onnx(std::span<const std::byte>(copy->data(), size), copy)}),
            model);
  });
}

convoy_status convoy_model_input_count(const convoy_model* model, size_t* count) {
  return guarded([&] { required(count, "count") = checked(model, "model").graph.inputs.size(); });
}

convoy_status convoy_model_output_count(const convoy_model* model, size_t* count) {
  return guarded([&] { required(count, "count") = checked(model, "model").graph.outputs.size(); });
}

convoy_status convoy_model_input(const convoy_model* model, size_t index,
                                 convoy_tensor_info* info) {
  return guarded([&] {
    const Graph& graph = checked(model, "model").graph;
    describe_value(value_at(graph, graph.inputs, index, "input"), false, sized(info, "info"));
  });
}

convoy_status convoy_model_output(const convoy_model* model, size_t index,
                                  convoy_tensor_info* info) {
  return guarded([&] {
    const Graph& graph = checked(model, "model").graph;
    describe_value(value_at(graph, graph.outputs, index, "output"), false, sized(info, "info"));
  });
}

void convoy_model_free(convoy_model* model) {
  if (drop_handle(model)) delete model;
}
