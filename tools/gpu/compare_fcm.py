#!/usr/bin/env python3
"""How much faster the fused modules are than the fastest of their peers and than ours unfused.

    compare_fcm.py ROWS.json...

Takes rows of `convoy-bench fcm` and of bench_fcm_torch.py together. The fastest time of each
contestant counts, whatever its layout; of ours the fastest tile measured, and beside it the tile that
the cost model chose. Whoever was measured in f32 stands against f32_split as well."""

import json
import math
import pathlib
import sys

PEERS = ("cudnn.pair", "torch.cudnn.pair")


def best_times(rows):
    """{(dtype, batch, layer): {contestant: us}}; contestants are fused, model, unfused, the peers."""
    best = {}
    for row in rows:
        if not row.get("us"):
            continue
        name = row["impl"]
        names = [name] if name in PEERS else []
        if name.startswith("fused."):
            names = ["fused"] + (["model"] if row.get("chosen_by") == "model" else [])
        elif name.startswith("unfused."):
            names = ["unfused"]
        times = best.setdefault((row["dtype"], row["batch"], row["layer"]), {})
        for one in names:
            times[one] = min(times.get(one, math.inf), row["us"])
        times["module"] = row["module"]
    for (dtype, batch, layer), times in best.items():
        if dtype != "f32_split":
            continue
        for name, us in best.get(("f32", batch, layer), {}).items():
            if name in PEERS:
                times.setdefault(name, us)
    return best


def ratios(best, ours, others):
    """{(dtype, batch, module or "all"): [(ratio, layer)]} of the fastest of `others` over `ours`."""
    found = {}
    for (dtype, batch, layer), times in best.items():
        there = [times[name] for name in others if name in times]
        if not there or ours not in times:
            continue
        for group in ("all", times["module"]):
            found.setdefault((dtype, batch, group), []).append((min(there) / times[ours], layer))
    return found


AGAINST = {"cuDNN": PEERS[:1], "the faster of cuDNN and PyTorch": PEERS, "ours unfused": ("unfused",)}


def choices(best):
    """How much slower than the fastest tile the cost model's is, of every problem."""
    return [times["model"] / times["fused"] - 1 for times in best.values() if "model" in times]


def summary(best):
    lines = []
    for title, others in AGAINST.items():
        for ours in ("fused", "model"):
            for key, values in sorted(ratios(best, ours, others).items()):
                mean = math.exp(sum(math.log(ratio) for ratio, _ in values) / len(values))
                least = min(values)
                below = sum(ratio < 1.2 for ratio, _ in values)
                lines.append(f"{key[0]:4} batch {key[1]:<3} {key[2]:7} {ours:6} {mean:6.2f}x {title} "
                             f"(of {len(values)}; least {least[0]:.2f}x on {least[1]}; "
                             f"{below} below 1.2x)")
    lost = choices(best)
    if lost:
        lines.append(f"the model's tile: within 10 % of the fastest on {sum(x <= 0.1 for x in lost)} "
                     f"of {len(lost)}, {100 * sum(lost) / len(lost):.1f} % slower on average")
    return lines


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    rows = []
    for name in sys.argv[1:]:
        rows += json.loads(pathlib.Path(name).read_text(encoding="utf-8"))
    print("\n".join(summary(best_times(rows))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
