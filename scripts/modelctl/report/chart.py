"""A small chart that GitHub draws: by how much each metric changes, and within which limits.

Mermaid has no error bars. They are made of bars that lie upon each other: up to the upper limit,
up to the change itself, and in the colour of the background up to the lower limit. What crosses the
line at zero may be chance. https://mermaid.js.org/syntax/xyChart.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from modelctl.domain.differences import Comparison, MetricChange
from modelctl.domain.metrics import Better
from modelctl.report.clean import shorten
from modelctl.report.differences import shown

_MOST, _FEWEST = 8, 2
_NAME = 24
_LARGEST = 1000.0  # percent: beyond it the others couldn't be seen
_UNSAFE = re.compile(r"[^A-Za-z0-9_.@-]+")
_KEY = (
    "<sub>Each bar is the interval of the change at 95 %; its shades meet at the change itself. "
    "What crosses 0 may be chance.</sub>"
)
_STYLE = """---
config:
  xyChart:
    width: 640
    height: {height}
  themeVariables:
    xyChart:
      backgroundColor: "#ffffff"
      plotColorPalette: "#b6d4fe, #4a8fe7, #ffffff, #57606a"
      xAxisLabelColor: "#24292f"
      xAxisLineColor: "#ffffff"
      xAxisTickColor: "#ffffff"
      yAxisLabelColor: "#57606a"
      yAxisTitleColor: "#57606a"
      yAxisLineColor: "#d0d7de"
      yAxisTickColor: "#d0d7de"
---"""


class Bar(NamedTuple):
    """A metric's change in percent of what is served, with its limits; more is better."""

    name: str
    lower: float
    value: float
    upper: float


def chart(comparison: Comparison) -> str | None:
    """The chart as a fenced block with its key; None where fewer than two metrics have limits."""
    bars = [bar for one in shown(comparison) if (bar := _bar(one)) is not None][:_MOST]
    if len(bars) < _FEWEST:
        return None
    return "\n".join(["```mermaid", *_lines(bars, str(comparison.before.version)), "```", "", _KEY])


def _bar(one: MetricChange) -> Bar | None:
    """None where there are no limits, or nobody knows which way is better."""
    margin, before = one.difference, one.before
    if margin is None or before is None or one.better is None or not before.value:
        return None
    sign = 1 if one.better is Better.HIGHER else -1
    ends = [sign * 100 * side / abs(before.value) for side in (margin.lower, margin.upper)]
    value = sign * 100 * margin.value / abs(before.value)
    if not all(math.isfinite(each) and abs(each) <= _LARGEST for each in (*ends, value)):
        return None
    return Bar(name=name(one.name), lower=min(ends), value=value, upper=max(ends))


def name(text: str) -> str:
    """A metric's name as Mermaid takes it between quotes: nothing in it ends them, or acts."""
    return shorten(_UNSAFE.sub("_", text), _NAME).replace("…", "_") or "_"


def _lines(bars: Sequence[Bar], served: str) -> list[str]:
    reach = max(abs(end) for bar in bars for end in (bar.lower, bar.upper))
    names = ", ".join(f'"{bar.name}"' for bar in bars)
    end = _number(max(reach * 1.05, 0.001))
    return [
        *_STYLE.format(height=70 + 34 * len(bars)).splitlines(),
        "xychart-beta horizontal",
        f"    x-axis [{names}]",
        f'    y-axis "change against {name(served)} in %, right of 0 is better" -{end} --> {end}',
        f"    bar {_series(bar.upper for bar in bars)}",
        f"    bar {_series(bar.value for bar in bars)}",
        f"    bar {_series(bar.lower for bar in bars)}",
        f"    line {_series(0.0 for _ in bars)}",
    ]


def _series(values: Iterable[float]) -> str:
    return f"[{', '.join(map(_number, values))}]"


def _number(value: float) -> str:
    """Four digits without an exponent, which Mermaid doesn't read."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
