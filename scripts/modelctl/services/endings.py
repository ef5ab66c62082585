"""Ends the lives of versions by signed statements, and only of those that nothing needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelctl.adapters.signing import sign
from modelctl.adapters.signing_keys import Signer
from modelctl.domain.electorate import among
from modelctl.domain.endings import ENDS, FINAL, Ended, Ending, refusal
from modelctl.domain.evidence import Statement
from modelctl.domain.history import DEPRECATION, REINSTATEMENT
from modelctl.domain.policy import Policy
from modelctl.domain.whereabouts import Whereabouts
from modelctl.errors import ModelctlError
from modelctl.services.evidence import signer_key, statement_of
from modelctl.services.pointers import Located
from modelctl.services.session import MACHINE, Session
from modelctl.services.whereabouts import whereabouts

_HARMLESS = frozenset({DEPRECATION, REINSTATEMENT})
"""What may be said of a version that is needed: it goes on serving."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to say of a version: a kind of statement, why, and who decided it."""

    kind: str
    reason: str
    by: str
    replaced_by: str | None = None

    def predicate(self, version: str) -> Mapping[str, Any]:
        """What the statement says."""
        return {
            "version": version,
            "reason": self.reason,
            "by": self.by,
            "replaced_by": self.replaced_by,
        }


def end_version(session: Session, located: Located, wish: Wish, signer: Signer | None) -> Ended:
    """Signs and appends the statement, unless something speaks against it; without a signer only
    says what would be done.

    Raises:
        ModelctlError: the wish can't be meant, or the key may not sign it.
    """
    version = str(located.version.version)
    known = whereabouts(session, located.model)
    _check(session.policy, known, version, wish)
    now, end = known.ending(version), ENDS.get(wish.kind)
    serving = tuple(e for e in known.environments if known.serves(version, e))
    done = Ended(name=located.name, kind=wish.kind, serving=serving)
    if (now.end if now else None) == end:
        already = f"was {now}" if now else "hasn't ended"
        return Ended(name=located.name, kind=wish.kind, already=already, serving=serving)
    stopped = _stopped(session.policy, known, version, wish, now)
    if stopped is not None:
        obstacles, mend = stopped
        return Ended(
            name=located.name, kind=wish.kind, obstacles=obstacles, mend=mend, serving=serving
        )
    if signer is None:
        return done
    environment = session.policy.lifecycle.last
    predicate = wish.predicate(version)
    statement = statement_of(located, wish.kind, environment, predicate, session.now)
    envelope = seal(session, statement, signer)
    entry = session.ledger.append(located.model, [envelope], author=MACHINE, at=session.now)[0]
    return Ended(name=located.name, kind=wish.kind, place=entry.path, serving=serving)


def seal(session: Session, statement: Statement, signer: Signer) -> bytes:
    """The signed statement.

    Raises:
        ModelctlError: the policy doesn't know the key, or it may not sign this.
    """
    objection = signer_key(session, signer).objection(statement, session.now)
    if objection is not None:
        raise ModelctlError(objection, mend="sign with a key that may, or widen it in the policy")
    return sign(statement, signer)


def _stopped(
    policy: Policy, known: Whereabouts, version: str, wish: Wish, now: Ending | None
) -> tuple[tuple[str, ...], str] | None:
    """What speaks against it, and the mend; None when nothing does."""
    refused = refusal(wish.kind, now)
    if refused is not None:
        return (refused[0],), refused[1]
    guards = known.guards(version, policy.retention.pins)
    if wish.kind in _HARMLESS or not guards:
        return None
    return guards, _how_to_free(policy, known, version)


def _how_to_free(policy: Policy, known: Whereabouts, version: str) -> str:
    """What to do so that nothing needs the version any more."""
    if f"{known.model}@{version}" in policy.retention.pins:
        return "remove the pin from policies/retention.yaml first"
    if version in known.released.values() or any(
        known.serves(version, e) for e in known.environments
    ):
        return "release another version and deploy it, then run this again"
    return "wait until the environment has another version to go back to"


def _check(policy: Policy, known: Whereabouts, version: str, wish: Wish) -> None:
    """Raises where the wish can't be meant."""
    if not wish.reason.strip():
        raise ModelctlError("the reason is empty", mend="say in a sentence why: --reason TEXT")
    roles = policy.roles.values()
    people = {p for r in roles for p in r.members.union(*r.members_by_owner.values())}
    if not among(wish.by, people):
        raise ModelctlError(
            f"{wish.by} is in no role of the policy", mend="name who decided it by login: --by"
        )
    end = ENDS.get(wish.kind)
    if end is not None and end not in policy.lifecycle.ends:
        raise ModelctlError(
            f"the lifecycle has no stage for versions that are {end}",
            mend=f"name one in policies/lifecycle.yaml: ends: {{{end}: STAGE}}",
        )
    if wish.replaced_by is not None:
        _check_successor(known, version, wish.replaced_by)


def _check_successor(known: Whereabouts, version: str, successor: str) -> None:
    if successor == version:
        raise ModelctlError(f"{version} can't replace itself", mend="name another version")
    if successor not in known.versions:
        there = ", ".join(sorted(known.versions)) or "none is merged yet"
        raise ModelctlError(f"there is no version {successor}", mend=f"the versions are {there}")
    now = known.ending(successor)
    if now is not None and now.end in FINAL:
        raise ModelctlError(f"{successor} was {now}", mend="name a version that may serve")
