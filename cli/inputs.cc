#include "cli/inputs.h"

#include <cstring>
#include <random>

#include "base/error.h"
#include "cli/npy.h"
#include "onnx/load.h"

namespace convoy::cli {
namespace {

std::string input_names(const Graph& graph) {
  std::string names;
  for (ValueId id : graph.inputs)
    names += (names.empty() ? "'" : ", '") + graph.value(id).name + "'";
  return names;
}

bool has_input(const Graph& graph, const std::string& name) {
  for (ValueId id : graph.inputs) {
    if (graph.value(id).name == name) return true;
  }
  return false;
}

std::array<float, 3> three(const std::vector<float>& given, std::array<float, 3> fallback,
                           const char* flag) {
  if (given.empty()) return fallback;
  if (given.size() == 1) return {given[0], given[0], given[0]};
  if (given.size() == 3) return {given[0], given[1], given[2]};
  throw UsageError(std::string(flag) + ": expected one number or three, separated by commas");
}

// Photographs fill n x 3 x h x w; every image of the batch is the same photograph.
ConstTensor image_tensor(const Image& image, const Value& input, const Preprocess& preprocess) {
  const Shape& shape = *input.shape;
  if (shape.rank() != 4 || shape[1] != 3 || input.dtype != DType::kF32) {
    fail(ErrorCode::kInvalidArgument,
         "input '" + input.name + "' is " + std::string(to_string(input.dtype)) + " " +
             to_string(shape) + "; a photograph needs f32 n x 3 x h x w");
  }
  const ConstTensor one = to_tensor(image, shape[2], shape[3], preprocess);
  if (shape[0] == 1) return one;
  auto batch = std::make_shared<Tensor>(DType::kF32, shape);
  const std::size_t bytes = one->view().bytes();
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    std::memcpy(batch->as<std::byte>() + static_cast<std::size_t>(n) * bytes, one->view().data,
                bytes);
  }
  return batch;
}

}  // namespace

void InputOptions::add_to(CLI::App& app) {
  app.add_option("--input", inputs,
                 "NAME=FILE, or FILE for a model of one input: .npy, ONNX tensor .pb, JPEG or PNG "
                 "(repeatable; random when absent)");
  app.add_option("--fit", fit, "Photographs: crop the centre, or stretch")
      ->check(CLI::IsMember({"crop", "stretch"}))
      ->capture_default_str();
  app.add_option("--mean", mean, "Photographs: subtracted from 0..255, one number or R,G,B")
      ->delimiter(',');
  app.add_option("--std", deviation, "Photographs: divided by, one number or R,G,B")
      ->delimiter(',');
  app.add_flag("--bgr", bgr, "Photographs: blue first");
  app.add_option("--seed", seed, "Of random inputs")->capture_default_str();
}

Preprocess InputOptions::preprocess() const {
  Preprocess p;
  p.fit = fit == "stretch" ? Preprocess::Fit::kStretch : Preprocess::Fit::kCrop;
  p.mean = three(mean, p.mean, "--mean");
  p.deviation = three(deviation, p.deviation, "--std");
  p.bgr = bgr;
  for (float d : p.deviation) {
    if (!(d > 0)) throw UsageError("--std: expected positive numbers");
  }
  return p;
}

Inputs::Inputs(const InputOptions& options, const Graph& graph) : options_(options) {
  (void)options_.preprocess();  // refuse wrong flags before the work starts
  for (const std::string& text : options.inputs) {
    const std::size_t equals = text.find('=');
    std::string name, file = text;
    if (equals != std::string::npos && has_input(graph, text.substr(0, equals))) {
      name = text.substr(0, equals);
      file = text.substr(equals + 1);
    } else if (graph.inputs.size() == 1) {
      name = graph.value(graph.inputs[0]).name;
      if (equals != std::string::npos && !std::filesystem::exists(text)) {
        throw UsageError("--input " + text + ": the model's input is " + input_names(graph));
      }
    } else {
      throw UsageError("--input " + text + ": expected NAME=FILE; the model's inputs are " +
                       input_names(graph));
    }
    const std::vector<std::byte> bytes = read_file(file);
    if (looks_like_image(bytes)) {
      images_[name] = decode_image(bytes, file);
    } else if (looks_like_npy(bytes)) {
      tensors_[name] = parse_npy(bytes, file);
    } else if (file.ends_with(".pb")) {
      tensors_[name] = load_tensor_proto(bytes);
    } else {
      fail(ErrorCode::kInvalidArgument,
           "'" + file + "': neither a JPEG, a PNG, a .npy nor an ONNX tensor (.pb)");
    }
  }
}

std::vector<ConstTensor> Inputs::materialize(const Graph& planned) const {
  std::vector<ConstTensor> result;
  std::uint32_t seed = options_.seed;
  for (ValueId id : planned.inputs) {
    const Value& input = planned.value(id);
    if (const auto image = images_.find(input.name); image != images_.end()) {
      result.push_back(image_tensor(image->second, input, options_.preprocess()));
      continue;
    }
    const auto found = tensors_.find(input.name);
    if (found == tensors_.end()) {
      result.push_back(random_tensor(input.dtype, *input.shape, seed++));
      continue;
    }
    const Tensor& tensor = *found->second;
    if (tensor.dtype() != input.dtype || !(tensor.shape() == *input.shape)) {
      fail(ErrorCode::kInvalidArgument,
           "input '" + input.name + "': the file holds " + std::string(to_string(tensor.dtype())) +
               " " + to_string(tensor.shape()) + ", the model expects " +
               std::string(to_string(input.dtype)) + " " + to_string(*input.shape));
    }
    result.push_back(found->second);
  }
  return result;
}

ConstTensor random_tensor(DType dtype, const Shape& shape, std::uint32_t seed) {
  auto tensor = std::make_shared<Tensor>(dtype, shape);
  std::mt19937 random(seed);
  const std::int64_t count = shape.elements();
  if (dtype == DType::kF32) {
    for (std::int64_t i = 0; i < count; ++i) {
      tensor->as<float>()[i] = static_cast<float>(random() >> 8) * 0x1p-24f;
    }
  } else if (dtype == DType::kF64) {
    for (std::int64_t i = 0; i < count; ++i) tensor->as<double>()[i] = random() * 0x1p-32;
  } else if (is_float(dtype)) {
    std::memset(tensor->view().data, 0, tensor->view().bytes());
  } else {
    // Little-endian: the value in the lowest byte, zeros above it.
    const std::size_t size = size_of(dtype);
    std::memset(tensor->view().data, 0, tensor->view().bytes());
    for (std::int64_t i = 0; i < count; ++i) {
      tensor->as<std::uint8_t>()[static_cast<std::size_t>(i) * size] =
          static_cast<std::uint8_t>(random() % (dtype == DType::kBool ? 2 : 10));
    }
  }
  return tensor;
}

}  // namespace convoy::cli
