"""CeiT-T (K. Yuan et al., Incorporating Convolution Designs into Visual Transformers).

A stem of convolution and pool makes tokens (section 3.1), the feed-forward layers put them back on
their map for a depthwise convolution (3.2), and one attention over the class tokens of all layers
makes the result (3.3), in which the last class token asks alone.
"""

import numpy as np

from graph import Recipe

WIDTH, DEPTH, HEADS, PATCH = 192, 12, 3, 4


def norm(net, x, name):
    return net.layer_norm(x, name, spelled_out=True)


def attention(net, x):
    """One matrix makes queries, keys and values, which are then split."""
    batch, tokens, _ = x.shape
    y = net.linear(x, 3 * WIDTH, name="qkv")
    y = net.transpose(net.reshape(y, tokens, 3, HEADS, WIDTH // HEADS), 2, 0, 3, 1, 4)
    parts = []
    for i in range(3):
        index = net.constant(np.int64(i), f"index_{i}")
        parts.append(net.add("Gather", [y, index], y.shape[1:], axis=0))
    q, k, v = parts
    return net.linear(net.attend(q, net.transpose(k, 0, 1, 3, 2), v), WIDTH, name="project")


def class_attention(net, x):
    """The last token, and what its attention over all tokens gives."""
    _, last = net.split(x, [x.shape[1] - 1, 1], axis=1)
    y = norm(net, x, "norm")
    _, asks = net.split(y, [x.shape[1] - 1, 1], axis=1)
    q = net.heads(net.linear(asks, WIDTH, name="query"), HEADS)
    k = net.heads(net.linear(y, WIDTH, name="key"), HEADS, last="tokens")
    v = net.heads(net.linear(y, WIDTH, name="value"), HEADS)
    return last, net.linear(net.attend(q, k, v), WIDTH, name="project")


def feed_forward(net, x, side):
    """Locally enhanced: pointwise, depthwise and pointwise convolution over the map of all tokens but
    the class token, which passes by. GELU behind the first two."""
    token, rest = net.split(x, [1, x.shape[1] - 1], axis=1)
    y = net.to_map(rest, side)
    y = net.conv(y, 4 * WIDTH, bias="both", norm=True, act="gelu", name="expand")
    y = net.depthwise(y, bias="both", norm=True, act="gelu")
    y = net.conv(y, WIDTH, bias="both", norm=True, name="project")
    return net.concat([token, net.to_tokens(y)], axis=1)


def ceit_tiny(net, image):
    x = net.conv(image, 64, 7, 2, norm=True, name="stem")
    x = net.max_pool(x, 3, 2, (1, 1))
    x = net.conv(x, WIDTH, PATCH, PATCH, pads=(0, 0), name="patches")
    side = x.shape[2]
    token = net.parameter((1, 1, WIDTH), 0.5, "class_token")
    x = net.concat([net.repeat(token), net.to_tokens(x)], axis=1)
    x = net.sum(x, net.parameter((1, side * side + 1, WIDTH), 0.2, "position"))
    class_tokens = []
    for i in range(1, DEPTH + 1):
        with net.scope(f"block{i}"):
            with net.scope("attention"):
                x = net.sum(x, attention(net, norm(net, x, "norm")))
            with net.scope("feed_forward"):
                x = net.sum(x, feed_forward(net, norm(net, x, "norm"), side))
            token, _ = net.split(x, [1, side * side], axis=1)
            class_tokens.append(token)
    x = net.concat(class_tokens, axis=1)
    x = net.sum(x, net.parameter((1, DEPTH, WIDTH), 0.2, "layer_position"))
    with net.scope("class_attention"):
        last, y = class_attention(net, x)
        x = net.sum(last, y)
    with net.scope("class_feed_forward"):
        y = net.linear(norm(net, x, "norm"), 4 * WIDTH, act="gelu", name="expand")
        x = net.sum(x, net.linear(y, WIDTH, name="project"))
    return net.classifier(net.flatten(norm(net, x, "norm")))


NETWORKS = {"ceit_tiny": Recipe(ceit_tiny, 224, multiple=16)}
