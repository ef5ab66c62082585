"""The front of a pull request's page: the verdict, what blocks, who still has to approve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelctl.domain.approvals import ApprovalState, Missing
from modelctl.domain.pages import APPROVALS, ModelPage, Page
from modelctl.domain.pulls import CheckState
from modelctl.domain.verdict import Finding, Outcome, Verdict
from modelctl.report import gfm, words
from modelctl.report.clean import visible
from modelctl.report.layout import Kind, Part
from modelctl.report.sections import MARKS, ROWS, VALUES, Links, more, table
from modelctl.report.standing import next_step, standing

IN_FULL = 8
"""So many gates are told in full before the versions; more become a table."""

_MARKS = {
    CheckState.SUCCESS: "✅",
    CheckState.WAITING: "⏳",
    CheckState.FAILURE: "❌",
}
_MODELS = 3  # named in one cell
_LISTED = 250  # versions in the table
_WAIVED = 6  # waivers that are told


def heading(page: Page) -> str:
    """The verdict in one line."""
    said = standing(page)
    return f"## {_MARKS[page.state]} {gfm.plain(said[0].upper() + said[1:])}"


def lead(page: Page) -> str:
    """What the pull request does, in one line."""
    tallied = words.overall(page.report)
    if not page.models:
        return f"{gfm.plain(page.report.title)}: {tallied}"
    where = f" → **{gfm.plain(page.environment or page.base)}**"
    if len(page.models) > 1:
        blocked = sum(one.verdict.outcome.blocks for one in page.models)
        judged = f"{blocked} of them blocked" if blocked else "every gate of them passes"
        return f"**{words.count(len(page.models), 'version')}**{where} · {judged}"
    [one] = page.models
    parts = [f"**{gfm.plain(f'{one.model}@{one.version}')}**{where}", instead(one)]
    return " · ".join([*parts, *stages(one), passing(one.verdict)])


def instead(one: ModelPage) -> str:
    """Which version it takes the place of."""
    return f"in place of {gfm.plain(one.served)}" if one.served else "the first one there"


def stages(one: ModelPage) -> Iterator[str]:
    """`Validation → Staging`, nothing where the stage isn't known."""
    if one.stage and one.stage_after:
        yield f"{gfm.plain(one.stage)} → {gfm.plain(one.stage_after)}"


def passing(verdict: Verdict) -> str:
    """`11 of 13 gates pass`, a waived one counted with its word."""
    outcomes = list(words.gate_outcomes(verdict).values())
    good = sum(not outcome.blocks for outcome in outcomes)
    waived = outcomes.count(Outcome.WAIVED)
    told = f"{good} of {words.count(len(outcomes), 'gate')} pass"
    return told + (f", {waived} by a waiver" if waived else "")


def next_line(page: Page) -> str:
    """What to do now, with a command to copy."""
    step, command = next_step(page)
    said = f"**Next:** {gfm.plain(step)}"
    return "\n\n".join([said, gfm.block([visible(command)], "sh")]) if command else said


def footer(page: Page, links: Links) -> str:
    """What was judged, by which rules, and when."""
    judged = words.judged(page.report)
    by = f", {gfm.plain(judged)}" if judged else ""
    return f"<sub>Head {links.commit(page.head)} into {gfm.code(page.base)}{by}</sub>"


def waived(page: Page) -> Iterator[Part]:
    """What is set aside, by whom and until when: always in sight."""
    lines = [
        f"- ☑️ {_about(page, verdict)}{gfm.code(finding.gate)} is waived "
        f"{gfm.plain(words.waived(finding.waiver))}"
        for verdict in page.report.verdicts
        for finding in verdict.findings
        if finding.outcome is Outcome.WAIVED and finding.waiver is not None
    ]
    if lines:
        lines = list(dict.fromkeys(lines))
        rest = [f"- … and {len(lines) - _WAIVED} more"] if len(lines) > _WAIVED else []
        yield Part(Kind.FACTS, "\n".join((*lines[:_WAIVED], *rest)))


def _about(page: Page, verdict: Verdict) -> str:
    several = len(page.models) > 1 and verdict.subject.model
    return f"{gfm.plain(str(verdict.subject))}: " if several else ""


