"""convoy tune: what it measures, where it keeps it, how it is stopped, and that plans use it."""

import json
import re
import signal
import subprocess
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import BIN

BLOCK = ("n1 c16 h28 w28 k64 r1 s1 | n1 c64 h28 w28 k64 r3 s3 pad1 groups64 | "
         "n1 c64 h28 w28 k16 r1 s1")


@pytest.fixture
def block_model(tmp_path):
    """x (1 x 16 x 28 x 28) -> expand, depthwise, project, each with bias and ReLU -> y."""
    random = np.random.default_rng(5)
    nodes, constants, value = [], [], "x"
    for i, (shape, groups, pad) in enumerate([((64, 16, 1, 1), 1, 0), ((64, 1, 3, 3), 64, 1),
                                              ((16, 64, 1, 1), 1, 0)]):
        for name, extents in ((f"w{i}", shape), (f"b{i}", shape[:1])):
            array = random.standard_normal(extents).astype(np.float32)
            constants.append(numpy_helper.from_array(array, name))
        nodes += [helper.make_node("Conv", [value, f"w{i}", f"b{i}"], [f"c{i}"], name=f"conv{i}",
                                   pads=[pad] * 4, group=groups),
                  helper.make_node("Relu", [f"c{i}"], [f"r{i}"])]
        value = f"r{i}"
    graph = helper.make_graph(
        nodes, "block", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 28, 28])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, 16, 28, 28])], constants)
    path = tmp_path / "block.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def tuned(convoy, *arguments):
    result = convoy("tune", *arguments, "--each", "0.005", "--json", "-")
    assert result.status == 0, result.err
    return json.loads(result.out)


def test_every_convolution_and_group_is_measured_once_and_kept(convoy, cache):
    first = tuned(convoy, BLOCK)
    # pw, dw, pw; pwdw, dwpw; pwdwpw
    assert (first["measured"], first["known"], first["left"]) == (6, 0, 0)
    assert first["file"] == str(cache / "tuning.txt")
    for problem in first["problems"]:
        times = [way["us"] for way in problem["ways"]]
        assert times == sorted(times) and times[0] > 0
    again = tuned(convoy, BLOCK)
    assert (again["measured"], again["known"]) == (0, 6)
    assert again["problems"] == first["problems"]
    assert tuned(convoy, BLOCK, "--restart")["measured"] == 6
    assert first["tuned_ms"] <= first["untuned_ms"] * (1 + 1e-9)


def test_a_dry_run_measures_nothing(convoy, cache):
    result = convoy("tune", BLOCK, "--dry-run")
    assert result.status == 0
    assert "6, of which 6 are to be measured" in result.out
    assert not (cache / "tuning.txt").exists()


def test_a_plan_takes_what_was_measured_unless_told_not_to(convoy, cache, block_model):
    tuned(convoy, block_model)
    steps = json.loads(convoy("plan", block_model, "--json", "-").out)["steps"]
    assert any(step["measured"] for step in steps)
    untuned = json.loads(convoy("plan", block_model, "--no-tuned", "--json", "-").out)["steps"]
    assert not any(step["measured"] for step in untuned)
    # Whatever has the least time in the file wins: here the slowest way of the whole block.
    file = cache / "tuning.txt"
    blocks = re.findall(r"problem .*?\ncheck .*?\n", file.read_text(), flags=re.S)
    whole = next(block for block in blocks if block.count("|") == 2)
    slowest = whole.splitlines()[-2].split("us, ")[-1].split(" ", 1)
    lines = whole.splitlines()[:3] + [f"       0.010 us, estimated        1.000 us, {' '.join(slowest)}"]
    text = "\n".join(lines) + "\n"
    check = 2166136261 + 1  # FNV-1a, as the table's text has it
    for byte in text.encode():
        check = (check ^ byte) * 16777619 % 2**32
    mine = cache / "mine.txt"
    mine.write_text(f"convoy tuning 1\n\n{text}check {check:08x}\n")
    planned = convoy("plan", block_model, "--db", mine, "--json", "-")
    assert planned.err == ""
    steps = json.loads(planned.out)["steps"]
    measured = [step for step in steps if step["measured"]]
    assert [[step["kernel"], step["tile"]] for step in measured] == [slowest]
    result = convoy("run", block_model, "--db", mine, "--verify")
    assert result.status == 0, result.err


