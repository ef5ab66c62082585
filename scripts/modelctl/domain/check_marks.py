"""What a check run keeps of how it came about, so that the next run knows whether to judge again.

The mark is the check run's `external_id`: only the app that posted the run can write it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from modelctl.domain.pulls import CheckOutput
from modelctl.domain.verdict import Report

LIFE = timedelta(hours=1)
"""A verdict is judged again after so long whatever happens: evidence grows old, freezes begin, and
people leave their teams without anything to be seen in git or on the pull request."""

NO_MARK = "modelctl:1"
"""What a check run has that has to be judged again; GitHub keeps a mark that nothing replaces."""

_SKEW = timedelta(minutes=5)
_RESOLUTION = timedelta(seconds=2)  # a second of GitHub's, and one between its clock and ours
_MARK = re.compile(
    r"modelctl:1:([0-9a-f]{16}):([0-9a-f]{16}):(\d{1,12}):(\d{1,12})(?::(\d{1,18})@(\d{1,18}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """`facts` is a digest of what was looked at, `output` one of what was told. `at` is when the
    reviews were read, `due` when it is judged again although nothing changed; both to the second.
    `comment` is the id of the one comment that was written with it, `pull` the number of the pull
    request that it stands on: others may have the same head, and the next one is told by its own.
    """

    facts: str
    output: str
    at: datetime
    due: datetime
    comment: int | None = None
    pull: int | None = None

    def __str__(self) -> str:
        comment = "" if self.comment is None else f":{self.comment}@{self.pull}"
        times = f"{_second(self.at)}:{_second(self.due)}"
        return f"modelctl:1:{self.facts}:{self.output}:{times}{comment}"

    def holds(self, facts: str, now: datetime, touched: datetime) -> bool:
        """Whether a verdict with this mark needs no second look. `touched` is when any of the pull
        requests was last changed: GitHub tells it by the second, so what came later in the second
        in which the reviews were read looks like what was seen."""
        return self.facts == facts and now < self.due and touched + _RESOLUTION <= self.at

    def is_later_than(self, at: datetime, now: datetime) -> bool:
        """Whether it tells of newer reviews than those of `at`. A mark of a time to come was made
        by a clock that is wrong."""
        return _second(at) < _second(self.at) and self.at <= now + _SKEW


def parse_mark(text: str) -> Mark | None:
    """The mark that `text` is, or None."""
    found = _MARK.fullmatch(text)
    if found is None:
        return None
    at, due = (datetime.fromtimestamp(int(second), UTC) for second in found.group(3, 4))
    comment, pull = (int(number) if number else None for number in found.group(5, 6))
    return Mark(facts=found[1], output=found[2], at=at, due=due, comment=comment, pull=pull)


def digest_of(values: Iterable[str | None]) -> str:
    """A short digest of some values in their order."""
    return hashlib.sha256(json.dumps(list(values)).encode()).hexdigest()[:16]


def joint_facts(facts: Iterable[str]) -> str:
    """The digest of what was looked at for several pull requests, in whatever order."""
    return digest_of(sorted(facts))


def output_digest(output: CheckOutput) -> str:
    """A short digest of all that a check run shows."""
    notes = (repr(annotation) for annotation in output.annotations)
    return digest_of((output.state.value, output.title, output.summary, output.text, *notes))


def due(report: Report | None, at: datetime) -> datetime:
    """When a verdict has to be judged again: when the first pending finding resolves, or soon."""
    verdicts = report.verdicts if report is not None else ()
    ends = (f.until for v in verdicts for f in v.findings if f.until is not None and f.until > at)
    return min((*ends, at + LIFE))


def _second(at: datetime) -> int:
    return int(at.timestamp())
