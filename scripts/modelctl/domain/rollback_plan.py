"""Where an environment goes back to when nobody can wait for a review, and when it must not.

The target is one that ran there and that nothing speaks against (`domain/rollback.py`). What was
itself a way back is not gone back from again so soon: two versions that are both bad would have
traffic go to and fro, and a person has to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from modelctl.domain.evidence import human
from modelctl.domain.history import Deployment, served
from modelctl.domain.rollback import LATER, Past, Target, targets

SERVES = "it is what serves now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where to go, the best first; or `problem` says why nowhere, and `mend` what to do.

    `is_again` says that it is the way back from a way back which speaks against it, and nothing
    else. `is_forth` says that what was found came later than what serves: it goes there only as a
    promotion would.
    """

    found: tuple[Target, ...] = ()
    problem: str | None = None
    mend: str | None = None
    is_again: bool = False
    is_forth: bool = False


def choose(
    past: Past,
    *,
    now: datetime,
    rest: timedelta,
    to: str | None = None,
    again: bool = False,
) -> Choice:
    """The versions to go back to from what serves; `to` where a person names it.

    Until `rest` has passed after a way back, the next one takes a person who says so: `again`. That
    lifts no quarantine.
    """
    last = way_back(past.history, past.environment)
    if last is not None and now - last.at < rest and not again:
        ago = human(timedelta(seconds=int((now - last.at).total_seconds())))
        return Choice(
            problem=f"{past.environment} went back to {last.version} only {ago} ago",
            mend="look into both versions; a person may still go back: --emergency --again",
            is_again=True,
        )
    ran = targets(past)
    if to is not None:
        return _named(past, ran, to, again=again)
    found = tuple(one for one in ran if one.problem is None)
    if found:
        return Choice(found=found)
    return Choice(
        problem=f"{past.environment} has no version to go back to",
        mend=_listed(ran) or "only one version ever ran there: promote one that mends it",
    )


def way_back(history: Sequence[Deployment], environment: str) -> Deployment | None:
    """The deployment by which the environment went back to what it runs; None where what runs came
    there for the first time, or only in another way."""
    now = served(history, environment)
    if now is None:
        return None
    digests = [d.digest for d in history if d.environment == environment]
    while digests and digests[-1] == now.digest:
        digests.pop()
    if now.digest not in digests:
        return None
    here = (one for one in reversed(history) if one.environment == environment)
    return list(takewhile(lambda one: one.digest == now.digest, here))[-1]


def _named(past: Past, ran: Sequence[Target], to: str, *, again: bool) -> Choice:
    meant = next((one for one in ran if one.version == to), None)
    if meant is None:
        return Choice(problem=f"{past.environment} never ran {to}", mend=_listed(ran))
    if meant.problem is None or (again and meant.problem == LATER):
        return Choice(found=(meant,), is_forth=meant.problem is not None)
    return Choice(
        problem=f"{past.environment} can't go back to {to}: {meant.problem}", mend=_listed(ran)
    )


def _listed(ran: Sequence[Target]) -> str | None:
    if not ran:
        return None
    told = ", ".join(f"{one.version} ({one.problem or 'good'})" for one in ran)
    return f"it ran {told}"
