"""A chapter: two versions take over production step by step; one of them is taken back."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from demo import evidence, proposals
from demo.cases import CASES, DIABETES, TUMOR
from demo.deploys import ask, deploy, merge
from demo.failure import DemoError
from demo.first_versions import FIRST, await_soak
from demo.hub import Pull
from demo.improvement import BETTER, FLAWED
from demo.people import PAT, QUINN
from demo.screen import Later
from demo.shell import Beside
from demo.stage import BLOCKED, RESULT, Excerpt, Stage
from demo.traffic import Caller

PRODUCTION = "production"
_PATIENCE = 300.0
"""Seconds that both rollouts may take: on a machine that is busy each step waits for requests."""
_CALLERS = 2
"""How many ask each model at once."""

_GUARD = "modelctl guard production --github --every 1s"
_STATUS = "modelctl rollout status"
_MOVE = rf"(\d\d:\d\d:\d\d )?{PRODUCTION}/"
"""What of the guard's lines is shown: what it did with a model."""

_TOLD = ("triggered by", "brought back in line by", "root cause known by")
"""What of the incident's table is shown."""

_GAPS = 3
"""One request in so many has values missing. Not a divisor of twenty: the router gives each
twentieth request to the canary."""


def take_over(stage: Stage) -> None:
    """Promote both, and let the guard do the rest."""
    with stage.screen.chapter(
        "Two canaries",
        f"{TUMOR.model} {BETTER} and {DIABETES.model} {FLAWED} take over in production step by "
        "step: 5, 25, 50, 100 % of real requests, each step held against what serves. Again only "
        "time is scaled: 2 s and 20 requests stand for an hour and 1000. What nobody has tried "
        "out: callers of production leave out values.",
    ):
        _promote(stage)
        with _callers(stage) as callers:
            deploy(stage, PRODUCTION, show=Excerpt(last=2))
            _watch(stage)
        _told(stage, callers)
        ask(stage, TUMOR, PRODUCTION, BETTER)
        ask(stage, DIABETES, PRODUCTION, FIRST)
    _aftermath(stage)


def _promote(stage: Stage) -> None:
    pulls = [
        proposals.open_pull(stage, Later(), case, version, PRODUCTION, RESULT)
        for case, version in ((TUMOR, BETTER), (DIABETES, FLAWED))
    ]
    await_soak(stage)
    for case, pull in zip(CASES, pulls, strict=True):
        proposals.approve(stage, pull, case.lead, PAT)
    stage.judged(*pulls)
    merge(stage, *pulls, then="The merge starts both rollouts:")


@contextmanager
def _callers(stage: Stage) -> Iterator[Mapping[str, Sequence[Caller]]]:
    """People who ask production all the time, each model by several."""
    found: dict[str, list[Caller]] = {}
    with ExitStack() as going:
        for case in CASES:
            address = f"{evidence.endpoint(stage, case, PRODUCTION)}/invocations"
            sample = stage.sandbox.data / f"{case.dataset}-sample.json"
            found[case.model] = [Caller(address, sample, gaps=_GAPS) for _ in range(_CALLERS)]
            for caller in found[case.model]:
                going.enter_context(caller.asking())
        yield found


def _watch(stage: Stage) -> None:
    """The guard, until one rollout is finished and the other one taken back, on paper too."""
    stage.screen.say("A guard watches production, as it does on a cluster:")
    with stage.goes_on(stage.job("deploy"), _GUARD) as guard:
        if stage.screen.is_terminal:
            stage.draws(stage.person(PAT), f"{_STATUS} --watch --every 1")
            stage.screen.say("What the guard said meanwhile:")
        _listen(stage, guard)


def _listen(stage: Stage, guard: Beside) -> None:
    """What it says, and once how far everything is.

    Raises:
        DemoError: it ends, or comes to no end.
    """
    heard: list[str] = []
    shown, deadline = stage.screen.is_terminal, time.monotonic() + _PATIENCE
    while not _over(heard):
        line = guard.line(0.5)
        if line is not None:
            heard.append(line)
            if re.match(_MOVE, line):
                stage.screen.printed(line)
        elif not guard.runs() or time.monotonic() > deadline:
            raise DemoError("the guard doesn't come to an end", "\n".join(heard))
        if not shown and any("to 25 %: " in said for said in heard):
            shown = True
            stage.types(stage.person(PAT), _STATUS, RESULT)


