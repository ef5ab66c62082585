"""How much memory the largest repository takes."""

from __future__ import annotations

from collections.abc import Iterator

from bench.lab import Lab
from bench.measure import Measure, Pair
from bench.measures.checks import everything, large
from bench.process import megabytes
from bench.repos import cache


def _check_all(lab: Lab) -> Iterator[Pair]:
    repository = large(lab)
    cache.forget(repository)
    lab.say("checking 100,000 versions")
    yield Pair(ours=megabytes(everything(lab), repository), other=1.0)


MEASURES = (
    Measure(
        name="memory",
        what="peak memory of check --all, 100,000 versions",
        against="",
        limit=500,
        unit="MB",
        take=_check_all,
        note="the proportional sets (PSS) of all its processes, sampled and added up",
    ),
)
