"""A simulation as Markdown, for the pull request that changes a strategy, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from modelctl.domain.observations import CANARY, STABLE
from modelctl.domain.simulation import Bin, Course, Simulation, Stay, binned
from modelctl.domain.verdict import Outcome
from modelctl.report import gfm, rollout_words, simulation_words as told
from modelctl.report.json import dumps, instant
from modelctl.report.rollout_explain import reason_data
from modelctl.report.rollout_formats import side_data
from modelctl.report.rollout_words import figure, shown

SCHEMA = 1
_DRAWN, _LISTED = 48, 240
_MARKS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.WAIVED: "🔎", None: ""}
_CHART = """```mermaid
---
config:
  xyChart:
    width: 720
    height: {height}
  themeVariables:
    xyChart:
      backgroundColor: "#ffffff"
      plotColorPalette: "{palette}"
      xAxisLabelColor: "#57606a"
      xAxisTitleColor: "#57606a"
      yAxisLabelColor: "#57606a"
      yAxisTitleColor: "#57606a"
---
xychart-beta
    x-axis "hours since it began" 0 --> {hours}
    y-axis "{title}" 0 --> {top}
{lines}
```"""
_NEW, _NOW = "#d55e00", "#0072b2"


def markdown(simulations: Sequence[Simulation]) -> str:
    """Each simulation with its timeline, charts that GitHub draws, and figures."""
    blocks = [block for one in simulations for block in _blocks(one)]
    if len(simulations) > 1:
        blocks.append("\n".join(_compared(simulations)))
    return "\n\n".join(blocks) + "\n"


def _blocks(simulation: Simulation) -> Iterator[str]:
    course = simulation.course
    yield f"### {gfm.plain(simulation.strategy.name)} {gfm.plain(told.outcome(simulation)[1])}"
    yield f"*{gfm.plain(told.about(simulation))}*"
    notes = [f"- {gfm.plain(one)}" for one in told.limitations(simulation)]
    if notes:
        yield "\n".join(notes)
    yield "\n".join(_timeline(course))
    held = [f"- {gfm.plain(rollout_words.because(one))}" for one in told.why_held(simulation)]
    if held:
        yield "\n".join(["**It still waits for**", "", *held])
    bins = list(binned(course.points, course.began, (course.until - course.began) / _DRAWN))
    if len(bins) > 1:
        yield _share(course, bins)
    if len(bins) > 1 and (drawn := _errors(course, bins)):
        yield drawn
    yield "\n".join(_figures(course))


def _timeline(course: Course) -> Iterator[str]:
    yield gfm.row("since", "share", "", "what", "why")
    yield gfm.row(*("---" for _ in range(5)))
    for line in told.timeline(course):
        why = [gfm.plain(rollout_words.because(one)) for one in line.reasons]
        when = f"+{told.passed(line.at - course.began)}"
        mark = _MARKS[line.outcome]
        yield gfm.row(when, f"{line.weight} %", mark, gfm.plain(line.what), "<br>".join(why) or "–")


def _share(course: Course, bins: Sequence[Bin]) -> str:
    line = f"    line [{', '.join(str(one.weight) for one in bins)}]"
    return _chart(course, "share of the new version in %", "100", [line], (_NEW,), 220)


def _errors(course: Course, bins: Sequence[Bin]) -> str:
    """Failed requests in percent. A line of Mermaid has no gaps, so one that was measured only at
    times isn't drawn."""
    lines, palette, top = [], [], 0.0
    for side, color in ((CANARY, _NEW), (STABLE, _NOW)):
        found = (figure(side, one.sides.get(side), "error_rate") for one in bins)
        values = [100 * value for value in found if value is not None]
        if len(values) == len(bins):
            lines.append(f"    line [{', '.join(_number(value) for value in values)}]")
            palette.append(color)
            top = max(top, *values)
    if not lines:
        return ""
    title = "failed requests in %" + (": new, now" if len(lines) > 1 else "")
    return _chart(course, title, _number(max(top * 1.1, 0.1)), lines, palette, 260)


