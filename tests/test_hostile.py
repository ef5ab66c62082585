"""Hostile input, found by itself below `hostile/`: each case is refused with the finding that it
deserves, in bounded time and memory, without a traceback.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from hostile import cases
from hostile.stage import Outcome, Stage, blocking, in_a_child, in_process, propose, words
from modelctl.adapters.documents import DocumentError, load
from modelctl.adapters.expressions import compile_rule
from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.adapters.policy_problems import PolicyProblem
from modelctl.adapters.schema import validate
from modelctl.domain.document import LONGEST_QUOTE
from modelctl.domain.rules import Undecided
from support.keys import person
from support.trees import MemoryTree
from support.world import World, rules

SECONDS, MEGABYTES = 10.0, 500.0
NOT_MEASURED = {"unit-tests", "data-validation", "soak"}
"""What stands between dev and staging in a world where nobody ran it."""


def problems(data: bytes, kind: str) -> list[tuple[int, str]]:
    """The lines and the messages of what is wrong with a document."""
    try:
        document = load(data, "hostile.yaml")
    except DocumentError as error:
        return [(error.line, error.problem)]
    return [(document.locate(p.path).line, p.message) for p in validate(document, kind)]


@pytest.mark.parametrize("kind", cases.SOUND)
def test_what_the_documents_are_made_from_is_sound(kind: str) -> None:
    assert problems(cases.SOUND[kind].encode(), kind) == []


@pytest.mark.parametrize("name", cases.names("documents"))
def test_a_hostile_document_is_refused(name: str) -> None:
    case = cases.read("documents", name)
    data = cases.document(case)
    started = time.process_time()
    found = problems(data, case["kind"])
    assert time.process_time() - started < SECONDS
    deserved(found, case["find"])


def deserved(found: list[tuple[int, str]], find: Any) -> None:
    """That one of the problems is the one that the case is about."""
    lines = {line for line, message in found if re.search(find["says"], message)}
    assert lines, "\n".join(f"{line}: {message}" for line, message in found[:20])
    assert find.get("line") in {None, *lines}


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(directory=tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize(
    ("name", "problems"), [("a-large-policy", 1), ("10000-rules", 20_000), ("good-rules", 0)]
)
def test_a_huge_policy_is_linted_in_bounds(
    name: str, problems: int, stage: Stage, tmp_path: Path
) -> None:
    world = stage.world({"heavy": True}, tmp_path / "world")
    head = world.commit(cases.CHANGES[name](), "hostile/policy", "main")
    outcome = in_a_child(world, ["policy", "lint", "--ref", head, "--format", "json"])
    assert outcome.seconds < SECONDS
    assert outcome.megabytes < MEGABYTES
    assert outcome.code == (1 if problems else 0)
    assert len(json.loads(outcome.out)["problems"]) == problems


def judge(
    world: World, case: Any, ends: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> Outcome:
    """What the command line says to a pull request, in bounds."""
    arguments = ["check", "--base", ends[0], "--head", ends[1], "--no-reviews", "--format", "json"]
    if not case.get("heavy"):
        return in_process(world, arguments, capsys)
    outcome = in_a_child(world, arguments)
    assert outcome.seconds < SECONDS
    assert outcome.megabytes < MEGABYTES
    return outcome


@pytest.mark.parametrize("name", cases.names("changes"))
def test_a_hostile_pull_request_is_blocked(
    name: str, stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = cases.read("changes", name)
    world = stage.world(case, tmp_path / "world")
    outcome = judge(world, case, propose(world, case, name), capsys)
    expect = case["expect"]
    assert outcome.code == expect["exit"], outcome.error
    found = [finding for finding in blocking(outcome) if finding["gate"] == expect["gate"]]
    assert any(fits(finding, expect) for finding in found), "\n".join(
        f"{f['gate']}: {f['location']} {words(f)}" for f in blocking(outcome)[:12]
    )


def fits(finding: Any, expect: Any) -> bool:
    """Whether a finding is the one that the case deserves, at its place."""
    where = finding["location"] or {}
    placed = all(expect.get(key) in (None, where.get(key)) for key in ("file", "line"))
    return placed and re.search(expect["says"], words(finding)) is not None


@pytest.fixture(scope="session")
def policies() -> dict[str, bytes]:
    """A policy that is sound."""
    files = rules(person("ci"), person("deployer"))
    return {p: t.encode() if isinstance(t, str) else t for p, t in files.items()}


def policy_problems(files: dict[str, bytes]) -> list[PolicyProblem]:
    try:
        load_policy(MemoryTree(files), "c" * 40)
    except PolicyError as error:
        return list(error.problems)
    return []


def test_the_policy_that_the_cases_change_is_sound(policies: dict[str, bytes]) -> None:
    assert policy_problems(policies) == []


@pytest.mark.parametrize("name", cases.names("policies"))
def test_a_hostile_policy_is_refused(name: str, policies: dict[str, bytes]) -> None:
    case = cases.read("policies", name)
    data = cases.document(case)
    started = time.process_time()
    found = policy_problems({**policies, case["path"]: data})
    assert time.process_time() - started < SECONDS
    here = [(p.location.line, p.message) for p in found if p.location.file == case["path"]]
    deserved(here, case["find"])


# What the cases are made from passes, so that refusing everything would not do.


def found(world: World, case: Any, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The gates that block a pull request."""
    return {f["gate"] for f in blocking(judge(world, case, propose(world, case, "twin"), capsys))}


