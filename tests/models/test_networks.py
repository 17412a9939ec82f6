"""The networks that tools/models/build.py writes are the published ones, and Convoy computes them."""

import collections
import csv
import functools
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "build/models"
SCRIPT = ROOT / "tools/models/build.py"
sys.path.insert(0, str(SCRIPT.parent))
import build  # noqa: E402

# Learned parameters as published, or as the implementation that is named has them; running means
# and variances do not count.
PARAMETERS = {
    "mobilenet_v1": 4_231_976,  # Keras
    "mobilenet_v2": 3_504_872,  # torchvision
    "mobilenet_v3_large": 5_483_032,  # torchvision
    "xception": 22_855_952,  # Keras
    "proxylessnas_gpu": 7_119_848,  # the published weights
    "proxylessnas_mobile": 4_080_512,
    "resnet50": 25_557_032 - 26_560,  # torchvision; folding leaves one number of two per channel
    "ceit_tiny": 6.4e6,  # the paper's table, to its digits
    "cmt_tiny": 9.49e6,
}
ROUNDED = {"ceit_tiny": 0.05e6, "cmt_tiny": 0.005e6}
# Multiply-adds in millions, and the last digit of the figure that is published.
MULTIPLY_ADDS = {
    "mobilenet_v1": (569, 1), "mobilenet_v2": (300, 1), "mobilenet_v3_large": (217, 1),  # the last torchvision's
    "xception": (8_400, 100), "proxylessnas_gpu": (465, 1), "proxylessnas_mobile": (320, 1),
    "resnet50": (4_089, 1), "ceit_tiny": (1_200, 100), "cmt_tiny": (600, 100),
}


@functools.lru_cache(maxsize=2)
def network(name, resolution=None):
    return build.build(name, resolution=resolution)


def arrays(model):
    return {i.name: i for i in model.graph.initializer}


def test_every_network_is_tested():
    assert set(PARAMETERS) == set(build.NETWORKS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name):
    count = sum(int(np.prod(i.dims)) for i in arrays(network(name)).values()
                if i.data_type == onnx.TensorProto.FLOAT and i.dims
                and not i.name.endswith(("running_mean", "running_var")))
    assert abs(count - PARAMETERS[name]) <= ROUNDED.get(name, 0)


@functools.lru_cache(maxsize=2)
def shapes(name, resolution=None):
    model = network(name, resolution)
    inferred = onnx.shape_inference.infer_shapes(model).graph
    found = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
             for v in (*inferred.value_info, *inferred.input, *inferred.output)}
    return found | {name: list(array.dims) for name, array in arrays(model).items()}


@pytest.mark.parametrize("name", PARAMETERS)
def test_multiply_adds(name):
    """Of what has weights, as the figures are counted: not of the products of activations."""
    sizes, weights = shapes(name), arrays(network(name))
    count = 0
    for node in network(name).graph.node:
        if node.op_type in ("Conv", "MatMul", "Gemm") and node.input[1] in weights:
            shape = sizes[node.input[1]]
            sums = np.prod(shape[1:]) if node.op_type == "Conv" else sizes[node.input[0]][-1]
            count += int(np.prod(sizes[node.output[0]]) * sums)
    published, digit = MULTIPLY_ADDS[name]
    assert abs(count / 1e6 - published) < digit


Layer = collections.namedtuple("Layer", "kind stride inputs outputs height filter")


def layers(name, resolution=None):
    """What the convolutions are, in order, told from their shapes."""
    sizes, found = shapes(name, resolution), []
    for node in (n for n in network(name, resolution).graph.node if n.op_type == "Conv"):
        before, weight, after = (sizes[v] for v in (*node.input[:2], node.output[0]))
        kind = "depthwise" if weight[1] == 1 else "pointwise" if weight[2] == 1 else "standard"
        found.append(Layer(kind, round(before[2] / after[2]), before[1], after[1], after[2], weight[2]))
    return found


def paper_layers(name):
    with open(ROOT / "tests/data/fcm_paper/layers.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["model"] == name and row["type"] in ("standard", "depthwise", "pointwise"):
                sizes = {k: int(row[k]) for k in ("c_in", "h_in", "c_out", "h_out", "filter")}
                yield Layer(row["type"], round(sizes["h_in"] / sizes["h_out"]), sizes["c_in"], sizes["c_out"],
                            sizes["h_out"], sizes["filter"])


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "xception"])
def test_layers_are_the_paper_s(name):
    expected = collections.Counter(paper_layers(name))
    assert expected and collections.Counter(layers(name, 224)) == expected


def test_proxylessnas_is_the_paper_s():
    """But for what the paper changed: 3 x 3 filters, a stem of 32 and a last layer of 1280 channels."""
    changed = {40: 32, 1728: 1280}
    ours = [x._replace(inputs=changed.get(x.inputs, x.inputs), outputs=changed.get(x.outputs, x.outputs),
                       filter=min(x.filter, 3)) for x in layers("proxylessnas_gpu")]
    assert ours == list(paper_layers("proxylessnas"))