def to_mend(page: Page, verdict: Verdict) -> list[tuple[tuple[str, ...], list[Finding]]]:
    """What blocks a verdict by gate, the worst first; gates that say the same are told together.
    Missing approvals aren't among them: they have a section of their own."""
    told = {
        gates: words.worth_telling(
            one
            for one in found
            if one.outcome.blocks and not (one.gate == APPROVALS and page.waits_for_people)
        )
        for gates, found in words.told_once(verdict).items()
    }
    listed = [(gates, found) for gates, found in told.items() if found]
    return sorted(listed, key=lambda pair: words.RANK.index(pair[1][0].outcome))


def in_front(page: Page) -> bool:
    """Whether all that blocks is told in full before the versions."""
    return sum(len(to_mend(page, verdict)) for verdict in page.report.verdicts) <= IN_FULL


def blocking(page: Page, links: Links) -> Iterator[Part]:
    """What blocks: a few gates in full, many as a table. Those of the change as a whole are always
    told."""
    full = in_front(page)
    for verdict in words.by_severity(page.report.verdicts):
        if full or verdict.subject.model is None:
            yield from mending(page, verdict, links, named=len(page.models) > 1)
    if not full:
        yield Part(Kind.SUMMARY, _by_gate(page))


def mending(page: Page, verdict: Verdict, links: Links, *, named: bool = False) -> Iterator[Part]:
    """Each gate that blocks a verdict: what it found, and who has to do what; `named` says of which
    version that is."""
    about = f" {gfm.plain(str(verdict.subject))}" if named and verdict.subject.model else ""
    for gates, found in to_mend(page, verdict):
        mark = MARKS[words.severest(found)]
        lines = [f"#### {mark} {', '.join(map(gfm.code, gates))}{about}", ""]
        for finding in found[:VALUES]:
            lines += _finding(finding, links)
        if len(found) > VALUES:
            lines.append(f"- … and {words.count(len(found) - VALUES, 'finding')} more")
        yield Part(Kind.BLOCKS, "\n".join((*lines, *_mends(page, found[:VALUES]))))


def _finding(finding: Finding, links: Links) -> Iterator[str]:
    """A finding as one item: the message, then what decided it and where that stands."""
    yield f"- {gfm.plain(finding.message)}"
    values, rule_told = words.deciding(finding)
    told = [gfm.plain(line) for line in values[:VALUES]]
    if len(values) > VALUES:
        told.append(f"… and {len(values) - VALUES} more")
    if finding.rule and not rule_told:
        told.append(gfm.code(finding.rule))
    if reason := words.reason(finding):
        told.append(f"because {gfm.plain(reason)}")
    if finding.until:
        told.append(f"**until {gfm.plain(words.instant(finding.until))}**")
    places = [links.change(finding.location)] if finding.location else []
    places += [f"by {links.policy(finding.policy)}"] if finding.policy else []
    yield from (f"  - {line}" for line in told)
    if places:
        yield f"  - at {' '.join(places)}" if finding.location else f"  - {places[0]}"


def _mends(page: Page, found: Iterable[Finding]) -> Iterator[str]:
    """What to do, each once, with the command for it."""
    for who, mend, command in dict.fromkeys((_who(page, f), f.mend, f.command) for f in found):
        if mend:
            yield from ("", f"**Mend**, {who}: {gfm.plain(mend)}")
        if command:
            yield from ("", gfm.block([visible(command)], "sh"))


def _who(page: Page, finding: Finding) -> str:
    if (finding.command or "").startswith("modelctl evidence"):
        return "by whoever may sign evidence"
    return f"by the author ({gfm.plain(page.author)})"


def _by_gate(page: Page) -> str:
    """One row for each gate: how many versions it blocks, and what to do about it."""
    found: dict[str, list[tuple[Verdict, Finding]]] = {}
    for verdict in words.by_severity(page.report.verdicts):
        if verdict.subject.model is not None:
            for gates, listed in to_mend(page, verdict):
                for gate in gates:
                    found.setdefault(gate, []).append((verdict, listed[0]))
    rows = [
        gfm.row(
            MARKS[words.severest(finding for _, finding in listed)],
            gfm.code(gate, cell=True),
            _blocked(verdict for verdict, _ in listed),
            gfm.plain(listed[0][1].mend or listed[0][1].message),
        )
        for gate, listed in list(found.items())[:ROWS]
    ]
    heads = ("", "gate", "blocks", "mend")
    return "\n".join((table(heads, rows), *more(len(found), "gate")))


