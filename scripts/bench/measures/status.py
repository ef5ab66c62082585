"""The status board against GTO's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.lab import Lab
from bench.measure import Direction, Measure, Pair
from bench.process import seconds
from bench.repos import served
from support.world import ENVIRONMENTS

FACTS = served.Facts(models=250, versions=18, environments=(ENVIRONMENTS[0], ENVIRONMENTS[-1]))
"""4,500 versions and 500 assignments."""


def _status(lab: Lab) -> Iterator[Pair]:
    ours = lab.store.get("status-5000", partial(served.create, facts=FACTS))
    tags = lab.store.get("status-5000-tags", partial(served.create_tags, facts=FACTS))
    return lab.turns(
        3,
        partial(seconds, [lab.modelctl, "status"], ours),
        partial(seconds, [lab.peer("gto"), "show"], tags),
    )


MEASURES = (
    Measure(
        name="status",
        what="status, 4,500 versions and 500 assignments",
        against="gto show, the same as tags",
        limit=20,
        direction=Direction.AT_LEAST,
        take=_status,
    ),
)
