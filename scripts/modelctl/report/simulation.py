"""What a strategy would have done, on the terminal: a timeline with its reasons, and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from modelctl.domain.observations import CANARY, STABLE, Counts
from modelctl.domain.simulation import Bin, Course, Simulation, binned
from modelctl.report import rollout_words, simulation_words as told
from modelctl.report.look import STYLES, Look, grid, indent, ink, paint, table
from modelctl.report.rollout import bar, reasons
from modelctl.report.rollout_words import FIGURES, figure, shown

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_LEVELS = "▁▂▃▄▅▆▇█"
_SPARK = 60
_ROOMY = 70  # columns, from which on medians are shown, too
_FIGURES = ("error_rate", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms")


def terminal(simulations: Sequence[Simulation], look: Look | None = None) -> str:
    """Each simulation as text for `look`, one after the other, and what they come to beside each
    other."""
    look = look or Look()
    parts: list[RenderableType] = []
    for simulation in simulations:
        parts += ["", *_parts(simulation, look)] if parts else _parts(simulation, look)
    if len(simulations) > 1:
        parts += ["", _compared(simulations, look)]
    return paint(look, parts)


def _parts(simulation: Simulation, look: Look) -> list[RenderableType]:
    outcome, text = told.outcome(simulation)
    head = ink(look, look.mark(outcome), " ", (simulation.strategy.name, "bold"), " ")
    parts: list[RenderableType] = [head.append_text(ink(look, (text, f"bold {STYLES[outcome]}")))]
    style = "yellow" if simulation.scenario is not None else "dim"
    parts.append(indent(ink(look, (told.about(simulation), style)), 2))
    parts += [indent(ink(look, ("! ", "yellow"), one), 2) for one in told.limitations(simulation)]
    parts += ["", indent(_timeline(simulation, look), 2)]
    held = told.why_held(simulation)
    if held:
        parts += ["", indent(ink(look, ("it still waits for", "bold")), 2)]
        parts.append(indent(reasons(held, look), 4))
    if look.unicode:
        parts += ["", indent(_sparks(simulation.course, look), 2)]
    return [*parts, "", _figures(simulation.course, look)]


def _timeline(simulation: Simulation, look: Look) -> Table:
    """A line for each thing that happened: when since the beginning, at which share, what."""
    course = simulation.course
    whens = [f"+{told.passed(line.at - course.began)}" for line in told.timeline(course)]
    rows = grid(max(map(len, whens), default=1), 16, None)
    for when, line in zip(whens, told.timeline(course), strict=True):
        what = ink(look, look.mark(line.outcome), " ") if line.outcome else ink(look)
        style = STYLES[line.outcome] if line.outcome else "dim"
        what.append_text(ink(look, (line.what, style)))
        for reason in line.reasons:
            what.append("\n").append_text(ink(look, rollout_words.because(reason)))
            if reason.because:
                what.append_text(ink(look, (f" ({reason.because})", "dim")))
        share = bar(line.weight, look) if line.outcome is None else ink(look)
        rows.add_row(ink(look, (when, "dim")), share, what)
    return rows


def _sparks(course: Course, look: Look) -> Table:
    """Share, errors and p99 over time, a character each stretch; a blank where nobody measured."""
    count = max(min(_SPARK, look.columns - 30, len(course.points)), 1)
    width = max((course.until - course.began) / count, course.until.resolution)
    bins: list[Bin | None] = [None] * count
    for one in binned(course.points, course.began, width):
        bins[min(int((one.began - course.began) / width + 0.5), count - 1)] = one
    shares = [float(one.weight) if one else None for one in bins]
    rows = grid(10, count, None)
    rows.add_row(ink(look, ("share", "dim")), ink(look, (_spark(shares, 100.0), "yellow")), "")
    for metric, name in (("error_rate", "errors"), ("latency_p99_ms", "p99")):
        lines = {
            side: [figure(side, one.sides.get(side) if one else None, metric) for one in bins]
            for side in (CANARY, STABLE)
        }
        seen = [value for line in lines.values() for value in line if value is not None]
        if not seen:  # nobody measured it
            continue
        top = max(seen)
        for side, label, style in ((CANARY, "new", "yellow"), (STABLE, "now", "blue")):
            scale = f"of {shown(metric, top)}" if side == CANARY else ""
            line = ink(look, (_spark(lines[side], top), style))
            rows.add_row(ink(look, (f"{name} {label}", "dim")), line, ink(look, (scale, "dim")))
    return rows


def _spark(values: Sequence[float | None], top: float) -> str:
    """Values as blocks as high as they are beside `top`."""
    last = len(_LEVELS) - 1
    return "".join(
        " " if value is None else _LEVELS[round(value / top * last) if top else 0]
        for value in values
    )


def _figures(course: Course, look: Look) -> Table:
    """What was counted in each stay, the new version's above what it takes over from."""
    chosen = _FIGURES if look.columns >= _ROOMY else [m for m in _FIGURES if "p50" not in m]
    heads = ("since", "share", "", "requests", *(FIGURES[metric] for metric in chosen))
    rows: list[list[Text]] = []
    for stay in course.stays:
        when = f"+{told.passed(stay.began - course.began)}"
        for side, name in ((CANARY, "new"), (STABLE, "now")):
            counts = told.totals(course, stay).get(side)
            first = side == CANARY
            rows.append(
                [
                    ink(look, (when if first else "", "dim")),
                    ink(look, (f"{stay.weight} %" if first else "", "bold")),
                    ink(look, (name, "yellow" if first else "blue")),
                    *_cells(side, counts, chosen, look),
                ]
            )
    return table(look, heads, rows)


def _cells(side: str, counts: Counts | None, metrics: Sequence[str], look: Look) -> Iterator[Text]:
    yield ink(look, f"{round(counts.requests):,}" if counts else "–")
    for metric in metrics:
        yield ink(look, shown(metric, figure(side, counts, metric)))


def _compared(simulations: Sequence[Simulation], look: Look) -> Table:
    """The strategies beside each other: how each ends, and what it costs until then."""
    heads = ("strategy", "ends", "lasts", "requests to the new version", "of them failed")
    rows = []
    for one in simulations:
        outcome, text = told.outcome(one)
        counts = told.totals(one.course).get(CANARY)
        rows.append(
            [
                ink(look, (one.strategy.name, "bold")),
                ink(
                    look,
                    look.mark(outcome),
                    " ",
                    text.removeprefix("would have ").removeprefix("been "),
                ),
                ink(look, told.passed(one.lasted)),
                ink(look, f"{round(counts.requests):,}" if counts else "–"),
                ink(look, f"{round(counts.errors):,}" if counts else "–"),
            ]
        )
    return table(look, heads, rows)
