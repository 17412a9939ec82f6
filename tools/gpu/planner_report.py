#!/usr/bin/env python3
"""What the rows of `convoy-bench planner` say of the cost model.

    planner_report.py PLANNER.json [COUNTED.json]

PLANNER.json has the measured tiles, COUNTED.json one tile of each problem with the bytes that
join_bytes_fcm.py put there; rows of the CPU have their own counts, for every level and tile. Time:
over all tiles, and of each kernel. Choice: the tile with the least prediction beside
the fastest measured, by problem. Bytes: what moved between L2 and multiprocessors at batch 1, what device
memory moved at larger batches, for problems whose operands do not fit L2."""

import json
import math
import pathlib
import sys


def ranks(values):
    """Positions in ascending order, equal values sharing the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for i in range(start, end + 1):
            result[order[i]] = (start + end) / 2
        start = end + 1
    return result


def correlation(xs, ys):
    """Spearman's: that of the ranks. 1 when nothing varies."""
    a, b = ranks(xs), ranks(ys)
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    cross = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b))
    norm = math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    return cross / norm if norm > 0 else 1.0


def kernel_lines(rows):
    """By kernel of the CPU, where a bias of one of several would make plans choose wrongly."""
    groups = {}
    for row in timed(rows):
        if row.get("device") == "cpu":
            groups.setdefault(row["impl"], []).append(row["predicted_us"] / row["us"])
    for name, ratios in sorted(groups.items()):
        error = sum(abs(ratio - 1) for ratio in ratios) / len(ratios)
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        yield (f"kernel  {name:26} {len(ratios):6} rows: mean error {100 * error:5.1f} %, "
               f"predicted over measured {mean:.2f}")


def problem(row):
    return row["layer"], row["dtype"], row["batch"]


def timed(rows):
    return [row for row in rows if row.get("us") and row.get("predicted_us")]


def time_lines(rows):
    groups = {}
    for row in timed(rows):
        for key in ((row["dtype"], row["batch"]), ("all", "")):
            groups.setdefault(key, []).append(row)
    for (dtype, batch), group in sorted(groups.items(), key=str):
        errors = [abs(row["predicted_us"] / row["us"] - 1) for row in group]
        rank = correlation([row["predicted_us"] for row in group], [row["us"] for row in group])
        yield (f"time    {dtype:4} {batch!s:3} {len(group):6} tiles: mean error "
               f"{100 * sum(errors) / len(errors):5.1f} %, rank correlation {rank:.3f}")


def choices(rows):
    """By problem: what the chosen tile takes, over what the fastest takes, and of how many."""
    groups = {}
    for row in timed(rows):
        groups.setdefault(problem(row), []).append(row)
    found = {}
    for key, group in groups.items():
        chosen = min(group, key=lambda row: row["predicted_us"])
        found[key] = chosen["us"] / min(row["us"] for row in group), len(group)
    return found


def choice_lines(rows):
    groups = {}
    for (_, dtype, batch), (ratio, tiles) in choices(rows).items():
        if tiles > 1:
            for key in ((dtype, batch), ("all", "")):
                groups.setdefault(key, []).append(ratio)
    for (dtype, batch), ratios in sorted(groups.items(), key=str):
        near = sum(ratio <= 1.1 for ratio in ratios)
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        yield (f"choice  {dtype:4} {batch!s:3} {near} of {len(ratios)} within 10 % of the fastest "
               f"measured ({100 * near / len(ratios):.0f} %), {100 * (mean - 1):.1f} % slower on "
               f"average, at most {max(ratios):.2f}x")


def byte_errors(rows):
    """(row, predicted over counted) of what each batch is judged by."""
    for row in rows:
        if "kernels" not in row:
            continue
        if row["batch"] == 1:
            counted = row.get("l2_read_bytes", 0) + row.get("l2_write_bytes", 0)
            predicted = row["predicted_l2_bytes"]
        elif row["exceeds_l2"]:
            counted = row["dram_read_bytes"] + row["dram_write_bytes"]
            predicted = row["predicted_dram_bytes"]
        else:
            continue
        if counted > 0:
            yield row, predicted / counted


def level_lines(rows):
    """Bytes of the CPU's levels. Errors are taken of the operands, at least: what nearly fits a cache
    moves next to nothing beyond it."""
    for level in ("registers", "l2", "l3", "dram"):
        found = [row for row in rows if f"counted_{level}_bytes" in row]
        if not found:
            continue
        errors = []
        for row in found:
            counted, predicted = (row[f"{what}_{level}_bytes"] for what in ("counted", "predicted"))
            errors.append((abs(predicted - counted) / max(counted, row["bytes"]), row["layer"]))
        worst, layer = max(errors)
        beyond = sum(error > 0.25 for error, _ in errors)
        mean = sum(error for error, _ in errors) / len(errors)
        yield (f"bytes   {level:9} {len(errors):5} tiles: mean absolute error {100 * mean:5.1f} %, "
               f"{beyond} beyond 25 %, worst {100 * worst:.0f} % ({layer})")


def byte_lines(rows):
    groups = {}
    for row, ratio in byte_errors(rows):
        what = "L2" if row["batch"] == 1 else "DRAM"
        groups.setdefault((what, row["batch"], row["dtype"]), []).append((ratio, row))
        groups.setdefault((what, row["batch"], "all"), []).append((ratio, row))
    for (what, batch, dtype), found in sorted(groups.items(), key=str):
        errors = [abs(ratio - 1) for ratio, _ in found]
        worst, row = max(found, key=lambda one: abs(one[0] - 1))
        beyond = sum(error > 0.25 for error in errors)
        yield (f"bytes   {what:4} batch {batch:<3} {dtype:4} {len(found):4} problems: mean absolute "
               f"error {100 * sum(errors) / len(errors):5.1f} %, {beyond} beyond 25 %, worst "
               f"{worst:.2f}x ({row['layer']})")


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    lists = [json.loads(pathlib.Path(name).read_text()) for name in arguments]
    for line in time_lines(lists[0]):
        print(line)
    for line in kernel_lines(lists[0]):
        print(line)
    for line in choice_lines(lists[0]):
        print(line)
    for line in level_lines(lists[0]):
        print(line)
    for line in byte_lines(lists[1] if len(lists) > 1 else []):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
