"""What is made to happen from outside, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from forge.server import Forge


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Forge]:
    from support.forges import plain_forge

    with plain_forge(tmp_path / "forge") as forge:
        forge.add_repository("acme", "models")
        forge.add_user("ada")
        yield forge


def act(forge: Forge, action: str, status: int = 200, **row: Any) -> Any:
    with httpx.Client(trust_env=False, verify=False) as client:
        answer = client.post(f"{forge.url}/_forge/{action}", json=row)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_faults_are_switched_on_and_off(plain: Forge) -> None:
    act(plain, "faults", kinds=["502"], match="^GET")
    with httpx.Client(trust_env=False, verify=False) as client:
        address = f"{plain.url}/api/v3/repos/acme/models"
        assert client.get(address).status_code == 502
        act(plain, "faults")
        assert client.get(address).status_code == 200
    act(plain, "faults", 422, kinds=["teapot"])


def test_events_are_told_and_kept(plain: Forge) -> None:
    told = act(plain, "dispatch", repository="acme/models", login="ada", workflow="x.yml")
    assert (told["name"], told["payload"]["ref"]) == ("workflow_dispatch", "refs/heads/main")
    act(plain, "schedule", repository="acme/models", cron="0 4 * * *")
    run = {
        "path": ".github/workflows/review-signal.yml",
        "name": "review-signal",
        "event": "pull_request_review",
        "branch": "topic",
        "sha": "a" * 40,
        "full_name": "acme/models",
    }
    act(plain, "workflow-ran", repository="acme/models", login="ada", run=run)
    names = [event.name for event in plain.events]
    assert names == ["workflow_dispatch", "schedule", "workflow_run"]
    act(plain, "rerequest", 404, repository="acme/models", login="ada", check_run=1)


def test_a_check_run_is_asked_for_again(plain: Forge) -> None:
    from forge.values import CheckRun

    repository = plain.state.repository("acme/models")
    app = plain.add_app("modelctl", permissions={"checks": "write"})
    run = CheckRun(id=7, suite=8, app=app.id, sha="a" * 40, name="gate", status="completed")
    repository.checks[run.sha] = [run]
    told = act(plain, "rerequest", repository="acme/models", login="ada", check_run=7)
    assert (told["name"], told["payload"]["action"]) == ("check_run", "rerequested")
    assert told["payload"]["check_run"]["head_sha"] == "a" * 40


def test_webhooks_stay_on_this_machine(plain: Forge) -> None:
    refused = act(plain, "webhook", 422, url="http://example.com/", secret="hush")
    assert "127.0.0.1 only" in refused["message"]


def test_pages_are_written(plain: Forge, tmp_path: Path) -> None:
    written = act(plain, "export", folder=str(tmp_path / "pages"))["pages"]
    assert {Path(path).name for path in written} == {"pulls.html", "issues.html"}
