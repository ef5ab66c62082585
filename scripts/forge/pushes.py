"""What a push may do, and what follows from one that was done."""

from __future__ import annotations

from dataclasses import dataclass, field

from forge.auth import Principal
from forge.bare import ZERO, opened
from forge.checks import missing_checks
from forge.diffs import is_ancestor
from forge.payloads_events import push_event
from forge.pulling import base_moved, head_gone, head_moved
from forge.rules import WORDS, Rule, rules_for
from forge.state import State
from forge.values import Change, Repository, now


@dataclass(slots=True)
class Verdicts:
    """`refused` gives the reason for each ref; `forward_only` may not be rewritten."""

    refused: dict[str, str] = field(default_factory=dict)
    forward_only: list[str] = field(default_factory=list)


def verdicts(
    state: State, who: Principal, repository: Repository, changes: list[Change]
) -> Verdicts:
    """What the branch rules say to a push before git sees it."""
    told = Verdicts()
    for change in changes:
        rules = [
            rule
            for rule in rules_for(state, repository, change.ref, who)
            if rule.bypassed in {None, "pull_request"}
        ]
        reason = _reason(state, repository, change, rules)
        if reason is not None:
            told.refused[change.ref] = reason
        if any(rule.kind == "non_fast_forward" for rule in rules):
            told.forward_only.append(change.ref)
    return told


def _reason(state: State, repository: Repository, change: Change, rules: list[Rule]) -> str | None:
    for rule in rules:
        if rule.kind in _kinds(change):
            return WORDS[rule.kind]
        if rule.kind == "required_status_checks" and change.new != ZERO:
            on_create = change.old == ZERO
            if on_create and rule.parameters.get("do_not_enforce_on_create"):
                continue
            missing = missing_checks(state, repository, change.new, rule.parameters)
            if missing:
                return missing[0]
    return None


def pushed(state: State, repository: Repository, changes: list[Change], login: str) -> None:
    """Events, and the pull requests that a push concerns. `changes` are those that git made."""
    for change in changes:
        _announce(state, repository, change, login)
        kind, _, name = change.ref.removeprefix("refs/").partition("/")
        if kind != "heads":
            continue
        if change.new == ZERO:
            head_gone(state, repository, name, login)
        else:
            base_moved(state, repository, name, change, login)
            head_moved(state, repository, name, change, login)
            repository.pushers[name] = login


def _kinds(change: Change) -> frozenset[str]:
    """The kinds of rules that stand against a change."""
    if change.new == ZERO:
        return frozenset({"deletion"})
    return frozenset({"creation"} if change.old == ZERO else {"update", "pull_request"})


def _announce(state: State, repository: Repository, change: Change, login: str) -> None:
    with state.lock:
        repository.pushed_at = now()
    created, deleted = change.old == ZERO, change.new == ZERO
    forced = not (created or deleted) and not is_ancestor(
        opened(repository.path), change.old, change.new
    )
    state.emit("push", push_event(state, repository, change, login, forced=forced))
