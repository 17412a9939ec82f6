"""Plans as files: saved, loaded, compared, refused."""

import hashlib
import json

import numpy as np
import pytest


@pytest.fixture
def saved(convoy, small_model, tmp_path):
    path = tmp_path / "a.plan"
    result = convoy("plan", small_model, "--save-plan", path)
    assert result.status == 0, result.err
    return path


def edit(path, old, new):
    """The file after a change by someone who also puts the right hash below it."""
    text = path.read_text()
    assert old in text
    text = text.replace(old, new, 1)
    text = text[:text.index("sha256 = ")]
    edited = path.with_suffix(".edited")
    edited.write_text(text + "sha256 = " + hashlib.sha256(text.encode()).hexdigest() + "\n")
    return edited


def test_a_loaded_plan_computes_the_same_bits(convoy, small_model, saved, tmp_path):
    x = np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x[:1])
    for name, options in (("planned", []), ("loaded", ["--load-plan", saved, "--verify"])):
        result = convoy("run", small_model, "--input", f"x={tmp_path / 'x.npy'}",
                        "--output", tmp_path / name, *options)
        assert result.status == 0, result.err
    assert (tmp_path / "planned/y.npy").read_bytes() == (tmp_path / "loaded/y.npy").read_bytes()


@pytest.mark.parametrize("command", ["run", "bench", "plan", "profile"])
def test_every_command_that_plans_saves_and_loads(convoy, small_model, saved, tmp_path, command):
    again = tmp_path / "b.plan"
    quick = [] if command == "plan" else ["--warmup", "0", "--duration", "0", "--iterations", "1"]
    result = convoy(command, small_model, "--load-plan", saved, "--save-plan", again, *quick)
    assert result.status == 0, result.err
    assert again.read_bytes() == saved.read_bytes()


def test_plans_that_do_not_fit_are_refused(convoy, small_model, saved, tmp_path):
    def refused(status, words, *options):
        result = convoy("run", small_model, *options)
        assert result.status == status and words in result.err, result.err
        assert result.out == ""

    refused(1, "another model", "--load-plan", saved, "--batch", "2")
    refused(1, "the number of threads is", "--load-plan", saved, "--threads", "77")
    refused(1, "no such file", "--load-plan", tmp_path / "none.plan")
    refused(1, "no plan of Convoy", "--load-plan", small_model)
    refused(1, "there is no kernel 'warp'", "--load-plan", edit(saved, "kernel = ", "kernel = warp\n#"))
    refused(1, "outside the arena", "--load-plan", edit(saved, " arena at ", " arena at 9999999"))
    refused(2, "--force", "--load-plan", saved, "--force", "conv=reference")
    refused(2, "--objective", "--load-plan", saved, "--objective", "bytes")
    cut = tmp_path / "cut.plan"
    cut.write_bytes(saved.read_bytes()[:-20])
    refused(1, "cut off", "--load-plan", cut)
    cut.write_bytes(saved.read_bytes().replace(b"objective = time", b"objective = bytes"))
    refused(1, "damaged or was edited", "--load-plan", cut)
    with open(cut, "wb") as file:
        file.truncate(1 << 30)
    refused(1, "MiB", "--load-plan", cut)


def test_a_convolution_has_no_plan_file(convoy, tmp_path):
    result = convoy("bench", "n1 c3 h4 w4 k2 r3 s3", "--save-plan", tmp_path / "a.plan")
    assert result.status == 2 and "convolution" in result.err
    assert not (tmp_path / "a.plan").exists()


def test_diff_says_what_differs_and_exits_like_diff(convoy, small_model, saved, tmp_path):
    same = convoy("plan-diff", saved, saved)
    assert (same.status, same.out, same.err) == (0, "", "")
    other = tmp_path / "b.plan"
    assert convoy("plan", small_model, "--force", "conv=reference", "--save-plan", other).status == 0
    result = convoy("plan-diff", saved, other)
    assert result.status == 1 and result.err == ""
    assert "~ " in result.out and "conv.reference" in result.out
    result = convoy("plan-diff", saved, other, "--json", "-")
    found = json.loads(result.out)
    assert result.status == 1 and found["equal"] is False
    assert found["fields"]["force"] == {"before": "nothing", "after": "conv=reference"}
    changed = [step for step in found["steps"] if step["change"] == "changed"]
    assert changed[0]["fields"]["kernel"]["after"] == "conv.reference"
    assert changed[0]["before"][0]["estimate"]["seconds"] > 0
    assert found["equal_steps"] + len(changed) == len(saved.read_text().split("[step]")) - 1
    trouble = convoy("plan-diff", saved, tmp_path / "none.plan")
    assert trouble.status == 2 and "none.plan" in trouble.err


def test_diff_of_plans_of_two_models(convoy, small_model, saved, tmp_path):
    other = tmp_path / "b.plan"
    assert convoy("plan", small_model, "--batch", "3", "--save-plan", other).status == 0
    result = convoy("plan-diff", saved, other)
    assert result.status == 1 and result.out.startswith("model ")
