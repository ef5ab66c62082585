"""Real MLflow models behind the router: the one file here whose servers take seconds to start."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.local.compared import PredictionFigures
from modelctl.adapters.local.servers import mlflow_command
from modelctl.adapters.prediction_log import log_file, read
from modelctl.domain.agreement import Comparing, compare
from modelctl.domain.observations import Endpoint, Watched
from modelctl.errors import DependencyError

SAVE = """
import sys
import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

rows = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
for folder, factor in zip(sys.argv[1:], (1.0, 10.0)):
    model = LinearRegression().fit(rows, rows["x"] * factor)
    signature = infer_signature(rows, model.predict(rows))
    mlflow.sklearn.save_model(model, folder, signature=signature, pip_requirements=["mlflow"])
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> tuple[Path, Path]:
    """Two saved models: the first predicts x, the second ten times that."""
    folder = tmp_path_factory.mktemp("models of x #1")
    paths = (folder / "first", folder / "second")
    subprocess.run(
        [sys.executable, "-c", SAVE, *map(str, paths)],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return paths


def predict(site) -> tuple[str, float]:
    """The version that answered, and its prediction for x = 3."""
    url = f"http://127.0.0.1:{site.port}/churn-predictor/invocations"
    answer = site.client.post(url, json={"dataframe_records": [{"x": 3.0}]})
    assert answer.status_code == 200, answer.text
    return answer.headers["X-Model-Version"], round(answer.json()["predictions"][0], 6)


def test_a_model_is_replaced_under_load_without_a_dropped_request(site, models) -> None:
    first, second = models
    site.converge(site.serving("1.0.0", model_path=first), server_command=mlflow_command)
    done = threading.Event()

    def load() -> list[tuple[str, float]]:
        answers = []
        while not done.is_set():
            answers.append(predict(site))
            done.wait(0.01)
        return answers

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(load) for _ in range(4)]
        try:
            site.converge(site.serving("2.0.0", model_path=second), server_command=mlflow_command)
        finally:
            done.set()
        answers = Counter(answer for client in clients for answer in client.result())
    assert set(answers) == {("1.0.0", 3.0), ("2.0.0", 30.0)}
    assert answers.total() > 300
    assert len(site.leaders()) == 2
    bad = site.client.post(f"{site.target().status()[0].url}/invocations", json={"rows": []})
    assert bad.status_code == 400
    site.target().stop()
    assert site.running() == set()


def test_a_shadow_is_compared_request_by_request(site, models) -> None:
    """Both keep their predictions, from the moment on that they are compared."""
    first, second = models
    stable = site.serving("1.0.0", model_path=first)
    site.converge(stable, server_command=mlflow_command)
    predict(site)
    folder = site.target().folder
    logs = [log_file(folder, f"churn-predictor-{version}") for version in ("1.0.0", "2.0.0")]
    how = Comparing(slices=("x",), tolerance=0.01)
    shadow = site.serving("2.0.0", 0, model_path=second, part="shadow", mirror=100, comparing=how)
    site.converge(stable, shadow, server_command=mlflow_command)
    deadline = time.monotonic() + 30
    while not all(log.exists() and len(read(log)) >= 40 for log in logs):
        assert time.monotonic() < deadline
        assert predict(site) == ("1.0.0", 3.0)
    found = compare(read(logs[0]), read(logs[1]), how)
    assert found.whole.rows >= 40
    assert found.whole.agreed == 0
    assert list(found.slices["x"]) == ["3"]
    assert told_of(folder)["canary.metrics"] == {"agreement": 0.0, "agreement_min_slice": 0.0}
    # Nobody compares them any more, so nothing more is kept.
    site.converge(stable, server_command=mlflow_command)
    time.sleep(1.2)
    before = len(read(logs[0]))
    for _ in range(5):
        predict(site)
    time.sleep(0.3)
    assert len(read(logs[0])) == before
    assert told_of(folder) == {}


def told_of(folder: Path) -> Mapping[str, Any]:
    """The live figures by the predictions that are kept."""
    sides = {"stable": "1.0.0", "canary": "2.0.0"}
    watched = Watched(
        model="churn-predictor",
        environment="dev",
        namespace="ml-dev",
        since=datetime(2020, 1, 1, tzinfo=UTC),
        sides={s: Endpoint(version=v, service=f"churn-predictor-{v}") for s, v in sides.items()},
    )
    return PredictionFigures(folder).figures(watched, datetime.now(UTC))


def test_a_folder_that_holds_no_model_is_told_from_mlflows_own_words(site) -> None:
    site.converge(site.serving("1.0.0"))
    broken = site.serving("2.0.0", model_path=site.root / "nothing")
    with pytest.raises(DependencyError) as caught:
        site.converge(broken, server_command=mlflow_command)
    assert "churn-predictor 2.0.0 ended before it answered" in caught.value.message
    assert "No such" in caught.value.message
    assert site.ask() == "1.0.0"


def test_nothing_reports_home_and_only_this_machine_may_ask(site) -> None:
    command = mlflow_command(site.serving("1.0.0"), 4711)
    assert command.environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert command.environment["DO_NOT_TRACK"] == "true"
    assert command.arguments[command.arguments.index("--host") + 1] == "127.0.0.1"
