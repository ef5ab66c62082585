"""`modelctl ledger`: the history read, and proved to be whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from modelctl.adapters.strict_json import canonical
from support.command_line import CommandLine
from support.journey import publish
from support.world import MODEL, World

_EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The empty tree, which every repository has."""


def test_the_history_of_a_model_or_of_all(served: World, cli: CommandLine) -> None:
    out = cli("ledger", "list", MODEL)
    assert "deployment" in out
    assert "all as signed" in out
    rows = cli.json("ledger", "list")["entries"]
    assert rows == cli.json("ledger", "list", MODEL)["entries"]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert {row["kind"] for row in rows} >= {"evaluation", "deployment"}


def test_a_model_without_history_is_listed_and_an_unknown_one_told(
    world: World, cli: CommandLine
) -> None:
    assert "the ledger is empty" in cli("ledger", "list")
    world.submit()
    world.builder.checkout("feature/1.0.0")
    assert cli.json("ledger", "list", MODEL)["entries"] == []
    message, mend = cli.fails("ledger", "list", "fraud-detector")
    assert message == "there is no model fraud-detector"
    assert mend == f"the models are {MODEL}"


def test_one_entry_is_shown_whole(served: World, cli: CommandLine) -> None:
    rows = cli.json("ledger", "list", MODEL)["entries"]
    last = [row for row in rows if row["kind"] == "deployment"][-1]
    whole = json.loads(cli("ledger", "show", MODEL, last["seq"]))
    assert whole["statement"]["environment"] == "staging"
    assert whole["statement"]["predicate"]["approvers"] == ["ben"]
    assert whole["signed_by"] == ["deployer"]
    assert whole["previous"]


@pytest.mark.parametrize("seq", ["0", "99"])
def test_an_entry_that_is_not_there_is_told(served: World, cli: CommandLine, seq: str) -> None:
    message, mend = cli.fails("ledger", "show", MODEL, seq)
    assert message == f"the ledger of {MODEL} has no entry {seq}"
    assert mend == f"modelctl ledger list {MODEL}"
    message, _ = cli.fails("ledger", "show", "fraud-detector", seq)
    assert message == "there is no model fraud-detector"
    message, mend = cli.fails("ledger", "show", MODEL, "first")
    assert "'first' is not a valid integer" in message


def test_a_whole_ledger_verifies(served: World, cli: CommandLine) -> None:
    found = cli.json("ledger", "verify")
    assert found["problems"] == []
    assert found["models"] == 1
    assert cli("ledger", "verify").startswith(f"✓ {found['entries']} entries about 1 model")
    tip = served.builder.git("rev-parse", "origin/ledger")
    assert cli("ledger", "verify", "--known", tip)
    out = cli("ledger", "verify", "--model", MODEL)
    assert "✓ 2 deployments of 1 model proved: manifest, evidence, approvals, path, state" in out
    assert "\nwhat no clone can prove:\n  that the approvals were given on the forge" in out
    narrowed = cli.json("ledger", "verify", "--model", MODEL)
    assert narrowed["deployments"] == {"count": 2, "models": 1}


def test_only_a_model_that_is_known_is_verified(served: World, cli: CommandLine) -> None:
    message, _ = cli.fails("ledger", "verify", "--model", "fraud-detector")
    assert message == "there is no model fraud-detector"


def test_what_is_about_another_model_is_left_out(served: World, cli: CommandLine) -> None:
    publish(served, "ledger", {"models/fraud-detector/note.txt": "x"})
    assert cli.json("ledger", "verify", "--model", MODEL)["problems"] == []
    assert len(cli.json("ledger", "verify", code=1)["problems"]) == 1


def test_without_a_ledger_nothing_is_proved(world: World, cli: CommandLine) -> None:
    assert cli.fails("ledger", "verify", code=3) == (
        "this clone has no branch ledger, so there is nothing to prove",
        "git fetch origin '+refs/heads/*:refs/remotes/origin/*'",
    )


def test_only_a_full_commit_id_is_a_known_tip(served: World, cli: CommandLine) -> None:
    mend = "give the full commit id of an earlier tip"
    gone = "is no commit that this clone has: mistyped, or the history was rewritten"
    assert cli.fails("ledger", "verify", "--known", "12345") == (f"12345 {gone}", mend)
    for name in ("HEAD", "main", served.builder.git("rev-parse", "origin/ledger")[:10]):
        message, told = cli.fails("ledger", "verify", "--known", name)
        assert (message, told) == (f"{name} is no full commit id, so it may have moved since", mend)
    [problem] = cli.json("ledger", "verify", "--known", "a" * 40, code=1)["problems"]
    assert problem == {"file": "ledger", "damage": "rewritten", "message": f"{'a' * 40} {gone}"}


