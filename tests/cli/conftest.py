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
