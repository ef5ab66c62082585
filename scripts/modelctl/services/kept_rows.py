"""Rows of the board that were worked out before, by the content that they follow from.

A row follows from the model's folder on each branch, from what each environment runs of it, from
its part of the history, from the policy and from this program: all of them git objects, so no clock
is in it. What the gates say does hang on the clock, and is never kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from modelctl.adapters.cache import Cache
from modelctl.adapters.own_code import code_identity
from modelctl.domain.board import Cell, Flag, FlagKind, Row
from modelctl.services.session import Session

_RULES = "policies"


class KeptRows:
    """The rows of a repository, kept below its `.git`."""

    __slots__ = ("_cache", "_judge")

    def __init__(self, session: Session):
        rules = session.repository.tree(session.policy.commit).subtree(_RULES)
        self._judge = f"{code_identity()} {rules}"
        self._cache = Cache(session.repository.private_folder / "rows")

    def key(self, model: str, oids: Iterable[str | None]) -> str:
        """The key of a model's row, from the object ids of all that it follows from, in order."""
        parts = (self._judge, model, *(oid or "-" for oid in oids))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def known(self, keys: Mapping[str, str]) -> Mapping[str, Row]:
        """The rows that are kept, by model; `keys` are by model too."""
        values = self._cache.get_many(keys.values())
        found = {model: _decoded(values[key]) for model, key in keys.items() if key in values}
        return {model: row for model, row in found.items() if row and row.model == model}

    def keep(self, keys: Mapping[str, str], known: Iterable[str], new: Mapping[str, Row]) -> None:
        """Keep the rows `new` beside those of `known`, which were of use."""
        if new:
            fresh = {keys[model]: _encoded(row) for model, row in new.items()}
            self._cache.put_many([keys[model] for model in known], fresh)


def _encoded(row: Row) -> bytes:
    cells = {environment: _cell(cell) for environment, cell in row.cells.items()}
    data = {"model": row.model, "owner": row.owner, "newest": row.newest, "cells": cells}
    return json.dumps(data).encode()


def _cell(cell: Cell) -> Mapping[str, Any]:
    return {
        "version": cell.version,
        "stage": cell.stage,
        "since": cell.since.timestamp() if cell.since else None,
        "by": cell.by,
        "strategy": cell.strategy,
        "weight": cell.weight,
        "handed_over": cell.handed_over,
        "beside": cell.beside,
        "flags": [[flag.kind.value, flag.detail] for flag in cell.flags],
    }


def _decoded(value: bytes) -> Row | None:
    """The row; None where the value is none of ours, whatever its checksum says."""
    try:
        data = json.loads(value)
        cells = {environment: _cell_from(one) for environment, one in data["cells"].items()}
        return Row(model=data["model"], owner=data["owner"], newest=data["newest"], cells=cells)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _cell_from(data: Mapping[str, Any]) -> Cell:
    since = data["since"]
    return Cell(
        version=data["version"],
        stage=data["stage"],
        since=datetime.fromtimestamp(since, UTC) if since is not None else None,
        by=tuple(data["by"]),
        strategy=data["strategy"],
        weight=data["weight"],
        handed_over=data["handed_over"],
        beside=data["beside"],
        flags=tuple(Flag(kind=FlagKind(kind), detail=detail) for kind, detail in data["flags"]),
    )
