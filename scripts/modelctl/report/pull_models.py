"""What a pull request's page says of one version: metrics, gates, evidence, manifests, lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from modelctl.domain.checklists import AFTER, BEFORE, Checklist
from modelctl.domain.differences import Comparison, Judgement, MetricChange
from modelctl.domain.evidence import AskedEvidence, Need, human
from modelctl.domain.pages import ModelPage, Overlay, Page
from modelctl.domain.verdict import Verdict
from modelctl.report import gfm, words
from modelctl.report.chart import chart
from modelctl.report.checklist import TITLES, task_lines
from modelctl.report.clean import visible
from modelctl.report.differences import meaning, shown, value
from modelctl.report.layout import Kind, Part
from modelctl.report.pull_parts import passing
from modelctl.report.sections import MARKS, ROWS, VALUES, Links, folded, table, with_waiver

_METRICS = 12
_CHARTS = 3  # each is drawn by a frame of its own
_DIFF = 6000  # characters
_SIGNS = {
    Judgement.BETTER: "🟢",
    Judgement.WORSE: "🔴",
    Judgement.CHANGED: "🟡",
    Judgement.UNSURE: "🟡",
}
_WEIGHT = {
    Judgement.WORSE: 0,
    Judgement.BETTER: 1,
    Judgement.CHANGED: 2,
    Judgement.UNSURE: 3,
    Judgement.NOISE: 4,
    Judgement.SAME: 5,
}


def parts(page: Page, one: ModelPage, links: Links) -> Iterator[Part]:
    """Everything about one version but what blocks it, in the order to read it in."""
    if one.comparison is not None and one.comparison.metrics:
        yield Part(Kind.METRICS, _metrics(one.comparison, len(page.models) <= _CHARTS))
    yield Part(Kind.GATES, gates_of(one.verdict, passing(one.verdict)))
    if one.evidence:
        yield Part(Kind.EVIDENCE, _evidence(page, one, links))
    if one.overlay is not None:
        yield Part(Kind.OVERLAY, _overlay(page, one, one.overlay))
    if one.checklist is not None and any(one.checklist.lists.values()):
        yield Part(Kind.CHECKLIST, _checklist(one.checklist))


def _metrics(comparison: Comparison, drawn: bool) -> str:
    """The metrics that say most first."""
    before, after = str(comparison.before.version), str(comparison.after.version)
    listed = sorted(shown(comparison), key=lambda m: _WEIGHT[m.judgement or Judgement.SAME])
    heads = ("", "metric", f"{gfm.plain(before)} (served)", gfm.plain(after), "change", "")
    lines = [table(heads, (_metric_row(one) for one in listed[:_METRICS]))]
    pair = f"{comparison.before.model}@{before}", f"{comparison.after.model}@{after}"
    if len(listed) > _METRICS:
        rest = f"… and {len(listed) - _METRICS} more:"
        lines += ["", f"{rest} {gfm.code(f'modelctl diff {pair[0]} {pair[1]}')}"]
    picture = chart(comparison) if drawn else None
    return "\n".join([*lines, "", picture] if picture else lines)


def _metric_row(one: MetricChange) -> str:
    sign = _SIGNS.get(one.judgement, "⚪") if one.judgement else "⚪"
    claimed = " (claimed)" if one.source == "claimed" else ""
    cells = (value(one.before), value(one.after), _change(one), meaning(one))
    named = gfm.code(one.name, cell=True) + claimed
    return gfm.row(sign, named, *(gfm.plain(cell) for cell in cells))


def _change(one: MetricChange) -> str:
    """`+0.004 (-0.01 to +0.02)`."""
    if one.change is None:
        return "–"
    margin = one.difference
    limits = f" ({margin.lower:+.2g} to {margin.upper:+.2g})" if margin else ""
    return f"{one.change:+.3g}{limits}"


def gates_of(verdict: Verdict, title: str) -> str:
    """Every gate with what it found, folded; the worst first."""
    gates, outcomes = words.gates(verdict), words.gate_outcomes(verdict)
    ordered = sorted(outcomes, key=lambda gate: words.RANK.index(outcomes[gate]))
    rows = []
    for gate in ordered[:ROWS]:
        said = [gfm.plain(with_waiver(f)) for f in gates[gate] if f.outcome is outcomes[gate]]
        told = "; ".join(said[:VALUES])
        rows.append(gfm.row(MARKS[outcomes[gate]], gfm.code(gate, cell=True), told))
    if len(ordered) > ROWS:
        rows += ["", f"… and {words.count(len(ordered) - ROWS, 'gate')} more."]
    return folded(title, table(("", "gate", "found"), rows))


def _evidence(page: Page, one: ModelPage, links: Links) -> str:
    counts = sum(asked.selection.chosen is not None for asked in one.evidence)
    rows = [_evidence_row(page, one, asked, links) for asked in one.evidence[:ROWS]]
    title = f"Evidence: {counts} of {words.count(len(one.evidence), 'kind')} there"
    heads = ("", "kind", "measured", "made", "counts until", "key", "for")
    return folded(title, table(heads, rows))


def _evidence_row(page: Page, one: ModelPage, asked: AskedEvidence, links: Links) -> str:
    need, chosen = asked.need, asked.selection.chosen
    kind, gates = gfm.code(need.kind, cell=True), gfm.plain(words.names(asked.gates, VALUES))
    if chosen is None or chosen.statement is None:
        where = gfm.plain(" or ".join(need.environments))
        return gfm.row("❌", kind, where, gfm.plain(_none(asked, one)), "–", "–", gates)
    said = chosen.statement
    made = links.file(words.instant(said.made_at), page.ledger, chosen.place)
    key = chosen.vouched_by
    signer = gfm.code(key.name, cell=True) if key else "–"
    mark = "❌" if said.passed is False else "✅"
    where = gfm.plain(said.environment)
    return gfm.row(mark, kind, where, made, _until(need, said.made_at), signer, gates)


def _until(need: Need, made_at: datetime) -> str:
    """When it will be too old, with the age that it may have: that stays true while it is read."""
    if need.max_age is None:
        return "–"
    return gfm.plain(f"{made_at + need.max_age:%Y-%m-%d} ({human(need.max_age)})")


def _none(asked: AskedEvidence, one: ModelPage) -> str:
    """Why nothing counts: what is wrong with the newest about this very manifest."""
    digest = one.verdict.subject.digest
    about = [
        rejected.reason
        for rejected in asked.selection.rejected
        if rejected.signed.statement and rejected.signed.statement.digest == digest
    ]
    return f"none counts: {about[-1]}" if about else "none yet"


def _overlay(page: Page, one: ModelPage, overlay: Overlay) -> str:
    name = "What will be rendered"
    if overlay.problem is not None:
        return folded(f"{name}: it can't be told", gfm.plain(overlay.problem))
    if not overlay.lines:
        return f"{name}: nothing but the version in labels and annotations changes."
    told = f"{words.count(overlay.added, 'line')}, for the first time"
    if not overlay.is_new:
        told = f"{words.count(overlay.added, 'line')} more, {overlay.removed:,} less"
    shown_, left = _hunks(overlay.lines)
    parts = [gfm.block(shown_, "diff")] if shown_ else []
    if left:
        command = f"modelctl render {page.environment} --ref {page.head[:12]}"
        parts.append(f"… and {words.count(left, 'line')} more: {gfm.code(command)}")
    return folded(f"{name}: {told}", *parts)


def _hunks(lines: tuple[str, ...]) -> tuple[list[str], int]:
    """As many whole hunks as there is room for, and how many lines are left out."""
    hunks: list[list[str]] = []
    for line in lines:
        if line.startswith("@@"):
            hunks.append([])
        hunks[-1].append(visible(line))
    taken: list[str] = []
    room = _DIFF
    for hunk in hunks:
        room -= sum(len(line) + 1 for line in hunk)
        if room < 0:
            break
        taken += hunk
    return taken, len(lines) - len(taken)


def _checklist(checklist: Checklist) -> str:
    names = [name for name in (BEFORE, AFTER) if checklist.lists.get(name)]
    done = sum(map(checklist.done, names))
    total = sum(len(checklist.lists[name]) for name in names)
    lists = (
        "\n".join((f"**{TITLES[name]}**", "", *task_lines(checklist.lists[name]))) for name in names
    )
    return folded(f"Checklist: {done} of {total} done", *lists)
