"""Real networks with real weights: Convoy's outputs beside onnxruntime's."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "build/models"
CLASSIFIER = ["--mean", "127", "--std", "128"]
DETECTOR = ["--shape", "x:1x3x736x736", "--fit", "stretch"]
CASES = [
    *[(f"efficientnet_lite{v}.onnx", photo, CLASSIFIER) for v in (0, 1, 2)
      for photo in ("cat.png", "coffee.png")],
    ("ppocrv4_det.onnx", "page.png", DETECTOR),
    ("ppocrv4_det.onnx", "page.png", ["--shape", "x:1x3x480x1120", "--fit", "stretch"]),
    ("ppocr_cls.onnx", "page.png", ["--shape", "x:1x3x48x192", "--fit", "stretch"]),
    ("ppocrv4_rec.onnx", "page.png", ["--shape", "x:1x3x48x320", "--fit", "stretch"]),
]


@pytest.mark.parametrize("model,photo,options", CASES)
def test_equals_onnxruntime(model, photo, options):
    if not (MODELS / model).exists():
        pytest.skip("the models are made by ./check")
    result = subprocess.run(
        [sys.executable, ROOT / "tools/compare_onnxruntime.py", MODELS / model, "--rounds", "0",
         "--rtol", "1e-4", "--", "--input", MODELS / photo, *options],
        capture_output=True, text=True, check=False, env=os.environ)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_cat_is_a_cat():
    if not (MODELS / "efficientnet_lite0.onnx").exists():
        pytest.skip("the models are made by ./check")
    result = subprocess.run(
        [ROOT / "build/release/bin/convoy", "run", MODELS / "efficientnet_lite0.onnx", "--input",
         MODELS / "cat.png", "--labels", MODELS / "imagenet_labels.txt", *CLASSIFIER],
        capture_output=True, text=True, check=True)
    first = next(line for line in result.stdout.split("\n") if " %" in line)
    assert "cat" in first.lower(), result.stdout
