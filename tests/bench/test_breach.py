"""The measure of a breach, in small: what the clock runs from and to, and one real way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.lab import Lab
from bench.measures import breach
from bench.repos.rollouts import CANARY, STABLE
from bench.repos.store import Store
from support.load import Load


def answered(*versions: str, wrong: int | None = None) -> Load:
    """Callers who got an answer each second; since the `wrong`th those of the canary failed."""
    load = Load(url="http://127.0.0.1:1/", rate=1)
    load.times = [(float(second), version) for second, version in enumerate(versions)]
    if wrong is not None:
        load.wrong = [at for at, version in load.times if version == CANARY and at >= wrong]
    return load


def test_a_breach_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breach, "ROUNDS", 1)
    [pair] = breach._breaches(Lab(store=Store(tmp_path, print), say=print))
    assert 0 < pair.ours < 10


def test_the_clock_runs_from_the_first_failure_to_the_first_of_only_stable_ones() -> None:
    load = answered(STABLE, CANARY, STABLE, CANARY, *[STABLE] * 20, wrong=2)
    assert breach._back(load) == 1.0


@pytest.mark.parametrize(
    "load",
    [
        answered(STABLE, CANARY, *[STABLE] * 30),
        answered(STABLE, CANARY, *[STABLE] * 19, wrong=0),
    ],
    ids=["nothing failed", "the last one may not have been the last"],
)
def test_it_runs_on_until_it_is_plain(load: Load) -> None:
    assert breach._back(load) is None
