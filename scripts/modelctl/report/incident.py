"""The issue of an incident: what went wrong, what is done about it by now, and what is to be done.

The part between two marks is kept up to date by the jobs; the rest is written once, and people's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelctl.domain.evidence import human
from modelctl.domain.incidents import Incident, due_at
from modelctl.domain.operations import Rollback
from modelctl.report import gfm, words
from modelctl.report.sections import Links, table

BEGIN, END = "<!-- modelctl:facts -->", "<!-- /modelctl:facts -->"
_LINE = "brought back in line by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known by now beside the incident itself: whether the version before was seen serving,
    and the pull request that brings the branch back in line, or why it needs none."""

    serving: bool
    pull_request: int | None = None
    note: str | None = None


def marker(one: Incident) -> str:
    """The first line of the issue: by it the issue is found again."""
    return f"<!-- modelctl:incident:{one.environment}/{one.name}:{one.id} -->"


def title(one: Incident) -> str:
    """The title of the issue."""
    if one.back_to is None:
        return f"{one.name} is in trouble in {one.environment}, and there is nothing to go back to"
    return f"{one.name} was rolled back in {one.environment}"


def body(one: Incident, known: Known, policy: Rollback, links: Links, ledger: str) -> str:
    """The issue as GitHub-flavoured Markdown, beginning with its marker."""
    parts = [
        marker(one),
        facts(one, known, policy, links, ledger),
        "### Checklist\n\n" + "\n".join(_checklist(one, known, policy)),
    ]
    if policy.afterwards:
        lines = "\n".join(f"- [ ] {gfm.plain(line)}" for line in policy.afterwards)
        parts.append(f"### Afterwards\n\n{lines}")
    return "\n\n".join(parts) + "\n"


def facts(one: Incident, known: Known, policy: Rollback, links: Links, ledger: str) -> str:
    """The part that is kept up to date."""
    rows = [gfm.row(name, told) for name, told in _facts(one, known, policy, links, ledger)]
    return "\n".join((BEGIN, _lead(one), "", table(("what", "value"), rows), END))


def with_facts(text: str, told: str) -> str:
    """The text of an issue with these facts in place of those that it has; as it is where people
    took the marks away."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{told}{after}" if begin and end else text


def names_a_pull(text: str) -> bool:
    """Whether an issue has the pull request that brings the branch back in line."""
    return f"| {_LINE} | #" in text


def _lead(one: Incident) -> str:
    where, name = gfm.plain(one.environment), gfm.plain(one.name)
    if one.back_to is None:
        return (
            f"**{name}** breaches what it must hold to in **{where}**, and there is no version "
            "that it could go back to. Traffic was left as it is: **somebody has to act now.**"
        )
    share = "" if one.served else ", before it had taken over"
    return f"**{name}** was taken back in **{where}**{share}. It is quarantined there."


def _facts(
    one: Incident, known: Known, policy: Rollback, links: Links, ledger: str
) -> Iterator[tuple[str, str]]:
    yield "failing version", f"{gfm.plain(one.failed.version)}, {_digest(one.failed.digest)}"
    by = f"by {gfm.plain(one.by)}" if one.by else "by itself"
    yield "triggered by", f"{gfm.code(one.trigger, cell=True)}, {by}: {gfm.plain(one.reason)}"
    if one.values:
        told = (f"{gfm.code(name, cell=True)} {gfm.plain(v)}" for name, v in one.values.items())
        yield "figures", ", ".join(told)
    yield "at", gfm.plain(words.instant(one.at))
    if one.back_to is not None:
        state = "verified serving" if known.serving else "not seen serving yet"
        back = f"{gfm.plain(one.back_to.version)}, {_digest(one.back_to.digest)}: {state}"
        yield "version before", back
    if one.place is not None:
        yield "history", links.file(one.place.rpartition("/")[2], ledger, one.place)
    if known.pull_request is not None:
        yield _LINE, f"#{known.pull_request}"
    elif known.note is not None:
        yield _LINE, gfm.plain(known.note)
    until = due_at(one, policy.incident.root_cause_within)
    within = human(policy.incident.root_cause_within)
    yield "root cause known by", f"**{gfm.plain(words.instant(until))}** (within {within})"


def _digest(digest: str) -> str:
    return gfm.code(f"sha256:{digest}", cell=True)


def _checklist(one: Incident, known: Known, policy: Rollback) -> Iterator[str]:
    ticked = _ticked(one, known, policy.incident.ticked)
    for line in policy.incident.checklist:
        why = ticked.get(line)
        yield f"- [x] {gfm.plain(line)}: {why}" if why else f"- [ ] {gfm.plain(line)}"


def _ticked(one: Incident, known: Known, names: Mapping[str, str]) -> Mapping[str, str]:
    """The lines that are answered already, each with its answer."""
    by = gfm.plain(one.by) if one.by else "the guard"
    back = one.back_to
    answers = {
        "failing_version": gfm.plain(one.name),
        "trigger": f"{gfm.code(one.trigger)}, by {by}",
        "serving": f"{gfm.plain(back.version)} serves" if back and known.serving else None,
    }
    return {names[fact]: told for fact, told in answers.items() if told and fact in names}
