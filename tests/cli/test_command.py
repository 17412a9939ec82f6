"""The convoy command as a user meets it: answers, exit statuses, and clear refusals."""

import json
import re
import signal
import subprocess
import time

import numpy as np
import onnxruntime
import pytest

from conftest import BIN


def refused(result, status, *words):
    assert result.status == status, result.err
    assert result.out == ""
    for word in words:
        assert word in result.err
    assert len(result.err.strip().split("\n")) <= 3


def test_help_and_version(convoy):
    assert "SUBCOMMAND" in convoy("--help").out
    assert convoy("--version").out.startswith("convoy ")
    for command in ("run", "bench", "profile", "plan", "info"):
        result = convoy(command, "--help")
        assert result.status == 0 and "--json" in result.out


def test_wrong_calls_exit_with_2(convoy, small_model):
    assert convoy().status == 2
    assert convoy("fly").status == 2
    assert convoy("run").status == 2
    assert convoy("run", small_model, "--threads", "many").status == 2
    refused(convoy("run", small_model, "--device", "tpu"), 2, "tpu")
    refused(convoy("run", small_model, "--shape", "x"), 2, "NAME:")
    refused(convoy("run", small_model, "--shape", "x:1xtwo"), 2, "1xtwo")
    refused(convoy("bench", "n1 c3 h4 w4 k2 r3 s3 stride0"), 2, "stride", "0")
    refused(convoy("bench"), 2, "model")
    refused(convoy("bench", "n1 c3 h4 w4 k2 r3 s3", "--device", "foo"), 2, "'foo'", "cuda:N")
    refused(convoy("bench", "n1 c3 h4 w4 k2 r3 s3", "--device", "cuda:x"), 2, "'cuda:x'")
    for command in ("run", "bench", "profile"):
        refused(convoy(command, small_model, "--device", "cuda"), 2, "whole models run on the cpu")
    refused(convoy("plan", small_model, "--profile", "h200", "--device", "cuda"), 2, "two devices")
    refused(convoy("plan", small_model, "--precision", "f16"), 2, "the cpu has f32 alone")
    refused(convoy("plan", small_model, "--profile", "h200", "--precision", "f8"), 2, "f32, f16, bf16 or s8")


def test_plans_for_devices_that_are_not_there(convoy, small_model, block_model):
    for precision in ("f32", "f16", "s8"):
        result = convoy("plan", block_model, "--profile", "h200", "--precision", precision)
        assert result.status == 0 and f".cuda.{precision}" in result.out, result.err
    refused(convoy("plan", small_model, "--profile", "h2000"), 1, "h200")
    assert convoy("plan", small_model, "--profile", "gtx-1660", "--cost-model", "paper").status == 0
    refused(convoy("plan", small_model, "--cost-model", "paper"), 1, "of GPUs")


def test_missing_and_wrong_files_exit_with_1(convoy, small_model, tmp_path):
    refused(convoy("run", tmp_path / "none.onnx"), 1, "none.onnx")
    refused(convoy("run", tmp_path), 1, str(tmp_path))
    empty = tmp_path / "empty.onnx"
    empty.touch()
    refused(convoy("run", empty), 1, "empty")
    text = tmp_path / "text.onnx"
    text.write_text("this is no model\n" * 50)
    refused(convoy("run", text), 1)
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(small_model.read_bytes()[:-100])
    refused(convoy("run", cut), 1)
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff" + b"\0" * 100)
    refused(convoy("run", small_model, "--input", bad), 1, "bad.jpg")
    refused(convoy("run", small_model, "--input", tmp_path / "none.npy"), 1, "none.npy")
    refused(convoy("run", small_model, "--input", text), 1, "text.onnx")


def test_a_huge_file_is_refused_without_reading_it(convoy, tmp_path):
    huge = tmp_path / "huge.onnx"
    with open(huge, "wb") as file:
        file.truncate(3 << 30)
    start = time.monotonic()
    refused(convoy("run", huge), 1, "huge.onnx")
    assert time.monotonic() - start < 5


def test_unknown_names_are_refused_with_what_exists(convoy, small_model):
    refused(convoy("run", small_model, "--shape", "z:1x3x8x8"), 1, "'z'", "'x'")
    refused(convoy("run", small_model, "--force", "conv=warp.cpu.f32"), 1, "warp")
    refused(convoy("run", small_model, "--disable-pass", "nothing"), 1, "nothing")
    refused(convoy("run", small_model, "--ref", "q=/dev/null"), 2, "'q'")


def test_run_matches_onnxruntime(convoy, small_model, tmp_path):
    x = np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    result = convoy("run", small_model, "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path,
                    "--json", "-", "--verify")
    assert result.status == 0, result.err
    expected = onnxruntime.InferenceSession(str(small_model)).run(None, {"x": x})[0]
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-4, atol=1e-6)
    answer = json.loads(result.out)
    assert answer["outputs"][0]["shape"] == [2, 4]
    assert answer["differences"][0]["ok"]


