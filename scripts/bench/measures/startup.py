"""How long it takes before anything begins."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.lab import PROJECT, Lab
from bench.measure import Measure, Pair
from bench.process import seconds


def _version(lab: Lab) -> Iterator[Pair]:
    return lab.turns(
        25,
        lambda: seconds([lab.modelctl, "--version"], PROJECT),
        lambda: seconds([sys.executable, "-c", "import click"], PROJECT),
    )


MEASURES = (
    Measure(
        name="version",
        what="modelctl --version",
        against='python -c "import click"',
        limit=1.5,
        take=_version,
    ),
)
