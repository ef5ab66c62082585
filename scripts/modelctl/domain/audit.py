"""What an auditor is told: which version served, by whose word, on which evidence; the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelctl.domain.history import Deployment
from modelctl.domain.names import version_path
from modelctl.domain.rollout_events import Rollout
from modelctl.domain.waivers import WaiverRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Where a statement lies on the ledger: its file, the sha256 of that file in hex, its number,
    and the names of the keys that signed it."""

    path: str
    digest: str
    seq: int
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One piece of evidence that a deployment rested on; `envelope` is its sha256 in hex.

    Without a `proof` it is not on the ledger, or can't be believed any more, and nothing but the
    digest is known of it.
    """

    envelope: str
    kind: str | None = None
    environment: str | None = None
    made_at: datetime | None = None
    passed: bool | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What served one model at the time that was asked about, all of it from signed statements.

    `blob` is the git object id of the manifest, `branch` said that it should serve, `state_commit`
    is the commit of the environment's own branch. `waivers` were in force when it was deployed.
    """

    deployment: Deployment
    proof: Proof
    branch: str | None = None
    stage: str | None = None
    blob: str | None = None
    state_commit: str | None = None
    evidence: tuple[Evidence, ...] = ()
    waivers: tuple[WaiverRecord, ...] = ()
    coming: Coming | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """From when on (UTC) a version that took over had so much of the traffic, in percent."""

    since: datetime
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """The version that was taking over at that time, with its shares until then, oldest first; the
    rest went to what served. `seq` is the number of the entry that tells the last one."""

    version: str
    digest: str
    strategy: str
    shares: tuple[Share, ...]
    seq: int

    @property
    def weight(self) -> int:
        """Its share at that time."""
        return self.shares[-1].weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An entry that can't be believed, and might have told what served. `path` is its file."""

    model: str
    seq: int
    path: str

    def __str__(self) -> str:
        return disbelief(self.seq)


def disbelief(seq: int, why: str = "it was altered or forged") -> str:
    """What readers are told instead of an entry that can't be believed."""
    return f"entry {seq} can't be believed: {why}; modelctl ledger verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Who served in one environment at one time (UTC).

    `ledger` is the commit of the ledger that says so, `trusted` the one whose keys were believed,
    `nothing` the models of which nothing served. Of models with `doubts` nobody can tell.
    """

    environment: str
    at: datetime
    asked_at: datetime
    ledger: str | None
    trusted: str
    served: tuple[Served, ...]
    nothing: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def served(
    deployment: Deployment,
    predicate: Mapping[str, Any],
    proof: Proof,
    evidence: Sequence[Evidence],
) -> Served:
    """What the predicate of a deployment's statement tells an auditor."""
    return Served(
        deployment=deployment,
        proof=proof,
        branch=_text(predicate.get("branch")),
        stage=_text(predicate.get("stage")),
        blob=deployment.files.get(version_path(deployment.model, deployment.version)),
        state_commit=_text(predicate.get("state_commit")),
        evidence=tuple(evidence),
        waivers=waivers(predicate),
    )


def coming(rollouts: Sequence[Rollout], at: datetime) -> Coming | None:
    """What was taking over at a time, by the rollouts of a model in an environment."""
    for one in reversed(rollouts):
        until = [event for event in one.events if event.at <= at]
        if not until:
            continue
        end = one.until
        if end is not None and end <= at:
            return None
        shares: list[Share] = []
        for event in until:
            if not shares or shares[-1].weight != event.weight:
                shares.append(Share(since=event.at, weight=event.weight))
        return Coming(
            version=one.version,
            digest=one.digest,
            strategy=one.strategy,
            shares=tuple(shares),
            seq=until[-1].seq,
        )
    return None


def envelopes(predicate: Mapping[str, Any]) -> tuple[str, ...]:
    """The digests of the evidence that a deployment rested on, in its order."""
    listed = predicate.get("evidence")
    return tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()


def waivers(predicate: Mapping[str, Any]) -> tuple[WaiverRecord, ...]:
    """The waivers that a deployment's statement names; none where it is older than they are."""
    listed = predicate.get("waivers")
    found = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    names = ("gate", "file", "approved_by", "expires", "reason")
    return tuple(WaiverRecord(**{name: str(one.get(name, "")) for name in names}) for one in found)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