def test_before_the_first_entry_there_is_nothing_wrong(world: World, cli: CommandLine) -> None:
    served_nothing = world.builder.git("commit-tree", "-m", "begin", _EMPTY)
    world.builder.git("push", "--quiet", "origin", f"{served_nothing}:refs/heads/ledger")
    world.builder.git("fetch", "--quiet", "origin")
    found = cli.json("ledger", "verify")
    assert (found["entries"], found["models"], found["problems"]) == (0, 0, [])
    assert found["deployments"] == {"count": 0, "models": 0}
    assert cli("ledger", "verify").splitlines() == [
        "✓ 0 entries about 0 models: nothing is missing, altered or out of order"
    ]


@pytest.mark.parametrize("what", ["altered", "removed", "cut"])
def test_a_ledger_that_was_tampered_with_is_blocked(
    served: World, cli: CommandLine, what: str
) -> None:
    names = served.builder.git("ls-tree", "-r", "--name-only", "origin/ledger").splitlines()
    known = served.builder.git("rev-parse", "origin/ledger")
    match what:
        case "altered":
            text = served.show("origin/ledger", names[0])
            publish(served, "ledger", {names[0]: text.replace('"sig": "', '"sig": "AA')})
        case "removed":
            publish(served, "ledger", {names[0]: None})
        case "cut":
            served.builder.git("push", "--quiet", "--force", "origin", f"{known}~1:ledger")
            served.builder.git("fetch", "--quiet", "--force", "origin")
    args = ("ledger", "verify", *(("--known", known) if what == "cut" else ()))
    out = cli(*args, code=1)
    assert out.count("✗") >= 2
    problems = cli.json(*args, code=1)["problems"]
    assert problems
    assert all(problem["message"] for problem in problems)


def entries(world: World) -> list[str]:
    return world.builder.git("ls-tree", "-r", "--name-only", "origin/ledger").splitlines()


def replayed(world: World) -> dict[str, str | bytes | None]:
    """The first deployment comes again at the end, in a chain that fits."""
    names = entries(world)
    old = next(name for name in names if "-deployment-" in name)
    last = world.show("origin/ledger", names[-1]).encode()
    number = len(names) + 1
    data = {
        **json.loads(world.show("origin/ledger", old)),
        "seq": number,
        "previous": hashlib.sha256(last).hexdigest(),
    }
    return {f"{old[: old.rindex('/')]}/{number:08d}{old[old.index('-deployment-'):]}":
            canonical(data)}  # fmt: skip


def reordered(world: World) -> dict[str, str | bytes | None]:
    """Two entries change places."""
    one, two = entries(world)[:2]
    first, second = (world.show("origin/ledger", name) for name in (one, two))
    swap = {one: None, two: None}
    at = len("models//0000/") + len(MODEL)
    return {**swap, one[: at + 8] + two[at + 8 :]: second, two[: at + 8] + one[at + 8 :]: first}


def deleted(world: World) -> dict[str, str | bytes | None]:
    """The evaluation that a deployment rested on is gone."""
    return {next(name for name in entries(world) if "-evaluation-" in name): None}


def flipped(world: World) -> dict[str, str | bytes | None]:
    """One letter of an entry is another one."""
    name = next(name for name in entries(world) if "-evaluation-" in name)
    return {name: world.show("origin/ledger", name).replace('"payload": "e', '"payload": "f')}


@pytest.mark.parametrize(
    ("forgery", "kinds"),
    [
        (replayed, {"duplicate"}),
        (reordered, {"reordered", "evidence"}),
        (deleted, {"missing", "evidence"}),
        (flipped, {"unproved", "altered", "evidence"}),
    ],
)
def test_each_forgery_is_named(
    served: World,
    cli: CommandLine,
    forgery: Callable[[World], dict[str, str | bytes | None]],
    kinds: set[str],
) -> None:
    files = forgery(served)
    publish(served, "ledger", files)
    problems = cli.json("ledger", "verify", code=1)["problems"]
    assert {problem["damage"] for problem in problems} >= kinds
    assert any(problem["file"] in files for problem in problems)
    out = " ".join(cli("ledger", "verify", code=1).split())
    assert all(f"[{kind}]" in out for kind in kinds)
    if "evidence" in kinds:
        assert "✗ 2 deployments of 1 model: " in out
    else:
        assert "✓ 2 deployments of 1 model proved" in out


def test_a_cut_off_tail_is_named_by_who_saw_it_and_by_what_runs(
    served: World, cli: CommandLine
) -> None:
    tip = served.builder.git("rev-parse", "origin/ledger")
    served.builder.git("push", "--quiet", "--force", "origin", f"{tip}~1:ledger")
    served.builder.git("fetch", "--quiet", "--force", "origin")
    problems = cli.json("ledger", "verify", "--known", tip, code=1)["problems"]
    assert {problem["damage"] for problem in problems} == {"rewritten", "state"}
    narrowed = cli.json("ledger", "verify", "--known", tip, "--model", MODEL, code=1)["problems"]
    assert narrowed == problems
