"""The branch rules that the lifecycle and the roles ask for, in the shape that GitHub exports.

They are worked out and written to `.github/rulesets/`, where people review them and a test holds
them in step: nothing is typed twice, so nothing can drift. Teams stand there by slug and Apps by
name; `resolved` puts the ids in. GitHub's rules add up, so what nobody may bypass is a ruleset of
its own: whoever may bypass one rule of a ruleset may bypass them all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from modelctl.domain.codeowners import general_lines, rule_lines
from modelctl.domain.decisions import MANUAL
from modelctl.domain.names import MODELS
from modelctl.domain.policy import ApprovalRule, Policy, Transition
from modelctl.domain.pulls import CHECK_NAME
from modelctl.domain.settings import DEPLOY, GATE, Settings
from modelctl.domain.structure import RULE_ROOTS

FOLDER = ".github/rulesets"
WRITE = "modelctl github rulesets --write"
PREFIX = "modelctl: "
"""How the names of our rulesets begin. Those of others are never touched."""
MODEL_FILES = (f"{MODELS}/*/*", f"{MODELS}/*/versions/*")
RULE_FILES = tuple(
    pattern
    for root in RULE_ROOTS
    for pattern in ((root,) if root == "CODEOWNERS" else (f"{root}/*", f"{root}/**/*"))
)
_TAGS = tuple(f"refs/tags/{name}{below}" for name in ("*@v*", "*#*") for below in ("", "/**/*"))
"""A tag below another one's name would leave no room for that one."""
_PROPOSALS = ("promote", "rollback", "waiver")
"""What the branches of proposals begin with, three names follow: `promote/MODEL/VERSION/ENV`."""
_MOST = 10
"""GitHub counts no more approvals than these."""

Ruleset: TypeAlias = Mapping[str, Any]
Rules: TypeAlias = tuple[ApprovalRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Names in a ruleset that have no id: teams that nobody can see, Apps that aren't there."""

    teams: tuple[str, ...]
    apps: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.teams or self.apps)


def rulesets(policy: Policy, settings: Settings) -> dict[str, Ruleset]:
    """File below `.github/rulesets/` → the ruleset, with teams by slug and Apps by name."""
    lifecycle = policy.lifecycle
    branches = dict.fromkeys([*(t.to_branch for t in lifecycle.transitions),
                              lifecycle.default_branch])  # fmt: skip
    found = {
        f"into-{branch.replace('/', '--')}.json": _into(policy, settings, branch)
        for branch in branches
    }
    written = (lifecycle.state_of("*"), lifecycle.ledger_branch)
    machines = [f"refs/heads/{branch}" for branch in written]
    return {
        **found,
        "machine-branches.json": _ruleset(
            "machine branches are written by the deploy App alone",
            "branch",
            machines,
            [{"type": "creation"}, {"type": "update"}],
            bypass=(DEPLOY,),
        ),
        "machine-branches-stay.json": _ruleset(
            "machine branches only ever grow",
            "branch",
            machines,
            [{"type": "deletion"}, {"type": "non_fast_forward"}],
        ),
        "room-for-branches.json": _ruleset(
            "no branch leaves another one without room",
            "branch",
            list(_in_the_way(written)),
            [{"type": "creation"}],
        ),
        "tags.json": _ruleset(
            "version tags are made by the deploy App alone",
            "tag",
            _TAGS,
            [{"type": "creation"}],
            bypass=(DEPLOY,),
        ),
        "tags-stay.json": _ruleset(
            "version tags never move",
            "tag",
            _TAGS,
            [{"type": "deletion"}, {"type": "non_fast_forward"}, {"type": "update"}],
        ),
    }


def _in_the_way(written: Iterable[str]) -> Iterator[str]:
    """The branches above and below those that machines write and proposals need: git keeps a branch
    as a file, so that `env` leaves no room for `env/dev`."""
    for branch in (*written, *(f"{first}/*/*/*" for first in _PROPOSALS)):
        parts = branch.split("/")
        yield from (f"refs/heads/{'/'.join(parts[:n])}" for n in range(1, len(parts)))
        yield f"refs/heads/{branch}/**/*"


def text(ruleset: Ruleset) -> str:
    """A ruleset as its file has it."""
    return json.dumps(ruleset, indent=2) + "\n"


def teams_in(rows: Iterable[Ruleset]) -> frozenset[str]:
    """The slugs of every team that rulesets name."""
    reviewers = (_parameters(row, "required_reviewers") for row in rows)
    return frozenset(one["reviewer"]["id"] for found in reviewers for one in found)


def missing(ruleset: Ruleset, teams: Mapping[str, int], apps: Mapping[str, int | None]) -> Missing:
    """Which names have no id. Such a ruleset is not applied, since a check that is pinned to no
    App, or a reviewer who isn't there, would let through what must not pass."""
    used = [one["actor_id"] for one in ruleset["bypass_actors"]]
    used += [check["integration_id"] for check in _parameters(ruleset, "required_status_checks")]
    return Missing(
        teams=tuple(sorted(teams_in([ruleset]) - set(teams))),
        apps=tuple(name for name in dict.fromkeys(used) if apps.get(name) is None),
    )


