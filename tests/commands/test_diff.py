"""`modelctl diff`: two versions side by side."""

from __future__ import annotations

from support.command_line import CommandLine
from support.journey import publish
from support.world import HOLDOUT, INPUTS, MODEL, SIGNATURE, World, submission

WIDER = {**SIGNATURE, "inputs": [*INPUTS, {"name": "age", "type": "long", "required": False}]}


def newer(world: World) -> None:
    """1.1.0 on ml, after 1.0.1, which nobody measured."""
    publish(world, "ml", submission("1.0.1", manifest={"changelog": "A <b>fix</b>."}))
    metric = {"name": "f1_score", "value": 0.97, "dataset": "h", "dataset_digest": HOLDOUT}
    changed = {
        "signature": WIDER,
        "dependencies": ["scikit-learn==1.9.2"],
        "metrics": [metric],
        "changelog": "Takes the age.",
    }
    publish(world, "ml", submission("1.1.0", manifest=changed))


def test_two_versions_side_by_side(served: World, cli: CommandLine) -> None:
    newer(served)
    out = cli("diff", f"{MODEL}@1.0.0", f"{MODEL}@1.1.0")
    assert out.startswith(f"{MODEL}@1.0.0 → 1.1.0")
    assert "signature  needs a minor bump\n  + input age: long, optional" in out
    assert "~ scikit-learn  1.9.1 → 1.9.2" in out
    assert "1.1.0 Takes the age." in out
    assert "1.0.1 A <b>fix</b>." in out
    assert "Version 1.0.0." not in out
    told = cli.json("diff", f"{MODEL}@1.0.0", f"{MODEL}@1.1.0")
    assert told["signature"]["needs"] == "minor"
    assert told["signature"]["enough"] is True
    [claimed] = [m for m in told["metrics"] if (m["name"], m["source"]) == ("f1_score", "claimed")]
    assert (claimed["change"], claimed["judgement"]) == (0.97 - 0.93, "unsure")
    [measured] = [
        m for m in told["metrics"] if (m["name"], m["source"]) == ("accuracy", "measured")
    ]
    assert measured["before"] == {
        "value": 0.94, "lower": None, "upper": None, "sample_size": 171, "dataset_digest": HOLDOUT
    }  # fmt: skip
    assert measured["after"] is None
    text = cli("diff", f"{MODEL}@1.0.0", f"{MODEL}@1.1.0", "--format", "markdown")
    assert "A \\<b\\>fix\\</b\\>." in text
    assert "- `+` input age: long, optional" in text


def test_pointers_name_versions_too(served: World, cli: CommandLine) -> None:
    newer(served)
    told = cli.json("diff", f"{MODEL}@staging", f"{MODEL}@1.1", "--ref", "origin/ml")
    assert (told["before"]["version"], told["after"]["version"]) == ("1.0.0", "1.1.0")


def test_the_other_way_round_the_number_is_judged_all_the_same(
    served: World, cli: CommandLine
) -> None:
    newer(served)
    out = cli("diff", f"{MODEL}@1.1.0", f"{MODEL}@1.0.1")
    assert "needs a minor bump\n  - input age: long, optional" in out
    assert "1.1.0 Takes the age." in out


def test_a_number_that_promises_too_much_is_told(served: World, cli: CommandLine) -> None:
    fewer = {**SIGNATURE, "inputs": INPUTS[:1]}
    publish(served, "ml", submission("1.2.0", manifest={"signature": fewer}))
    out = cli("diff", f"{MODEL}@1.0.0", f"{MODEL}@1.2.0")
    assert "needs a major bump, which the number does not tell\n  - input texture: double" in out


def test_a_version_and_itself(served: World, cli: CommandLine) -> None:
    out = cli("diff", f"{MODEL}@dev", f"{MODEL}@1.0.0")
    assert "= unchanged" in out
    assert "changelog" not in out


def test_two_models_can_be_compared(served: World, cli: CommandLine) -> None:
    files = {p.replace(MODEL, "fraud-detector"): str(t).replace(MODEL, "fraud-detector")
             for p, t in submission().items()}  # fmt: skip
    publish(served, "ml", files)
    out = cli("diff", f"{MODEL}@1.0.0", "fraud-detector@1.0.0")
    assert out.startswith(f"{MODEL}@1.0.0 → fraud-detector@1.0.0")
    assert "two models, so no version number promises anything" in out
    assert cli.json("diff", f"{MODEL}@1.0.0", "fraud-detector")["signature"]["needs"] is None


def test_a_version_that_is_not_there_is_told(served: World, cli: CommandLine) -> None:
    message, mend = cli.fails("diff", f"{MODEL}@1.0.0", f"{MODEL}@9.9.9")
    assert message == f"{MODEL}@9.9.9 names no version"
    assert "1.0.0" in mend
