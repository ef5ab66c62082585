"""Which versions a change moves, and whether it may: the rules that no policy can switch off.

Everything is compared by git object id between trees; nothing is checked out. `judge_flow` runs
every check and reports every problem. A check that found none says so with one passing finding, and
one that has nothing to look at in this change says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from modelctl.domain.flow_input import FlowInput
from modelctl.domain.immutability import IMMUTABILITY, immutability
from modelctl.domain.names import ModelFile, model_path, release_path, version_path
from modelctl.domain.provenance import PROVENANCE, provenance, rollback_proof
from modelctl.domain.releases import RELEASE, releases
from modelctl.domain.structure import (
    FILE_MODE,
    MIXING,
    PLACEMENT,
    RULES_BRANCH,
    SYNC,
    file_modes,
    mixing,
    placement,
    rules_branch,
    sync,
)
from modelctl.domain.verdict import Finding, Outcome

__all__ = ["Flow", "FlowInput", "FlowKind", "Move", "judge_flow"]


class FlowKind(StrEnum):
    """What a change is. `MIXED` and `MISPLACED` ones are always blocked."""

    EMPTY = "empty"
    SUBMISSION = "submission"
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    RULES = "rules"
    SYNC = "sync"
    MIXED = "mixed"
    MISPLACED = "misplaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A model of which the target environment should serve something else than before.

    `from_version` is what the branch released before, None for a first release; it equals `version`
    when only the strategy or model.yaml changes. `kind` is SUBMISSION, PROMOTION or ROLLBACK.
    """

    model: str
    version: str
    from_version: str | None
    kind: FlowKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a change moves, which versions it adds, and every finding about it."""

    kind: FlowKind
    moves: tuple[Move, ...]
    added: tuple[ModelFile, ...]
    findings: tuple[Finding, ...]


def judge_flow(proposal: FlowInput) -> Flow:
    """The kind of a change, its moves, and what the rules of the flow say to it."""
    moves = tuple(_moves(proposal))
    added = (f for c, f in proposal.known_files() if c.added and f.kind == "version")
    return Flow(
        kind=_kind(proposal, moves),
        moves=moves,
        added=tuple(added),
        findings=tuple(finding for check in _CHECKS for finding in _run(check, proposal)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """A check, what it looks at, and what it says when all is well."""

    gate: str
    run: Callable[[FlowInput], Iterator[Finding]]
    applies: Callable[[FlowInput], object]
    passed: str


def _models(proposal: FlowInput) -> object:
    return proposal.model_changes


def _rules(proposal: FlowInput) -> object:
    return proposal.rule_changes


def _always(_: FlowInput) -> object:
    return True


def _elsewhere(proposal: FlowInput) -> object:
    return proposal.rule_changes and proposal.branch != proposal.default_branch


def _released(proposal: FlowInput) -> object:
    return proposal.transition and proposal.models


def _promoted(proposal: FlowInput) -> object:
    return proposal.transition and proposal.transition.source and proposal.models


_CHECKS = (
    _Check(
        gate=MIXING,
        run=mixing,
        applies=_always,
        passed="models and rules are not changed together",
    ),
    _Check(
        gate=PLACEMENT,
        run=placement,
        applies=_models,
        passed="only known files change below models/",
    ),
    _Check(
        gate=FILE_MODE,
        run=file_modes,
        applies=_models,
        passed="all of them are regular files",
    ),
    _Check(
        gate=IMMUTABILITY,
        run=immutability,
        applies=_models,
        passed="every merged version stays as it is",
    ),
    _Check(
        gate=RELEASE,
        run=releases,
        applies=_released,
        passed="every release points at a version that is there",
    ),
    _Check(
        gate=PROVENANCE,
        run=provenance,
        applies=_promoted,
        passed="byte for byte what the ledger shows was deployed before",
    ),
    _Check(
        gate=RULES_BRANCH,
        run=rules_branch,
        applies=_rules,
        passed="rules change where they may",
    ),
    _Check(
        gate=SYNC,
        run=sync,
        applies=_elsewhere,
        passed="the rules are those of the default branch, byte for byte",
    ),
)


def _run(check: _Check, proposal: FlowInput) -> tuple[Finding, ...]:
    if not check.applies(proposal):
        return ()
    passed = Finding(gate=check.gate, outcome=Outcome.PASS, message=check.passed)
    return tuple(check.run(proposal)) or (passed,)


def _kind(proposal: FlowInput, moves: tuple[Move, ...]) -> FlowKind:
    if not proposal.changes:
        return FlowKind.EMPTY
    if proposal.model_changes and proposal.rule_changes:
        return FlowKind.MIXED
    if proposal.rule_changes:
        same = not any(rules_branch(proposal))
        elsewhere = proposal.branch != proposal.default_branch
        return FlowKind.SYNC if elsewhere and same else FlowKind.RULES
    if proposal.transition is None:
        return FlowKind.MISPLACED
    rolled_back = {move.model for move in moves if move.kind is FlowKind.ROLLBACK}
    if proposal.models and rolled_back == set(proposal.models):
        return FlowKind.ROLLBACK
    return FlowKind.PROMOTION if proposal.transition.source else FlowKind.SUBMISSION


def _moves(proposal: FlowInput) -> Iterator[Move]:
    if proposal.transition is None:
        return
    forward = FlowKind.PROMOTION if proposal.transition.source else FlowKind.SUBMISSION
    for model in proposal.models:
        release, before = proposal.releases_after.get(model), proposal.releases_before.get(model)
        if release is None:
            continue
        version = str(release.version)
        stands_on = {model_path(model), release_path(model), version_path(model, version)}
        if stands_on & proposal.paths_of(model):
            yield Move(
                model=model,
                version=version,
                from_version=str(before.version) if before else None,
                kind=FlowKind.ROLLBACK if rollback_proof(proposal, model) else forward,
            )