def resolved(ruleset: Ruleset, teams: Mapping[str, int], apps: Mapping[str, int | None]) -> Ruleset:
    """The same with ids, as GitHub takes and gives it; none may be `missing`."""
    return {
        **ruleset,
        "bypass_actors": [
            {**actor, "actor_id": apps[actor["actor_id"]]} for actor in ruleset["bypass_actors"]
        ],
        "rules": [_with_ids(rule, teams, apps) for rule in ruleset["rules"]],
    }


def unasked(policy: Policy) -> tuple[str, ...]:
    """Roles that must approve and that have no GitHub team: the gate alone asks for these."""
    steps = [t.approvals for t in policy.lifecycle.transitions]
    asked = dict.fromkeys(r.role for rules in (*steps, policy.rule_approvals) for r in rules)
    return tuple(name for name in asked if policy.roles[name].team is None)


def _with_ids(rule: Ruleset, teams: Mapping[str, int], apps: Mapping[str, int | None]) -> Ruleset:
    parameters: dict[str, Any] = dict(rule.get("parameters", {}))
    if "required_reviewers" in parameters:
        parameters["required_reviewers"] = [
            {**row, "reviewer": {**row["reviewer"], "id": teams[row["reviewer"]["id"]]}}
            for row in parameters["required_reviewers"]
        ]
    if "required_status_checks" in parameters:
        parameters["required_status_checks"] = [
            {**row, "integration_id": apps[row["integration_id"]]}
            for row in parameters["required_status_checks"]
        ]
    return {**rule, "parameters": parameters} if parameters else rule


def _parameters(ruleset: Ruleset, key: str) -> list[Any]:
    found = (rule.get("parameters", {}).get(key, ()) for rule in ruleset["rules"])
    return [row for rows in found for row in rows]


def _ruleset(
    name: str,
    target: str,
    refs: Iterable[str],
    rules: list[Ruleset],
    *,
    bypass: Iterable[str] = (),
) -> Ruleset:
    return {
        "name": PREFIX + name,
        "target": target,
        "enforcement": "active",
        "conditions": {"ref_name": {"exclude": [], "include": list(refs)}},
        "rules": rules,
        "bypass_actors": [
            {"actor_id": app, "actor_type": "Integration", "bypass_mode": "always"}
            for app in bypass
        ],
    }


def _into(policy: Policy, settings: Settings, branch: str) -> Ruleset:
    transition = policy.lifecycle.to_branch(branch)
    check = {"context": CHECK_NAME, "integration_id": GATE}
    return _ruleset(
        f"into {branch} by reviewed pull request",
        "branch",
        [f"refs/heads/{branch}"],
        [
            {"type": "deletion"},
            {"type": "non_fast_forward"},
            {"type": "pull_request", "parameters": _reviews(policy, settings, transition)},
            {
                "type": "required_status_checks",
                "parameters": {
                    "strict_required_status_checks_policy": False,
                    "do_not_enforce_on_create": True,
                    "required_status_checks": [check],
                },
            },
        ],
    )


def _reviews(policy: Policy, settings: Settings, transition: Transition | None) -> dict[str, Any]:
    """What GitHub itself asks of a pull request: never more than the gate, whoever changes what."""
    steps: Rules | None = None
    if transition is not None:
        steps = transition.approvals if _always_manual(transition) else ()
    ways = [policy.rule_approvals, *([] if steps is None else [steps])]
    count = min(_MOST, *(sum(rule.count for rule in rules) for rules in ways))
    return {
        "required_approving_review_count": count,
        "dismiss_stale_reviews_on_push": True,
        "dismissal_restriction": {"enabled": True, "allowed_actors": []},
        "require_code_owner_review": _owners_approve(policy, settings, steps),
        "require_last_push_approval": count > 0,
        "required_review_thread_resolution": False,
        "allowed_merge_methods": ["merge"],
        "required_reviewers": [
            *_required(policy, steps or (), MODEL_FILES),
            *_required(policy, policy.rule_approvals, RULE_FILES),
        ],
    }


def _always_manual(transition: Transition) -> bool:
    modes = (transition.decision, *transition.decisions.values())
    return all(mode == MANUAL for mode in modes)


def _required(
    policy: Policy, rules: Iterable[ApprovalRule], patterns: Iterable[str]
) -> list[dict[str, Any]]:
    return [
        {
            "file_patterns": list(patterns),
            "minimum_approvals": min(rule.count, _MOST),
            "reviewer": {"id": team, "type": "Team"},
        }
        for rule in rules
        if (team := policy.roles[rule.role].team) is not None
    ]


def _owners_approve(policy: Policy, settings: Settings, steps: Rules | None) -> bool:
    """Whether whatever is approved has an approval by somebody whom CODEOWNERS names, so that
    asking for one more by name can never hold what the lifecycle lets through.

    `steps` is who approves models there, None where none may change.
    """
    organisation = settings.organisation
    everything, models, _ = general_lines(policy, organisation)
    rows = (everything, *rule_lines(policy, organisation))
    asked = [(row, policy.rule_approvals) for row in rows]
    if steps is not None:
        asked.append((models, steps))
    return all(set(row.owners) & _teams(policy, organisation, rules) for row, rules in asked)


def _teams(policy: Policy, organisation: str, rules: Rules) -> set[str]:
    slugs = (policy.roles[rule.role].team for rule in rules)
    return {f"@{organisation}/{slug}" for slug in slugs if slug is not None}
