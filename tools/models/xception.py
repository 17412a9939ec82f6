"""Xception (F. Chollet, Xception, Figure 5), as Keras has it: TensorFlow's SAME padding but in the
stem, no activation between a depthwise convolution and its pointwise one, a softmax at the end."""

from graph import Recipe
from layers import BRANCH_GAIN
from mobilenet import same


def separable(net, x, channels, act=None, gain=1.0, name="separable"):
    with net.scope(name):
        x = net.depthwise(x, bias=False)
        return net.conv(x, channels, norm=True, act=act, gain=gain, name="pointwise")


def downsample(net, x, middle, channels, first):
    """Two separable convolutions and a pool beside a pointwise convolution of stride 2."""
    shortcut = net.conv(x, channels, 1, 2, norm=True, name="shortcut")
    x = x if first else net.activation(x, "relu")
    x = separable(net, x, middle, "relu", name="separable1")
    x = separable(net, x, channels, gain=BRANCH_GAIN, name="separable2")
    x = net.max_pool(x, 3, 2, same(x.shape[2], 3, 2))
    return net.sum(x, shortcut)


def xception(net, image):
    x = net.conv(image, 32, 3, 2, pads=(0, 0), norm=True, act="relu", name="stem1")
    x = net.conv(x, 64, 3, pads=(0, 0), norm=True, act="relu", name="stem2")
    for i, channels in enumerate((128, 256, 728), 2):
        with net.scope(f"block{i}"):
            x = downsample(net, x, channels, channels, first=i == 2)
    for i in range(5, 13):
        with net.scope(f"block{i}"):
            y = net.activation(x, "relu")
            y = separable(net, y, 728, "relu", name="separable1")
            y = separable(net, y, 728, "relu", name="separable2")
            y = separable(net, y, 728, gain=BRANCH_GAIN, name="separable3")
            x = net.sum(y, x)
    with net.scope("block13"):
        x = downsample(net, x, 728, 1024, first=False)
    with net.scope("block14"):
        x = separable(net, x, 1536, "relu", name="separable1")
        x = separable(net, x, 2048, "relu", name="separable2")
    x = net.classifier(net.flatten(net.global_pool(x)))
    return net.add("Softmax", [x], x.shape, "probabilities", axis=-1)


NETWORKS = {"xception": Recipe(xception, 299, smallest=71, epsilon=1e-3)}
