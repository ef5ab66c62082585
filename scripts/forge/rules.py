"""Branch rules, as rulesets have them: which apply to a ref, who passes by them, what is missing.

Rulesets add up. Known here: `creation`, `update`, `deletion`, `non_fast_forward`, `pull_request`,
`required_status_checks` and `required_linear_history`; other kinds are kept but not enforced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forge.auth import Principal
from forge.state import State
from forge.values import ROLES, Repository

REPOSITORY_ROLES = {1: "read", 2: "maintain", 3: "triage", 4: "write", 5: "admin"}
"""What `actor_id` says of a RepositoryRole."""

WORDS = {
    "creation": "Cannot create ref due to creations being restricted.",
    "update": "Cannot update this protected ref.",
    "deletion": "Cannot delete this branch",
    "pull_request": "Changes must be made through a pull request.",
}
"""What is said of a change that a rule forbids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a ruleset that applies; `bypassed` says how far the one who asks passes by it:
    `always`, `exempt`, `pull_request` (merges only) or None."""

    kind: str
    parameters: dict[str, Any]
    ruleset: int
    bypassed: str | None


def rules_for(state: State, repository: Repository, ref: str, who: Principal | None) -> list[Rule]:
    """The rules in force for a full ref name, as they stand for that person or app."""
    with state.lock:
        return [
            Rule(
                kind=rule["type"],
                parameters=rule.get("parameters", {}),
                ruleset=ruleset["id"],
                bypassed=_bypass(state, repository, ruleset, who),
            )
            for ruleset in applying(repository, ref)
            for rule in ruleset.get("rules", [])
        ]


def applying(repository: Repository, ref: str) -> Iterator[dict[str, Any]]:
    """The active rulesets whose conditions a ref meets."""
    target = {"refs/heads": "branch", "refs/tags/": "tag"}.get(ref[:10])
    if target is None:
        return
    for ruleset in repository.rulesets.values():
        if ruleset.get("enforcement") != "active" or ruleset.get("target", "branch") != target:
            continue
        names = (ruleset.get("conditions") or {}).get("ref_name") or {}
        if _any(names.get("include", []), ref, repository) and not _any(
            names.get("exclude", []), ref, repository
        ):
            yield ruleset


def _any(patterns: list[str], ref: str, repository: Repository) -> bool:
    default = f"refs/heads/{repository.default_branch}"
    return any(
        pattern == "~ALL"
        or (pattern == "~DEFAULT_BRANCH" and ref == default)
        or fnmatch(pattern).match(ref) is not None
        for pattern in patterns
    )


@lru_cache(maxsize=1024)
def fnmatch(pattern: str) -> re.Pattern[str]:
    """GitHub's patterns for refs and for files: `*` stops at a slash, `**/` crosses any number of
    folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts) + r"\Z")


def _bypass(
    state: State, repository: Repository, ruleset: dict[str, Any], who: Principal | None
) -> str | None:
    if who is None:
        return None
    for actor in ruleset.get("bypass_actors") or []:
        if _is_actor(state, repository, (actor["actor_type"], actor.get("actor_id")), who):
            return str(actor.get("bypass_mode", "always"))
    return None


def may_dismiss(state: State, repository: Repository, ref: str, who: Principal) -> bool:
    """Whether somebody may dismiss reviews of what goes into that ref."""
    for rule in rules_for(state, repository, ref, who):
        limits = rule.parameters.get("dismissal_restriction") or {}
        actors = limits.get("allowed_actors") or []
        if limits.get("enabled") and not any(
            _is_actor(state, repository, (actor.get("type", ""), actor.get("id")), who)
            for actor in actors
        ):
            return False
    return True


def _is_actor(
    state: State, repository: Repository, actor: tuple[str, int | None], who: Principal
) -> bool:
    kind, identity = actor
    if kind in {"Integration", "IntegrationInstallation"}:
        return (
            who.is_installation
            and who.app is not None
            and identity == (who.app.id if kind == "Integration" else who.app.installation)
        )
    if who.is_installation or who.login is None:
        return False
    if kind == "User":
        return state.user(who.login).id == identity
    if kind == "Team":
        teams = (t for t in state.teams.values() if t.id == identity)
        return any(who.login in state.members(team) for team in teams)
    role = state.role(repository, who.login)
    if kind == "OrganizationAdmin":
        return who.login.lower() == repository.owner.lower()
    wanted = REPOSITORY_ROLES.get(identity or 0)
    return (
        kind == "RepositoryRole"
        and role is not None
        and wanted is not None
        and ROLES.index(role) >= ROLES.index(wanted)
    )