def _over(heard: Sequence[str]) -> bool:
    """Whether one rollout is finished, and the other one taken back, on paper too."""
    told = "\n".join(heard)
    finished = re.search(rf"{TUMOR.model} {BETTER}: finished", told)
    return bool(finished and re.search(rf"{DIABETES.model}: incident #\d+", told))


def _told(stage: Stage, callers: Mapping[str, Sequence[Caller]]) -> None:
    """What the callers saw.

    Raises:
        DemoError: a request failed that the version which was taken back had no part in.
    """
    for model, asking in callers.items():
        asked = sum(caller.asked for caller in asking)
        failures = [failure for caller in asking for failure in caller.failures]
        others = [one for one in failures if not one.startswith(f"{FLAWED} ")]
        if others or (model == TUMOR.model and failures):
            raise DemoError(f"requests to {model} failed", "\n".join((others or failures)[:5]))
        count = f"{len(failures)} failed, all by {FLAWED}" if failures else "none failed"
        stage.screen.say(f"{asked} requests to {model} meanwhile: {count}.")


def _aftermath(stage: Stage) -> None:
    with stage.screen.chapter(
        "What the guard left",
        f"{DIABETES.model} {FLAWED} answered every request of the hold-out and of staging. What it "
        "couldn't answer were requests with missing values.",
    ):
        stage.fetch()
        ci = stage.job("ci")
        explain = f"modelctl rollout explain {DIABETES.model} --env {PRODUCTION}"
        stage.types(ci, explain, Excerpt(first=24, progress=False))
        stage.screen.say("The incident, as an issue on the forge:")
        stage.screen.printed(_in_short(_incident(stage)))
        _refused(stage)
        pull = _way_back(stage)
        stage.judged(pull, says="waiting for", again=True)
        proposals.approve(stage, pull, DIABETES.lead, PAT)
        stage.judged(pull, again=True)
        merge(stage, pull, then="Intent is in line with what serves again:")
        deploy(stage, PRODUCTION, show=RESULT)


def _refused(stage: Stage) -> None:
    """Promoting it again."""
    ben = stage.person(DIABETES.author)
    stage.silently(ben, "git", "fetch", "--quiet")
    stage.screen.say(f"{DIABETES.author.login} tries it again:")
    again = f"modelctl check {DIABETES.model}@{FLAWED} --to {PRODUCTION}"
    stage.types(ben, again, Excerpt(first=9, progress=False), code=BLOCKED)


def _incident(stage: Stage) -> str:
    with stage.hub.acting(QUINN) as person:
        issues = [one for one in person.call("GET", "issues") if "pull_request" not in one]
    if not issues:
        raise DemoError("the guard has opened no incident")
    return f"#{issues[0]['number']}  {issues[0]['title']}\n{issues[0]['body']}"


def _in_short(markdown: str) -> str:
    """Plain text of an issue, with the rows of its table that matter here."""
    shown = []
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if not line or line.startswith("<!--") or (cells and cells[0] not in _TOLD):
            continue
        shown.append(f"  {cells[0]}: {cells[1]}" if cells else line)
    plain = "\n".join(shown)
    for mark in ("&#8203;", "**", "\\", "`"):
        plain = plain.replace(mark, "")
    return plain


def _way_back(stage: Stage) -> Pull:
    """The pull request that the guard has opened."""
    with stage.hub.acting(QUINN) as person:
        pulls = person.call("GET", "pulls", state="open", base=proposals.TARGETS[PRODUCTION])
    found = [one for one in pulls if one["head"]["ref"].startswith("rollback/")]
    if not found:
        raise DemoError("the guard has opened no pull request", json.dumps(pulls)[:2000])
    stage.screen.say(f"And the pull request that it opened, #{found[0]['number']}:")
    stage.screen.printed(found[0]["title"])
    return Pull(number=found[0]["number"], author=PAT, base=proposals.TARGETS[PRODUCTION])
