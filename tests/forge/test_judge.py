"""What holds the stand-in for GitHub to GitHub's description: it judges, and it is locked."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import github_spec
from support.prism import NODE, listens, patterns

if TYPE_CHECKING:
    from conftest import Place
    from support.forges import Judged

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / "tests" / "github"

WRONG = """
import pytest

from forge import routes_rulesets
from support.forges import client


@pytest.fixture
def root(forge):
    forge.add_repository("acme", "models")
    with client(forge, forge.add_user("root", role="admin")) as root:
        yield root


def test_right(root):
    assert root.get("/repos/acme/models/rulesets").json() == []


def test_wrong_request(root):
    root.post("/repos/acme/models/rulesets", json={"name": "x", "enforcement": "sometimes"})


def test_wrong_response(root, monkeypatch):
    monkeypatch.setattr(routes_rulesets, "node", lambda kind, identity: identity)
    root.post("/repos/acme/models/rulesets", json={"name": "x", "enforcement": "active"})


def test_unknown_endpoint(root):
    root.get("/repos/acme/models/subscribers")


def test_wrong_before_it_fails(root):
    root.get("/repos/acme/models/rulesets?page=first")
    raise RuntimeError("for another reason")
"""


def test_a_test_that_deviates_fails_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "test_wrong.py"
    path.write_text(WRONG)
    options = ["-p", "conftest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    # Where it takes itself to be in CI, pytest says everything twice.
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(path)],
        cwd=ROOT,
        env={**env, "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "4 failed, 1 passed" in run.stdout
    said = re.findall(r"^(GET|POST) /api/v3(\S+): (\w+) (.*)", run.stdout, re.MULTILINE)
    rulesets = "/repos/acme/models/rulesets"
    assert [one[:3] for one in said] == [
        ("POST", rulesets, "UNPROCESSABLE_ENTITY"),
        ("POST", rulesets, "VIOLATIONS"),
        ("GET", "/repos/acme/models/subscribers", "NO_PATH_MATCHED_ERROR"),
        ("GET", rulesets, "UNPROCESSABLE_ENTITY"),
    ]
    assert "enforcement" in said[0][3]
    assert "node_id" in said[1][3]


def test_a_test_that_wants_a_violation_takes_it(place: Place, judged: Judged) -> None:
    place.root.post("/repos/acme/models/rulesets", json={"name": 1, "enforcement": "active"})
    (violation,) = judged.judge.take()
    assert (violation.method, violation.kind) == ("POST", "UNPROCESSABLE_ENTITY")
    # It never came to the forge.
    assert place.repository.rulesets == {}
    assert judged.judge.take() == []


def test_two_forges_are_judged_apart(judged: Judged, tmp_path: Path) -> None:
    from support.forges import client, judged_forge

    with judged_forge(tmp_path / "other") as other:
        other.forge.add_repository("acme", "other")
        for one, status in ((other, 200), (judged, 404)):
            with client(one.forge, one.forge.add_user("ada")) as ada:
                assert ada.get("/repos/acme/other").status_code == status
                assert ada.get("/repos/acme/models?page=x").status_code == 404
        assert other.judge.prism is judged.judge.prism


def test_prism_ends_with_the_tests_however_they_end() -> None:
    code = (
        "import os, signal\n"
        "from support.forges import ROUTES\n"
        "from support.prism import Prism\n"
        "prism = Prism(ROUTES)\n"
        "print(prism.url, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "tests"), str(ROOT / "scripts"))),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    end = time.monotonic() + 30
    while listens(run.stdout.strip()):
        assert time.monotonic() < end, "prism goes on without whoever started it"
        time.sleep(0.05)


def test_addresses_are_the_forges_own(place: Place) -> None:
    for number in range(3):
        place.do("POST", "/issues", 201, title=str(number))
    page = place.root.get("/repos/acme/models/issues", params={"per_page": 2})
    following = page.links["next"]["url"]
    assert following.startswith(f"{place.forge.url}/api/v3/repos/acme/models/issues?")
    assert len(place.root.get(following).json()) == 1


def test_a_parameter_may_hold_slashes_where_the_route_says_so() -> None:
    shallow, deep = patterns(["/commits/{sha}/pulls", "/commits/{ref:path}/status"])
    assert shallow.fullmatch("/commits/abc/pulls")
    match = deep.fullmatch("/commits/heads/promote/x/status")
    assert match is not None
    assert (match["deep"], match["rest"]) == ("heads/promote/x", "/status")
    assert deep.fullmatch("/commits/heads/x") is None


def test_a_branch_with_slashes_is_found_by_the_judge(place: Place) -> None:
    sha = place.commit("promote/tumor/1.0.0/staging", {"a.txt": "a\n"})
    for ref in ("promote/tumor/1.0.0/staging", "promote%2Ftumor%2F1.0.0%2Fstaging"):
        found = place.do("GET", f"/git/ref/heads/{ref}")
        assert found["object"]["sha"] == sha


def test_prism_can_judge_by_every_schema() -> None:
    from support.forges import ROUTES

    script = [str(GITHUB / "compiles.js"), str(github_spec.PRISM)]
    run = subprocess.run(
        [NODE, *script, str(github_spec.cut_description(ROUTES))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == ""
    assert int(run.stderr.split()[0]) > 200


def test_a_route_that_is_not_githubs_is_refused() -> None:
    with pytest.raises(github_spec.NotOfGitHubError, match=r"/api/v3/repos/\{\}/\{\}/approvers"):
        github_spec.cut_description(["/api/v3/repos/{owner}/{repo}/approvers"])


def test_an_amendment_that_is_not_needed_is_noticed() -> None:
    schemas = json.loads(github_spec.DESCRIPTION.read_text())["components"]["schemas"]
    github_spec.amend(schemas)
    with pytest.raises(KeyError, match="needs no amendment"):
        github_spec.amend(schemas)


def test_what_is_missing_is_said_and_not_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support import prism

    monkeypatch.setattr(prism, "COMMAND", tmp_path / "index.js")
    with pytest.raises(RuntimeError, match="scripts/setup-prism"):
        prism.Prism([])


def test_the_lock_says_what_and_never_where_from() -> None:
    lock = json.loads((GITHUB / "package-lock.json").read_text())
    packages = {name: row for name, row in lock["packages"].items() if name}
    assert packages
    assert [name for name, row in packages.items() if "version" not in row] == []
    hashed = re.compile(r"sha512-[A-Za-z0-9+/]+={0,2}")
    assert [n for n, row in packages.items() if not hashed.fullmatch(row["integrity"])] == []
    assert [name for name, row in packages.items() if "resolved" in row] == []


def test_the_lock_answers_what_is_asked() -> None:
    asked = json.loads((GITHUB / "package.json").read_text())
    packages = json.loads((GITHUB / "package-lock.json").read_text())["packages"]
    assert packages[""]["dependencies"] == asked["dependencies"]
    for name, version in {**asked["dependencies"], **asked["overrides"]}.items():
        assert packages[f"node_modules/{name}"]["version"] == version


def setup_prism(
    tmp_path: Path, python: str | None, node: str = "exit 0"
) -> subprocess.CompletedProcess[str]:
    """Run a copy of scripts/setup-prism in a tree whose .venv has such a Python, and such a
    Node.js in its package."""
    tree, package = tmp_path / "tree", tmp_path / "package"
    shutil.copytree(GITHUB, tree / "tests" / "github")
    (tree / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup-prism", tree / "scripts")
    programs = {package / "bin" / "node": node}
    if python is not None:
        programs[tree / ".venv" / "bin" / "python"] = python
    for path, body in programs.items():
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    return subprocess.run(
        ["sh", "scripts/setup-prism"], cwd=tree, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("python", "said"), [(None, "there is no .venv"), ("exit 1", "has no Node.js")]
)
def test_setup_says_what_is_missing(tmp_path: Path, python: str | None, said: str) -> None:
    result = setup_prism(tmp_path, python)
    assert result.returncode == 2
    assert said in result.stderr
    assert "mend: make setup" in result.stderr


def test_setup_shows_what_npm_said_when_it_fails(tmp_path: Path) -> None:
    node = 'case "$2" in ci) echo no space left; exit 1 ;; esac'
    result = setup_prism(tmp_path, f"echo {tmp_path / 'package'}", node)
    assert result.returncode == 3
    assert "no space left" in result.stderr
