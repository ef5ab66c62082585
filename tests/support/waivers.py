"""Waivers of a small organisation's versions, and a world in which one is needed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from modelctl.adapters.documents import dump
from modelctl.domain.waivers import Waiver, stamp, waiver_document
from support.journey import publish
from support.keys import NOW
from support.world import MODEL, World

UNFAIR: Mapping[str, Any] = {
    "groups": {"size_band": {"small": {"accuracy": 0.6}, "large": {"accuracy": 0.95}}}
}
"""What an evaluation says that the shipped fairness gate blocks, and no other."""
FILE = f"policies/waivers/{MODEL}-1.0.0-fairness.yaml"
REASON = "the small tumours get a model of their own"


def waiver(**changes: Any) -> Waiver:
    """A waiver by lena, asked for by ada, changed as asked for."""
    fields: dict[str, Any] = {
        "file": FILE,
        "model": MODEL,
        "version": "1.0.0",
        "digest": "1" * 64,
        "gate": "fairness",
        "reason": REASON,
        "requested_by": "ada",
        "approved_by": "lena",
        "created_at": NOW - timedelta(days=1),
        "expires": NOW + timedelta(days=9),
    }
    return Waiver(**{**fields, **changes})


def text(one: Waiver, **raw: Any) -> str:
    """Its file; `raw` replaces fields by what they should not be, or leaves them out for None."""
    data = {**waiver_document(one), **raw}
    return dump({key: value for key, value in data.items() if value is not None})


def for_version(world: World, ref: str, version: str = "1.0.0", **changes: Any) -> Waiver:
    """A waiver for the manifest of a version at a ref, valid for ten days around now."""
    data = world.show(ref, f"models/{MODEL}/versions/{version}.yaml")
    defaults = {
        "version": version,
        "digest": sha256(data.encode()).hexdigest(),
        "created_at": world.now - timedelta(days=1),
        "expires": world.now + timedelta(days=9),
    }
    return waiver(**{**defaults, **changes})


def grant(world: World, one: Waiver, **raw: Any) -> str:
    """Puts a waiver on the default branch, as if it had been reviewed there; the commit."""
    return publish(world, "main", {one.file: text(one, **raw)})


def unfair(world: World, version: str = "1.0.0") -> str:
    """A submission that only the fairness gate blocks; its head."""
    head = world.submit(version)
    world.evidence(version, "dev", head, **UNFAIR)
    return head


def rows(one: Waiver) -> dict[str, str]:
    """What the history keeps of it."""
    return {
        "gate": one.gate,
        "file": one.file,
        "approved_by": one.approved_by,
        "expires": stamp(one.expires),
        "reason": one.reason,
    }
