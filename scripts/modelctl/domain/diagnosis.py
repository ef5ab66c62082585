"""What an examination of an installation found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from modelctl.domain.evidence import TrustedKey
from modelctl.domain.policy import Policy
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, EXIT_UNDECIDED

KEY_SOON = timedelta(days=30)
"""So long before its end a key is told of."""


class Health(StrEnum):
    """How one part is. `SKIPPED` was not looked at, `UNKNOWN` could not be."""

    WELL = "well"
    ILL = "ill"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One check: what it found, and what to do about it."""

    check: str
    health: Health
    message: str
    mend: str | None = None


def exit_code(rows: Iterable[Row]) -> int:
    """1 where something is wrong, else 3 where something could not be decided, else 0."""
    seen = {row.health for row in rows}
    if Health.ILL in seen:
        return EXIT_BLOCKED
    return EXIT_UNDECIDED if Health.UNKNOWN in seen else EXIT_PASS


def unfilled_roles(policy: Policy) -> tuple[str, ...]:
    """The roles that must approve something and that nobody holds."""
    steps = [transition.approvals for transition in policy.lifecycle.transitions]
    asked = dict.fromkeys(
        rule.role
        for rules in (*steps, policy.rule_approvals, policy.contract_approvals)
        for rule in rules
    )
    roles = (policy.roles[name] for name in asked)
    return tuple(r.name for r in roles if not (r.members or any(r.members_by_owner.values())))


def unsigned_environments(policy: Policy, now: datetime) -> tuple[str, ...]:
    """The environments whose deployments no key may sign now."""
    usable = [key for key in policy.keys if _usable(key, now) and _signs(key, "deployment")]
    spoken = {name for key in usable for name in key.environments}
    if "*" in spoken:
        return ()
    return tuple(name for name in policy.lifecycle.environments if name not in spoken)


def unmeasured_kinds(policy: Policy, now: datetime) -> tuple[str, ...]:
    """The kinds of evidence that gates ask for and no key may sign now."""
    usable = [key for key in policy.keys if _usable(key, now)]
    asked = dict.fromkeys(gate.evidence for gate in policy.gates if gate.evidence is not None)
    return tuple(kind for kind in asked if not any(_signs(key, kind) for key in usable))


def keygen(policy: Policy, kinds: Iterable[str], environments: Iterable[str]) -> str:
    """The command that makes a key of a name that none has."""
    kinds = list(kinds)
    taken = {key.name for key in policy.keys}
    first = "deployer" if "deployment" in kinds else "ci"
    names = (first, *(f"{first}-{number}" for number in range(2, len(taken) + 3)))
    name = next(one for one in names if one not in taken)
    asked = (*(f"--kind {kind}" for kind in kinds), *(f"--environment {e}" for e in environments))
    return (
        f"modelctl evidence keygen {name} --owner {key_owner(policy)} {' '.join(asked)} "
        f"--private ../{name}.pem"
    )


def key_owner(policy: Policy) -> str:
    """Who answers for the keys: the role that approves the rules, and so every key file."""
    return next((rule.role for rule in policy.rule_approvals), next(iter(policy.roles), "OWNER"))


def ending_keys(policy: Policy, now: datetime) -> tuple[TrustedKey, ...]:
    """The keys that end soon, and that no other key of the same kinds and environments outlives."""
    usable = [key for key in policy.keys if _usable(key, now)]
    ending = [key for key in usable if key.valid_until <= now + KEY_SOON]
    lasting = [key for key in usable if key not in ending]
    return tuple(key for key in ending if not any(_covers(other, key) for other in lasting))


def _usable(key: TrustedKey, now: datetime) -> bool:
    return key.revoked_at is None and key.valid_from <= now < key.valid_until


def _signs(key: TrustedKey, kind: str) -> bool:
    return kind in key.kinds or "*" in key.kinds


def _covers(other: TrustedKey, key: TrustedKey) -> bool:
    kinds = "*" in other.kinds or set(key.kinds) <= set(other.kinds)
    return kinds and ("*" in other.environments or set(key.environments) <= set(other.environments))
