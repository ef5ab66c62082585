"""The measures of a guard's pass, in small: a real Prometheus, and every rollout heard of."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.lab import Lab
from bench.measures import guard, metrics
from bench.repos.store import Store


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(store=Store(tmp_path, print), say=print)


def test_a_pass_hears_of_every_rollout(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MANY", 3)
    monkeypatch.setattr(guard, "_TURNS", 1)
    [pair] = guard._pass(lab)
    assert pair.ours > 0
    monkeypatch.setattr(guard, "_QUESTIONS", 1)
    with pytest.raises(BenchError, match=r"a pass asked \d+ questions"):
        list(guard._pass(lab))


def test_the_number_of_questions_is_that_of_one_rollout(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    for count in (1, 5):
        monkeypatch.setattr(metrics, "ROLLOUTS", count)
        [pair] = metrics._questions(lab)
        asked.append(pair.ours)
    assert asked[0] == asked[1] <= 20
