"""Soak: a version must have served in the environment before, for long and for many enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.evidence import Selection, human
from modelctl.domain.exposure import KIND, Exposure, exposure
from modelctl.domain.history import Deployment, served, serving_since
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.rules import parse_span
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.findings import at, command, failed, finding, inconclusive, passed, reasons

_RECORD = (
    "modelctl evidence record {model}@{version} --kind exposure --environment {environment} "
    "--result exposure.json"
)
_WAIT = "wait; it resolves by itself"


def check_soak(gate: Gate, candidate: Candidate, policy: Policy, facts: Facts) -> Iterator[Finding]:
    """`minimum` is the span that it must have served in the source environment without a break,
    `requests` how many it must have answered there since then, `max_error_rate` how many of them
    may have failed, as a share.

    It is pending while the time runs, and says when it ends. A version that doesn't serve there
    is not soaking, so that is inconclusive.
    """
    source = candidate.transition.source
    if source is None:
        yield passed(gate, "the first environment: there is nowhere to have soaked")
        return
    last, since = served(facts.history, source), serving_since(facts.history, source)
    if last is None or since is None or last.digest != candidate.digest:
        yield _elsewhere(gate, candidate, source, last)
        return
    until = since.at + parse_span(gate.options["minimum"])
    yield _time(gate, source, since.at, until, facts.now)
    if {"requests", "max_error_rate"} & gate.options.keys():
        seen = exposure(facts.signed, source, candidate.digest, since.at, facts.now)
        yield from _exposed(gate, candidate, seen, until, facts.now)


def _time(gate: Gate, source: str, since: datetime, until: datetime, now: datetime) -> Finding:
    values = {"served": _lasted(now - since), "needs": human(until - since)}
    message = f"it has served in {source} for {values['served']}"
    if now >= until:
        return passed(gate, message, values=values)
    details = {"because": gate.title, "mend": _WAIT}
    return finding(gate, Outcome.PENDING, message, values=values, until=until, **details)


def _lasted(span: timedelta) -> str:
    """A span in its two largest units, rounded down: `45 s`, `13 min`, `3 h 20 min`, `2 d 5 h`."""
    minutes, seconds = divmod(max(int(span.total_seconds()), 0), 60)
    if not minutes:
        return f"{seconds} s"
    sizes = (("d", minutes // 1440), ("h", minutes // 60 % 24), ("min", minutes % 60))
    first = next(index for index, (_, number) in enumerate(sizes) if number)
    return " ".join(f"{number} {unit}" for unit, number in sizes[first : first + 2] if number)


def _exposed(
    gate: Gate, candidate: Candidate, seen: Exposure, soaked: datetime, now: datetime
) -> Iterator[Finding]:
    """Whether it answered enough requests, and well enough."""
    wanted, source = gate.options.get("requests", 1), candidate.transition.source
    if seen.failed:
        yield _failed(gate, candidate, seen)
        return
    if not seen.periods:
        yield _unknown(gate, candidate, seen, f"nothing says how many requests {source} sent it")
        return
    if seen.requests < wanted:
        yield _too_few(gate, candidate, seen, soaked, now)
        return
    counts = {"requests": str(seen.requests), "needs": str(wanted)}
    yield passed(gate, f"it has answered {seen.requests} requests in {source}", values=counts)
    most = gate.options.get("max_error_rate")
    if most is not None:
        yield _errors(gate, seen, most)


def _failed(gate: Gate, candidate: Candidate, seen: Exposure) -> Finding:
    """Whoever measured a time says that it went wrong there: then nothing else is asked."""
    times = (f"{one.since:%Y-%m-%d %H:%M} to {one.until:%Y-%m-%d %H:%M} UTC" for one in seen.failed)
    told = f"its exposure in {candidate.transition.source} failed: {', '.join(times)}"
    mend = "promote a version that mends it, or record the exposure anew over all of that time"
    return failed(
        gate,
        told,
        because=gate.title,
        mend=mend,
        command=command(gate.produce or _RECORD, candidate),
    )


def _too_few(
    gate: Gate, candidate: Candidate, seen: Exposure, soaked: datetime, now: datetime
) -> Finding:
    """Too few as yet: pending while the observed rate says when there will be enough."""
    wanted = gate.options.get("requests", 1)
    told = f"it has answered {seen.requests} of {wanted} requests in {candidate.transition.source}"
    enough = seen.reaches(wanted)
    if enough is None:
        return _unknown(gate, candidate, seen, f"{told}, so nobody can say when it will be enough")
    if enough <= now:
        return _unknown(gate, candidate, seen, f"{told}, as far as anybody told: tell it anew")
    return finding(
        gate,
        Outcome.PENDING,
        told,
        values={"requests": str(seen.requests), "needs": str(wanted)},
        until=max(enough, soaked),
        because=gate.title,
        mend="wait, then record the exposure since; the time is an estimate by the rate so far",
        command=command(gate.produce or _RECORD, candidate),
    )


def _errors(gate: Gate, seen: Exposure, most: float) -> Finding:
    values = {"error_rate": f"{seen.error_rate:.4g}", "needs": f"≤ {most}"}
    told = f"{seen.error_rate:.2%} of {seen.requests} requests failed"
    if seen.error_rate <= most:
        return passed(gate, told, values=values)
    mend = "find out why they fail; promote a version that mends it"
    return failed(gate, told, values=values, because=gate.title, mend=mend)


def _unknown(gate: Gate, candidate: Candidate, seen: Exposure, message: str) -> Finding:
    not_counted = reasons(
        Selection(chosen=None, rejected=seen.rejected), candidate.version_document.file
    )
    return inconclusive(
        gate,
        message,
        values=not_counted,
        because=gate.title,
        mend=f"record how many requests it answered, as evidence of kind {KIND}",
        command=command(gate.produce or _RECORD, candidate),
        **at(candidate),
    )


def _elsewhere(gate: Gate, candidate: Candidate, source: str, last: Deployment | None) -> Finding:
    """The source serves something else: nothing, another version, or other bytes of this one."""
    now = f"{source} serves {last.version} now" if last else f"{source} serves nothing yet"
    if last is not None and last.version == str(candidate.version.version):
        now = f"{source} serves another manifest of {last.version} ({last.digest[:12]}…)"
    return inconclusive(
        gate,
        f"{now}, so {candidate.name} isn't soaking there",
        mend=f"promote what {source} serves, or bring this version there first",
        **at(candidate),
    )
