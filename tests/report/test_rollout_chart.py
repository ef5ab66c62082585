"""The picture: the same bytes each time, readable in print and in the dark, with gaps as gaps."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from modelctl.domain.observations import CANARY, STABLE
from modelctl.domain.rollout_state import Reason
from modelctl.domain.simulation import Course, Limit, Point
from modelctl.report import (
    rollout_chart as chart,
    rollout_colors as colors,
    rollout_series as series,
)
from modelctl.report.rollout_axes import passed
from modelctl.report.simulation_words import picture
from modelctl.services.replayed import Recorded
from modelctl.services.simulating import STAND_IN, simulate
from support.simulated import BEGAN, EVERY, condition, counts, plan, recording

ROOT = Path(__file__).parents[2]
LIMITS = (
    Limit(metric="error_rate", value=0.005, sign="+", name="error-rate"),
    Limit(metric="error_rate", value=0.9, name="far-away"),
    Limit(metric="latency_p99_ms", value=20.0, sign="+", name="latency-p99"),
)


def course(failing: float = 0.0, minutes: float = 24) -> Course:
    found = recording(minutes, failing)
    done = simulate(plan(), STAND_IN, Recorded(observations=found, until=found[-1].at))
    return replace(picture(done), limits=LIMITS)


def gone() -> Course:
    """Its new version isn't heard of any more after a minute."""
    found = recording(1)
    traffic = Recorded(observations=found, until=BEGAN + timedelta(minutes=9))
    return picture(simulate(plan(), STAND_IN, traffic))


def texts(svg: bytes) -> str:
    return svg.decode()


def test_a_png_is_a_png_of_three_panels_and_the_same_again() -> None:
    first = chart.png([course()])
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert first == chart.png([course()])
    assert first != chart.png([course(0.2)])
    assert b"Software" not in first


def test_another_process_with_other_settings_draws_the_same_bytes(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "import matplotlib; matplotlib.rcParams['font.size'] = 20\n"
        "from report.test_rollout_chart import course\n"
        "from modelctl.report.rollout_chart import svg\n"
        "sys.stdout.buffer.write(svg([course(0.2)]))"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7", "MPLCONFIGDIR": str(tmp_path), "TZ": "Asia/Tokyo"}
    shown = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / "scripts"), str(ROOT / "tests")],
        env=env,
        capture_output=True,
        check=True,
    ).stdout
    assert shown == chart.svg([course(0.2)])


def test_an_svg_follows_the_dark_mode_and_says_nothing_of_the_machine() -> None:
    drawn = texts(chart.svg([course(0.2)]))
    root = ET.fromstring(drawn)
    assert root.tag.endswith("svg")
    assert "prefers-color-scheme: dark" in drawn
    for light in (colors.INK, colors.PAPER, *colors.COLORS.values()):
        assert f"fill: {light}" in drawn or f"stroke: {light}" in drawn
        assert f'[style*="fill: {light}"]' in drawn
    assert "<dc:date>" not in drawn
    assert not re.search(r"/(work|home|root|tmp)/", drawn)


def test_every_colour_of_a_picture_has_one_for_the_dark() -> None:
    drawn = texts(chart.svg([course(0.2), gone()]))
    body = drawn.partition("</style>")[2]
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", body))
    assert used <= set(colors.DARK)


def luminance(color: str) -> float:
    channels = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "color", [colors.INK, colors.FAINT, *colors.COLORS.values(), colors.LIMIT, colors.BACK]
)
def test_text_can_be_read_in_both_modes(color: str) -> None:
    least = 3.5 if color in colors.COLORS.values() else 4.5
    assert contrast(color, colors.PAPER) >= least
    assert contrast(colors.DARK[color], colors.DARK[colors.PAPER]) >= least


def test_strategies_stand_side_by_side_with_one_scale() -> None:
    both = chart.png([course(), course(0.2)])
    width = int.from_bytes(both[16:20])
    alone = int.from_bytes(chart.png([course()])[16:20])
    assert width > 1.4 * alone


def test_what_nobody_measured_is_a_gap_and_never_zero() -> None:
    each, since = series.lines(gone(), CANARY, "error_rate")
    after = [value for hour, value in zip(since.hours, since.values, strict=True) if hour > 0.03]
    assert after
    assert all(math.isnan(value) for value in after)
    assert each.seen
    assert chart.png([gone()])


def test_what_is_decided_by_is_drawn_since_the_step_began_with_its_limits() -> None:
    _, since = series.lines(course(0.2), CANARY, "error_rate")
    assert since.seen[-1] == pytest.approx(0.2, abs=0.05)
    first = next(index for index, value in enumerate(since.values) if not math.isnan(value))
    assert since.low[first] <= since.values[first] <= since.high[first]
    _, quantile = series.lines(course(), STABLE, "latency_p99_ms")
    assert quantile.seen[-1] == pytest.approx(90, abs=15)


