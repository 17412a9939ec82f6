"""The layers that networks are written in: each method appends ONNX nodes and returns their value.

Weights are random and depend on the seed alone. They are scaled by their fan-in and by the activation
that follows (K. He et al., Delving Deep into Rectifiers, eq. 10), so that the second moment of the
activations stays near one through the depth, as it does in a trained network.
"""

import numpy as np
from onnx import helper

from graph import Graph, Value

# The g with E[f(g z)^2] = 1 for a normal z: what the weights before f are multiplied by.
GAIN = {None: 1.0, "relu": 1.414, "relu6": 1.414, "hardswish": 1.567, "gelu": 1.468, "silu": 1.559}
# The last convolution of a residual branch, so that the sum grows by a few percent per block only.
BRANCH_GAIN = 0.4


class Network(Graph):
    def __init__(self, name, recipe, seed=0, batch=1, resolution=None):
        super().__init__(name, recipe, batch, resolution)
        self.random = np.random.default_rng(seed)

    def normal(self, shape, scale):
        return self.random.standard_normal(shape, np.float32) * np.float32(scale)

    def uniform(self, shape, low, high):
        return self.random.uniform(low, high, shape).astype(np.float32)

    def parameter(self, shape, scale, name):
        name = self.unique(name)
        return Value(self.constant(self.normal(shape, scale), name), tuple(shape))

    # Convolutions

    def conv(self, x, channels, kernel=1, stride=1, groups=1, pads=None, bias=True, act=None, norm=False,
             gain=1.0, name="conv"):
        """A convolution, batch normalisation if `norm`, an activation. `pads` is (begin, end) of both
        axes, kernel // 2 unless given. With `norm` there is no bias, unless `bias` is "both"."""
        begin, end = (kernel // 2, kernel // 2) if pads is None else pads
        size = [(s + begin + end - kernel) // stride + 1 for s in x.shape[2:]]
        shape = (channels, x.shape[1] // groups, kernel, kernel)
        weight = self.normal(shape, gain * GAIN[act] / np.sqrt(np.prod(shape[1:])))
        shift = self.normal(channels, 0.05) if bias == "both" or bias and not norm else None
        full = "/".join([*self.scopes, name])
        fold = norm and self.recipe.fold_norms
        if fold:
            gamma, beta, mean, variance = self.norm_parameters(channels)
            scale = gamma / np.sqrt(variance + np.float32(self.recipe.epsilon))
            weight = weight * scale[:, None, None, None]
            shift = beta + ((0 if shift is None else shift) - mean) * scale
        operands = [x, self.constant(weight, f"{full}.weight")]
        if shift is not None:
            operands.append(self.constant(shift, f"{full}.bias"))
        y = self.add("Conv", operands, (x.shape[0], channels, *size), name, kernel_shape=[kernel] * 2,
                     strides=[stride] * 2, pads=[begin, begin, end, end], group=groups)
        if norm and not fold:
            y = self.batch_norm(y, f"{name}_norm")
        return self.activation(y, act)

    def depthwise(self, x, kernel=3, stride=1, name="depthwise", **options):
        return self.conv(x, x.shape[1], kernel, stride, x.shape[1], name=name, **options)

    def norm_parameters(self, channels):
        return (self.uniform(channels, 0.8, 1.2), self.normal(channels, 0.1), self.normal(channels, 0.1),
                self.uniform(channels, 0.8, 1.2))

    def batch_norm(self, x, name="norm"):
        full = "/".join([*self.scopes, name])
        fields = ("weight", "bias", "running_mean", "running_var")
        operands = [self.constant(p, f"{full}.{f}")
                    for f, p in zip(fields, self.norm_parameters(x.shape[1]))]
        return self.add("BatchNormalization", [x, *operands], x.shape, name, epsilon=self.recipe.epsilon)

    def activation(self, x, kind):
        if kind is None:
            return x
        if kind == "relu6":
            return self.add("Clip", [x, self.scalar(0), self.scalar(6)], x.shape, "relu6")
        if kind == "silu":
            return self.add("Mul", [x, self.add("Sigmoid", [x], x.shape)], x.shape, "silu")
        if kind == "gelu":  # spelled out, as there is no operator for it before opset 20
            y = self.add("Div", [x, self.scalar(np.sqrt(2))], x.shape, "gelu_div")
            y = self.add("Erf", [y], x.shape, "gelu_erf")
            y = self.add("Add", [y, self.scalar(1)], x.shape, "gelu_add")
            y = self.add("Mul", [x, y], x.shape, "gelu_mul")
            return self.add("Mul", [y, self.scalar(0.5)], x.shape, "gelu")
        return self.add({"relu": "Relu", "hardswish": "HardSwish"}[kind], [x], x.shape, kind)

    def sum(self, a, b):
        return self.add("Add", [a, b], a.shape, "sum")

    def max_pool(self, x, kernel, stride, pads):
        begin, end = pads
        size = [(s + begin + end - kernel) // stride + 1 for s in x.shape[2:]]
        return self.add("MaxPool", [x], (*x.shape[:2], *size), "pool", kernel_shape=[kernel] * 2,
                        strides=[stride] * 2, pads=[begin, begin, end, end])

    def global_pool(self, x):
        return self.add("GlobalAveragePool", [x], (*x.shape[:2], 1, 1), "global_pool")

    # Tokens

    def split(self, x, sizes, axis):
        extents = self.constant(np.int64(sizes), "sizes_" + "_".join(map(str, sizes)))
        names = [self.unique(f"part{i + 1}") for i in range(len(sizes))]
        self.nodes.append(helper.make_node("Split", [x.name, extents], names, self.unique("split"), axis=axis))
        return [Value(n, (*x.shape[:axis], s, *x.shape[axis + 1:])) for n, s in zip(names, sizes)]

    def concat(self, parts, axis):
        first = parts[0].shape
        shape = (*first[:axis], sum(p.shape[axis] for p in parts), *first[axis + 1:])
        return self.add("Concat", parts, shape, axis=axis)

    def repeat(self, x):
        """For every image of the batch."""
        shape = (self.batch, *x.shape[1:])
        extents = self.constant(np.int64(shape), "repeat_" + "x".join(map(str, shape)))
        return self.add("Expand", [x, extents], shape)

    def reshape(self, x, *shape):
        """`shape` is that of one image."""
        extents = self.constant(np.int64([0, *shape]), "shape_" + "x".join(map(str, shape)))
        return self.add("Reshape", [x, extents], (x.shape[0], *shape))

    def transpose(self, x, *order):
        return self.add("Transpose", [x], [x.shape[i] for i in order], perm=order)

    def to_tokens(self, x):
        """Batch, C, H, W -> batch, H * W, C."""
        batch, channels, height, width = x.shape
        return self.transpose(self.reshape(x, channels, height * width), 0, 2, 1)

    def to_map(self, x, height):
        """Batch, H * W, C -> batch, C, H, W."""
        batch, tokens, channels = x.shape
        return self.reshape(self.transpose(x, 0, 2, 1), channels, height, tokens // height)

    def linear(self, x, channels, act=None, gain=1.0, name="linear"):
        """Each token times a matrix, plus a bias."""
        full = "/".join([*self.scopes, name])
        weight = self.normal((x.shape[-1], channels), gain * GAIN[act] / np.sqrt(x.shape[-1]))
        shape = (*x.shape[:-1], channels)
        y = self.add("MatMul", [x, self.constant(weight, f"{full}.weight")], shape, f"{name}_matmul")
        y = self.add("Add", [y, self.constant(self.normal(channels, 0.05), f"{full}.bias")], shape, name)
        return self.activation(y, act)

    def layer_norm(self, x, name, epsilon=1e-6, spelled_out=False):
        """Over the channels; `spelled_out`: in the nine nodes that exporters wrote before opset 17."""
        full = "/".join([*self.scopes, name])
        scale = self.constant(self.uniform(x.shape[-1], 0.8, 1.2), f"{full}.weight")
        shift = self.constant(self.normal(x.shape[-1], 0.1), f"{full}.bias")
        if not spelled_out:
            return self.add("LayerNormalization", [x, scale, shift], x.shape, name, axis=-1,
                            epsilon=epsilon)
        with self.scope(name):
            one = (*x.shape[:-1], 1)
            mean = self.add("ReduceMean", [x], one, axes=[-1])
            centred = self.add("Sub", [x, mean], x.shape)
            squared = self.add("Pow", [centred, self.scalar(2)], x.shape)
            variance = self.add("ReduceMean", [squared], one, axes=[-1])
            deviation = self.add("Sqrt", [self.add("Add", [variance, self.scalar(epsilon)], one)], one)
            y = self.add("Div", [centred, deviation], x.shape)
            y = self.add("Mul", [y, scale], x.shape)
            return self.add("Add", [y, shift], x.shape)

    def heads(self, x, count, last="channels"):
        """Batch, tokens, C -> batch, heads, tokens, C / heads; or with the last two exchanged."""
        batch, tokens, channels = x.shape
        y = self.reshape(x, tokens, count, channels // count)
        return self.transpose(y, *((0, 2, 1, 3) if last == "channels" else (0, 2, 3, 1)))

    def attend(self, q, k, v, position=None):
        """softmax(q k / sqrt(d) + position) v, heads joined again. q and v are (batch, heads, tokens,
        d), k is (batch, heads, d, tokens)."""
        batch, count, tokens, width = q.shape
        shape = (batch, count, tokens, k.shape[-1])
        scores = self.add("Mul", [self.add("MatMul", [q, k], shape), self.scalar(width ** -0.5)], shape)
        if position is not None:
            scores = self.sum(scores, position)
        scores = self.add("Softmax", [scores], shape, axis=-1)
        y = self.add("MatMul", [scores, v], (batch, count, tokens, v.shape[-1]))
        return self.reshape(self.transpose(y, 0, 2, 1, 3), tokens, count * v.shape[-1])

    # The head

    def classifier(self, x, classes=1000, act=None, name="classifier"):
        """Batch, C -> batch, classes, as one Gemm."""
        full = "/".join([*self.scopes, name])
        weight = self.normal((classes, x.shape[1]), GAIN[act] / np.sqrt(x.shape[1]))
        operands = [x, self.constant(weight, f"{full}.weight"),
                    self.constant(self.normal(classes, 0.05), f"{full}.bias")]
        return self.activation(self.add("Gemm", operands, (x.shape[0], classes), name, transB=1), act)

    def flatten(self, x):
        return self.add("Flatten", [x], (x.shape[0], int(np.prod(x.shape[1:]))), axis=1)
