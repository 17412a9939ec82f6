"""What is said of the cost model's predictions."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "gpu" / "planner_report.py"
SPEC = importlib.util.spec_from_file_location("planner_report", TOOL)
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)


def tile(layer, predicted, measured, **more):
    return {"layer": layer, "dtype": "f16", "batch": 1, "predicted_us": predicted, "us": measured,
            **more}


def test_ranks_share_places_that_are_equal():
    assert tool.ranks([3, 1, 2, 1]) == [3, 0.5, 2, 0.5]


@pytest.mark.parametrize("ys, expected", [([1, 2, 3, 40], 1), ([9, 7, 5, 1], -1), ([1, 3, 2, 4], 0.8)])
def test_correlation_is_that_of_ranks(ys, expected):
    assert tool.correlation([1, 2, 3, 4], ys) == pytest.approx(expected)


def test_the_choice_is_judged_by_what_was_measured():
    rows = [tile("a", 5, 6), tile("a", 6, 4), tile("b", 5, 4.1), tile("b", 6, 4), tile("c", 1, 1),
            {"layer": "a", "dtype": "f16", "batch": 1, "us": None, "predicted_us": 1}]
    assert tool.choices(rows)["a", "f16", 1] == (1.5, 2)
    lines = list(tool.choice_lines(rows))
    # Where there is one tile there was no choice.
    assert "1 of 2 within 10 %" in lines[0] and "at most 1.50x" in lines[0]


def test_bytes_are_those_of_l2_at_batch_1_and_of_memory_beyond_it():
    counted = {"kernels": 1, "l2_read_bytes": 80, "l2_write_bytes": 20, "dram_read_bytes": 150,
               "dram_write_bytes": 50, "predicted_l2_bytes": 110, "predicted_dram_bytes": 240}
    small = tile("a", 1, 1, exceeds_l2=False, **counted)
    large = {**small, "batch": 32, "exceeds_l2": True}
    resident = {**small, "batch": 32}
    found = [ratio for _, ratio in tool.byte_errors([small, large, resident, tile("b", 1, 1)])]
    assert found == pytest.approx([1.1, 1.2])
    assert any("DRAM batch 32" in line and "20.0 %" in line for line in tool.byte_lines([small, large]))


def test_kernels_of_the_cpu_are_judged_one_by_one():
    rows = [tile("a", 5, 10, device="cpu", impl="pw"), tile("b", 20, 10, device="cpu", impl="pw"),
            tile("a", 3, 4, device="cpu", impl="dw"), tile("a", 3, 4, device="cuda", impl="dw")]
    dw, pw = tool.kernel_lines(rows)
    assert "1 rows: mean error  25.0 %, predicted over measured 0.75" in dw
    assert "2 rows: mean error  75.0 %, predicted over measured 1.00" in pw


def test_bytes_of_the_cpu_are_judged_by_level():
    rows = [tile("a", 1, 1, bytes=100, counted_l2_bytes=200, predicted_l2_bytes=220),
            tile("b", 1, 1, bytes=100, counted_l2_bytes=10, predicted_l2_bytes=40), tile("c", 1, 1)]
    (line,) = tool.level_lines(rows)
    assert "2 tiles: mean absolute error  20.0 %, 1 beyond 25 %, worst 30 % (b)" in line


def test_the_command_reports_and_refuses(tmp_path):
    rows = tmp_path / "planner.json"
    rows.write_text(json.dumps([tile("a", 5, 6), tile("a", 6, 4)]))
    run = subprocess.run([sys.executable, TOOL, rows], capture_output=True, text=True, check=True)
    assert "rank correlation -1.000" in run.stdout
    assert subprocess.run([sys.executable, TOOL], capture_output=True, check=False).returncode != 0
