"""The forge as a process of its own, seeded from a file and over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from forge.people import Person
from support.repos import RepoBuilder

SEED = {
    "repositories": [{"owner": "acme", "name": "models"}],
    "users": [{"login": "ada", "email": "ada@example.com", "role": "admin"}],
    "teams": [{"org": "acme", "slug": "leads", "members": ["bob"], "role": "write"}],
    "apps": [{"slug": "gate", "owner": "acme", "permissions": {"checks": "write"}}],
}


@pytest.fixture
def told(tmp_path: Path, shared: Path) -> Iterator[dict[str, Any]]:
    """What the process prints first."""
    SEED["repositories"][0]["from_bare"] = str(shared)
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))
    scripts = Path(__file__).parents[2] / "scripts"
    with subprocess.Popen(
        [sys.executable, "-m", "forge", "--root", str(tmp_path / "forge"), "--seed", str(seed)],
        env={**os.environ, "PYTHONPATH": str(scripts)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


def test_a_seeded_process_answers(told: dict[str, Any], shared: Path, tmp_path: Path) -> None:
    assert Path(told["repositories"]["acme/models"]).is_dir()
    assert told["apps"]["gate"]["key"].startswith("-----BEGIN")
    with Person(told["url"], told["users"]["ada"], "acme/models") as ada:
        assert ada.call("GET", "branches/main")["name"] == "main"
        assert ada.call("GET", "collaborators/bob/permission")["permission"] == "write"
        ada.call("POST", "issues", {"title": "One"})
    with httpx.Client(base_url=f"{told['url']}/_forge", trust_env=False) as admin:
        token = admin.post("token", json={"login": "bob"}).json()["token"]
        events = admin.post("events", json={}).json()
        assert [row["name"] for row in events["events"]] == ["issues"]
        assert admin.post("events", json={"after": events["next"]}).json()["events"] == []
        asked = admin.post("requests").json()["requests"]
        assert (asked[0]["method"], asked[0]["login"]) == ("GET", "ada")
        more = admin.post("seed", json={"users": [{"login": "cleo"}]}).json()
        assert more["users"]["cleo"]
        assert admin.post("nothing").status_code == 404
    with Person(told["url"], token, "acme/models") as bob:
        assert bob.call("GET", "/user")["login"] == "bob"
        work = RepoBuilder(tmp_path / "work")
        RepoBuilder(tmp_path).git("clone", "--quiet", bob.git_url, str(work.directory))
