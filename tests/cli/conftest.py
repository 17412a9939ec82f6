"""Paths and small models for the command's tests."""

import os
import pathlib
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CONVOY_BIN", ROOT / "build/release/bin"))


class Result:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A folder of its own for each test: nothing that was measured here before counts."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CONVOY_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def convoy():
    def call(*arguments, timeout=120):
        command = [str(BIN / "convoy"), *map(str, arguments)]
        return Result(subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False))
    return call


@pytest.fixture
def small_model(tmp_path):
    """x (batch x 3 x 8 x 8) -> Conv 3x3 -> Relu -> GlobalAveragePool -> Flatten -> y (batch x 4)."""
    random = np.random.default_rng(7)
    weight = numpy_helper.from_array(random.standard_normal((4, 3, 3, 3)).astype(np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
             helper.make_node("Relu", ["c"], ["r"]),
             helper.make_node("GlobalAveragePool", ["r"], ["p"]),
             helper.make_node("Flatten", ["p"], ["y"])]
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])], [weight])
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture
def block_model(tmp_path):
    """Two inverted residual blocks, 1x1 -> depthwise 3x3 -> 1x1, the second one's result added to its
    operand: what fused modules are for. The name of a node is markup, as that of any stranger's may be."""
    random = np.random.default_rng(11)
    nodes, weights, x = [], [], "x"

    def conv(name, shape, **attributes):
        nonlocal x
        weights.append(numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name + ".w"))
        nodes.append(helper.make_node("Conv", [x, name + ".w"], [name], name=name, **attributes))
        x = name

    def relu(name):
        nonlocal x
        nodes.append(helper.make_node("Relu", [x], [name], name=name))
        x = name

    def block(name, c_in, c_mid, c_out):
        conv(f"{name}/expand", (c_mid, c_in, 1, 1))
        relu(f"{name}/expand/relu")
        conv(f"{name}/depthwise", (c_mid, 1, 3, 3), group=c_mid, pads=[1, 1, 1, 1])
        relu(f"{name}/depthwise/relu")
        conv(f"{name}/<script>alert(1)</script>&\"'", (c_out, c_mid, 1, 1))

    block("one", 16, 96, 24)
    operand = x
    block("two", 24, 144, 24)
    nodes.append(helper.make_node("Add", [x, operand], ["y"], name="add"))
    graph = helper.make_graph(
        nodes, "blocks", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 56, 56])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 24, 56, 56])], weights)
    path = tmp_path / "blocks.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path
