#!/usr/bin/env python3
"""ONNX files of published networks with random weights, for planning, timing and tests.

Names, shapes and parameters are those of the publications; the weights depend on --seed alone, so
what the network answers means nothing. Written node by node, as exporters do: batch normalisation,
padding, GELU and others stay apart, but in ResNet-50, whose batch normalisation is folded.

    build.py mobilenet_v2 xception --output build/models
    build.py all --output build/models
"""

import argparse
import pathlib
import sys

import onnx

import ceit
import cmt
import mobilenet
import proxylessnas
import resnet
import xception
from layers import Network

NETWORKS = {name: recipe for family in (mobilenet, xception, proxylessnas, resnet, ceit, cmt)
            for name, recipe in family.NETWORKS.items()}


def build(name, seed=0, batch=1, resolution=None):
    """The network as an onnx.ModelProto; ValueError where it has no such resolution."""
    return Network(name, NETWORKS[name], seed, batch, resolution).model()


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, found {text!r}")
    return int(text)


def main():
    names = "\n".join(f"  {name:20} {recipe.resolution} x {recipe.resolution}" for name, recipe in NETWORKS.items())
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"networks:\n{names}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a network of the list below, or all")
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="DIR",
                        help="where NAME.onnx is written; made if it is not there")
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default 0)")
    parser.add_argument("--batch", type=positive, default=1, help="images per run (default 1)")
    parser.add_argument("--resolution", type=positive, metavar="N",
                        help="height and width of the images (default: the publication's)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in NETWORKS and name != "all"]
    if unknown:
        parser.error(f"unknown network {unknown[0]}; known are all, {', '.join(NETWORKS)}")
    if arguments.seed < 0:
        parser.error(f"--seed must be at least 0, found {arguments.seed}")
    names = list(NETWORKS) if "all" in arguments.names else list(dict.fromkeys(arguments.names))
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
        for name in names:
            model = build(name, arguments.seed, arguments.batch, arguments.resolution)
            target = arguments.output / f"{name}.onnx"
            partial = target.with_suffix(".partial")
            onnx.save(model, partial)
            partial.rename(target)
            print(target)
    except (OSError, ValueError) as error:
        sys.exit(f"build.py: {error}")


if __name__ == "__main__":
    main()
