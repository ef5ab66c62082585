"""`modelctl audit who-served`: an answer with its proof, from the clone alone."""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256

from support.command_line import CommandLine
from support.journey import publish
from support.world import MODEL, World


def test_what_serves_now_is_told_with_its_proof(served: World, cli: CommandLine) -> None:
    out = cli("audit", "who-served", "staging")
    assert f"{MODEL}  1.0.0  since" in out
    assert "approved by ben in pull request #2" in out
    assert "waivers     none" in out
    assert re.search("proof       entry [0-9]+, signed by deployer,", out)
    assert "unit-tests" not in out
    out = cli("audit", "who-served", "staging", "--verbose")
    assert "unit-tests passed (offline)" in out
    assert "waivers     none" in out
    assert "signed by deployer" in out
    told = cli.json("audit", "who-served", "staging")
    [one] = told["served"]
    assert (one["version"], one["approvers"], one["pull_request"]) == ("1.0.0", ["ben"], 2)
    assert one["branch"] == "develop"
    assert len(one["evidence"]) == 4
    for proof in (one["proof"], *(evidence["proof"] for evidence in one["evidence"])):
        data = served.builder.git("cat-file", "blob", f"{told['ledger']}:{proof['path']}") + "\n"
        assert f"sha256:{sha256(data.encode()).hexdigest()}" == proof["digest"]
    assert cli.json("audit", "who-served", "staging", MODEL)["served"] == told["served"]
    text = cli("audit", "who-served", "staging", "--format", "markdown")
    assert f"| **{MODEL}** | `1.0.0` |" in text


def test_a_time_in_the_past_has_its_own_answer(served: World, cli: CommandLine) -> None:
    assert cli.json("audit", "who-served", "dev", "--at", "2 weeks ago")["nothing"] == [MODEL]
    then = served.now - timedelta(hours=70)
    told = cli.json("audit", "who-served", "dev", "--at", f"{then:%Y-%m-%dT%H:%M:%SZ}")
    assert [one["version"] for one in told["served"]] == ["1.0.0"]
    assert told["at"] == f"{then:%Y-%m-%dT%H:%M:%SZ}"
    assert cli.json("audit", "who-served", "staging", "--at", f"{then:%Y-%m-%dT%H:%M:%SZ}")[
        "nothing"
    ]
    out = cli("audit", "who-served", "production")
    assert f"nothing served of {MODEL}" in out


def test_without_a_ledger_there_is_nothing_to_answer_from(world: World, cli: CommandLine) -> None:
    assert cli.fails("audit", "who-served", "dev", code=3) == (
        "this clone has no branch ledger, so there is nothing to answer from",
        "git fetch origin '+refs/heads/*:refs/remotes/origin/*'",
    )


def test_what_can_not_be_believed_is_told_and_decides_nothing(
    served: World, cli: CommandLine
) -> None:
    names = served.builder.git("ls-tree", "-r", "--name-only", "origin/ledger").splitlines()
    name = [name for name in names if "-deployment-" in name][-1]
    seq = int(name.rpartition("/")[2][:8])
    text = served.show("origin/ledger", name)
    at = text.index('"payload": "') + 40
    other = "A" if text[at] != "A" else "B"
    publish(served, "ledger", {name: text[:at] + other + text[at + 1 :]})
    told = f"entry {seq} can't be believed: it was altered or forged; modelctl ledger verify"
    assert told in cli("audit", "who-served", "staging", code=3)
    found = cli.json("audit", "who-served", "staging", code=3)
    assert (found["served"], found["nothing"]) == ([], [])
    assert [(d["model"], d["seq"], d["problem"]) for d in found["doubts"]] == [(MODEL, seq, told)]
    assert f"entry {seq} can't" in cli(
        "audit", "who-served", "staging", "--format", "markdown", code=3
    )
    then = served.now - timedelta(hours=70)  # before anything of it
    assert cli.json("audit", "who-served", "dev", "--at", f"{then:%Y-%m-%dT%H:%M:%SZ}", code=3)
    for args in (("history", MODEL), ("history", MODEL, "--env", "staging")):
        [event] = [e for e in cli.json(*args)["events"] if e["what"] == "unproved"]
        assert (event["seq"], event["kind"], event["detail"]) == (seq, "deployment", told)


def test_an_empty_ledger_knows_nothing(world: World, cli: CommandLine) -> None:
    world.builder.git("push", "--quiet", "origin", "main:refs/heads/ledger")
    world.builder.git("fetch", "--quiet", "origin")
    assert "the ledger knows no model" in cli("audit", "who-served", "dev")
    assert "the ledger knows no model" in cli("audit", "who-served", "dev", "--format", "markdown")


def test_what_can_not_be_asked_is_told(served: World, cli: CommandLine) -> None:
    assert cli.fails("audit", "who-served", "moon") == (
        "there is no environment moon",
        "one of: dev, staging, production",
    )
    message, _ = cli.fails("audit", "who-served", "dev", "--at", "2999-01-01")
    assert message == "2999-01-01 00:00:00 UTC is still to come"
    message, _ = cli.fails("audit", "who-served", "dev", "--at", "soon")
    assert message == "'soon' is no time that can be read"
    message, _ = cli.fails("audit", "who-served", "dev", "fraud-detector")
    assert message == "there is no model fraud-detector"
