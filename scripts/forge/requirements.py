"""What a pull request still lacks before it may be merged, by the rules, in GitHub's words."""

from __future__ import annotations

from typing import Any

from forge.auth import Principal, reaches
from forge.bare import opened
from forge.checks import missing_checks
from forge.diffs import is_ancestor
from forge.owners import lines_at, owners_of
from forge.rules import WORDS, Rule, fnmatch, rules_for
from forge.state import State
from forge.values import ROLES, Pull, Repository, Review, Trial

OPINIONS = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")


def missing(
    state: State, repository: Repository, pull: Pull, trial: Trial, who: Principal | None
) -> list[str]:
    """All that stands against the merge for that person or app; empty if nothing does."""
    found: list[str] = []
    for rule in rules_for(state, repository, f"refs/heads/{pull.base}", who):
        if rule.bypassed is None:
            found += _missing_by(state, repository, pull, trial, rule)
    return list(dict.fromkeys(found))


def _missing_by(
    state: State, repository: Repository, pull: Pull, trial: Trial, rule: Rule
) -> list[str]:
    match rule.kind:
        case "update":
            return [WORDS["update"]]
        case "required_status_checks":
            found = missing_checks(state, repository, pull.head, rule.parameters)
            return found + _behind(repository, trial, rule.parameters)
        case "pull_request":
            return missing_approvals(state, repository, pull, trial, rule.parameters)
    return []


def _behind(repository: Repository, trial: Trial, parameters: dict[str, Any]) -> list[str]:
    strict = parameters.get("strict_required_status_checks_policy")
    if strict and not is_ancestor(opened(repository.path), trial.base, trial.head):
        return ["This branch must be up to date with the base branch."]
    return []


def opinions(pull: Pull) -> dict[str, Review]:
    """The last review of each person that says something; comments change nothing."""
    return {review.user: review for review in pull.reviews if review.state in OPINIONS}


def missing_approvals(
    state: State, repository: Repository, pull: Pull, trial: Trial, parameters: dict[str, Any]
) -> list[str]:
    """What the parameters of a `pull_request` rule still want."""
    with state.lock:
        counted = {
            login: review
            for login, review in opinions(pull).items()
            if login != pull.user and counts(state, repository, login)
        }
        approvals = {login for login, review in counted.items() if review.state == "APPROVED"}
        found = []
        if any(review.state == "CHANGES_REQUESTED" for review in counted.values()):
            found.append("Changes have been requested.")
        wanted = int(parameters.get("required_approving_review_count", 0))
        if len(approvals) < wanted:
            plural = "review is" if wanted == 1 else "reviews are"
            found.append(
                f"At least {wanted} approving {plural} required by reviewers with write access."
            )
        if parameters.get("require_last_push_approval") and not _fresh(pull, counted):
            found.append("New changes require approval from someone other than the last pusher.")
        found += _teams(state, repository, trial, parameters, approvals)
    if parameters.get("require_code_owner_review"):
        found += _owners(state, repository, trial, approvals)
    return found


def counts(state: State, repository: Repository, login: str) -> bool:
    """Whether somebody's review counts: who may write, bots of apps that may included."""
    app = next((app for app in state.apps.values() if app.bot == login), None)
    if app is not None:
        return reaches(app.permissions, "contents", "write")
    role = state.role(repository, login)
    return role is not None and ROLES.index(role) >= ROLES.index("write")


def _fresh(pull: Pull, counted: dict[str, Review]) -> bool:
    return any(
        review.state == "APPROVED" and review.commit == pull.head and login != pull.pusher
        for login, review in counted.items()
    )


def _teams(
    state: State,
    repository: Repository,
    trial: Trial,
    parameters: dict[str, Any],
    approvals: set[str],
) -> list[str]:
    """The teams of `required_reviewers` whose files are touched and who have not approved."""
    found = []
    for required in parameters.get("required_reviewers", []):
        patterns = required["file_patterns"]
        if not any(fnmatch(pattern).match(path) for pattern in patterns for path in trial.paths):
            continue
        identity, least = required["reviewer"]["id"], int(required["minimum_approvals"])
        team = next((team for team in state.teams.values() if team.id == identity), None)
        members = set() if team is None else set(state.members(team))
        if len(approvals & members) < least:
            name = "a team that is gone" if team is None else f"@{team.org}/{team.slug}"
            found.append(f"At least {least} approving review from {name} is required.")
    return found


def _owners(state: State, repository: Repository, trial: Trial, approvals: set[str]) -> list[str]:
    """Any one owner of a file is enough, by the base branch's CODEOWNERS."""
    lines = lines_at(opened(repository.path), trial.base)
    with state.lock:
        for path in trial.paths:
            owners = owners_of(path, lines)
            if owners and not any(approvals & _people(state, owner) for owner in owners):
                return ["Waiting on code owner review."]
    return []


def _people(state: State, owner: str) -> set[str]:
    if not owner.startswith("@"):
        return {user.login for user in state.users.values() if user.email == owner}
    org, _, slug = owner[1:].partition("/")
    if not slug:
        return {user.login for user in state.users.values() if user.login.lower() == org.lower()}
    team = state.teams.get((org.lower(), slug))
    return set() if team is None else set(state.members(team))
