#!/usr/bin/env python3
"""The pairs and blocks of `convoy-bench fcm` as PyTorch runs them, through cuDNN's newer engines and
depthwise kernels of its own: the convolutions alone, no bias, activation or residual. NCHW and NHWC,
each sequence in a CUDA graph.

    bench_fcm_torch.py SHAPES OUTPUT.json [--layer WORD,...] [--batch N,...] [--dtype f32,f16]

f32 is strict (no tf32). Rows have the keys of the suite's, `impl` torch.cudnn.pair."""

import argparse
import json
import re
import statistics

REPEATS, REPLAYS = 20, 9


def read_cases(text):
    """[{name, c, h, w, stages: [(kind, size, stride)], marks}] of bench/shapes/fcm.txt."""
    cases = []
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        head, *parts = [part.strip() for part in line.split("|")]
        name, *sizes = head.split()
        case = {"name": name, "stages": [], "marks": []}
        case |= {size[0]: int(size[1:]) for size in sizes}
        for part in parts:
            words = part.split()
            if words[0] == "marks":
                case["marks"] = words[1:]
            elif match := re.fullmatch(r"(dw|pw)(\d+)", words[0]):
                strides = [int(word[6:]) for word in words if re.fullmatch(r"stride\d+", word)]
                case["stages"].append((match[1], int(match[2]), (strides or [1])[0]))
            elif words[0] != "residual":
                raise ValueError(f"{name}: unknown part '{part}'")
        cases.append(case)
    return cases


def module_of(case):
    return "".join(kind for kind, _, _ in case["stages"])


def named(case, word):
    return (word in (case["name"], module_of(case), case["name"].split("_")[0])
            or word in case["marks"])


def selected(cases, words):
    """Those that a word names by name, module, mark or model; all without words."""
    for word in words:
        if not any(named(case, word) for case in cases):
            raise SystemExit(f"no pair is called '{word}', by name, module, model or mark")
    return [case for case in cases if not words or any(named(case, word) for word in words)]


def measure(torch, case, batch, dtype, channels_last):
    """Microseconds of the convolutions one after the other."""
    functional = torch.nn.functional
    layout = torch.channels_last if channels_last else torch.contiguous_format
    real = torch.float16 if dtype == "f16" else torch.float32

    def tensor(*shape):
        return (torch.rand(*shape, device="cuda") - 0.5).to(real).contiguous(memory_format=layout)

    channels, weights = case["c"], []
    for kind, size, _ in case["stages"]:
        weights.append(tensor(channels, 1, size, size) if kind == "dw" else
                       tensor(size, channels, 1, 1))
        channels = channels if kind == "dw" else size
    x = tensor(batch, case["c"], case["h"], case["w"])

    def run():
        y = x
        for (kind, size, stride), w in zip(case["stages"], weights):
            depthwise = kind == "dw"
            y = functional.conv2d(y, w, None, stride, size // 2 if depthwise else 0,
                                  groups=w.shape[0] if depthwise else 1)
        return y

    with torch.no_grad():
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                run()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(REPEATS):
                run()
        times = []
        for _ in range(REPLAYS + 2):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end) * 1000 / REPEATS)
    return statistics.median(times[2:])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes")
    parser.add_argument("output")
    parser.add_argument("--layer", default="", type=lambda text: [w for w in text.split(",") if w])
    parser.add_argument("--batch", default=[1, 32], type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--dtype", default=["f32", "f16"], type=lambda text: text.split(","))
    options = parser.parse_args()
    if unknown := set(options.dtype) - {"f32", "f16"}:
        parser.error(f"measures f32 and f16, not {', '.join(sorted(unknown))}")
    import torch

    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 0  # every engine, not the first ten
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    with open(options.shapes, encoding="utf-8") as file:
        cases = selected(read_cases(file.read()), options.layer)
    rows = []
    for case in cases:
        for batch in options.batch:
            for dtype in options.dtype:
                for channels_last in (False, True):
                    us = measure(torch, case, batch, dtype, channels_last)
                    rows.append({"suite": "fcm", "layer": case["name"], "impl": "torch.cudnn.pair",
                                 "module": module_of(case), "marks": case["marks"],
                                 "device": "cuda", "device_name": torch.cuda.get_device_name(),
                                 "dtype": dtype, "layout": "nhwc" if channels_last else "nchw",
                                 "batch": batch, "us": us, "ms": us / 1000,
                                 "torch": torch.__version__,
                                 "cudnn": torch.backends.cudnn.version()})
                    print(f"{case['name']:32} n{batch:<3} {dtype} {rows[-1]['layout']} {us:9.2f} us",
                          flush=True)
        # After each, so that an end in time leaves what there is.
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
