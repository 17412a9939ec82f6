"""The figures of the im2win papers, drawn from recorded rows."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "docs" / "performance" / "data"
ROWS = DATA / "cuda_im2win12_h200_2026-11-21.json"
ABLATION = DATA / "cuda_im2win_ablation_h200_2026-11-21.json"


def plot(*arguments):
    return subprocess.run([sys.executable, ROOT / "tools" / "plot_im2win.py", *arguments],
                          capture_output=True, text=True, timeout=120)


def test_figures_show_every_layer_and_algorithm(tmp_path):
    done = plot(ROWS, ABLATION, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("tflops", "memory", "ablation"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        text = (tmp_path / f"{name}.svg").read_text()
        for layer in range(1, 13):
            assert f">conv{layer}<" in text, (name, layer)
    assert ">implicit im2win<" in (tmp_path / "tflops.svg").read_text()
    assert ">im2col + cuBLAS<" in (tmp_path / "memory.svg").read_text()
    assert ">+micro kernel<" in (tmp_path / "ablation.svg").read_text()


def test_refused_rows_have_no_bar_and_missing_batches_are_said(tmp_path):
    rows = [r for r in json.loads(ROWS.read_text()) if r["layer"] == "conv9" and r["batch"] == 16]
    assert any(r["ms"] is None for r in rows)  # cuDNN's direct algorithm is not implemented
    small = tmp_path / "rows.json"
    small.write_text(json.dumps(rows))
    assert plot(small, "--batch", "16", "--output", tmp_path).returncode == 0
    refused = plot(small, "--batch", "128", "--output", tmp_path)
    assert refused.returncode == 1 and "no rows of batch 128" in refused.stderr


def test_wrong_files_are_refused(tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    for path in (broken, tmp_path / "missing.json"):
        done = plot(path, "--output", tmp_path)
        assert done.returncode == 1 and done.stderr.startswith("plot_im2win.py: ")
