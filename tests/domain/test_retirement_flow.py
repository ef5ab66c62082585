"""Retired manifests may go, by the ledger's proof; what has ended is released by no branch."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from modelctl.domain.endings import Ending
from modelctl.domain.flow import FlowInput, FlowKind, judge_flow
from modelctl.domain.history import ARCHIVAL, DEPRECATION, REINSTATEMENT, REJECTION, RETIREMENT
from modelctl.domain.names import version_path
from modelctl.domain.verdict import Finding
from support.proposals import (
    AT,
    MODEL,
    World,
    model_files,
    problems,
    release_yaml,
    version_yaml,
)
from support.trees import Content

BASE = model_files("1.0.0", "1.1.0", "1.2.0")
V1, V2 = version_path(MODEL, "1.0.0"), version_path(MODEL, "1.1.0")
OVER = (ARCHIVAL, RETIREMENT)


def told(*kinds: str, version: str = "1.0.0", **changes: str) -> tuple[Ending, ...]:
    manifest = BASE[version_path(MODEL, version)]
    assert isinstance(manifest, bytes)
    one = Ending(
        model=MODEL,
        version=version,
        digest=sha256(manifest).hexdigest(),
        kind="",
        reason="old",
        by="ada",
        at=AT,
    )
    return tuple(replace(one, kind=kind, **changes) for kind in kinds)  # type: ignore[arg-type]


def found(proposal: FlowInput) -> tuple[Finding, ...]:
    return judge_flow(proposal).findings


def proposal(
    edits: dict[str, Content | None],
    endings: tuple[Ending, ...],
    branch: str = "ml",
    world: World | None = None,
) -> FlowInput:
    return replace((world or World()).proposal(branch, BASE, edits), endings=endings)


def test_a_retired_version_may_be_taken_away() -> None:
    assert problems(found(proposal({V1: None}, told(*OVER)))) == []


@pytest.mark.parametrize(
    "endings",
    [
        (),
        told(ARCHIVAL),
        told(RETIREMENT),
        told(ARCHIVAL, REINSTATEMENT),
        told(*OVER, digest="0" * 64),
        told(*OVER, model="other-model"),
        told(*OVER, version="1.1.0"),
    ],
)
def test_nothing_less_than_its_retirement_lets_it_go(endings: tuple[Ending, ...]) -> None:
    assert problems(found(proposal({V1: None}, endings)), "immutability") == [
        f"{MODEL}@1.0.0 was merged and can't be removed"
    ]


def test_a_retired_version_may_go_but_not_change() -> None:
    assert problems(found(proposal({V1: b"other"}, told(*OVER))), "immutability") == [
        f"{MODEL}@1.0.0 was merged and can't change any more"
    ]


def test_a_link_in_its_place_is_not_its_going() -> None:
    link: Content = (b"1.1.0.yaml", 0o120000)
    assert problems(found(proposal({V1: link}, told(*OVER))), "immutability")


def test_what_is_still_needed_stays() -> None:
    one = proposal({V1: None}, told(*OVER))
    needed = replace(one, guards=lambda model, version: ("it is pinned", f"{model} {version}"))
    [finding] = [f for f in found(needed) if f.outcome.blocks]
    assert finding.message == (f"{MODEL}@1.0.0 is retired, but it is pinned and {MODEL} 1.0.0")
    assert finding.mend == "restore it until nothing needs it"


def test_a_later_branch_needs_no_promotion_to_let_it_go() -> None:
    """The ledger proves it, so the source environment need not have been deployed without it."""
    world = World()
    world.deploy("dev", "1.2.0", BASE)
    assert problems(found(proposal({V1: None}, told(*OVER), "develop", world))) == []
    assert problems(found(proposal({V1: None}, told(*OVER), "develop"))) == []
    both = told(*OVER) + told(*OVER, version="1.1.0")
    assert problems(found(proposal({V1: None, V2: None}, both, "develop"))) == []


def test_it_may_go_with_a_promotion_though_the_source_had_it_then() -> None:
    world = World()
    new = {**BASE, **version_yaml("1.3.0"), **release_yaml("1.3.0")}
    world.deploy("dev", "1.3.0", new)
    edits: dict[str, Content | None] = {
        **version_yaml("1.3.0"),
        **release_yaml("1.3.0"),
        V1: None,
    }
    assert problems(found(proposal(edits, told(*OVER), "develop", world))) == []
    assert problems(found(proposal(edits, (), "develop", world)), "provenance")


@pytest.mark.parametrize("kind", [REJECTION, ARCHIVAL])
def test_what_has_ended_is_released_by_no_branch(kind: str) -> None:
    endings = told(kind, version="1.1.0")
    flow = judge_flow(proposal(dict(release_yaml("1.1.0")), endings))
    end = {REJECTION: "rejected", ARCHIVAL: "archived"}[kind]
    assert problems(flow.findings, "release")[0] == (
        f"{MODEL} releases 1.1.0, which was {end} on 2026-11-20 by ada: old"
    )
    assert flow.kind is FlowKind.SUBMISSION


def test_what_is_deprecated_may_be_gone_back_to() -> None:
    world = World()
    world.deploy("dev", "1.1.0", BASE)
    world.deploy("dev", "1.2.0", BASE)
    endings = told(DEPRECATION, version="1.1.0")
    flow = judge_flow(proposal(dict(release_yaml("1.1.0")), endings, world=world))
    assert flow.kind is FlowKind.ROLLBACK
    assert problems(flow.findings) == []


@pytest.mark.parametrize(
    ("kinds", "end"),
    [((REJECTION,), "rejected"), (OVER, "archived"), ((ARCHIVAL, REINSTATEMENT), "archived")],
)
def test_a_number_that_has_ended_takes_no_other_bytes(kinds: tuple[str, ...], end: str) -> None:
    """Also when its manifest was taken away, and it never served anywhere."""
    ended, new = told(*kinds), version_path(MODEL, "1.3.0")
    ended = tuple(replace(one, version="1.3.0") for one in ended)
    again = problems(found(proposal(dict(version_yaml("1.3.0", note="other")), ended)))
    assert f"{MODEL}@1.3.0 was {end} with another manifest" in again
    same = problems(found(proposal({new: BASE[V1]}, ended)))
    assert not any("another manifest" in problem for problem in same)
    fresh = proposal(dict(version_yaml("1.4.0")), ended)
    assert problems(found(fresh)) == []
