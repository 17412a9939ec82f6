"""ResNet-50 (K. He et al., Deep Residual Learning, Table 1) as torchvision has it, with the stride in
the 3x3 convolution; batch normalisation is in the convolutions, where PyTorch's exporter leaves it."""

from graph import Recipe
from layers import BRANCH_GAIN


def bottleneck(net, x, channels, stride):
    shortcut = x
    if stride != 1 or x.shape[1] != 4 * channels:
        shortcut = net.conv(x, 4 * channels, 1, stride, norm=True, name="shortcut")
    x = net.conv(x, channels, norm=True, act="relu", name="reduce")
    x = net.conv(x, channels, 3, stride, norm=True, act="relu", name="conv")
    x = net.conv(x, 4 * channels, norm=True, gain=BRANCH_GAIN, name="expand")
    return net.activation(net.sum(x, shortcut), "relu")


def resnet50(net, image):
    x = net.conv(image, 64, 7, 2, norm=True, act="relu", name="stem")
    x = net.max_pool(x, 3, 2, (1, 1))
    for stage, (channels, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(count):
            with net.scope(f"stage{stage}/block{block + 1}"):
                x = bottleneck(net, x, channels, 2 if stage > 1 and block == 0 else 1)
    return net.classifier(net.flatten(net.global_pool(x)))


NETWORKS = {"resnet50": Recipe(resnet50, 224, fold_norms=True)}
