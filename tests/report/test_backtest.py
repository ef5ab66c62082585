"""What a changed policy would decide otherwise, for people, pull requests and programs."""

from __future__ import annotations

import json as standard
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from modelctl.domain.backtest import Backtest, Shift, Trial
from modelctl.domain.document import Location
from modelctl.domain.verdict import Outcome
from modelctl.report.backtest import json, markdown, terminal
from modelctl.report.look import Look


@pytest.fixture
def found(make: SimpleNamespace) -> Backtest:
    """One of each kind of change."""
    now = make.NOW
    below, soaking = make.below_the_threshold(), make.soaking()
    quality = Shift(gate=below.gate, before=Outcome.PASS, after=Outcome.FAIL, finding=below)
    soak = Shift(gate="soak", before=Outcome.PENDING, after=Outcome.PASS, finding=soaking)
    extra = replace(below, gate="extra", policy=None, message="not today")
    added = Shift(gate="extra", before=None, after=Outcome.FAIL, finding=extra)
    first = Trial(
        model="tumor-classifier",
        version="1.0.0",
        environment="production",
        at=now - timedelta(days=9),
        served=True,
        before=Outcome.PASS,
        after=Outcome.FAIL,
        shifts=(quality, added),
    )
    return Backtest(
        base="main",
        head="the work tree",
        trials=(
            first,
            replace(first, version="0.9.0", served=False, environment="dev", shifts=(quality,)),
            replace(
                first,
                version="1.1.0",
                before=Outcome.PENDING,
                after=Outcome.PASS,
                shifts=(soak,),
                served=False,
            ),
            replace(first, version="1.2.0", before=Outcome.FAIL, after=None, shifts=()),
            replace(first, version="1.3.0", after=Outcome.PASS, shifts=()),
            replace(first, version="1.4.0", shifts=(), problem="commit is not here"),
        ),
        added=(("extra", Location(file="policies/gates/extra.yaml", line=3)),),
        removed=(("size", Location(file="policies/gates/performance.yaml", line=5)),),
    )


Golden = Callable[[str, str], None]


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_at_a_terminal(found: Backtest, width: int, golden: Golden) -> None:
    golden(f"backtest-{width}.txt", terminal(found, Look(width=width)))


def test_the_table_in_a_pull_request(found: Backtest, golden: Golden) -> None:
    golden("backtest.md", markdown(found))


def test_the_rows_for_programs(found: Backtest, golden: Golden) -> None:
    golden("backtest.json", json(found))


def test_nothing_that_changes_is_told_in_two_lines() -> None:
    empty = Backtest(base="main", head="x", trials=())
    assert terminal(empty).splitlines() == [
        "The policy of x against that of main",
        "0 deployments",
    ]
    assert "|" not in markdown(empty)
    assert standard.loads(json(empty))["changes"] == []


def test_a_long_table_is_cut_and_says_so(found: Backtest) -> None:
    many = replace(found, trials=found.trials[1:2] * 250)
    shown = markdown(many)
    assert "… and 50 deployments more." in shown
    assert shown.count("| ❌ |") == 200