def test_a_different_reference_fails(convoy, small_model, tmp_path):
    np.save(tmp_path / "y.npy", np.full((1, 4), 1e6, np.float32))
    result = convoy("run", small_model, "--ref", tmp_path / "y.npy")
    assert result.status == 1 and "TOO LARGE" in result.err


def test_wrong_shape_or_type_of_an_input_is_named(convoy, small_model, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 4, 8, 8), np.float32))
    refused(convoy("run", small_model, "--input", tmp_path / "x.npy"), 1, "1x4x8x8")
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 8, 8), np.float64))
    refused(convoy("run", small_model, "--input", tmp_path / "x.npy"), 1, "f64", "f32")


def test_batch_threads_and_force(convoy, small_model):
    plan = json.loads(convoy("plan", small_model, "--batch", 3, "--json", "-").out)
    assert any(o["shape"][0] == 3 for s in plan["steps"] for o in s["outputs"])
    forced = json.loads(convoy("plan", small_model, "--force", "conv=direct.cpu.f32", "--json", "-").out)
    assert forced["steps"][0]["kernel"] == "conv.direct.cpu.f32" or any(
        s["kernel"] == "conv.direct.cpu.f32" for s in forced["steps"])


def test_a_memory_budget_is_kept_or_refused(convoy, block_model):
    def plan(*arguments):
        return json.loads(convoy("plan", block_model, "--no-fuse", "--json", "-", *arguments).out)
    whole = plan()
    budget = int(0.7 * whole["arena_bytes"])
    small = plan("--memory-budget", budget)
    assert small["arena_bytes"] <= budget and small["strips"][0]["strips"] > 1 and not whole["strips"]
    assert small["caller_bytes"] == whole["caller_bytes"] > 0
    result = convoy("run", block_model, "--no-fuse", "--memory-budget", budget, "--verify")
    assert result.status == 0 and "strips" in convoy("plan", block_model, "--no-fuse", "--memory-budget", budget).out
    bench = convoy("bench", block_model, "--no-fuse", "--memory-budget", budget, "--duration", 0, "--warmup", 0)
    assert "the budget costs" in bench.out
    refused(convoy("plan", block_model, "--memory-budget", "2k"), 1, "node '", "memory budget of 2048")
    for text in ("0", "-1M", "2X", "M", "nan", "inf", "1e300", "2 M", "0x10"):
        refused(convoy("plan", block_model, f"--memory-budget={text}"), 2, "size")


def test_fusion_and_its_objective_are_options(convoy, block_model):
    def kernels(*options):
        answer = json.loads(convoy("plan", block_model, *options, "--json", "-").out)
        return [step["kernel"] for step in answer["steps"]]

    assert any(kernel.startswith("fused.") for kernel in kernels("--objective", "bytes"))
    assert not any(kernel.startswith("fused.") for kernel in kernels("--objective", "bytes", "--no-fuse"))
    assert convoy("run", block_model, "--objective", "memory", "--verify").status == 0
    assert convoy("bench", block_model, "--no-fuse", "--duration", 0, "--warmup", 0).status == 0
    refused(convoy("plan", block_model, "--objective", "beauty"), 2, "--objective", "beauty")


def test_profile_lists_every_step(convoy, small_model, tmp_path):
    trace = tmp_path / "trace.json"
    result = convoy("profile", small_model, "--json", "-", "--duration", 0.05, "--trace", trace)
    steps = json.loads(result.out)["steps"]
    assert steps and all(s["ms"] >= 0 for s in steps)
    assert len(json.loads(trace.read_text())["traceEvents"]) == len(steps)


def test_bench_measures_a_convolution_with_every_kernel(convoy):
    rows = json.loads(convoy("bench", "n1 c8 h9 w9 k8 r3 s3 pad1", "--duration", 0.01, "--warmup", 0,
                             "--iterations", 2, "--json", "-").out)
    ran = [r["impl"] for r in rows if "ms" in r]
    assert "conv.reference" in ran and "conv.im2win.cpu.f32" in ran
    assert all(r["ms"] > 0 for r in rows if "ms" in r)
    assert all(r["declined"] for r in rows if "ms" not in r)
    assert not any(".cuda." in r["impl"] for r in rows)


