#!/usr/bin/env python3
"""Draws the figures of the im2win papers from what convoy-bench measured on a GPU.

usage: plot_im2win.py ROWS.json [ABLATION.json] --output FOLDER [--batch 128]

ROWS.json comes from `convoy-bench im2win12 --device cuda --peers cudnn,cublas --json ROWS.json`, and
ABLATION.json from the same with --ablation. Writes, each as SVG and PNG: tflops (the best layout of
every algorithm), memory (its device memory), ablation (techniques added one by one).
"""

import argparse
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

# Colours of Okabe and Ito, told apart by readers with any colour vision.
SERIES = [
    ("implicit im2win", "#0072B2", lambda r: r["impl"] == "conv.im2win.cuda.f32"),
    ("explicit im2win", "#56B4E9", lambda r: r["impl"] == "conv.im2win_explicit.cuda.f32"),
    ("im2col + cuBLAS", "#E69F00", lambda r: r["impl"] == "conv.im2col.cuda.f32"),
    ("im2col + cuBLAS, per image", "#F0E442", lambda r: r["impl"] == "cublas.im2col_per_image"),
    ("cuDNN f32, GEMM kinds", "#009E73", lambda r: cudnn(r) and not transforms(r)),
    ("cuDNN f32, FFT and Winograd", "#CC79A7", lambda r: cudnn(r) and transforms(r)),
    ("direct", "#999999", lambda r: r["impl"] == "conv.direct.cuda.f32"),
]
STEPS = ["none", "+tiling", "+shared_memory", "+micro_kernel", "+vector_loads", "+double_buffer",
         "+prefetch"]
STEP_COLOURS = ["#999999", "#F0E442", "#E69F00", "#D55E00", "#009E73", "#56B4E9", "#0072B2"]


def cudnn(row):
    return row["impl"].startswith("cudnn.") and row["dtype"] == "f32"


def transforms(row):
    return "fft" in row["impl"] or "winograd" in row["impl"]


def layers_of(rows):
    return list(dict.fromkeys(row["layer"] for row in rows))


def fastest(rows, layer, which):
    measured = [r for r in rows if r["layer"] == layer and r["ms"] is not None and which(r)]
    return min(measured, key=lambda r: r["ms"]) if measured else None


def bars(title, unit, layers, series, path, log=False):
    """series: [(label, colour, {layer: value})]; a layer that a series lacks has no bar."""
    figure, axes = plt.subplots(figsize=(13, 4.6))
    width = 0.84 / len(series)
    for i, (label, colour, values) in enumerate(series):
        at = [x - 0.42 + width * (i + 0.5) for x, layer in enumerate(layers) if layer in values]
        axes.bar(at, [values[layer] for layer in layers if layer in values], width, label=label,
                 color=colour, edgecolor="black", linewidth=0.3)
    axes.set_xticks(range(len(layers)), layers)
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.set_ylabel(unit)
    axes.set_title(title, loc="left")
    if log:
        axes.set_yscale("log")
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(ncol=4, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.07))
    figure.tight_layout()
    for suffix in ("svg", "png"):
        figure.savefig(path.with_suffix("." + suffix), dpi=130)
    plt.close(figure)


def draw_comparison(rows, batch, output):
    rows = [r for r in rows if r["batch"] == batch and not r.get("ablation")]
    if not rows:
        sys.exit(f"plot_im2win.py: there are no rows of batch {batch}")
    layers = layers_of(rows)
    device = rows[0].get("device_name", "")
    rates, memory = [], []
    for label, colour, which in SERIES:
        best = {layer: fastest(rows, layer, which) for layer in layers}
        best = {layer: row for layer, row in best.items() if row}
        if best:
            rates.append((label, colour, {l: r["tflops"] for l, r in best.items()}))
            memory.append((label, colour, {l: r["peak_bytes"] / 2**20 for l, r in best.items()}))
    bars(f"f32 convolutions, batch {batch}, {device}", "TFLOP/s", layers, rates, output / "tflops")
    bars(f"Device memory of operands and workspace, batch {batch}", "MiB", layers, memory,
         output / "memory", log=True)


def draw_ablation(rows, output):
    layers = layers_of(rows)
    series = []
    for step, colour in zip(STEPS, STEP_COLOURS):
        values = {r["layer"]: r["tflops"] for r in rows if r.get("ablation") == step}
        if values:
            series.append((step.replace("_", " "), colour, values))
    if not series:
        sys.exit("plot_im2win.py: the second file has no ablation")
    bars(f"Implicit im2win with one technique after another, batch {rows[0]['batch']}", "TFLOP/s",
         layers, series, output / "ablation")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=pathlib.Path, help="JSON of convoy-bench im2win12")
    parser.add_argument("ablation", type=pathlib.Path, nargs="?", help="JSON of its --ablation")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder of the figures")
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    plt.rcParams["svg.fonttype"] = "none"  # text stays text
    plt.rcParams["svg.hashsalt"] = "convoy"  # the same figure for the same rows
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        draw_comparison(json.loads(options.rows.read_text()), options.batch, options.output)
        if options.ablation:
            draw_ablation(json.loads(options.ablation.read_text()), options.output)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"plot_im2win.py: {error}")


if __name__ == "__main__":
    main()
