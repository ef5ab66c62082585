"""What the predictions that are kept on this machine say beside each other, as live figures."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from modelctl.adapters.prediction_log import log_file, read, wanted
from modelctl.domain.agreement import Agreement, compare
from modelctl.domain.observations import CANARY, STABLE, Watched
from modelctl.errors import ModelctlError

_FRESH = timedelta(seconds=5)
"""How long a comparison stands, so that a watch that looks each second doesn't read all of it."""

_MOST: Final = 20_000
_FEWEST: Final = 100
"""Answers of each side below which their distributions aren't compared."""

Figures = Mapping[str, float | Mapping[str, float]]


class PredictionFigures:
    """Compares the predictions in an environment's `folder`, of the models that are compared."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._known: dict[str, tuple[datetime, datetime, Figures]] = {}

    def figures(self, watched: Watched, until: datetime) -> Figures:
        """`canary.metrics` and `canary.prediction_psi` since the watch began, as far as known.

        A log that can't be read says nothing: then conditions that need it can't be decided, and
        whoever watches other models goes on.
        """
        if CANARY not in watched.sides or STABLE not in watched.sides:
            return {}
        at, since, known = self._known.get(watched.model, (None, None, {}))
        if at is None or since != watched.since or not at <= until < at + _FRESH:
            known = {}
            with suppress(ModelctlError, OSError):
                known = self._compared(watched)
            self._known[watched.model] = (until, watched.since, known)
        return known

    def _compared(self, watched: Watched) -> Figures:
        how = wanted(self._folder).get(watched.model)
        if how is None:
            return {}
        stable, canary = (
            read(
                log_file(self._folder, watched.sides[side].service),
                since=watched.since,
                at_most=_MOST,
            )
            for side in (STABLE, CANARY)
        )
        return _figures(compare(stable, canary, how))


def _figures(found: Agreement) -> Figures:
    figures: dict[str, float | Mapping[str, float]] = {}
    if found.metrics:
        figures[f"{CANARY}.metrics"] = found.metrics
    if found.psi is not None and min(found.stable, found.canary) >= _FEWEST:
        figures[f"{CANARY}.prediction_psi"] = max(found.psi, 0.0)
    return figures
