"""Fused modules beside PyTorch's cuDNN: the shapes that are read, and what is compared."""

import importlib.util
import json
import math
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / "gpu" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bench, compare = load("bench_fcm_torch"), load("compare_fcm")


def test_every_shape_of_the_suite_is_read():
    cases = bench.read_cases((ROOT / "bench" / "shapes" / "fcm.txt").read_text())
    assert {bench.module_of(case) for case in cases} == {"dwpw", "pwdw", "pwpw", "pwdwpw"}
    first = cases[0]
    assert first["name"] == "mbv1_dwpw_32_112" and (first["c"], first["h"], first["w"]) == (32, 112, 112)
    assert first["stages"] == [("dw", 3, 1), ("pw", 64, 1)] and "peers" in first["marks"]
    assert cases[1]["stages"][0] == ("dw", 3, 2)
    assert len(bench.selected(cases, ["peers"])) == 22
    assert all(case["name"].startswith("mbv2_") for case in bench.selected(cases, ["mbv2"]))
    assert bench.selected(cases, []) == cases and bench.selected([first], ["dwpw"]) == [first]
    with pytest.raises(SystemExit, match="no pair is called 'mbv2_pwdw'"):
        bench.selected(cases, ["peers", "mbv2_pwdw"])


def test_an_unknown_part_is_refused_by_name():
    with pytest.raises(ValueError, match="odd: unknown part 'conv3'"):
        bench.read_cases("odd  c3 h4 w4 | conv3 | pw4")


def row(impl, us, layer="a", **more):
    return {"impl": impl, "us": us, "layer": layer, "dtype": "f16", "batch": 1,
            "module": "dwpw"} | more


def test_the_fastest_peer_of_any_layout_counts():
    rows = [row("fused.dwpw.cuda.f16", 4.0, chosen_by="model"),
            row("fused.dwpw.cuda.f16", 2.0, chosen_by="time"), row("unfused.dwpw.cuda.f16", 6.0),
            row("cudnn.pair", 9.0), row("torch.cudnn.pair", 12.0), row("torch.cudnn.pair", 8.0),
            row("cudnn.fused", 1.0), row("fused.dwpw.cuda.f16", None, layer="b")]
    best = compare.best_times(rows)
    assert compare.ratios(best, "fused", compare.PEERS)["f16", 1, "all"] == [(4.0, "a")]
    assert compare.ratios(best, "model", ("unfused",))["f16", 1, "dwpw"] == [(1.5, "a")]


def test_what_stands_against_f32_stands_against_f32_in_parts():
    rows = [row("fused.dwpw.cuda.f32_split", 2.0, dtype="f32_split"),
            row("cudnn.pair", 9.0, dtype="f32_split"), row("cudnn.pair", 7.0, dtype="f32"),
            row("torch.cudnn.pair", 8.0, dtype="f32")]
    best = compare.best_times(rows)
    assert compare.ratios(best, "fused", compare.PEERS)["f32_split", 1, "all"] == [(4.0, "a")]
    assert compare.ratios(best, "fused", compare.PEERS[:1])["f32_split", 1, "all"] == [(4.5, "a")]


def test_the_page_says_what_the_rows_say():
    page = (ROOT / "docs" / "performance" / "fcm.md").read_text(encoding="utf-8")
    rows = json.loads((ROOT / "docs" / "performance" / "data" /
                       "cuda_fcm_pairs_h200_2026-11-21.json").read_text(encoding="utf-8"))
    best = compare.best_times(rows)
    tables = {"| against cuDNN |": "cuDNN",
              "| against the faster of cuDNN and PyTorch |": "the faster of cuDNN and PyTorch",
              "| against ours, one convolution after the other |": "ours unfused"}
    for header, title in tables.items():
        table = page[page.index(header):].split("\n\n")[0]
        for dtype, label in (("f32", "| f32 (strict)"), ("f32_split", "| f32_split"), ("f16", "| f16")):
            line = next(line for line in table.split("\n") if line.startswith(label))
            for batch in (1, 32):
                for ours in ("fused", "model"):
                    values = [x for x, _ in
                              compare.ratios(best, ours, compare.AGAINST[title])[dtype, batch, "all"]]
                    mean = math.exp(sum(map(math.log, values)) / len(values))
                    assert f"{mean:.2f}x" in line, (title, dtype, batch, ours, mean, line)
                    if ours == "fused" and title != "ours unfused":
                        below = sum(x < 1.2 for x in values)
                        assert f"({min(values):.2f}x; {below})" in line, (title, dtype, batch, line)
    lost = compare.choices(best)
    planner = (ROOT / "docs" / "performance" / "planner.md").read_text(encoding="utf-8")
    assert f"on {sum(x <= 0.1 for x in lost)} of {len(lost)} problems" in planner


def test_the_command_prints_means_and_refuses_nothing(tmp_path):
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([row("fused.dwpw.cuda.f16", 2.0), row("cudnn.pair", 2.2)]))
    tool = ROOT / "tools" / "gpu" / "compare_fcm.py"
    done = subprocess.run([sys.executable, tool, file], capture_output=True, text=True, check=True)
    assert "1.10x cuDNN (of 1; least 1.10x on a; 1 below 1.2x)" in done.stdout
    assert subprocess.run([sys.executable, tool], capture_output=True, check=False).returncode == 2
