"""MobileNetV1, V2 and V3-Large at width 1.0.

V1 as Keras exports it: TensorFlow's SAME padding, written as a node of its own before depthwise
convolutions of stride 2, and a softmax at the end (A. Howard et al., MobileNets, Table 1). V2
(M. Sandler et al., MobileNetV2, Table 2) and V3 (A. Howard et al., Searching for MobileNetV3, Table 1)
as torchvision has them: padding of k / 2 on all sides.
"""

import numpy as np

from graph import Recipe
from layers import BRANCH_GAIN


def same(size, kernel, stride):
    """TensorFlow's SAME padding of one axis: (begin, end)."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def mobilenet_v1(net, image):
    x = net.conv(image, 32, 3, 2, pads=same(image.shape[2], 3, 2), norm=True, act="relu6", name="stem")
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for i, (channels, stride) in enumerate(blocks, 1):
        with net.scope(f"block{i}"):
            pads = same(x.shape[2], 3, stride)
            if stride == 2:
                begin, end = pads
                amounts = net.constant(np.int64([0, 0, begin, begin, 0, 0, end, end]), f"pads_{begin}_{end}")
                size = x.shape[2] + begin + end
                x, pads = net.add("Pad", [x, amounts], (*x.shape[:2], size, size)), (0, 0)
            x = net.depthwise(x, 3, stride, pads=pads, norm=True, act="relu6")
            x = net.conv(x, channels, norm=True, act="relu6", name="pointwise")
    x = net.conv(net.global_pool(x), 1000, name="classifier")
    x = net.reshape(x, 1000)
    return net.add("Softmax", [x], x.shape, "probabilities", axis=-1)


def inverted_residual(net, x, channels, expanded, kernel, stride, act="relu6", squeeze=0):
    """Expand (unless there is nothing to expand), depthwise, squeeze-and-excite with `squeeze` channels
    if any, project; a shortcut where input and output are alike."""
    shortcut = x if stride == 1 and x.shape[1] == channels else None
    if expanded != x.shape[1]:
        x = net.conv(x, expanded, norm=True, act=act, name="expand")
    x = net.depthwise(x, kernel, stride, norm=True, act=act)
    if squeeze:
        gate = net.conv(net.global_pool(x), squeeze, act="relu", name="squeeze")
        gate = net.conv(gate, expanded, name="excite")
        gate = net.add("HardSigmoid", [gate], gate.shape, "gate", alpha=1 / 6)
        x = net.add("Mul", [x, gate], x.shape, "gated")
    gain = (BRANCH_GAIN if shortcut else 1.0) * (2 if squeeze else 1)  # a gate is 1/2 on average
    x = net.conv(x, channels, norm=True, gain=gain, name="project")
    return net.sum(x, shortcut) if shortcut else x


def mobilenet_v2(net, image):
    x = net.conv(image, 32, 3, 2, norm=True, act="relu6", name="stem")
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    blocks = [(expansion, channels, stride if i == 0 else 1)
              for expansion, channels, repeats, stride in stages for i in range(repeats)]
    for i, (expansion, channels, stride) in enumerate(blocks, 1):
        with net.scope(f"block{i}"):
            x = inverted_residual(net, x, channels, expansion * x.shape[1], 3, stride)
    x = net.conv(x, 1280, norm=True, act="relu6", name="last")
    return net.classifier(net.flatten(net.global_pool(x)))


# Kernel, expanded channels, channels, squeeze-and-excite, activation, stride.
V3_LARGE = [
    (3, 16, 16, False, "relu", 1), (3, 64, 24, False, "relu", 2), (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2), (5, 120, 40, True, "relu", 1), (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hardswish", 2), (3, 200, 80, False, "hardswish", 1),
    (3, 184, 80, False, "hardswish", 1), (3, 184, 80, False, "hardswish", 1),
    (3, 480, 112, True, "hardswish", 1), (3, 672, 112, True, "hardswish", 1),
    (5, 672, 160, True, "hardswish", 2), (5, 960, 160, True, "hardswish", 1),
    (5, 960, 160, True, "hardswish", 1),
]


def round_channels(channels):
    """The multiple of 8 nearest to `channels`, at most 10 % below it."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def mobilenet_v3_large(net, image):
    x = net.conv(image, 16, 3, 2, norm=True, act="hardswish", name="stem")
    for i, (kernel, expanded, channels, excite, act, stride) in enumerate(V3_LARGE, 1):
        with net.scope(f"block{i}"):
            squeeze = round_channels(expanded / 4) if excite else 0
            x = inverted_residual(net, x, channels, expanded, kernel, stride, act, squeeze)
    x = net.conv(x, 960, norm=True, act="hardswish", name="last")
    x = net.classifier(net.flatten(net.global_pool(x)), 1280, act="hardswish", name="features")
    return net.classifier(x)


NETWORKS = {
    "mobilenet_v1": Recipe(mobilenet_v1, 224, epsilon=1e-3),
    "mobilenet_v2": Recipe(mobilenet_v2, 224),
    "mobilenet_v3_large": Recipe(mobilenet_v3_large, 224, epsilon=1e-3),
}
