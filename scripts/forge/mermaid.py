"""Draws the one kind of Mermaid chart that the comments have: horizontal bars upon each other.

GitHub draws Mermaid by a script of a megabyte; a page here has none. Other diagrams stay code.
https://mermaid.js.org/syntax/xyChart.html
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

WIDTH, LEFT, RIGHT, TOP, ROW, FOOT = 640, 170, 24, 12, 34, 46
PALETTE = ("#4a8fe7", "#b6d4fe", "#57606a", "#d0d7de")
_LIST = r"\[(?P<values>[^\]]*)\]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars of several series over named rows, each series over the one before it, and lines."""

    names: tuple[str, ...]
    title: str
    low: float
    high: float
    bars: tuple[tuple[float, ...], ...]
    lines: tuple[tuple[float, ...], ...]
    palette: tuple[str, ...]


def figure(code: str) -> str:
    """A diagram as a figure with its code below it; what isn't drawn here is code alone."""
    chart = parsed(code)
    block = f"<pre><code>{html.escape(code)}</code></pre>"
    if chart is None:
        note = "<figcaption>A diagram that GitHub draws; here it is shown as its code.</figcaption>"
        return f'<figure class="chart">{block}{note}</figure>'
    source = f"<figcaption><details><summary>Source</summary>{block}</details></figcaption>"
    return f'<figure class="chart">{drawn(chart)}{source}</figure>'


def parsed(code: str) -> Chart | None:
    """None unless it is a horizontal xychart of rows, an axis with limits, bars and lines."""
    front, body = re.fullmatch(r"(?:---\n(.*?)\n---\n)?(.*)", code.strip(), re.DOTALL).groups("")  # type: ignore[union-attr]
    head, *rows = [line.strip() for line in body.splitlines() if line.strip()] or [""]
    names = _only(rows, rf"x-axis {_LIST}")
    axis = next((m for row in rows if (m := re.fullmatch(_AXIS, row))), None)
    if head != "xychart-beta horizontal" or names is None or axis is None:
        return None
    try:
        bars, lines = (
            tuple(
                _numbers(m["values"]) for row in rows if (m := re.fullmatch(f"{kind} {_LIST}", row))
            )
            for kind in ("bar", "line")
        )
    except ValueError:
        return None
    labels = tuple(re.findall(r'"([^"]*)"', names))
    low, high = float(axis["low"]), float(axis["high"])
    if high <= low or not labels or any(len(row) != len(labels) for row in (*bars, *lines)):
        return None
    palette = re.search(r'plotColorPalette: "([#\w, ]+)"', front)
    return Chart(
        names=labels,
        title=axis["title"],
        low=low,
        high=high,
        bars=bars,
        lines=lines,
        palette=tuple(re.findall(r"#[0-9a-fA-F]{6}", palette[1])) if palette else PALETTE,
    )


_NUMBER = r"-?\d+(?:\.\d+)?"
_AXIS = rf'y-axis "(?P<title>[^"]*)" (?P<low>{_NUMBER}) --> (?P<high>{_NUMBER})'


def _only(rows: list[str], pattern: str) -> str | None:
    found = next((m for row in rows if (m := re.fullmatch(pattern, row))), None)
    return None if found is None else found["values"]


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def drawn(chart: Chart) -> str:
    """The chart as SVG."""
    height = TOP + ROW * len(chart.names) + FOOT
    box = f'viewBox="0 0 {WIDTH} {height}" shape-rendering="crispEdges"'
    parts = [f'<svg {box} role="img" aria-label="{html.escape(chart.title)}">']
    for place, series in enumerate(chart.bars):
        parts += [
            _bar(chart, row, value, _colour(chart, place)) for row, value in enumerate(series)
        ]
    # The last bars may be of the background's colour: the grid goes over them.
    parts += _ticks(chart, height)
    for place, series in enumerate(chart.lines, start=len(chart.bars)):
        points = " ".join(
            f"{_x(chart, value):.1f},{TOP + ROW * (row + part):.1f}"
            for row, value in enumerate(series)
            for part in (0, 1)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke-width="1.5" '
            f'stroke="{_colour(chart, place)}"/>'
        )
    for row, name in enumerate(chart.names):
        parts.append(_text(LEFT - 10, TOP + ROW * (row + 0.5) + 4, name, "end"))
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(_text(middle, height - 8, chart.title, "middle"))
    return "".join([*parts, "</svg>"])


def _ticks(chart: Chart, height: int) -> list[str]:
    parts = []
    bottom = height - FOOT
    for step in range(5):
        value = chart.low + (chart.high - chart.low) * step / 4
        x = _x(chart, value)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#d0d7de"/>')
        parts.append(_text(x, bottom + 16, f"{value:.3g}", "middle"))
    return parts


def _bar(chart: Chart, row: int, value: float, colour: str) -> str:
    """From the lower limit of the axis on, as Mermaid draws it."""
    y, x = TOP + ROW * row + ROW * 0.2, _x(chart, chart.low)
    width = max(_x(chart, value) - x, 0)
    size = f'width="{width:.1f}" height="{ROW * 0.6:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _x(chart: Chart, value: float) -> float:
    share = (value - chart.low) / (chart.high - chart.low)
    return LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0)


def _colour(chart: Chart, place: int) -> str:
    return chart.palette[place % len(chart.palette)]
