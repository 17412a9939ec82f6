// Small valid models that between them use most of the loader: what mutants and fuzzers start from.
#pragma once

#include "tests/support/onnx_builder.h"

namespace convoy::test {

inline std::vector<float> ones(std::size_t count) { return std::vector<float>(count, 1.0f); }

inline std::string convolution_model() {
  OnnxModel model;
  model.input("x", {1, 2, 8, 8}).output("y");
  model.initializer(float_tensor("w", {4, 2, 3, 3}, ones(72)));
  model.initializer(float_tensor("s", {4}, ones(4)));
  model.node(OnnxNode("Conv", {"x", "w", "s"}, {"a"})
                 .with_ints("pads", {1, 1, 1, 1})
                 .with_ints("strides", {2, 1})
                 .with_ints("kernel_shape", {3, 3}));
  model.node(OnnxNode("BatchNormalization", {"a", "s", "s", "s", "s"}, {"b"}));
  model.node(OnnxNode("MaxPool", {"b"}, {"c"}).with_ints("kernel_shape", {2, 2}));
  return model.node(OnnxNode("ConvTranspose", {"c", "w"}, {"y"})).bytes();
}

inline std::string shape_model() {
  OnnxModel model;
  model.input("x", {2, 3, 4}).output("y").output("z");
  model.initializer(int64_tensor("axes", {0}));
  model.initializer(int64_tensor("i", {1}));
  model.initializer(int64_tensor("pads", {0, 1, 0, 1}));
  model.node(OnnxNode("Shape", {"x"}, {"shape"}));
  model.node(OnnxNode("Gather", {"shape", "i"}, {"three"}).with_int("axis", 0));
  model.node(OnnxNode("Constant", {}, {"minus"}).with_tensor("value", int64_tensor("", {-1})));
  model.node(OnnxNode("Concat", {"three", "minus"}, {"target"}).with_int("axis", 0));
  model.node(OnnxNode("Reshape", {"x", "target"}, {"r"}));
  model.node(OnnxNode("Pad", {"r", "pads"}, {"p"}).with_text("mode", "constant"));
  model.node(OnnxNode("Unsqueeze", {"p", "axes"}, {"u"}));
  model.node(OnnxNode("Slice", {"u", "axes", "i"}, {"y"}));
  return model.node(OnnxNode("ConstantOfShape", {"three"}, {"z"})).bytes();
}

inline std::string arithmetic_model() {
  OnnxModel model(18);
  model.input("x", {1, 4, 4, 4}).output("y");
  model.initializer(float_tensor("scales", {4}, {1, 1, 2, 2}));
  model.node(OnnxNode("Split", {"x"}, {"a", "b"}).with_int("axis", 1).with_int("num_outputs", 2));
  model.node(OnnxNode("Sum", {"a", "b", "a"}, {"s"}));
  model.node(OnnxNode("Resize", {"s", "", "scales"}, {"r"}).with_text("mode", "linear"));
  model.node(OnnxNode("ReduceMean", {"r"}, {"m"}).with_int("keepdims", 1));
  model.node(OnnxNode("HardSigmoid", {"m"}, {"h"}).with_float("alpha", 0.2f));
  model.node(OnnxNode("Mul", {"r", "h"}, {"t"}));
  return model.node(OnnxNode("Softmax", {"t"}, {"y"}).with_int("axis", 1)).bytes();
}

}  // namespace convoy::test
