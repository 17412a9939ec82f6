#!/usr/bin/env python3
"""One model and one input through Convoy and through onnxruntime: outputs, classes and times.

Both get the tensor that Convoy made from the input, the same number of threads, and take turns, so
that a busy machine slows both alike. Times are medians over all turns.

    compare_onnxruntime.py MODEL [--labels FILE] [--threads N] [--rounds N] [--json FILE] -- CONVOY-OPTIONS
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent


def convoy(*arguments):
    command = [str(ROOT / "build/release/bin/convoy"), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(result.stderr.strip() or f"convoy failed with status {result.returncode}")
    return json.loads(result.stdout)


def make_session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def time_session(session, feeds, seconds):
    samples = []
    for _ in range(3):
        session.run(None, feeds)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 5:
        start = time.perf_counter()
        session.run(None, feeds)
        samples.append((time.perf_counter() - start) * 1e3)
    return samples


def top(scores, count=5):
    p = np.exp(scores - scores.max())
    p /= p.sum()
    return [(int(i), float(p[i])) for i in np.argsort(-scores, kind="stable")[:count]]


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    extra = sys.argv[split + 1:]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--labels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.5, help="per round and engine")
    parser.add_argument("--rtol", type=float, default=1e-4)
    parser.add_argument("--json")
    arguments = parser.parse_args(sys.argv[1:split])
    common = [arguments.model, "--threads", arguments.threads, "--json", "-", *extra]

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        answer = convoy("run", *common, "--save-inputs", folder / "in", "--output", folder / "out")
        session = make_session(arguments.model, arguments.threads)
        def read(kind, name):
            clean = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "_" for c in name)
            return np.load(folder / kind / f"{clean}.npy")
        feeds = {i.name: read("in", i.name) for i in session.get_inputs()}
        ours = [read("out", o["name"]) for o in answer["outputs"]]
    theirs = session.run(None, feeds)

    report = {"model": pathlib.Path(arguments.model).name, "threads": arguments.threads,
              "arena_bytes": answer["plan"]["arena_bytes"], "kernels": answer["plan"]["kernels"],
              "passes": answer["plan"]["passes"], "first_answer_ms": answer["first_answer_ms"]}
    differences = [float(np.abs(a - b).max()) for a, b in zip(ours, theirs)]
    relative = [d / max(float(np.abs(b).max()), 1e-30) for d, b in zip(differences, theirs)]
    report["largest_difference"], report["relative_difference"] = max(differences), max(relative)
    equal = report["relative_difference"] <= arguments.rtol

    scores = theirs[0]
    classifies = scores.ndim == 2 and scores.shape[1] > 1
    if classifies:
        labels = pathlib.Path(arguments.labels).read_text().split("\n") if arguments.labels else None
        best_ours, best_theirs = top(ours[0][0]), top(scores[0])
        report["top"] = [{"index": i, "probability": p, "label": labels[i] if labels else ""}
                         for i, p in best_ours]
        report["same_classes"] = [i for i, _ in best_ours] == [i for i, _ in best_theirs]
        equal &= report["same_classes"]

    ours_ms, theirs_ms = [], []
    for _ in range(arguments.rounds):
        row = convoy("bench", *common, "--warmup", "50", "--duration", arguments.seconds)[0]
        ours_ms.append(row["ms"])
        theirs_ms.append(statistics.median(time_session(session, feeds, arguments.seconds)))
    if arguments.rounds:
        report["convoy_ms"], report["onnxruntime_ms"] = map(statistics.median, (ours_ms, theirs_ms))
        report["ratio"] = statistics.median(a / b for a, b in zip(ours_ms, theirs_ms))

    for guess in report.get("top", []):
        print(f"  {guess['probability'] * 100:6.2f} %  {guess['index']:4d}  {guess['label']}")
    print(f"plan         {report['kernels']}")
    print(f"rewritten    {report['passes']}")
    print(f"memory       {report['arena_bytes'] / 2**20:.2f} MiB of activations at peak")
    if arguments.rounds:
        print(f"convoy       {report['convoy_ms']:.2f} ms an image (median), {arguments.threads} threads")
        print(f"onnxruntime  {report['onnxruntime_ms']:.2f} ms an image (median); "
              f"convoy takes {report['ratio']:.2f} of its time")
    print(f"compared     largest difference {report['largest_difference']:.3g} "
          f"({report['relative_difference']:.2g} of the largest value)"
          + (", same top 5" if report.get("same_classes") else
             ", DIFFERENT top 5" if classifies else ""))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=2) + "\n")
    if not equal:
        sys.exit("the outputs differ by more than the tolerance")


if __name__ == "__main__":
    main()