def _chart(
    course: Course, title: str, top: str, lines: Sequence[str], palette: Sequence[str], height: int
) -> str:
    hours = _number((course.until - course.began).total_seconds() / 3600)
    return _CHART.format(
        height=height, palette=", ".join(palette), hours=hours, title=title, top=top,
        lines="\n".join(lines),
    )  # fmt: skip


def _number(value: float) -> str:
    """Four digits without an exponent, which Mermaid doesn't read."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _figures(course: Course) -> Iterator[str]:
    yield gfm.row("since", "share", "side", "requests", "errors", "p50", "p95", "p99")
    yield gfm.row("---", "--:", "---", *("--:" for _ in range(5)))
    for stay in course.stays:
        for side, counts in told.totals(course, stay).items():
            data = side_data(side, counts)
            cells = (shown(name, data[name]) for name in list(rollout_words.FIGURES)[:4])
            when = f"+{told.passed(stay.began - course.began)}"
            name = "new" if side == CANARY else "now"
            yield gfm.row(when, f"{stay.weight} %", name, f"{round(counts.requests):,}", *cells)


def _compared(simulations: Sequence[Simulation]) -> Iterator[str]:
    yield gfm.row("strategy", "ends", "lasts", "requests to the new version", "of them failed")
    yield gfm.row("---", "---", "--:", "--:", "--:")
    for one in simulations:
        counts = told.totals(one.course).get(CANARY)
        yield gfm.row(
            gfm.code(one.strategy.name, cell=True),
            gfm.plain(told.outcome(one)[1].removeprefix("would have ").removeprefix("been ")),
            told.passed(one.lasted),
            f"{round(counts.requests):,}" if counts else "–",
            f"{round(counts.errors):,}" if counts else "–",
        )


def json(simulations: Sequence[Simulation]) -> str:
    """The simulations for programs; `points` sum the stretches, so that there are some hundred."""
    return dumps({"schema": SCHEMA, "simulations": [_document(one) for one in simulations]})


def _document(simulation: Simulation) -> dict[str, Any]:
    outcome, text = told.outcome(simulation)
    course = simulation.course
    width = max((course.until - course.began) / _LISTED, simulation.every)
    return {
        "strategy": simulation.strategy.name,
        "model": simulation.model,
        "synthetic": simulation.scenario,
        "outcome": outcome.value,
        "ends": text,
        "phase": simulation.state.phase,
        "began": instant(course.began),
        "until": instant(course.until),
        "seconds": simulation.lasted.total_seconds(),
        "stretches": simulation.stretches,
        "every_seconds": simulation.every.total_seconds(),
        "kept_at_least": simulation.thinned,
        "short_stretches": simulation.short,
        "stays": [_stay(course, stay) for stay in course.stays],
        "points": [_point(one) for one in binned(course.points, course.began, width)],
    }


def _stay(course: Course, stay: Stay) -> dict[str, Any]:
    return {
        "began": instant(stay.began),
        "until": instant(stay.until),
        "phase": stay.phase,
        "step": stay.step + 1,
        "weight": stay.weight,
        "waits": [
            {"seconds": wait.lasted.total_seconds(), **reason_data(wait.reason)}
            for wait in stay.waits
        ],
        "notes": [
            {"at": instant(note.at), "share": note.share, **reason_data(note.reason)}
            for note in stay.notes
        ],
        "ended": stay.ended,
        "emergency": stay.emergency,
        "reasons": [reason_data(reason) for reason in stay.reasons],
        "sides": {side: side_data(side, one) for side, one in told.totals(course, stay).items()},
    }


def _point(one: Bin) -> dict[str, Any]:
    return {
        "at": instant(one.at),
        "weight": one.weight,
        "sides": {side: side_data(side, counts) for side, counts in one.sides.items()},
    }
