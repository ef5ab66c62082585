"""A real MLflow model that stumbles over some requests: whose fault is it, by the status?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.local.servers import mlflow_command

SAVE = """
import sys
import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

rows = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
model = LinearRegression().fit(rows, rows["x"])
signature = infer_signature(rows, model.predict(rows))
mlflow.sklearn.save_model(model, sys.argv[1], signature=signature, pip_requirements=["mlflow"])
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """It takes a number, and fails where there is none."""
    folder = tmp_path / "model"
    subprocess.run(
        [sys.executable, "-c", SAVE, str(folder)],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    return folder


def test_what_goes_wrong_in_the_model_is_the_servers_fault(site: Any, model: Path) -> None:
    site.converge(site.serving("1.0.0", model_path=model), server_command=mlflow_command)

    def ask(*columns: str, row: list[object]) -> Any:
        body = {"dataframe_split": {"columns": columns, "data": [row]}}
        url = f"http://127.0.0.1:{site.port}/churn-predictor/invocations"
        return site.client.post(url, json=body)

    assert ask("x", row=[3.0]).json() == {"predictions": [pytest.approx(3.0)]}
    failed = ask("x", row=[None])
    assert failed.status_code == 500
    assert "ValueError" in failed.json()["message"]
    assert "Traceback" not in failed.text
    for columns, row in ((("y",), [3.0]), (("x",), ["three"]), ((), [])):
        assert ask(*columns, row=list(row)).status_code == 400
    no_json = site.client.post(
        f"http://127.0.0.1:{site.port}/churn-predictor/invocations",
        content=b"{",
        headers={"Content-Type": "application/json"},
    )
    assert no_json.status_code == 400
    assert ask("x", row=[4.0]).status_code == 200
