"""How much one change may bring: what takes longer to judge than anyone waits is refused unread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from modelctl.domain.document import Location
from modelctl.domain.names import classify
from modelctl.domain.tree import Change, Tree
from modelctl.domain.verdict import Finding, Outcome
from modelctl.services.candidates import GATE

MAX_DOCUMENTS: Final = 3_000
MAX_BYTES: Final = 8 * 1024 * 1024
"""Of all documents of a change together; a single one may have 256 KiB."""


def too_much(after: Tree, changes: Sequence[Change]) -> Finding | None:
    """Why a change is not judged at all, or None. Only names and sizes are looked at."""
    paths = [change.path for change in changes if classify(change.path)]
    if len(paths) > MAX_DOCUMENTS:
        return _refused(
            paths[0], f"too many documents to judge at once: {len(paths):,} > {MAX_DOCUMENTS:,}"
        )
    sizes = {path: after.size(path) or 0 for path in paths}
    total = sum(sizes.values())
    if total <= MAX_BYTES:
        return None
    largest = max(sizes, key=lambda path: sizes[path])
    return _refused(
        largest,
        f"too many bytes to judge at once: {total:,} > {MAX_BYTES:,}, of which {largest} has "
        f"{sizes[largest]:,}",
    )


def _refused(path: str, message: str) -> Finding:
    return Finding(
        gate=GATE,
        outcome=Outcome.FAIL,
        message=message,
        location=Location(file=path),
        mend="split the change, by model or by version",
    )
