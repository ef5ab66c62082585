"""`python -m bench`: takes measures, tells them, and ends with 0 only if all hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.errors import BenchError
from bench.lab import Lab
from bench.measure import Measure, Pair
from bench.measures import MEASURES


def measure(name: str, ours: float = 1.0, **changes: object) -> Measure:
    def take(lab: Lab) -> Iterator[Pair]:
        return lab.turns(3, lambda: ours, lambda: 1.0)

    fields = {"what": "ours", "against": "theirs", "limit": 2.0, "take": take, **changes}
    return Measure(name=name, **fields)


FAST, SLOW = measure("fast"), measure("slow", 3.0)


def run(tmp_path: Path, *args: str, measures: tuple[Measure, ...] = (FAST, SLOW)) -> int:
    return main(args, measures=measures, results=tmp_path / "build" / "bench.json")


def results(tmp_path: Path) -> list[dict[str, object]]:
    return json.loads((tmp_path / "build" / "bench.json").read_text())


def test_one_that_falls_short_makes_it_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 1
    assert [(row["name"], row["ok"]) for row in results(tmp_path)] == [
        ("fast", True),
        ("slow", False),
    ]
    out, err = capsys.readouterr()
    assert "✓  fast" in out
    assert "✗  slow" in out
    assert "3.00 ×" in out
    assert err.splitlines()[:2] == ["fast …", "  ✓ fast  1.00 ×  ≤ 2 ×  (0 s)"]


def test_all_that_hold_pass(tmp_path: Path) -> None:
    assert run(tmp_path, measures=(FAST,)) == 0


def test_only_what_is_asked_for_is_taken(tmp_path: Path) -> None:
    assert run(tmp_path, "--only", "fast") == 0
    assert [row["name"] for row in results(tmp_path)] == ["fast"]


def test_an_unknown_name_is_refused_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(tmp_path, "--only", "odd")
    assert caught.value.code == 2
    assert "fast" in capsys.readouterr().err


def test_a_list_takes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--list") == 0
    out = capsys.readouterr().out
    assert "fast" in out
    assert "≤ 2 ×" in out
    assert not (tmp_path / "build").exists()


def test_what_could_not_be_measured_is_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(lab: Lab) -> Iterator[Pair]:
        raise BenchError("the peer is not here", "it said this")

    assert run(tmp_path, measures=(measure("odd", take=fails),)) == 3
    err = capsys.readouterr().err
    assert "the peer is not here" in err
    assert "it said this" in err
    assert not (tmp_path / "build").exists()


def test_the_sides_take_turns_at_being_first() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return 1.0

    lab = Lab(store=None, say=lambda text: None)
    pairs = list(lab.turns(3, lambda: side("ours"), lambda: side("other")))
    assert len(pairs) == 3
    assert order == ["other", "ours", *("ours", "other"), *("other", "ours"), *("ours", "other")]


def test_everything_that_must_hold_is_measured() -> None:
    limits = {one.name: (str(one.direction), one.limit, one.unit) for one in MEASURES}
    assert limits == {
        "version": ("≤", 1.5, "×"),
        "check-change": ("≤", 1.15, "×"),
        "check-all-cold": ("≥", 10, "×"),
        "check-all-again": ("≥", 100, "×"),
        "check-all-libyaml": ("≤", 1.2, "×"),
        "status": ("≥", 20, "×"),
        "render": ("≥", 10, "×"),
        "ledger-append": ("≤", 1.3, "×"),
        "ledger-who-served": ("≤", 1.3, "×"),
        "ledger-status": ("≤", 1.3, "×"),
        "memory": ("≤", 500, "MB"),
        "pr-check-calls": ("≤", 12, "calls"),
        "pr-check-growth": ("≤", 1.0, "×"),
        "pr-check-time": ("≤", 1.3, "×"),
        "promote-calls": ("≤", 8, "calls"),
        "promotions-at-once": ("≤", 0, "wrong"),
        "rollout-false-alarms": ("≤", 1, "%"),
        "rollout-detection": ("≥", 99, "%"),
        "guard-pass": ("≤", 20, "×"),
        "breach-to-back": ("≤", 3, "scrapes"),
        "traffic-share": ("≤", 1, "points"),
        "traffic-failures": ("≤", 0, "requests"),
        "figures-questions": ("≤", 20, "questions"),
        "figures-time": ("≤", 2.0, "s"),
        "simulate-speed": ("≥", 50_000, "×"),
    }
    assert {one.name: one.worst for one in MEASURES if one.worst} == {"breach-to-back": 6}
