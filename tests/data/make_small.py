#!/usr/bin/env python3
"""Writes small.onnx, the network that tests of the interface run: every step of it is fused or folded
somewhere, and its batch is open.

    make_small.py OUT.onnx
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def main():
    random = np.random.default_rng(5)

    def weight(name, *shape):
        return numpy_helper.from_array((random.standard_normal(shape) * 0.3).astype(np.float32), name)

    weights = [weight("w0", 8, 3, 3, 3), weight("w1", 8, 1, 3, 3), weight("w2", 8, 8, 1, 1),
               weight("b2", 8), weight("fc", 5, 8)]
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["c0"], "stem", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c0"], ["r0"], "relu"),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], "depthwise", group=8, pads=[1, 1, 1, 1]),
        helper.make_node("HardSwish", ["c1"], ["h1"], "swish"),
        helper.make_node("Conv", ["h1", "w2", "b2"], ["c2"], "project"),
        helper.make_node("Add", ["c2", "r0"], ["sum"], "residual"),
        helper.make_node("GlobalAveragePool", ["sum"], ["pool"], "pool"),
        helper.make_node("Flatten", ["pool"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "fc"], ["logits"], "classifier", transB=1),
        helper.make_node("Softmax", ["logits"], ["scores"], "softmax"),
    ]
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 17, 15])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 5])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[1])


if __name__ == "__main__":
    main()
