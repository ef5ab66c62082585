"""Waivers: one gate of one version is set aside, for a reason, until a day, by a person."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.domain.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A file in `policies/waivers/`."""


def waiver_from(document: Document) -> Waiver:
    """What an accepted document says."""
    return Waiver()
