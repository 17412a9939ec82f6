"""What convoy plan says of a plan: in words, as JSON, and as a page."""

import json

import onnx
import pytest

ESTIMATE = {"ms", "flops", "bytes_l2", "bytes_dram", "workspace_bytes"}
TOTALS = {"steps", "ms", "flops", "bytes_l2", "bytes_dram", "bytes", "arena_bytes"}


@pytest.fixture
def plan(convoy):
    def answer(model, *options):
        result = convoy("plan", model, *options, "--json", "-")
        assert result.status == 0, result.err
        return json.loads(result.out)
    return answer


def test_explain_has_a_block_for_every_step(convoy, plan, block_model):
    result = convoy("plan", block_model, "--explain", "--objective", "bytes")
    assert result.status == 0, result.err
    steps = plan(block_model, "--objective", "bytes")["steps"]
    for step in steps:
        assert f"{step['node']} -> " in result.out
        assert " | ".join(m["work"] for m in step["members"]) in result.out
    fused = [step for step in steps if step["apart"]]
    assert result.out.count("saved; ") == len(fused) > 0
    assert result.out.count("runner-up") == sum(step["runner_up"] is not None for step in steps)
    assert "this plan" in result.out and "layer by layer" in result.out
    assert "fuse_epilogues" in result.out


def test_names_give_a_terminal_no_commands(convoy, small_model, tmp_path):
    hostile = tmp_path / "hostile.onnx"
    model = onnx.load(small_model)
    model.graph.node[0].name = "\x1b[2Jgone\nnode"
    onnx.save(model, hostile)
    result = convoy("plan", hostile, "--explain")
    assert result.status == 0 and "\x1b" not in result.out and "?[2Jgone?node -> " in result.out


def test_explain_lists_no_kernel_of_another_device(convoy, small_model, block_model):
    for model in (small_model, block_model):
        short, whole = (convoy("plan", model, option).out for option in ("--explain", "--candidates"))
        assert ".cuda." not in whole and ".cuda." not in short
        assert "declined:" in whole and "declined:" not in short
        assert len(short) < len(whole)


def test_why_others_were_not_fused(convoy, plan, block_model):
    answer = plan(block_model, "--objective", "bytes")
    apart = {tuple(entry["nodes"]): entry for entry in answer["not_fused"]}
    nodes = {m["node"]: s for s, step in enumerate(answer["steps"]) for m in step["members"]}
    for names, entry in apart.items():
        assert entry["reason"] and len(names) >= 2
        assert entry["steps"] == sorted({nodes[name] for name in names})
    # The first block's result is read by the second block and by its sum.
    between = next(entry for names, entry in apart.items() if names[-1] == "two/expand" and len(names) == 2)
    assert "read 2 times" in between["reason"]
    assert between["reason"] in convoy("plan", block_model, "--explain", "--objective", "bytes").out
    switched_off = plan(block_model, "--no-fuse")["not_fused"]
    assert switched_off and all(entry["reason"] == "fusion is switched off" for entry in switched_off)


def test_json_has_everything_of_each_step(plan, block_model):
    answer = plan(block_model, "--objective", "bytes")
    assert answer["objective"] == "bytes" and answer["kind"] == "cpu"
    assert {p["name"] for p in answer["passes"]} >= {"fold_constants", "fuse_epilogues"}
    for step in answer["steps"]:
        assert set(step["estimate"]) == ESTIMATE
        assert step["bound"] in ("arithmetic", "l2", "dram", "latency")
        chosen = [c for c in step["candidates"] if c.get("chosen")]
        assert [(c["kernel"], c["tile"], c["estimate"]) for c in chosen] == [
            (step["kernel"], step["tile"], step["estimate"])]
        assert step["tiles"] == (step["tile"] != "") * sum(
            c["kernel"] == step["kernel"] for c in step["candidates"])
        assert all(set(c["estimate"]) == ESTIMATE for c in step["candidates"] if "declined" not in c)
        if step["apart"]:
            assert len(step["members"]) > 1 and step["kernel"].startswith("fused.")
            assert step["bytes"] <= step["bytes_apart"]
        else:
            assert len(step["members"]) == 1 and step["bytes"] == step["bytes_apart"]


def test_runner_up_is_the_best_of_the_others(plan, block_model):
    for objective, cost in (("time", lambda e: e["ms"]), ("bytes", lambda e: e["bytes_l2"] + e["bytes_dram"])):
        for step in plan(block_model, "--objective", objective)["steps"]:
            others = [cost(c["estimate"]) for c in step["candidates"]
                      if "declined" not in c and c["kernel"] != step["kernel"]]
            others += [cost(step["apart"])] if step["apart"] else []
            if not others:
                assert step["runner_up"] is None
                continue
            assert cost(step["runner_up"]["estimate"]) == min(others)
            assert step["runner_up"]["loses"] == pytest.approx(min(others) / cost(step["estimate"]) - 1)
            assert step["runner_up"]["loses"] >= 0


def test_totals_are_the_steps_sums(plan, block_model):
    answer = plan(block_model, "--objective", "bytes")
    for total, planned in ((answer["totals"], answer), (answer["layer_by_layer"],
                                                        plan(block_model, "--objective", "bytes", "--no-fuse"))):
        assert set(total) == TOTALS
        assert total["steps"] == len(planned["steps"])
        assert total["arena_bytes"] == planned["arena_bytes"]
        assert total["bytes"] == pytest.approx(sum(s["bytes"] for s in planned["steps"]))
        assert total["ms"] == pytest.approx(sum(s["estimate"]["ms"] for s in planned["steps"]))
    assert answer["totals"]["bytes"] < answer["layer_by_layer"]["bytes"]
    assert plan(block_model, "--no-fuse")["layer_by_layer"] is None


def test_arena_holds_what_is_alive_and_no_two_at_once(plan, block_model):
    for options in ((), ("--no-fuse",), ("--objective", "memory")):
        answer = plan(block_model, *options)
        buffers = answer["arena"]
        assert max(b["offset"] + b["bytes"] for b in buffers) <= answer["arena_bytes"]
        for i, a in enumerate(buffers):
            for b in buffers[:i]:
                together = a["first"] <= b["last"] and b["first"] <= a["last"]
                overlap = a["offset"] < b["offset"] + b["bytes"] and b["offset"] < a["offset"] + a["bytes"]
                assert not (together and overlap), (a, b)
        alive = [sum(b["bytes"] for b in buffers if b["first"] <= s <= b["last"])
                 for s in range(len(answer["steps"]))]
        assert max(alive) == pytest.approx(answer["activation_peak_bytes"], abs=64 * 8)


def test_forced_fusion_is_explained_without_a_comparison(plan, block_model):
    answer = plan(block_model, "--force", "fused=fused.pwdwpw.cpu.f32")
    assert any(step["kernel"] == "fused.pwdwpw.cpu.f32" for step in answer["steps"])
    assert answer["layer_by_layer"] is None