def _blocked(verdicts: Iterable[Verdict]) -> str:
    names = list(dict.fromkeys(f"{v.subject.model}@{v.subject.version}" for v in verdicts))
    return gfm.plain(words.names(names, _MODELS))


def approvals(page: Page) -> Iterator[Part]:
    """Who approved, who is still needed, and what didn't count."""
    state = page.approvals
    if state is None:
        notes = [f"- {gfm.plain(note)}" for note in page.report.notes[:VALUES]]
        yield from [Part(Kind.APPROVALS, "\n".join(notes))] if notes else []
        return
    if not state.satisfied:
        yield Part(Kind.APPROVALS, "\n".join(_needed(state)))
    elif state.chosen:
        people = [f"{', '.join(logins)} ({role})" for role, logins in state.chosen.items()]
        said = gfm.plain(words.names(people, VALUES))
        yield Part(Kind.APPROVALS, f"✅ Approved by {said}")
    yield from _not_counted(state)


def _needed(state: ApprovalState) -> Iterator[str]:
    rows = [
        gfm.row("✅", gfm.plain(role), "–", gfm.plain(", ".join(logins)))
        for role, logins in state.chosen.items()
    ]
    rows += [
        gfm.row(
            "⏳",
            gfm.plain(one.role + (f" of {one.owner}" if one.owner else "")),
            f"**{one.count}**",
            gfm.plain(_able(one)),
        )
        for one in state.missing[:ROWS]
    ]
    rows += [gfm.row("❌", "changes requested", "–", gfm.plain(b)) for b in state.blocking[:ROWS]]
    rows += [gfm.row("❔", gfm.plain(o.message), "–", gfm.plain(o.mend)) for o in state.obstacles]
    yield table(("", "role", "still needed", "who"), rows)
    yield from more(len(state.missing), "role")


def _able(missing: Missing) -> str:
    if not missing.candidates:
        return f"nobody else holds the role {missing.role}: give it to more people"
    return f"ask {words.names(missing.candidates, VALUES).replace(' and ', ' or ')}"


def _not_counted(state: ApprovalState) -> Iterator[Part]:
    """Comments decide nothing, and nobody expects them to."""
    lines = [
        f"- {gfm.plain(one.login)} {gfm.plain(one.reason)}"
        for one in state.not_counted
        if one.state not in ("COMMENTED", "PENDING")
    ]
    if lines:
        rest = [f"- … and {len(lines) - VALUES} more"] if len(lines) > VALUES else []
        text = "\n".join(("Reviews that don't count:", "", *lines[:VALUES], *rest))
        yield Part(Kind.APPROVALS, text)


def summary(page: Page) -> Iterator[Part]:
    """A row for each version, where there are several."""
    if len(page.models) < 2:
        return
    rows = [
        gfm.row(
            MARKS[one.verdict.outcome],
            f"**{gfm.plain(one.model)}**",
            gfm.plain(f"{one.served} → {one.version}" if one.served else one.version),
            next(stages(one), "–"),
            _gates(one.verdict),
        )
        for one in sorted(page.models, key=lambda m: words.RANK.index(m.verdict.outcome))
    ]
    heads = ("", "model", "version", "stage", "gates")
    yield Part(Kind.SUMMARY, "\n".join((table(heads, rows[:_LISTED]), *_cut(len(rows)))))


def _cut(total: int) -> tuple[str, ...]:
    return ("", f"… and {total - _LISTED} more.") if total > _LISTED else ()


def _gates(verdict: Verdict) -> str:
    """What blocks by name, else how many pass."""
    outcomes = words.gate_outcomes(verdict)
    names = [gate for gate, outcome in outcomes.items() if outcome.blocks]
    return gfm.plain(words.names(names, _MODELS)) if names else passing(verdict)
