"""An ONNX graph under construction, and what says how a network is made."""

import contextlib
import dataclasses
from typing import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


@dataclasses.dataclass(frozen=True)
class Value:
    """A tensor of the graph: batch, channels, height, width; or batch, tokens, channels."""

    name: str
    shape: tuple


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is made: `write(net, image)` appends it and returns what it computes."""

    write: Callable
    resolution: int  # of the published network; images are square
    multiple: int = 1  # what the resolution has to be a multiple of
    smallest: int = 32
    epsilon: float = 1e-5  # of batch normalisation
    fold_norms: bool = False  # batch normalisation in the convolutions, as some exporters leave it


class Graph:
    def __init__(self, name, recipe, batch=1, resolution=None):
        self.name, self.recipe, self.batch = name, recipe, batch
        self.resolution = resolution or recipe.resolution
        if self.resolution < recipe.smallest or self.resolution % recipe.multiple:
            multiple = f"a multiple of {recipe.multiple}, " if recipe.multiple > 1 else ""
            raise ValueError(f"the resolution of {name} must be {multiple}at least {recipe.smallest}; "
                             f"found {self.resolution}")
        self.nodes, self.initializers = [], {}
        self.scopes, self.used = [], {}

    @contextlib.contextmanager
    def scope(self, name):
        """Names made inside begin with `name`."""
        self.scopes.append(name)
        yield
        self.scopes.pop()

    def unique(self, name):
        name = "/".join([*self.scopes, name])
        count = self.used[name] = self.used.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count}"

    def constant(self, array, name):
        """An initializer. What is asked for again by the same name is the same."""
        tensor = numpy_helper.from_array(np.asarray(array, order="C"), name)
        if self.initializers.setdefault(name, tensor) != tensor:
            raise AssertionError(f"two constants are called {name}")
        return name

    def scalar(self, value):
        return self.constant(np.float32(value), f"scalar_{value:g}")

    def add(self, op, operands, shape, name=None, **attributes):
        """One node with one result."""
        name = self.unique(name or op.lower())
        operands = [o.name if isinstance(o, Value) else o for o in operands]
        self.nodes.append(helper.make_node(op, operands, [name], name, **attributes))
        return Value(name, tuple(shape))

    def model(self):
        """The whole network, checked."""
        image = Value("image", (self.batch, 3, self.resolution, self.resolution))
        result = self.recipe.write(self, image)
        graph = helper.make_graph(
            self.nodes, self.name,
            [helper.make_tensor_value_info(v.name, TensorProto.FLOAT, v.shape) for v in (image,)],
            [helper.make_tensor_value_info(v.name, TensorProto.FLOAT, v.shape) for v in (result,)],
            list(self.initializers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8,
                                  producer_name="convoy")
        onnx.checker.check_model(model, full_check=True)
        return model
