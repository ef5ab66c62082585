"""The connection to MLflow: bounded, quiet about secrets, and never mistaken for an answer."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelctl.adapters.mlflow_client import by_default, connect, translated
from modelctl.adapters.registry import MlflowRegistry
from modelctl.errors import DependencyError, ModelctlError
from support.tracking import store


def test_a_server_that_is_down_could_not_decide() -> None:
    began = time.monotonic()
    with pytest.raises(DependencyError, match="connection refused") as caught:
        MlflowRegistry("http://ada:secret@127.0.0.1:9").run("0" * 32)
    assert time.monotonic() - began < 20
    assert caught.value.exit_code == 3
    assert "nothing was written" in caught.value.message
    assert "http://127.0.0.1:9" in caught.value.message
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_never_answers_is_given_up(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(DependencyError, match="took too long"):
        MlflowRegistry(f"http://127.0.0.1:{silent}").state("tumor-classifier")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://nowhere.invalid", "unknown host"),
        ("gopher://x", "full MLflow, or is none"),
        ("file:///nowhere/mlruns", "migrate-filestore"),
    ],
)
def test_an_address_that_is_no_mlflow_says_so(
    uri: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(DependencyError, match=said):
        MlflowRegistry(uri).run("0" * 32)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "mlflow.db"
    with pytest.raises(DependencyError, match="no such file"):
        connect(f"sqlite:///{path}")
    assert not path.parent.exists()


def test_another_database_is_not_turned_into_mlflows(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE mine (x)")
    base.close()
    before = path.read_bytes()
    with pytest.raises(DependencyError, match="not a database of MLflow"):
        connect(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_broken_database_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "broken.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(DependencyError, match="not a database"):
        connect(f"sqlite:///{path}")


def test_a_refusal_says_which_credentials_are_missing() -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    with (
        pytest.raises(DependencyError, match="refuses us") as caught,
        translated("http://u:pw@h", unknown=ModelctlError("unused")),
    ):
        raise MlflowException("no", PERMISSION_DENIED)
    assert "MLFLOW_TRACKING_TOKEN" in (caught.value.mend or "")
    assert "pw" not in str(caught.value)


def test_an_http_status_is_told() -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(DependencyError, match="HTTP 502"), translated("http://h"):
        raise MlflowException("API request failed with error code 502 != 200")


def test_the_default_address_is_only_borrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for before in (None, "http://127.0.0.1:9"):
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]
        with by_default("http://127.0.0.1:8"):
            assert mlflow.get_tracking_uri() == "http://127.0.0.1:8"
        assert os.environ.get("MLFLOW_TRACKING_URI") == before
        assert mlflow.tracking.is_tracking_uri_set() == (before is not None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")


def test_bugs_of_ours_are_not_taken_for_mlflow_being_down() -> None:
    with pytest.raises(ZeroDivisionError), translated("http://h"):
        _ = 1 / 0


def test_the_address_is_shown_without_its_password() -> None:
    uri = store()
    assert repr(MlflowRegistry(uri)) == f"MlflowRegistry({uri!r})"


def test_mlflow_missing_is_a_missing_dependency() -> None:
    """In a process of its own, where importing MLflow fails."""
    code = (
        "import sys; sys.modules['mlflow'] = None\n"
        "from modelctl.adapters.mlflow_client import prepare\n"
        "from modelctl.errors import DependencyError\n"
        "try: prepare()\n"
        "except DependencyError as error: print(error.message)\n"
    )
    scripts = Path(__file__).parents[2] / "scripts"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(scripts)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "not installed" in done.stdout
