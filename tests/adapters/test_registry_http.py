"""The same over HTTP: a server checks requests that a database takes unseen."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelctl.adapters.registry import MlflowRegistry
from modelctl.domain.registry import ProjectedVersion, Projection
from modelctl.errors import DependencyError, ModelctlError
from support.tracking import PINS, small_model, using


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A tracking server with artifacts of its own; nothing is left of it afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=env, stdout=log, stderr=log, start_new_session=True, cwd=folder
        )
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")


def log_model(uri: str) -> str:
    import mlflow

    model, table = small_model()
    signature = mlflow.models.infer_signature(table[["a"]], model.predict(table[["a"]]))
    with using(uri), mlflow.start_run(experiment_id="0") as run:
        data = mlflow.data.from_pandas(table, name="train", targets="target")
        mlflow.log_input(data, context="training")
        info = mlflow.sklearn.log_model(
            model, name="model", signature=signature, pip_requirements=PINS
        )
        mlflow.log_metric("accuracy", 0.5, dataset=data, model_id=info.model_id)
        mlflow.log_metric("loss", float("nan"), model_id=info.model_id)
    return str(run.info.run_id)


def test_runs_are_read_and_versions_projected_over_http(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with server(tmp_path) as uri:
        run_id = log_model(uri)
        capfd.readouterr()
        registry = MlflowRegistry(uri)
        run = registry.run(run_id)
        figures = {metric.name: metric for metric in run.metrics}
        assert (figures["accuracy"].dataset, figures["accuracy"].sample_size) == ("train", 20)
        assert figures["loss"].value != figures["loss"].value
        assert "MLmodel" in {file.path for file in run.model.artifacts.files}

        version = ProjectedVersion(
            version="1.0.0", digest="d", source=run.model.artifacts.root, run_id=run_id
        )
        desired = Projection(
            model="tumor-classifier", versions=(version,), aliases={"staging": "1.0.0"}
        )
        assert len(registry.project(desired)) == 3
        assert registry.project(desired) == ()
        assert registry.state(desired.model).served == {"staging": "1.0.0"}

        for unknown in ("0" * 32, "no run at all"):
            with pytest.raises(ModelctlError, match="knows no run") as caught:
                registry.run(unknown)
            assert caught.value.exit_code == 2
        with pytest.raises(DependencyError, match="HTTP 404"):
            MlflowRegistry(f"{uri}/elsewhere").run(run_id)
        foreign = ProjectedVersion(version="2.0.0", digest="d", source="models:/m-none")
        with pytest.raises(DependencyError, match="HTTP 500"):
            registry.project(Projection(model="tumor-classifier", versions=(foreign,)))
        stray = ProjectedVersion(version="3.0.0", digest="d", source=f"runs:/{'0' * 32}/m")
        with pytest.raises(DependencyError, match=r"\([A-Z_]+: .*run"):
            registry.project(Projection(model="tumor-classifier", versions=(stray,)))
        assert capfd.readouterr() == ("", "")
