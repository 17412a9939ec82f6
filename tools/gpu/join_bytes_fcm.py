#!/usr/bin/env python3
"""Puts the bytes that Nsight Compute counted into the rows of `convoy-bench fcm --once`.

    join_bytes_fcm.py NCU.csv COUNTED.json [TIMED.json]

COUNTED.json gets them, TIMED.json those of its rows that are of the same kernels. Then prints how
many bytes fusion saves."""

import csv
import json
import math
import pathlib
import sys

MARK = "bench_fcm_mark"  # its grid has one block more than the row's number
COLUMNS = {
    "lts__t_bytes.sum": "l2_moved_bytes",
    "dram__bytes_read.sum": "dram_read_bytes",
    "dram__bytes_write.sum": "dram_write_bytes",
}
# What came to multiprocessors and what left them; not in every profile. L2 itself counts less, since
# requests of neighbours for one line are put together before they reach it.
NETWORK = {
    "l1tex__m_xbar2l1tex_read_bytes.sum": "l2_read_bytes",
    "l1tex__m_l1tex2xbar_write_bytes.sum": "l2_write_bytes",
}


def counts_by_row(text):
    """Sums over the kernels between a row's mark and the next one, by the row's number."""
    lines = [line for line in text.splitlines() if line.startswith('"')]
    kernels = list(csv.DictReader(lines))
    missing = [name for name in COLUMNS if not kernels or name not in kernels[0]]
    if missing:
        raise ValueError("the profile has no " + ", ".join(missing))
    rows, current = {}, None
    for kernel in kernels:
        if not kernel["ID"]:  # the line of units
            units = {kernel[name] for name in COLUMNS}
            if units != {"byte"}:
                raise ValueError(f"bytes are counted in {sorted(units)}, expected byte")
            continue
        if kernel["Kernel Name"].startswith(MARK):
            number = int(kernel["Grid Size"].strip("() ").split(",")[0]) - 1
            current = rows.setdefault(number, dict.fromkeys(COLUMNS.values(), 0.0) | {"kernels": 0})
        elif current is not None:
            for name, key in COLUMNS.items():
                current[key] += float(kernel[name].replace(",", ""))
            for name, key in NETWORK.items():
                if kernel.get(name):
                    current[key] = current.get(key, 0) + float(kernel[name].replace(",", ""))
            current["kernels"] += 1
    return rows


def identity(row):
    """What tells kernels apart: cuDNN's algorithms without their times."""
    algorithms = [word for word in row.get("algorithms", "").replace(",", " ").split()
                  if word != "us" and not word[0].isdigit()]
    return (row["layer"], row["batch"], row["dtype"], row["layout"], row["impl"],
            row.get("tile", ""), tuple(algorithms))


def join(counts, counted, timed):
    """Adds the counts to the rows of both lists; how many of `timed` got some."""
    known = {}
    for number, count in counts.items():
        if number >= len(counted):
            raise ValueError(f"the profile marks row {number}, there are {len(counted)}")
        counted[number].update(count)
        known[identity(counted[number])] = count
    found = 0
    for row in timed:
        if identity(row) in known:
            row.update(known[identity(row)])
            found += 1
    return found


def savings(rows):
    """By type and batch: how many times fewer bytes the fused rows move, geometric means."""
    groups = {}
    moved = {}
    for row in rows:
        if "kernels" in row:
            kind = row["impl"].split(".")[0]
            kind = row["impl"] if kind == "cudnn" else kind
            key = row["layer"], row["batch"], row["dtype"]
            best = moved.setdefault(key, {})
            if kind not in best or row["l2_moved_bytes"] < best[kind]["l2_moved_bytes"]:
                best[kind] = row
    for (_, batch, dtype), best in moved.items():
        for other in ("unfused", "cudnn.pair"):
            if "fused" not in best or other not in best:
                continue
            ours, theirs = best["fused"], best[other]
            for what, count in (("L2", lambda row: row["l2_moved_bytes"]),
                                ("DRAM", lambda row: row["dram_read_bytes"] + row["dram_write_bytes"])):
                if count(ours) > 0 and count(theirs) > 0:
                    groups.setdefault((dtype, batch, other, what), []).append(
                        count(ours) / count(theirs))
    for (dtype, batch, other, what), ratios in sorted(groups.items()):
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        yield (f"{dtype:4} batch {batch:<3} fused moves {100 * (1 - mean):.0f} % fewer {what} bytes than "
               f"{other} (geometric mean of {len(ratios)}; at most {100 * (1 - min(ratios)):.0f} %, "
               f"at least {100 * (1 - max(ratios)):.0f} %)")


def main(arguments):
    if len(arguments) not in (2, 3):
        sys.exit(__doc__)
    profile, *files = map(pathlib.Path, arguments)
    lists = [json.loads(path.read_text()) for path in files]
    counted, timed = lists[0], lists[1] if len(lists) > 1 else []
    try:
        found = join(counts_by_row(profile.read_text()), counted, timed)
    except ValueError as error:
        sys.exit(f"{profile}: {error}")
    for path, rows in zip(files, lists):
        path.write_text(json.dumps(rows, indent=1) + "\n")
    if timed:
        print(f"{found} of {len(timed)} timed rows have counts")
    for line in savings(counted):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