def test_a_limit_beside_stable_has_gaps_where_stable_has() -> None:
    line = series.Line(hours=[0.0, 1.0], values=[0.1, math.nan])
    found = series.limit_line(LIMITS[0], line)
    assert found.seen == pytest.approx([0.105])
    assert series.limit_line(LIMITS[1], line).seen == [0.9, 0.9]


def late() -> Course:
    """Its errors begin so late that only the recent window tells."""
    found = recording(120)[:400] + recording(120, 0.05)[400:]
    one = plan(minutes=60, conditions=[replace(condition(), requests=100)])
    made = simulate(one, STAND_IN, Recorded(observations=found, until=found[-1].at))
    return replace(picture(made), limits=LIMITS)


def test_what_took_it_back_is_drawn_over_the_span_that_decided() -> None:
    made = late()
    new, now = series.decided(made)
    assert (new.side, new.metric, now.side) == (CANARY, "error_rate", STABLE)
    assert new.over.startswith("in the last ")
    _, since = series.lines(made, CANARY, "error_rate")
    assert new.limit is not None
    assert since.seen[-1] < new.limit < new.low < new.value < new.high
    assert new.limit == pytest.approx(now.value + 0.005)
    assert new.hour == pytest.approx(series.hours(made, made.stays[-1].began), abs=0.1)


def test_a_figure_that_decided_lies_within_the_picture() -> None:
    from matplotlib.figure import Figure

    made = late()
    drawn = chart._errors(Figure().subplots(), made)
    assert drawn.top > next(series.decided(made)).value
    assert chart.png([made])


def test_what_nothing_took_back_has_no_mark() -> None:
    assert list(series.decided(course())) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.0246 (0.014 to 0.043)", (0.0246, 0.014, 0.043)),
        ("1e-05", (1e-05, 1e-05, 1e-05)),
        ("90 (anything to anything)", (90.0, 0.0, 1e6)),
        ("anything", None),
        ("", None),
    ],
)
def test_figures_of_reasons_are_read(text: str, found: tuple[float, float, float] | None) -> None:
    assert series._read(text) == found


def test_figures_of_reasons_that_are_no_side_s_are_not_drawn() -> None:
    made = course(0.2)
    reason = Reason(
        name="emergency",
        message="live.error_rate is 0.3",
        values={"live.error_rate": "0.3", "baseline.error_rate": "0.1", "note": "so"},
    )
    stays = tuple(replace(stay, reasons=(reason,)) for stay in made.stays)
    (only,) = series.decided(replace(made, stays=stays))
    assert (only.side, only.value, only.over, only.limit) == (CANARY, 0.3, "", None)


def untimed(made: Course) -> Course:
    points = (
        replace(one, sides={name: replace(side, latency=None) for name, side in one.sides.items()})
        for one in made.points
    )
    return replace(made, points=tuple(points))


def test_without_response_times_there_is_no_panel_for_them() -> None:
    whole, lower = course(), untimed(course())
    assert (series.timed(whole), series.timed(lower)) == (True, False)

    def height(*drawn: Course) -> int:
        return int.from_bytes(chart.png(drawn)[20:24])

    assert height(lower) < height(whole) == height(lower, whole)


def test_a_title_is_not_broken_within_a_span() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    said = "quick would have been rolled back at 5 % after 1 h 32 min and 45 s, 2 of 3 days"
    chart._title(axes, replace(course(minutes=1), title=said), 10)
    lines = axes.texts[0].get_text().splitlines()
    kept = [line for line in lines if "\N{NO-BREAK SPACE}" in line]
    assert kept == ["5\xa0% after", "1\xa0h\xa032\xa0min", "and 45\xa0s,"]


def test_the_weights_are_steps() -> None:
    line = series.weights(course())
    assert line.values == [5, 5, 50, 50, 100, 100]
    assert line.hours == sorted(line.hours)


@pytest.mark.parametrize(
    ("hour", "text"),
    [(0, "0"), (0.5, "+30 min"), (1, "+1 h"), (1.25, "+1:15 h"), (30, "+30 h")],
)
def test_time_since_the_beginning(hour: float, text: str) -> None:
    assert passed(hour) == text


@pytest.mark.parametrize("hours", [0.05, 3, 41, 24 * 14])
def test_any_length_can_be_drawn(hours: float) -> None:
    until = BEGAN + timedelta(hours=hours)
    point = Point(at=BEGAN + EVERY, weight=5, sides={CANARY: counts(3.0)})
    short = course(minutes=1)
    stay = replace(short.stays[0], until=until)
    for elapsed in (True, False):
        made = replace(short, until=until, points=(point,), stays=(stay,), elapsed=elapsed)
        assert chart.png([made])


def test_a_picture_without_any_figure_can_be_drawn() -> None:
    bare = replace(course(minutes=1), points=(), until=BEGAN)
    assert chart.png([bare])


def test_words_of_others_are_no_markup() -> None:
    hostile = replace(course(minutes=1), title="$\\frac{1}{0}$ <script> \x1b[31m & co", about="$")
    drawn = texts(chart.svg([hostile]))
    assert "<script>" not in drawn
    ET.fromstring(drawn)
