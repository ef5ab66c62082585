"""`modelctl github` and `modelctl doctor` against the forge."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from forge.server import Forge
from modelctl.adapters.github import transport
from modelctl.adapters.github.rate import Pace
from modelctl.domain.codeowners import PATH
from modelctl.domain.settings import PATH as SETTINGS
from support.command_line import CommandLine
from support.hub import MACHINE
from support.settings_world import Governed

Doctor = dict[str, dict[str, Any]]


@pytest.fixture
def governed(tmp_path: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Iterator[Governed]:
    monkeypatch.setattr(transport, "Pace", partial(Pace, burst=10_000))
    made = Governed.create(tmp_path / "world", forge)
    made.hub.world.session()  # brings the branches here
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "MODELCTL_APP_ID", "MODELCTL_APP_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in made.hub.environment(MACHINE).items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def cli(governed: Governed, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(directory=governed.hub.world.directory, capsys=capsys)


def test_plan_apply_check(governed: Governed, cli: CommandLine) -> None:
    out = cli("github", "plan")
    assert '+ ruleset "modelctl: into main by reviewed pull request"' in out
    assert '! secret "gates/MODELCTL_APP_KEY"' in out
    assert '~ actions "permissions"\n    allowed_actions: "all" → "selected"' in out
    assert out.endswith("\nnext: modelctl github apply\n")
    assert "required_reviewers:\n      + {" in out
    cli("github", "plan", "--check", code=1)
    assert cli("github", "apply", "--yes", code=1)  # what people must do is left
    assert 'created label "gate: ready"' in cli.error
    found = cli.json("github", "plan")
    assert (found["create"], found["change"], found["delete"], found["wait"]) == (0, 0, 0, 3)
    assert {step["action"] for step in found["steps"]} == {"wait"}
    token = governed.hub.tokens[MACHINE]
    assert token not in out + cli.error + json.dumps(found)
    text = cli("github", "plan", "--format", "markdown")
    assert "- [ ] put the secret MODELCTL\\_APP\\_KEY into the environment gates" in text


def test_an_answer_is_waited_for(
    governed: Governed, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    cli("github", "apply", code=130)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    cli("github", "apply", code=2)
    assert "--yes" in cli.error
    assert governed.hub.api(MACHINE, "GET", "/rulesets") == []


def test_drift_is_one_issue(governed: Governed, cli: CommandLine) -> None:
    for _ in range(2):
        cli("github", "plan", "--check", "--issue", code=1)
    (issue,) = governed.hub.api(MACHINE, "GET", "/issues")
    assert "```diff\n" in issue["body"]
    assert "+ ruleset" in issue["body"]


def examined(cli: CommandLine, *args: str, code: int = 1) -> Doctor:
    found = cli.json("doctor", *args, code=code)
    assert found["exit_code"] == code
    return {row["check"]: row for row in found["checks"]}


def test_doctor_finds_what_is_wrong_and_all_of_it(governed: Governed, cli: CommandLine) -> None:
    rows = examined(cli)
    healths = {name: row["health"] for name, row in rows.items()}
    assert healths == {
        "git": "well", "policies": "well", "settings": "well", "apps": "well", "roles": "well",
        "keys": "well", "branches": "well", "generated files": "well", "history": "skipped",
        "kustomize": "well", "mlflow": "skipped", "figures": "skipped", "github": "well",
        "app": "skipped", "code owners": "ill", "in force": "ill",
    }  # fmt: skip
    assert rows["in force"]["mend"] == "modelctl github plan, then modelctl github apply"
    cli("github", "apply", "--yes", code=1)
    rows = examined(cli)
    assert rows["code owners"]["health"] == "well"  # the teams may push now
    assert rows["in force"]["message"] == "3 things wait for a person"
    assert rows["in force"]["mend"] == "modelctl github plan"
    assert "✗ in force" in cli("doctor", code=1)


def test_doctor_offline(cli: CommandLine) -> None:
    rows = examined(cli, "--offline", code=0)
    assert [row["check"] for row in rows.values() if row["health"] == "skipped"] == [
        "history", "mlflow", "figures", "github", "app", "code owners", "in force",
    ]  # fmt: skip


def test_doctor_without_credentials_says_so_and_looks_at_the_rest(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    rows = examined(cli)
    assert rows["github"]["message"] == "there are no credentials for GitHub"
    assert rows["policies"]["health"] == "well"


def test_doctor_with_github_down_could_not_decide(
    governed: Governed, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    governed.hub.forge.stop()
    quick = transport.Patience(attempts=1, longest=0.1)
    monkeypatch.setattr("modelctl.adapters.github.client.Patience", lambda: quick)
    rows = examined(cli, code=3)
    assert rows["github"]["health"] == "unknown"
    assert {rows[name]["message"] for name in ("app", "code owners", "in force")} == {
        "needs github"
    }
    assert rows["roles"]["health"] == "well"


def test_doctor_as_an_app(
    governed: Governed, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    for name, value in governed.hub.environment().items():
        monkeypatch.setenv(name, value)
    assert examined(cli)["app"]["message"] == "the gate App has the permissions that it needs"
    app = governed.deploy
    monkeypatch.setenv("MODELCTL_APP_ID", str(app.id))
    monkeypatch.setenv("MODELCTL_APP_KEY", app.key)
    monkeypatch.setenv("MODELCTL_APP_INSTALLATION", str(app.installation))
    row = examined(cli)["app"]
    assert row["health"] == "ill"
    assert row["message"].startswith("the deploy App lacks deployments: write, issues: write, ")


def test_doctor_finds_a_codeowners_that_is_behind(governed: Governed, cli: CommandLine) -> None:
    builder = governed.hub.world.builder
    for text, said in (
        ("* @acme/platform\n", "CODEOWNERS is not what the policies and the models give"),
        ("[a] @acme/platform\n", "CODEOWNERS:1: GitHub skips this line"),
    ):
        builder.commit({PATH: text}, "main")
        builder.git("push", "--quiet", "origin", "main")
        row = examined(cli, "--offline")["generated files"]
        assert row["message"].startswith(said)
        assert row["mend"] == "modelctl codeowners --write"


def test_doctor_of_policies_that_can_not_be_loaded(governed: Governed, cli: CommandLine) -> None:
    builder = governed.hub.world.builder
    builder.commit({"policies/roles.yaml": "roles: {}\n"}, "main")
    builder.git("push", "--quiet", "origin", "main")
    rows = examined(cli)
    assert rows["policies"]["health"] == "ill"
    assert rows["git"]["health"] == rows["kustomize"]["health"] == "well"
    assert {row["message"] for row in rows.values()} >= {"needs policies", "needs settings"}
    assert sum(row["health"] == "ill" for row in rows.values()) == 1  # the cause is told once


def test_doctor_of_a_fresh_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from support.repos import RepoBuilder
    from support.world import PROJECT

    made = RepoBuilder.create(tmp_path / "copy")
    paths = [*(PROJECT / "policies").rglob("*.yaml"), PROJECT / ".github/settings.yaml"]
    made.commit({str(path.relative_to(PROJECT)): path.read_bytes() for path in paths})
    cli = CommandLine(directory=made.directory, capsys=capsys)
    rows = examined(cli, "--offline")
    assert {name for name, row in rows.items() if row["health"] == "ill"} == {"git"}
    assert rows["policies"]["message"] == "needs git"
    made.git("init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "bare.git"))
    made.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    made.git("push", "--quiet", "origin", "HEAD:refs/heads/main")
    made.git("remote", "set-head", "origin", "--auto")
    rows = examined(cli, "--offline")
    assert {name for name, row in rows.items() if row["health"] == "ill"} == {
        "branches", "settings",
    }  # fmt: skip
    assert rows["settings"]["mend"] == "modelctl init --organisation NAME"
    assert all(row["mend"] for row in rows.values() if row["health"] == "ill")


def put(governed: Governed, files: dict[str, str]) -> None:
    builder = governed.hub.world.builder
    builder.commit(files, "main")
    builder.git("push", "--quiet", "origin", "main")


def at_main(governed: Governed, path: str) -> str:
    text: str = governed.hub.world.builder.git("show", f"origin/main:{path}")
    return text


def test_doctor_asks_for_two_apps(governed: Governed, cli: CommandLine) -> None:
    text = at_main(governed, SETTINGS)
    gate, deploy = str(governed.hub.app.id), str(governed.deploy.id)
    put(governed, {SETTINGS: text.replace(deploy, "null")})
    row = examined(cli, "--offline")["apps"]
    assert row["message"].startswith("there is no deploy App")
    assert "apps.deploy.id" in row["mend"]
    put(governed, {SETTINGS: text.replace(deploy, gate)})
    row = examined(cli, "--offline")["policies"]
    assert "the gate and the deploy App are one and the same" in row["message"]
    governed.hub.world.builder.commit({SETTINGS: None}, "main")
    governed.hub.world.builder.git("push", "--quiet", "origin", "main")
    assert ".github/settings.yaml is missing" in examined(cli, "--offline")["settings"]["message"]


def test_doctor_tells_of_changes_that_are_not_there_yet(
    governed: Governed, cli: CommandLine
) -> None:
    text = at_main(governed, SETTINGS)
    put(governed, {SETTINGS: text.replace("acme", "example")})
    here = cli.directory / SETTINGS
    here.parent.mkdir(exist_ok=True)
    here.write_text(text)
    row = examined(cli, "--offline")["settings"]
    assert row["message"] == "init's changes are not on origin/main yet"
    assert row["mend"] == "commit them, and push"


def test_doctor_of_a_clone_that_lacks_something(
    governed: Governed, cli: CommandLine, tmp_path: Path
) -> None:
    builder = governed.hub.world.builder
    builder.git("config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/origin/main")
    rows = examined(cli, "--offline")
    assert rows["git"]["mend"] == "git remote set-branches origin '*' && git fetch origin"
    assert sum(row["message"] == "needs git" for row in rows.values()) == 1
    shallow = tmp_path / "shallow"
    builder.git("clone", "--quiet", "--depth=1", f"file://{builder.directory}", str(shallow))
    cli.directory = shallow
    rows = examined(cli, "--offline")
    assert rows["git"]["mend"] == "git fetch --unshallow origin"


def test_doctor_says_how_to_make_a_missing_branch(governed: Governed, cli: CommandLine) -> None:
    builder = governed.hub.world.builder
    builder.git("update-ref", "-d", "refs/remotes/origin/ml")
    assert examined(cli)["branches"]["mend"] == "git fetch origin"
    mend = "git push origin origin/main:refs/heads/ml"
    assert examined(cli, "--offline")["branches"]["mend"] == mend


def test_doctor_of_another_repository(governed: Governed, cli: CommandLine) -> None:
    rows = examined(cli, "--repository", "other/models")
    assert rows["github"]["mend"] == "modelctl doctor --repository acme/NAME"
    assert rows["in force"]["message"] == "needs github"


def test_apply_waits_for_a_variable_of_the_repository(governed: Governed, cli: CommandLine) -> None:
    text = at_main(governed, SETTINGS)
    put(governed, {SETTINGS: text + "\nrepository: {variables: [MLFLOW_TRACKING_URI]}\n"})
    out = cli("github", "plan")
    assert '! variable "MLFLOW_TRACKING_URI"\n' in out
    assert "gh variable set MLFLOW_TRACKING_URI" in out
    body = {"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow"}
    governed.hub.api(MACHINE, "POST", "/actions/variables", body)
    assert "MLFLOW_TRACKING_URI" not in cli("github", "plan")


def test_help_says_which_credentials_it_takes(cli: CommandLine) -> None:
    for command in (
        "doctor",
        "promote",
        "rollback propose",
        "github plan",
        "pr list",
        "evidence sign",
    ):
        assert "GITHUB_TOKEN=$(gh auth token)" in " ".join(cli(*command.split(), "--help").split())


def test_doctor_tells_of_evidence_that_nobody_may_sign(
    governed: Governed, cli: CommandLine
) -> None:
    builder = governed.hub.world.builder
    paths = builder.git("ls-tree", "--name-only", "origin/main", "policies/keys/").split()
    texts = {path: at_main(governed, path) for path in paths}
    ended = {
        path: re.sub(r"valid_until: ['\"]?\d{4}", lambda found: found[0][:-4] + "2025", text)
        for path, text in texts.items()
        if "evaluation" in text
    }
    assert ended
    starts = {
        path: re.sub(r"valid_from: ['\"]?\d{4}", lambda found: found[0][:-4] + "2020", text)
        for path, text in ended.items()
    }
    put(governed, starts)
    row = examined(cli, "--offline")["keys"]
    assert row["health"] == "ill"
    assert row["mend"].startswith("modelctl evidence keygen ")


def test_doctor_misses_an_overlay(governed: Governed, cli: CommandLine) -> None:
    builder = governed.hub.world.builder
    folder = "kustomize/overlays/production"
    paths = builder.git("ls-tree", "-r", "--name-only", "origin/main", folder).split()
    builder.commit(dict.fromkeys(paths), "main")
    builder.git("push", "--quiet", "origin", "main")
    row = examined(cli, "--offline")["policies"]
    assert "there is no kustomize/overlays/production" in row["message"]
    assert row["message"].startswith("policies/lifecycle.yaml")


def test_a_line_of_a_model_that_is_due_is_no_mistake(governed: Governed, cli: CommandLine) -> None:
    text = at_main(governed, PATH)
    put(governed, {PATH: f"{text}\n/models/gone-model/ @acme/platform\n"})
    row = examined(cli, "--offline", code=0)["generated files"]
    assert row["health"] == "skipped"
    assert row["mend"] == "modelctl codeowners --write"
