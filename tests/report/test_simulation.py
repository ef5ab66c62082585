"""What a strategy would have done, as text: how it ends, why, and what it rests on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.domain.simulation import Simulation
from modelctl.domain.strategies import Experiment
from modelctl.domain.verdict import Outcome
from modelctl.report import simulation_words as told
from modelctl.report.look import Look
from modelctl.report.simulation import terminal
from modelctl.report.simulation_formats import json as as_json, markdown
from modelctl.services.replayed import Recorded
from modelctl.services.scenarios import parse_scenario
from modelctl.services.simulating import STAND_IN, simulate
from support.simulated import BEGAN, condition, plan, recording, state

NUMBER = r"\d+(?:\.\d{1,4})?"
CHART = re.compile(
    r"```mermaid\n---\nconfig:\n(?:  .*\n)+---\nxychart-beta\n"
    rf'    x-axis "hours since it began" 0 --> {NUMBER}\n'
    rf'    y-axis "[a-z %:\',]+" 0 --> {NUMBER}\n'
    rf"(?:    line \[{NUMBER}(?:, {NUMBER})*\]\n)+```\n"
)


def done(failing: float = 0.0, minutes: float = 24, **changes: Any) -> Simulation:
    slow = condition("canary.latency_p95_ms > 5.0", "slow", "investigate")
    found = recording(minutes, failing)
    traffic = Recorded(observations=found, until=found[-1].at)
    made = simulate(plan(conditions=[condition(), slow]), STAND_IN, traffic)
    return replace(made, **{"thinned": traffic.thinned, "short": traffic.short, **changes})


def of(words: str) -> Simulation:
    return done(0.2, scenario=str(parse_scenario(words)))


@pytest.mark.parametrize("width", [60, 80, 100])
def test_on_the_terminal(golden: Callable[[str, str], None], width: int) -> None:
    text = terminal([done(0.2), of("errors:rate=0.2")], Look(width=width))
    golden(f"simulation-{width}.txt", text)
    assert max(map(len, text.splitlines())) <= width


def test_for_a_pull_request_and_for_programs(golden: Callable[[str, str], None]) -> None:
    golden("simulation.md", markdown([done(0.2), of("errors:rate=0.2")]))
    golden("simulation.json", as_json([done(0.2, 8)]))


def test_the_charts_are_what_mermaid_reads() -> None:
    text = markdown([done()])
    assert len(CHART.findall(text)) == text.count("```mermaid") == 2
    drawn = CHART.findall(markdown([done(minutes=0.25)]))
    assert drawn == []


def test_what_is_synthetic_says_so_in_every_format() -> None:
    made = of("errors:at=5m,rate=0.2")
    for text in (terminal([made]), markdown([made])):
        assert "synthetic traffic, measured nowhere" in text
    assert json.loads(as_json([made]))["simulations"][0]["synthetic"].startswith("errors:at=5m")
    assert "synthetic" in told.picture(made).about
    assert "recorded figures from 2026-11-20 10:00 UTC" in terminal([done()], Look(width=120))


@pytest.mark.parametrize(
    ("simulation", "outcome", "text"),
    [
        (done(), Outcome.PASS, r"would have finished after 1\d min( \d+ s)?"),
        (done(0.2), Outcome.FAIL, r"would have been rolled back at 5 % after \d min( \d+ s)?"),
        (
            done(minutes=3),
            Outcome.INCONCLUSIVE,
            r"isn't over when the figures end, step 1 of 3, at 5 %",
        ),
    ],
)
def test_how_it_ends(simulation: Simulation, outcome: Outcome, text: str) -> None:
    found, said = told.outcome(simulation)
    assert found is outcome
    assert re.fullmatch(text, said)


@pytest.mark.parametrize(
    ("phase", "text"),
    [("waiting", "would wait for a person at 5 %"), ("paused", "would stand paused at 5 %")],
)
def test_what_waits_for_a_person_is_not_over(phase: str, text: str) -> None:
    outcome, said = told.outcome(done(minutes=3, state=state(phase=phase)))
    assert outcome is Outcome.PENDING
    assert said.startswith(text)


def test_what_still_kept_it_is_told_where_the_figures_end() -> None:
    made = done(minutes=3)
    assert "it still waits for" in terminal([made])
    assert "**It still waits for**" in markdown([made])
    assert told.why_held(done()) == ()


def test_limitations_of_a_recording_are_told() -> None:
    made = done(thinned=0.1, short=12)
    text = " ".join(terminal([made], Look(width=100)).split())
    assert "down to 10 % of a side" in text
    assert "none were made up" in text
    assert "down to 10 % of a side" in markdown([made])
    assert list(told.limitations(done(thinned=1.0, short=0))) == []


def test_strategies_are_compared_by_how_they_end_and_what_that_costs() -> None:
    text = terminal([done(), done(0.2)], Look(width=120))
    assert "of them failed" in text
    assert "rolled back at 5 %" in text.rpartition("strategy")[2]
    assert "of them failed" in markdown([done(), done(0.2)])
    assert "of them failed" not in terminal([done()])


def test_what_nobody_measured_has_no_line() -> None:
    made = done(0.2)
    points = tuple(
        replace(one, sides={name: replace(side, latency=None) for name, side in one.sides.items()})
        for one in made.course.points
    )
    text = terminal([replace(made, course=replace(made.course, points=points))], Look(width=100))
    assert "errors new" in text
    assert "p99 new" in terminal([made], Look(width=100))
    assert "p99 new" not in text
    assert "of 0 ms" not in text


def test_without_unicode_nothing_needs_it() -> None:
    assert terminal([done(0.2), done()], Look(width=80, unicode=False)).isascii()


def test_programs_get_everything() -> None:
    [one] = json.loads(as_json([done(0.2)]))["simulations"]
    assert (one["phase"], one["outcome"]) == ("rolled-back", "fail")
    first = one["stays"][0]
    assert first["ended"] == "roll back"
    assert first["reasons"][0]["confidence"] == 0.95
    assert first["sides"]["canary"]["error_rate"] > 0.1
    assert first["notes"][0]["name"] == "slow"
    assert sum(point["sides"]["canary"]["requests"] for point in one["points"]) > 0
    assert len(one["points"]) <= 241


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(seconds=90), "1 min 30 s"),
        (timedelta(hours=2, minutes=12, seconds=5), "2 h 12 min"),
        (timedelta(hours=41), "41 h"),
        (timedelta(days=7, hours=3), "7 d 3 h"),
    ],
)
def test_how_long(span: timedelta, text: str) -> None:
    assert told.passed(span) == text


def test_time_is_told_since_the_beginning() -> None:
    first, *_ = told.timeline(done().course)
    assert first.at == BEGAN
    assert first.what.startswith("held for ")


def test_an_experiment_says_its_verdict_and_what_the_recording_lacks() -> None:
    test = Experiment(primary="conversion_rate", minimum_sample=10)
    one = done(thinned=1.0, short=0)
    told_of = list(told.limitations(replace(one, strategy=replace(one.strategy, experiment=test))))
    assert told_of[0].startswith("the A/B test says undecided: ")
    assert "has no conversion_rate of new and now" in told_of[1]