@pytest.mark.parametrize(
    ("case", "may_block"),
    [
        ({"sound": True}, set()),
        ({"sound": True, "tamper": "untouched"}, set()),
        ({"sound": True, "tamper": "untouched-tree"}, set()),
        ({"sound": True, "tamper": "recorded-again"}, set()),
        ({"served": "dev", "promote": "staging", "into": "develop"}, NOT_MEASURED),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_what_the_pull_requests_are_made_from_passes(
    case: Any, may_block: set[str], stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(stage.world(case, tmp_path / "world"), case, capsys) <= may_block


def test_a_good_waiver_counts(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = {**cases.read("changes", "waiver-expired"), "tamper": "waiver-good"}
    assert "metadata" not in found(stage.world(case, tmp_path / "world"), case, capsys)


def test_what_is_as_large_as_may_be_is_read() -> None:
    assert problems(cases.DOCUMENTS["as-large-as-may-be"](), "version") == []


def test_a_rule_may_have_as_many_loops_as_are_allowed() -> None:
    text = "[1].all(a, [1].all(b, [1].exists(c, a == b && b == c)))"
    assert compile_rule(text, {}).decide({}) is True


def test_a_rule_that_takes_too_many_steps_decides_nothing() -> None:
    many = f"[{', '.join(['1'] * 30)}]"
    text = f"{many}.all(a, {many}.all(b, {many}.all(c, a + b + c > 0)))"
    answer = compile_rule(text, {}).decide({})
    assert isinstance(answer, Undecided)
    assert "budget" in answer.reason


def test_there_are_cases_of_every_kind() -> None:
    assert len(cases.names("documents")) >= 100
    assert len(cases.names("changes")) >= 150
    assert len(cases.names("policies")) >= 40


@pytest.mark.parametrize("folder", ["documents", "policies", "changes"])
def test_a_case_says_what_it_is(folder: str) -> None:
    for name in cases.names(folder):
        case = cases.read(folder, name)
        assert case["title"].endswith((".", "?")), name
        assert (case.get("find") or case["expect"])["says"], name


def test_a_line_of_any_length_is_quoted_in_bounds() -> None:
    text = f"k: {'x' * 250_000}"
    document = load(text.encode(), "hostile.yaml")
    assert document.quote(1) == text[:LONGEST_QUOTE]
