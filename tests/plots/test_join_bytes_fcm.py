"""The bytes that a profiler counted, put into the rows that were profiled."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "gpu" / "join_bytes_fcm.py"
SPEC = importlib.util.spec_from_file_location("join_bytes_fcm", TOOL)
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

HEADER = ('"ID","Kernel Name","Grid Size","dram__bytes_read.sum","dram__bytes_write.sum",'
          '"lts__t_bytes.sum"')
UNITS = '"","","","byte","byte","byte"'


def profile(*kernels, units=UNITS):
    lines = ["==PROF== Connected to process 7", HEADER, units]
    for i, (name, grid, *values) in enumerate(kernels):
        lines.append(",".join(f'"{cell}"' for cell in (i, name, f"({grid}, 1, 1)", *values)))
    return "\n".join(lines + ["==PROF== Disconnected from process 7"])


def mark(row):
    return "bench_fcm_mark", row + 1, 0, 0, 0


def row(impl, **others):
    return {"layer": "a", "batch": 1, "dtype": "f32", "layout": "nhwc", "impl": impl, **others}


def test_kernels_between_marks_are_summed():
    counts = tool.counts_by_row(profile(
        ("before", 9, 1, 1, 1), mark(2), ("k", 4, "1,000", 20, 300), ("l", 4, 1, 2, 3), mark(5),
        ("k", 4, 7, 8, 9)))
    assert counts == {
        2: {"l2_moved_bytes": 303, "dram_read_bytes": 1001, "dram_write_bytes": 22, "kernels": 2},
        5: {"l2_moved_bytes": 9, "dram_read_bytes": 7, "dram_write_bytes": 8, "kernels": 1}}


def test_other_units_and_missing_metrics_are_refused():
    with pytest.raises(ValueError, match="Kbyte"):
        tool.counts_by_row(profile(mark(0), units='"","","","Kbyte","byte","byte"'))
    with pytest.raises(ValueError, match="lts__t_bytes.sum"):
        tool.counts_by_row('"ID","Kernel Name","Grid Size","dram__bytes_read.sum",'
                           '"dram__bytes_write.sum"\n"","","","byte","byte"')
    with pytest.raises(ValueError, match="marks row 3, there are 1"):
        tool.join({3: {}}, [row("fused.dwpw.cuda.f32")], [])


def test_timed_rows_of_the_same_kernels_get_them():
    count = {"l2_moved_bytes": 5.0, "kernels": 1}
    counted = [row("cudnn.pair", algorithms="gemm 1.00 us, direct 2.00 us")]
    same = row("cudnn.pair", algorithms="gemm 3.10 us, direct 2.20 us")
    other = row("cudnn.pair", algorithms="gemm 3.10 us, gemm 2.20 us")
    ours = row("fused.dwpw.cuda.f32", tile="8x8")
    assert tool.join({0: count}, counted, [same, other, ours]) == 1
    assert same["l2_moved_bytes"] == counted[0]["l2_moved_bytes"] == 5
    assert "kernels" not in other and "kernels" not in ours


def test_the_files_are_written_and_what_is_saved_is_told(tmp_path):
    rows = [row("unfused.dwpw.cuda.f32"), row("fused.dwpw.cuda.f32", tile="8x8"),
            row("cudnn.pair", algorithms="gemm 1.00 us")]
    files = [tmp_path / "ncu.csv", tmp_path / "counted.json", tmp_path / "timed.json"]
    files[0].write_text(profile(mark(0), ("k", 4, 30, 10, 100), ("k", 4, 30, 10, 100), mark(1),
                                ("f", 4, 10, 10, 40), mark(2), ("c", 4, 60, 20, 160)))
    files[1].write_text(json.dumps(rows))
    files[2].write_text(json.dumps(rows[1:]))
    result = subprocess.run([sys.executable, TOOL, *files], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [
        "2 of 2 timed rows have counts",
        "f32  batch 1   fused moves 75 % fewer DRAM bytes than cudnn.pair (geometric mean of 1; "
        "at most 75 %, at least 75 %)",
        "f32  batch 1   fused moves 75 % fewer L2 bytes than cudnn.pair (geometric mean of 1; "
        "at most 75 %, at least 75 %)",
        "f32  batch 1   fused moves 75 % fewer DRAM bytes than unfused (geometric mean of 1; "
        "at most 75 %, at least 75 %)",
        "f32  batch 1   fused moves 80 % fewer L2 bytes than unfused (geometric mean of 1; "
        "at most 80 %, at least 80 %)"]
    assert json.loads(files[1].read_text())[0]["dram_read_bytes"] == 60
    assert json.loads(files[2].read_text())[1]["l2_moved_bytes"] == 160