SUITE = {"mbv1": ("mobilenet_v1", 224), "mbv2": ("mobilenet_v2", 224), "xcep": ("xception", 299),
         "proxg": ("proxylessnas_gpu", 224), "proxm": ("proxylessnas_mobile", 224),
         "ceit": ("ceit_tiny", 224), "cmt": ("cmt_tiny", 224)}


def suite_cases(model):
    """(name, its convolutions) of the pairs and blocks of bench/shapes/fcm.txt, but for those that are
    there because others measured them."""
    for line in (ROOT / "bench/shapes/fcm.txt").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if not name.startswith(model + "_") or "peers" in line:
            continue
        first, *stages = rest.split("|")
        channels, height = (int(word[1:]) for word in first.split()[:2])
        found = []
        for kind, size, options in (re.match(r" (dw|pw)(\d+)(.*)", stage).groups()
                                    for stage in stages if re.match(" dw| pw", stage)):
            stride = int((re.search(r"stride(\d+)", options) or [0, 1])[1])
            height = -(-height // stride)
            before, channels = channels, channels if kind == "dw" else int(size)
            found.append(Layer("depthwise" if kind == "dw" else "pointwise", stride, before, channels, height,
                               int(size) if kind == "dw" else 1))
        yield name, found


@pytest.mark.parametrize("model", SUITE)
def test_the_suite_of_fused_modules_comes_from_them(model):
    ours = layers(*SUITE[model])
    cases = list(suite_cases(model))
    missing = [name for name, wanted in cases
               if not any(ours[i:i + len(wanted)] == wanted for i in range(len(ours)))]
    assert cases and not missing


@pytest.mark.parametrize("name", PARAMETERS)
def test_equals_onnxruntime(name):
    """To 1e-5 of the largest output, and the same five best classes."""
    if not (MODELS / f"{name}.onnx").exists():
        pytest.skip("the models are made by ./check")
    photo = ["--input", MODELS / "cat.png", "--mean", "124,116,104", "--std", "58,57,57"]
    result = subprocess.run(
        [sys.executable, ROOT / "tools/compare_onnxruntime.py", MODELS / f"{name}.onnx", "--rounds", "0",
         "--rtol", "1e-5", "--", *photo],
        capture_output=True, text=True, check=False, env=os.environ)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", PARAMETERS)
def test_activations_stay_in_range(name):
    """No value of the network is far from one, or the comparison above would compare nothing."""
    model = build.build(name, resolution=128)  # small, for speed
    kept = [n.output[0] for n in model.graph.node
            if n.op_type in ("Conv", "MatMul", "Gemm", "Clip", "Relu") or n.output[0].endswith("/sum")]
    result = model.graph.output[0].name
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(v) for v in kept if v != result)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = session.get_inputs()[0]
    pixels = np.random.default_rng(1).standard_normal(image.shape, np.float32)
    for value, array in zip(session.get_outputs(), session.run(None, {image.name: pixels})):
        size = float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
        assert np.isfinite(array).all() and (value.name == result or 0.05 < size < 50), f"{value.name}: {size}"


def run_script(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_the_same_seed_gives_the_same_file(tmp_path):
    for folder, seed in (("a", 3), ("b", 3), ("c", 4)):
        answer = run_script("proxylessnas_mobile", "--output", tmp_path / folder, "--seed", seed)
        assert answer.returncode == 0, answer.stderr
    a, b, c = ((tmp_path / f / "proxylessnas_mobile.onnx").read_bytes() for f in "abc")
    assert a == b != c


@pytest.mark.parametrize("name", ["mobilenet_v2", "ceit_tiny", "cmt_tiny"])
def test_every_image_of_a_batch_is_answered(name):
    """Two images at once give what each gives alone."""
    one, two = (build.build(name, batch=n, resolution=96).SerializeToString() for n in (1, 2))
    one, two = (onnxruntime.InferenceSession(m, providers=["CPUExecutionProvider"]) for m in (one, two))
    images = np.random.default_rng(1).standard_normal((2, 3, 96, 96), np.float32)
    together = two.run(None, {"image": images})[0]
    alone = np.concatenate([one.run(None, {"image": images[i:i + 1]})[0] for i in range(2)])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert not np.allclose(alone[0], alone[1], atol=1e-2)


@pytest.mark.parametrize("arguments,words", [
    (["mobilenet_v9", "--output", "."], ["mobilenet_v9", "mobilenet_v2"]),
    (["cmt_tiny", "--output", ".", "--resolution", "100"], ["cmt_tiny", "multiple of 32", "100"]),
    (["xception", "--output", ".", "--resolution", "64"], ["xception", "71", "64"]),
    (["mobilenet_v2", "--output", ".", "--batch", "0"], ["batch", "0"]),
    (["mobilenet_v2", "--output", ".", "--seed", "-1"], ["seed", "-1"]),
    (["mobilenet_v2"], ["--output"]),
])
def test_wrong_calls_are_refused(arguments, words, tmp_path):
    answer = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False,
                            cwd=tmp_path)
    assert answer.returncode != 0 and not answer.stdout
    assert all(w in answer.stderr for w in words) and "Traceback" not in answer.stderr, answer.stderr
    assert not list(tmp_path.iterdir())
