"""What pull requests cost: requests to GitHub's API, time, and whether many at once lose anything.

GitHub is played by the forge of `scripts/forge`, on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from bench import crowd
from bench.forge_lab import BENCH, Behind, behind
from bench.lab import Lab
from bench.measure import Measure, Pair
from bench.process import seconds
from bench.repos.documents import model_name
from support.hub import MACHINE
from support.world import ENVIRONMENTS

SMALL, LARGE = (10, 5), (2000, 500)
"""Models, and past pull requests."""

APPROVERS = ("ben", "lena")
"""They approve for two roles, and a team stands behind each."""

PROMOTIONS, WORKERS = 200, 16
FAULTS, SHARE = ("500", "502", "slow", "rate-limit", "lost-response"), 0.05
LATENCY = 0.05
"""Seconds that each answer takes longer: GitHub's take that and more."""

_WAITS = (0, 1)
_TURNS = 9


def _counted(there: Behind, command: Sequence[str], codes: Sequence[int] = _WAITS) -> float:
    """The requests to the API that a command makes as the App."""
    before = there.calls
    seconds(command, there.hub.world.directory, codes=codes, env=there.env)
    return float(there.calls - before)


def _judged(lab: Lab, there: Behind) -> float:
    """The most calls of a look at the pull request: new, approved by people of two teams, and
    when nothing changed since."""
    there.forget()
    check = [lab.modelctl, "pr", "check", str(there.number)]
    first = _counted(there, check)
    there.hub.approve(there.number, APPROVERS)
    return max(first, _counted(there, check), _counted(there, check))


def _calls(lab: Lab) -> Iterator[Pair]:
    with behind(*SMALL) as there:
        yield Pair(ours=_judged(lab, there), other=1.0)


def _growth(lab: Lab) -> Iterator[Pair]:
    lab.say(f"generating {LARGE[0]} models behind a forge")
    with behind(*SMALL) as small, behind(*LARGE) as large:
        yield Pair(ours=_judged(lab, large), other=_judged(lab, small))


def _time(lab: Lab) -> Iterator[Pair]:
    with behind(*SMALL) as there:
        there.watch.delay = LATENCY
        pull = there.hub.pull(there.number)
        there.hub.world.pull(pull.base, pull.head, (), author=BENCH)
        reviews = str(there.hub.world.pulls_file())
        judge = ("check", "--base", pull.base, "--head", pull.head, "--reviews", reviews)
        command = (lab.modelctl, "pr", "check", str(there.number))

        def ours() -> float:
            there.forget()
            return _outside(there, command)

        def other() -> float:
            return sum(_outside(there, one) for one in (*_fetches(there), (lab.modelctl, *judge)))

        yield from lab.turns(_TURNS, ours, other)


def _fetches(there: Behind) -> Iterator[Sequence[str]]:
    """What `pr check` lets git fetch: the branches of people, then those of machines."""
    machines = ("ledger", *(f"env/{name}" for name in ENVIRONMENTS))
    fetch = ("git", "fetch", "--quiet", "--no-tags", there.hub.clone_url(MACHINE))
    own = [f"refs/heads/{name}:refs/remotes/origin/{name}" for name in machines]
    people = [f"^refs/heads/{name}" for name in machines]
    yield (*fetch, "+refs/heads/*:refs/remotes/origin/*", *people)
    yield (*fetch, *own)


def _outside(there: Behind, command: Sequence[str]) -> float:
    """How long a command takes, less the time for which an answer of the forge was awaited, be it
    to the API or to git."""
    began = time.perf_counter()
    seconds(command, there.hub.world.directory, codes=_WAITS, env=there.env)
    ended = time.perf_counter()
    return ended - began - there.watch.awaited(began, ended)


def _promotion(lab: Lab) -> Iterator[Pair]:
    with behind(SMALL[0]) as there:
        version = f"{model_name(1)}@{crowd.VERSION}"
        command = [lab.modelctl, "promote", version, "--to", crowd.ENVIRONMENT]
        before = there.calls
        seconds(command, there.hub.world.directory, env=there.as_person(crowd.PROMOTER))
        yield Pair(ours=float(there.calls - before), other=1.0)


def at_once(models: int, workers: int) -> Callable[[Lab], Iterator[Pair]]:
    """So many promotions by so many workers while the forge fails now and then: what went wrong."""

    def take(lab: Lab) -> Iterator[Pair]:
        with behind(models, deployed=False) as there:
            crowded = crowd.Crowd(behind=there, workers=workers)
            crowded.begin(lab.say)
            there.hub.forge.faults(SHARE, FAULTS, seed=1)
            took = crowded.promote(models, lab.say)
            there.hub.forge.faults()
            wrong = list(crowd.wrong(there, models))
            for problem in wrong:
                lab.say(problem)
            yield Pair(ours=float(len(wrong)), other=took)

    return take


_ONE = "pr check of a one-model pull request"
MEASURES = (
    Measure(
        name="pr-check-calls",
        what=f"{_ONE}: requests to the API",
        against="",
        limit=12,
        unit="calls",
        take=_calls,
        note="the most of three looks as a GitHub App, its token included: new; approved by people "
        "of two teams; unchanged. When an approval is taken back, a success is revoked first: one "
        "request more",
    ),
    Measure(
        name="pr-check-growth",
        what=f"the same, {LARGE[0]:,} models, {LARGE[1]} past pull requests",
        against=f"the same, {SMALL[0]} models, {SMALL[1]} past ones",
        limit=1.0,
        amount="calls",
        take=_growth,
    ),
    Measure(
        name="pr-check-time",
        what=f"{_ONE}, outside the network",
        against="check --base --head of it, and the same fetches",
        limit=1.3,
        take=_time,
        note="the whole process of a first look that writes everything, less the time for which an "
        "answer of the API or to git was awaited; so with the two git fetches on the other side. "
        f"Each answer takes {LATENCY * 1000:.0f} ms longer, as on a network",
    ),
    Measure(
        name="promote-calls",
        what="promote, to the open pull request: requests",
        against="",
        limit=8,
        unit="calls",
        take=_promotion,
    ),
    Measure(
        name="promotions-at-once",
        what=f"{PROMOTIONS} promotions by {WORKERS} workers, opened to deployed: lost or doubled",
        against=f"the time that took, with {SHARE:.0%} faults",
        limit=0,
        unit="wrong",
        take=at_once(PROMOTIONS, WORKERS),
        note="processes of promote, pr check and deploy --github; reviews and merges by people; "
        f"of the API's requests {SHARE:.0%} fail: {', '.join(FAULTS)}",
    ),
)
