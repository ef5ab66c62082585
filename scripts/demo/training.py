"""The training jobs: datasets, runs on MLflow, and the validation of the data."""

from __future__ import annotations

import json
from collections.abc import Mapping

from demo.cases import Trained
from demo.screen import Voice
from demo.stage import Stage


def prepare(stage: Stage, voice: Voice) -> None:
    """The datasets."""
    stage.types(stage.job("ci"), "python training/prepare.py ../data", voice=voice)


def train(stage: Stage, voice: Voice, *recipes: str) -> Mapping[str, Trained]:
    """A run for each recipe, by its name."""
    command = f"python training/train.py ../data {' '.join(recipes)}"
    done = stage.types(stage.job("ci"), command, None, voice=voice)
    rows = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    for row in rows:
        figures = ", ".join(f"{name} {value:.3f}" for name, value in row["metrics"].items())
        voice.printed(f"{row['model']}, run {row['run'][:8]}…: {figures}", 0, 0)
    return {row["recipe"]: Trained(run=row["run"], uri=row["uri"]) for row in rows}


def validate(stage: Stage, voice: Voice) -> None:
    """The datasets against what is expected of them."""
    stage.types(stage.job("ci"), "python training/validate.py ../data ../results", voice=voice)
