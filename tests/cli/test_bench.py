"""convoy-bench where a GPU, a peer or a file is missing: a reason, and status 1."""

import os
import subprocess

import pytest

from conftest import BIN


@pytest.fixture
def bench():
    program = BIN / "convoy-bench"
    if not program.exists():
        pytest.skip("convoy-bench was not built")

    def call(*arguments, environment=None):
        return subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True,
                              timeout=120, check=False, env=environment)
    return call


def refused(result, *words):
    assert result.returncode == 1, result.stderr
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr
    assert len(result.stderr.strip().split("\n")) == 1


@pytest.fixture
def no_driver(tmp_path):
    """Even where there is a driver: a file that is no library in its place."""
    nothing = tmp_path / "libcuda.so"
    nothing.touch()
    return {**os.environ, "CONVOY_LIBCUDA": str(nothing)}


@pytest.mark.parametrize("suite", ["im2win12", "tune", "fcm"])
def test_without_a_gpu_the_reason_is_told(bench, no_driver, tmp_path, suite):
    rows = tmp_path / "rows.json"
    refused(bench(suite, "--device", "cuda", "--json", rows, environment=no_driver), "libcuda")
    assert not rows.exists()


def test_unknown_peers_are_refused(bench):
    refused(bench("im2win12", "--device", "cuda", "--peers", "mkl"), "mkl", "cudnn and cublas")


def test_unknown_devices_are_refused(bench):
    refused(bench("im2win12", "--device", "tpu"), "tpu")


def test_missing_shapes_are_refused(bench, tmp_path):
    refused(bench("im2win12", "--shapes", tmp_path / "none.txt"), "none.txt")


def test_unknown_peers_types_and_names_of_fused_modules_are_refused(bench):
    refused(bench("fcm", "--layer", "mbv9"), "fcm.txt", "mbv9")
    refused(bench("fcm", "--device", "cuda", "--layer", "mbv9"), "fcm.txt", "mbv9")
    refused(bench("fcm", "--device", "cuda", "--peers", "mkl"), "mkl", "there is cudnn")
    refused(bench("fcm", "--device", "cuda", "--dtype", "f64"), "f64", "expected f32")


def test_what_fcm_takes_is_told(bench):
    result = bench("fcm", "--help")
    assert result.returncode == 0
    for word in ("--layer", "--dtype", "--energy", "--once", "--budget", "peers", "pwdwpw"):
        assert word in result.stdout
