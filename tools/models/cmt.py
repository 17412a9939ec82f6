"""CMT-Ti (J. Guo et al., CMT: Convolutional Neural Networks Meet Vision Transformers, Table 1), with
batch normalisation behind the GELUs, as its authors' code has it."""

from graph import Recipe

# Width, blocks, heads, and the stride at which keys and values are taken, per stage.
STAGES = [(46, 2, 1, 8), (92, 2, 2, 4), (184, 10, 4, 2), (368, 2, 8, 1)]
EXPANSION = 3.6


def local_perception(net, x):
    return net.sum(net.depthwise(x, name="local"), x)


def attention(net, x, side, heads, stride, position):
    """Light-weight multi-head self-attention: keys and values come from a map that a depthwise
    convolution made smaller."""
    width, source = x.shape[2], x
    if stride > 1:
        y = net.depthwise(net.to_map(x, side), stride, stride, pads=(0, 0), bias="both", norm=True,
                          name="reduce")
        source = net.to_tokens(y)
    q = net.heads(net.linear(x, width, name="query"), heads)
    k = net.heads(net.linear(source, width, name="key"), heads, last="tokens")
    v = net.heads(net.linear(source, width, name="value"), heads)
    return net.linear(net.attend(q, k, v, position), width, name="project")


def feed_forward(net, x, side):
    """Inverted residual: expand, depthwise with a shortcut, project."""
    width = x.shape[2]
    y = net.conv(net.to_map(x, side), int(EXPANSION * width), act="gelu", name="expand")
    y = net.batch_norm(y, "expand_norm")
    y = net.activation(net.sum(net.depthwise(y), y), "gelu")
    y = net.batch_norm(y, "depthwise_norm")
    y = net.conv(y, width, bias="both", norm=True, name="project")
    return net.to_tokens(y)


def cmt_tiny(net, image):
    x = image
    for i in (1, 2, 3):
        x = net.conv(x, 16, 3, 2 if i == 1 else 1, act="gelu", name=f"stem{i}")
        x = net.batch_norm(x, f"stem{i}_norm")
    for stage, (width, blocks, heads, stride) in enumerate(STAGES, 1):
        with net.scope(f"stage{stage}"):
            x = net.conv(x, width, 2, 2, pads=(0, 0), name="patches")
            side = x.shape[2]
            tokens = net.layer_norm(net.to_tokens(x), "norm", epsilon=1e-5)
            keys = (side // stride) ** 2
            position = net.parameter((heads, side * side, keys), 0.5, "position")
            for block in range(1, blocks + 1):
                with net.scope(f"block{block}"):
                    tokens = net.to_tokens(local_perception(net, net.to_map(tokens, side)))
                    with net.scope("attention"):
                        y = net.layer_norm(tokens, "norm")
                        tokens = net.sum(tokens, attention(net, y, side, heads, stride, position))
                    with net.scope("feed_forward"):
                        y = net.layer_norm(tokens, "norm")
                        tokens = net.sum(tokens, feed_forward(net, y, side))
            x = net.to_map(tokens, side)
    x = net.conv(x, 1280, bias="both", norm=True, act="silu", name="last")
    return net.classifier(net.flatten(net.global_pool(x)))


NETWORKS = {"cmt_tiny": Recipe(cmt_tiny, 160, multiple=32)}