def test_foreign_and_damaged_files_are_told_of_and_left_out(convoy, tmp_path, small_model):
    db = tmp_path / "db"
    db.write_text("a letter to my aunt\n")
    result = convoy("plan", small_model, "--db", db)
    assert result.status == 0
    assert result.err.count("\n") == 1 and "no table of times" in result.err
    result = convoy("tune", small_model, "--db", db)
    assert result.status == 1 and "not written over" in result.err
    assert db.read_text() == "a letter to my aunt\n"
    db.write_text("convoy tuning 9\n")
    assert "version 9, expected 1" in convoy("plan", small_model, "--db", db).err
    assert convoy("tune", small_model, "--db", db, "--each", "0").status == 0
    assert (tmp_path / "db.version-9").read_text() == "convoy tuning 9\n"
    damaged = bytearray(db.read_bytes())
    damaged[damaged.index(b"problem ") + 9] ^= 1
    db.write_bytes(damaged)
    result = convoy("run", small_model, "--db", db)
    assert result.status == 0 and "damaged" in result.err


@pytest.mark.parametrize("which, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_tuning_goes_on_where_it_was(convoy, cache, which, status):
    command = [str(BIN / "convoy"), "tune", BLOCK, "--each", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    file = cache / "tuning.txt"
    deadline = time.time() + 60
    while not (file.exists() and "\ncheck " in file.read_text()):
        assert time.time() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(which)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status
    left = int(re.search(r"interrupted, (\d+) of 6 problems are left", err).group(1))
    assert 1 <= left <= 5
    rest = tuned(convoy, BLOCK)
    assert (rest["measured"], rest["known"], rest["left"]) == (left, 6 - left, 0)
    assert "kept in" in out


def test_a_budget_ends_it_with_what_weighs_most_measured(convoy):
    spent = tuned(convoy, BLOCK, "--budget", "0.000001")
    assert (spent["measured"], spent["left"]) == (1, 5) or spent["left"] == 6
    assert tuned(convoy, BLOCK, "--budget", "60")["left"] == 0


def test_wrong_calls_are_told_from_failures(convoy, tmp_path, monkeypatch):
    assert convoy("tune").status == 2
    assert convoy("tune", "n1 c3 z8").status == 2
    mismatch = convoy("tune", "n1 c16 h8 w8 k32 r1 s1 | n1 c16 h8 w8 k32 r1 s1")
    assert mismatch.status == 2 and "convolution 2 reads 1x16x8x8" in mismatch.err
    assert convoy("tune", tmp_path / "none.onnx").status == 1
    monkeypatch.setenv("CONVOY_CACHE_DIR", "off")
    assert "give --db" in convoy("tune", BLOCK).err
    assert convoy("tune", BLOCK, "--db", tmp_path / "db", "--each", "0").status == 0


def test_without_a_gpu_the_reason_is_told(convoy, tmp_path, monkeypatch):
    nothing = tmp_path / "libcuda.so"
    nothing.touch()
    monkeypatch.setenv("CONVOY_LIBCUDA", str(nothing))
    result = convoy("tune", BLOCK, "--device", "cuda")
    assert result.status == 1 and "libcuda" in result.err


def test_calibrated_rates_are_kept_and_used(convoy, cache, block_model):
    result = convoy("tune", "--calibrate", "--json", "-")
    assert result.status == 0, result.err
    rates = json.loads(result.out)
    assert rates["file"] == str(cache / "cpu.profile")
    text = (cache / "cpu.profile").read_text()
    assert "measured: by convoy tune --calibrate" in text
    # As if the machine were a hundred times slower than any: estimates follow.
    estimate = lambda *more: sum(step["estimated_ms"] for step in json.loads(
        convoy("plan", block_model, *more, "--json", "-").out)["steps"])
    before = estimate()
    text = re.sub(r"(flops_core|l2_bandwidth_core|bandwidth) = [\d.e+]+ [GT]?(FLOP/s|B/s)",
                  lambda m: f"{m.group(1)} = 0.2 G{m.group(2)}", text)
    (cache / "cpu.profile").write_text(text)
    assert estimate() > 20 * before
    assert estimate("--no-tuned") < estimate()
    (cache / "cpu.profile").write_text(text.replace("flops_core", "flopscore"))
    result = convoy("plan", block_model)
    assert result.status == 0 and "rates are left out" in result.err
    assert convoy("tune", "--calibrate", "--device", "cuda").status == 2
