"""Waivers: one gate of one version is set aside, for a reason, until a day, by a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from modelctl.domain.document import Document, Location
from modelctl.domain.manifest import instant
from modelctl.errors import ModelctlError

FOLDER = "policies/waivers"
STRUCTURAL = frozenset(
    {
        "approvals",
        "documents",
        "file-mode",
        "immutability",
        "merge",
        "mixing",
        "placement",
        "provenance",
        "release",
        "rules-branch",
        "sync",
        "waiver",
    }
)
"""What always holds: findings of these names come from no gate of the policy, so that nobody can
waive them."""

_NOWHERE: Mapping[str, Location] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A file in `policies/waivers/`.

    `digest` is the sha256 of the manifest that it is about, in hex: another manifest needs another
    waiver. `environments` narrows it to the way into these; empty for any. `requested_by` and
    `approved_by` are logins. It counts from `created_at` until just before `expires`. `places` has
    where each field stands.
    """

    file: str
    model: str
    version: str
    digest: str
    gate: str
    reason: str
    requested_by: str
    approved_by: str
    created_at: datetime
    expires: datetime
    environments: tuple[str, ...] = ()
    places: Mapping[str, Location] = field(
        default_factory=lambda: _NOWHERE, repr=False, compare=False
    )

    @property
    def name(self) -> str:
        """`model@version`."""
        return f"{self.model}@{self.version}"

    @property
    def length(self) -> timedelta:
        """For how long it is valid, from its first instant to its last."""
        return self.expires - self.created_at

    def at(self, field_name: str) -> Location:
        """Where a field stands in the file; the file itself for one that isn't there."""
        return self.places.get(field_name, Location(file=self.file))


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverLimits:
    """`waivers` in `policies/lifecycle.yaml`: how long one may be valid at most, and how long
    before its end people are told."""

    longest: timedelta = timedelta(days=30)
    soon: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverRecord:
    """What the history keeps of a waiver that was in force; `expires` is RFC 3339 in UTC."""

    gate: str
    file: str
    approved_by: str
    expires: str
    reason: str

    def as_data(self) -> dict[str, str]:
        """As a release record and a statement have it."""
        return {
            "gate": self.gate,
            "file": self.file,
            "approved_by": self.approved_by,
            "expires": self.expires,
            "reason": self.reason,
        }


def waiver_from(document: Document) -> Waiver:
    """What an accepted document says.

    Raises:
        ModelctlError: a time that no calendar has, with its place.
    """
    data = document.data
    return Waiver(
        file=document.file,
        model=data["model"],
        version=data["version"],
        digest=data["digest"],
        gate=data["gate"],
        environments=tuple(data.get("environments", ())),
        reason=data["reason"],
        requested_by=data["requested_by"],
        approved_by=data["approved_by"],
        created_at=_instant(document, "created_at"),
        expires=_instant(document, "expires"),
        places={key: document.locate((key,)) for key in data},
    )


def waiver_document(waiver: Waiver) -> dict[str, Any]:
    """The document that says the same as `waiver`."""
    narrowed = {"environments": list(waiver.environments)} if waiver.environments else {}
    return {
        "model": waiver.model,
        "version": waiver.version,
        "digest": waiver.digest,
        "gate": waiver.gate,
        **narrowed,
        "reason": waiver.reason,
        "requested_by": waiver.requested_by,
        "approved_by": waiver.approved_by,
        "created_at": stamp(waiver.created_at),
        "expires": stamp(waiver.expires),
    }


def waiver_path(model: str, version: str, gate: str) -> str:
    """Where a new waiver is written."""
    return f"{FOLDER}/{model}-{version}-{gate}.yaml"


def records(waivers: Iterable[Waiver]) -> tuple[WaiverRecord, ...]:
    """What the history keeps of some waivers, in the order of their files."""
    return tuple(
        WaiverRecord(
            gate=waiver.gate,
            file=waiver.file,
            approved_by=waiver.approved_by,
            expires=stamp(waiver.expires),
            reason=waiver.reason,
        )
        for waiver in sorted(waivers, key=lambda one: one.file)
    )


def stamp(at: datetime) -> str:
    """A time in UTC as waivers are written: `2026-12-01T00:00:00Z`."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _instant(document: Document, key: str) -> datetime:
    try:
        return instant(document.data[key])
    except ValueError:
        place = document.locate((key,))
        raise ModelctlError(
            f"{key}: there is no such time as {document.data[key]}",
            location=str(place),
            mend="write a day that the calendar has, such as 2026-12-01T00:00:00Z",
        ) from None