@pytest.mark.parametrize("problem", ["n2 c8 h9 w9 k8 r3 s3 pad1", 'mb2_ic8ih9oc8oh9kh3ph1n"x"'])
def test_bench_measures_a_convolution_on_a_gpu(convoy, problem):
    result = convoy("bench", problem, "--device", "cuda", "--duration", 0.01, "--warmup", 0,
                    "--iterations", 20, "--layout", "nchw", "--json", "-")
    if result.status != 0:  # the reason there is no GPU, or none of that number
        refused(result, 1, "device:")
        assert re.search("libcuda|GPU", result.err)
        refused(convoy("bench", problem, "--device", "cuda:99"), 1, "device:")
        pytest.skip(result.err.strip())
    rows = json.loads(result.out)
    assert all(".cuda." in r["impl"] for r in rows)
    ran = [r for r in rows if "ms" in r]
    assert ran and all(r["ms"] > 0 and r["device"] == "cuda" and r["device_name"] for r in ran)
    refused(convoy("bench", problem, "--device", "cuda:99"), 1, "99")
    declined = json.loads(convoy("bench", problem, "--device", "cuda", "--dtype", "f64", "--json", "-").out)
    assert declined and all("f32" in r["declined"] for r in declined)


def test_info(convoy, small_model):
    kernels = convoy("info", "--kernels").out.split()
    assert "conv.im2win.cpu.f32" in kernels and kernels.count("conv.reference") == 1
    assert "cpu" in convoy("info").out
    device = json.loads(convoy("info", "--json", "-").out)["device"]
    assert device["gpus"] or device["no_gpu"]
    assert device["compiler"] or device["no_compiler"]
    model = json.loads(convoy("info", small_model, "--json", "-").out)["model"]
    assert model["inputs"][0]["shape"] == "batchx3x8x8"
    assert model["computes"] == {"shapes": ["Nx4"], "symbol": "batch"}


def test_info_profiles(convoy, tmp_path):
    shown = convoy("info", "--profiles").out
    listed = json.loads(convoy("info", "--profiles", "--json", "-").out)["profiles"]
    assert len(listed) == len(shown.splitlines()) >= 11
    h200 = next(profile for profile in listed if profile["profile"] == "h200")
    assert h200["kind"] == "cuda" and h200["cores"] == 132
    saved = tmp_path / "here.profile"
    convoy("info", "--save-profile", saved)
    assert "kind = cpu" in saved.read_text()
    refused(convoy("info", "--save-profile", tmp_path / "no" / "x"), 1, "cannot write")


def test_info_shows_the_kernel_cache(convoy, tmp_path, monkeypatch):
    folder = tmp_path / "kernels"
    monkeypatch.setenv("CONVOY_CACHE_DIR", str(folder))
    monkeypatch.setenv("CONVOY_CACHE_SIZE", "3M")
    folder.mkdir()
    (folder / "a.kernel").write_bytes(bytes(2048))
    cache = json.loads(convoy("info", "--json", "-").out)["device"]["kernel_cache"]
    assert cache == {"folder": str(folder), "entries": 1, "bytes": 2048, "limit_bytes": 3 << 20}
    assert f"{folder}: 1 kernel, 2.00 KiB of 3.00 MiB" in convoy("info").out
    monkeypatch.setenv("CONVOY_CACHE_SIZE", "3 apples")
    wrong = convoy("info")
    assert wrong.status == 1 and "CONVOY_CACHE_SIZE is '3 apples'" in wrong.err
    monkeypatch.delenv("CONVOY_CACHE_SIZE")
    monkeypatch.setenv("CONVOY_CACHE_DIR", "off")
    assert "off" in json.loads(convoy("info", "--json", "-").out)["device"]["kernel_cache"]
    assert "switched off by CONVOY_CACHE_DIR" in convoy("info").out


def test_calibrate_measures_or_says_why_not(convoy):
    device = json.loads(convoy("info", "--json", "-").out)["device"]
    result = convoy("info", "--calibrate", "--json", "-")
    if not device["gpus"]:
        refused(result, 1, "no GPU to calibrate", device["no_gpu"])
        return
    for gpu in json.loads(result.out)["device"]["gpus"]:
        measured = gpu["measured"]
        assert 0.3 < measured["bytes_per_second"] / gpu["bytes_per_second"] < 1.1
        assert 0.3 < measured["flops_per_second"] / gpu["flops_per_second"] < 1.1
        assert 0 < measured["launch_seconds"] < measured["round_trip_seconds"] < 1e-3


def test_interrupt_ends_the_command(small_model):
    process = subprocess.Popen([BIN / "convoy", "bench", small_model, "--duration", "60"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=5) != 0


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_photograph_is_read_whatever_its_name(convoy, small_model, tmp_path, suffix):
    photo = BIN.parents[1] / "models/coffee.png"
    if not photo.exists():
        pytest.skip("the photographs are made by ./check")
    renamed = tmp_path / f"photo.{suffix}"
    renamed.write_bytes(photo.read_bytes())
    assert convoy("run", small_model, "--input", renamed).status == 0
