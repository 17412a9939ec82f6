"""ProxylessNAS for GPUs and for phones (H. Cai et al., ProxylessNAS, Figure 6; the published weights'
configuration): inverted residuals whose kernels and expansions a search chose."""

from graph import Recipe
from mobilenet import inverted_residual

# Per stage: stride of its first block, channels, and (kernel, expansion) of each block that is kept.
GPU = (40, [
    (1, 24, [(3, 1)]),
    (2, 32, [(5, 3)]),
    (2, 56, [(7, 3), (3, 3)]),
    (2, 112, [(7, 6), (5, 3)]),
    (1, 128, [(5, 6), (3, 3), (5, 3)]),
    (2, 256, [(7, 6), (7, 6), (7, 6), (5, 6)]),
    (1, 432, [(7, 6)]),
], 1728)
MOBILE = (32, [
    (1, 16, [(3, 1)]),
    (2, 32, [(5, 3), (3, 3)]),
    (2, 40, [(7, 3), (3, 3), (5, 3), (5, 3)]),
    (2, 80, [(7, 6), (5, 3), (5, 3), (5, 3)]),
    (1, 96, [(5, 6), (5, 3), (5, 3), (5, 3)]),
    (2, 192, [(7, 6), (7, 6), (7, 3), (7, 3)]),
    (1, 320, [(7, 6)]),
], 1280)


def write(net, image, configuration):
    stem, stages, last = configuration
    x = net.conv(image, stem, 3, 2, norm=True, act="relu6", name="stem")
    blocks = [(channels, kernel, expansion, stride if i == 0 else 1)
              for stride, channels, choices in stages for i, (kernel, expansion) in enumerate(choices)]
    for i, (channels, kernel, expansion, stride) in enumerate(blocks, 1):
        with net.scope(f"block{i}"):
            x = inverted_residual(net, x, channels, expansion * x.shape[1], kernel, stride)
    x = net.conv(x, last, norm=True, act="relu6", name="last")
    return net.classifier(net.flatten(net.global_pool(x)))


NETWORKS = {
    "proxylessnas_gpu": Recipe(lambda net, image: write(net, image, GPU), 224, epsilon=1e-3),
    "proxylessnas_mobile": Recipe(lambda net, image: write(net, image, MOBILE), 224, epsilon=1e-3),
}
