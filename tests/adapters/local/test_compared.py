"""Live figures from the predictions that are kept on this machine."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelctl.adapters.local.compared import PredictionFigures
from modelctl.adapters.local.registry import Registry
from modelctl.adapters.prediction_log import log_file
from modelctl.domain.agreement import Comparing
from modelctl.domain.observations import Endpoint, Watched

MODEL = "churn-predictor"
START = datetime(2026, 11, 20, 10, tzinfo=UTC)
HOW = Comparing(slices=("site",))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def watched(since: datetime = START, sides: tuple[str, ...] = ("stable", "canary")) -> Watched:
    versions = {"stable": "1.0.0", "canary": "2.0.0"}
    return Watched(
        model=MODEL,
        environment="dev",
        namespace="ml-dev",
        since=since,
        sides={
            side: Endpoint(version=versions[side], service=f"{MODEL}-{versions[side]}")
            for side in sides
        },
    )


def write(folder: Path, version: str, rows: int, wrong: int = 0) -> None:
    file = log_file(folder, f"{MODEL}-{version}")
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "time": at(n).isoformat(),
            "request": f"r{n}",
            "version": version,
            "inputs": {"site": ["a"]},
            "outputs": [int(n < wrong)],
        }
        for n in range(rows)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    registry = Registry(tmp_path / "dev")
    registry.compare({MODEL: HOW}, only=None)
    return registry.folder


def test_agreement_and_distribution_of_a_rollout(folder: Path) -> None:
    write(folder, "1.0.0", 120)
    write(folder, "2.0.0", 120, wrong=30)
    found = PredictionFigures(folder).figures(watched(), at(200))
    assert found["canary.metrics"] == {"agreement": 0.75, "agreement_min_slice": 0.75}
    assert found["canary.prediction_psi"] > 0.2


def test_few_answers_have_no_distribution(folder: Path) -> None:
    write(folder, "1.0.0", 120)
    write(folder, "2.0.0", 99)
    assert set(PredictionFigures(folder).figures(watched(), at(200))) == {"canary.metrics"}


def test_only_what_came_since_the_watch_began_counts(folder: Path) -> None:
    for version, wrong in (("1.0.0", 0), ("2.0.0", 50)):
        write(folder, version, 100, wrong)
    found = PredictionFigures(folder).figures(watched(at(50)), at(200))
    assert found["canary.metrics"] == {"agreement": 1.0, "agreement_min_slice": 1.0}


def test_without_predictions_nothing_is_known(folder: Path) -> None:
    assert PredictionFigures(folder).figures(watched(), at(1)) == {}
    write(folder, "1.0.0", 10)
    assert PredictionFigures(folder).figures(watched(), at(1)) == {}


def test_of_what_is_not_compared_nothing_is_known(folder: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        write(folder, version, 10)
    assert PredictionFigures(folder).figures(watched(sides=("canary",)), at(20)) == {}
    Registry(folder).compare({}, only={"other-model"})
    assert PredictionFigures(folder).figures(watched(), at(20)) != {}
    Registry(folder).compare({}, only={MODEL})
    assert PredictionFigures(folder).figures(watched(), at(20)) == {}


def test_a_comparison_stands_for_some_seconds(folder: Path) -> None:
    figures = PredictionFigures(folder)
    write(folder, "1.0.0", 40)
    write(folder, "2.0.0", 40)
    first = figures.figures(watched(), at(50))
    write(folder, "2.0.0", 40, wrong=40)
    assert figures.figures(watched(), at(54)) == first
    assert figures.figures(watched(), at(55)) != first
    # Another step of the rollout is another comparison.
    assert figures.figures(watched(at(39.5)), at(56)) == {}


def test_a_log_that_can_not_be_read_says_nothing(folder: Path) -> None:
    write(folder, "1.0.0", 40)
    write(folder, "2.0.0", 40)
    with log_file(folder, f"{MODEL}-2.0.0").open("a") as file:
        file.write("spoilt\n")
    assert PredictionFigures(folder).figures(watched(), at(50)) == {}
