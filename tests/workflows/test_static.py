"""What can be said of the workflows without running them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.actions import STAND_INS, starts
from support.world import PROJECT

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((PROJECT / ".github/actions").glob("*/action.yml"))
ENVIRONMENTS = {"gates", "deploy", "evidence", "housekeeping"}
NEEDED = {"MODELCTL_APP_KEY", "MODELCTL_SIGNING_KEY"}
NOTIFIED = {"MODELCTL_NOTIFY_URL", "MODELCTL_NOTIFY_SECRET"}
SECRETS = NEEDED | NOTIFIED
UNTRUSTED = {"ci", "review-signal"}
"""Workflows that a branch of anybody's brings with it."""

TRIGGERS: dict[str, dict[str, Any]] = {
    "gates": {
        "pull_request_target": {
            "types": ["opened", "synchronize", "reopened", "edited", "ready_for_review"]
        },
        "workflow_run": {"workflows": ["review-signal"], "types": ["completed"]},
        "check_run": {"types": ["rerequested"]},
        "issue_comment": {"types": ["created"]},
        "schedule": ...,
        "workflow_dispatch": ...,
    },
    "review-signal": {"pull_request_review": {"types": ["submitted", "edited", "dismissed"]}},
    "deploy": {
        "pull_request_target": {"types": ["closed"]},
        "push": {"branches": ["main"]},
        "schedule": ...,
        "workflow_dispatch": ...,
    },
    "evidence": {
        "pull_request_target": {"types": ["opened", "synchronize", "reopened", "ready_for_review"]},
        "workflow_dispatch": ...,
        "workflow_call": ...,
    },
    "rollback": {"workflow_dispatch": ...},
    "rollout": {"schedule": ..., "workflow_dispatch": ...},
    "housekeeping": {"schedule": ..., "workflow_dispatch": ...},
    "ci": {"push": {"branches": ["**"]}, "pull_request": ...},
}
"""What starts each, as the design says; `...` stands for any details."""


def name(path: Path) -> str:
    return path.parent.name if path.name == "action.yml" else path.stem


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    return loaded


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(path)["jobs"]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    document = load(path)
    holders = document["jobs"].values() if "jobs" in document else [document["runs"]]
    return [step for holder in holders for step in holder["steps"]]


def texts(value: Any) -> Iterator[str]:
    """Every string in it."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    else:
        yield str(value)


def secrets(value: Any) -> set[str]:
    return {s for text in texts(value) for s in re.findall(r"secrets\.(\w+)", text)}


def tool(*args: str | Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(str(args[0]))
    return subprocess.run([program, *args[1:]], capture_output=True, text=True, check=False)


def test_there_are_the_workflows_of_the_design() -> None:
    assert {path.stem for path in WORKFLOWS} == TRIGGERS.keys()


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_each_starts_by_what_the_design_says(path: Path) -> None:
    found, meant = load(path)["on"], TRIGGERS[path.stem]
    assert found.keys() == meant.keys()
    for event, details in meant.items():
        assert details is ... or found[event] == details, event


def test_zizmor_finds_nothing_as_an_auditor() -> None:
    done = tool("zizmor", "--offline", "--quiet", "--persona", "auditor", PROJECT / ".github")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_suppression_is_argued_where_it_stands() -> None:
    lines = [
        line
        for path in [*WORKFLOWS, *ACTIONS]
        for line in path.read_text().splitlines()
        if "zizmor:" in line
    ]
    assert len(lines) == 4
    for line in lines:
        assert re.search(r"# zizmor: ignore\[[\w-]+\] \w.{30,}", line), line
    settings = (PROJECT / ".github/zizmor.yml").read_text()
    assert yaml.safe_load(settings) == {"rules": {"self-repository": {"disable": True}}}
    assert settings.count("  # ") >= 3


def test_they_are_valid_by_githubs_schema() -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    done = tool("check-jsonschema", *schema, *WORKFLOWS)
    assert done.returncode == 0, done.stdout
    schema = ("--builtin-schema", "vendor.github-actions")
    assert tool("check-jsonschema", *schema, *ACTIONS).returncode == 0
    forms = PROJECT / ".github/ISSUE_TEMPLATE"
    for schema_name, pattern in (("issue-forms", "*-*.yml"), ("issue-config", "config.yml")):
        schema = ("--builtin-schema", f"vendor.github-{schema_name}")
        assert tool("check-jsonschema", *schema, *forms.glob(pattern)).returncode == 0


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=name)
def test_every_action_is_pinned_by_a_full_sha_with_its_version(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "uses:" in line and "uses: ./.github/" not in line:
            assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_each_pin_has_one_version_everywhere_and_a_stand_in() -> None:
    found: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, *ACTIONS]:
        for action, pin in re.findall(r"uses: ([\w-]+/[\w-]+)@(.*)", path.read_text()):
            found.setdefault(action, set()).add(pin)
    assert all(len(pins) == 1 for pins in found.values()), found
    assert {action.partition("/")[2] for action in found} == {
        path.name for path in STAND_INS.iterdir()
    }


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=name)
def test_no_expression_stands_inside_a_command(path: Path) -> None:
    for step in steps(path):
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_each_command_is_one_line_that_calls_modelctl(path: Path) -> None:
    others = {"true", "make lint", "make test"}
    for step in steps(path):
        run = step.get("run", "true")
        assert "\n" not in run
        assert run in others or run.startswith(".venv/bin/modelctl ")


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_what_an_event_says_reaches_commands_as_quoted_words(path: Path) -> None:
    for step in steps(path):
        bare = re.sub(r'"[^"]*"|\$\{(\w+):\+--\w+="\$\1"\}', "", step.get("run", ""))
        assert "$" not in bare


def test_a_job_that_speaks_for_a_person_speaks_for_the_one_who_asks_now() -> None:
    """The event of a repeated run names whoever started the first one, as `github.actor` does."""
    speaking = {
        (path.stem, id_)
        for path in WORKFLOWS
        for id_, job in jobs(path).items()
        if "github.triggering_actor" in " ".join(texts(job))
    }
    assert speaking == {("rollout", "act"), ("rollback", "propose"), ("rollback", "emergency")}
    for stem, id_ in speaking:
        job = jobs(PROJECT / f".github/workflows/{stem}.yml")[id_]
        assert re.search(r"&& github\.run_attempt == 1( }})?$", job["if"]), id_
        for step in job["steps"]:
            words = {step.get("env", {}).get(key) for key in ("LOGIN", "GIT_AUTHOR_NAME")}
            assert words <= {None, "${{ github.triggering_actor }}"}
    for path in [*WORKFLOWS, *ACTIONS]:
        assert not re.search(r"sender\.login|github\.actor\b", path.read_text()), path


def test_every_option_of_a_rollback_that_a_person_chooses_by_can_be_given_by_hand() -> None:
    path = PROJECT / ".github/workflows/rollback.yml"
    inputs = load(path)["on"]["workflow_dispatch"]["inputs"]
    assert list(inputs) == ["model", "environment", "version", "reason", "emergency", "of"]
    for id_, job in jobs(path).items():
        [step] = [step for step in job["steps"] if "run" in step]
        assert (step["env"]["OF"], step["env"]["VERSION"]) == (
            "${{ inputs.of }}",
            "${{ inputs.version }}",
        )
        # Where it means nothing the command says so: a wish is never dropped without a word.
        assert '${OF:+--of="$OF"}' in step["run"], id_


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_nothing_is_allowed_that_no_job_asks_for(path: Path) -> None:
    assert load(path)["permissions"] in ({}, "{}")
    text = path.read_text()
    for id_, job in jobs(path).items():
        for scope, level in (job["permissions"] or {}).items():
            assert level == "read", f"{id_} may {level} {scope}"
            assert re.search(rf"^      {scope}: read # \w", text, re.MULTILINE), id_


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_each_job_ends_and_waits_for_its_like(path: Path) -> None:
    whole = load(path).get("concurrency")
    for id_, job in jobs(path).items():
        assert 1 <= int(job["timeout-minutes"]) <= 60, id_
        assert job["runs-on"] == "ubuntu-24.04", id_
        concurrency = whole or job["concurrency"]
        cancels = concurrency["cancel-in-progress"] == "true"
        assert cancels == (path.stem == "ci"), id_


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_secrets_come_from_an_environment_and_reach_single_steps_only(path: Path) -> None:
    assert secrets(load(path)) <= SECRETS
    for id_, job in jobs(path).items():
        environment = job.get("environment")
        if environment is None:
            assert not secrets(job), id_
            continue
        assert environment["name"] in ENVIRONMENTS
        assert environment["deployment"] == "false"
        assert not secrets({key: value for key, value in job.items() if key != "steps"})
        for step in job["steps"]:
            assert "uses" not in step or not secrets(step), id_
            signs = "MODELCTL_SIGNING_KEY" in secrets(step)
            assert not signs or environment["name"] in ENVIRONMENTS - {"gates"}


def test_whoever_listens_is_told_by_every_job_that_moves_traffic_and_no_other() -> None:
    told = {
        (path.stem, id_)
        for path in WORKFLOWS
        for id_, job in jobs(path).items()
        for step in job["steps"]
        if NOTIFIED & step.get("env", {}).keys()
    }
    assert told == {("deploy", "deploy"), ("rollout", "tick"), ("rollout", "act"),
                    ("rollback", "emergency")}  # fmt: skip
    for stem, id_ in told:
        [env] = [
            step["env"]
            for step in jobs(PROJECT / f".github/workflows/{stem}.yml")[id_]["steps"]
            if "env" in step
        ]
        assert {key: env[key] for key in NOTIFIED} == {
            key: f"${{{{ secrets.{key} }}}}" for key in NOTIFIED
        }


def test_the_settings_miss_what_is_needed_alone() -> None:
    settings = yaml.safe_load((PROJECT / ".github/settings.yaml").read_text())
    named = {secret for row in settings["environments"].values() for secret in row["secrets"]}
    assert named == NEEDED
    assert settings["environments"].keys() == ENVIRONMENTS
    assert settings["repository"]["variables"] == []


def test_there_is_a_label_for_everything_that_is_filed() -> None:
    from modelctl.services.incidents import LABEL as INCIDENT
    from modelctl.services.settings_sync import LABEL as DRIFT

    settings = yaml.safe_load((PROJECT / ".github/settings.yaml").read_text())
    assert {INCIDENT, DRIFT} <= settings["labels"]["others"].keys()


@pytest.mark.parametrize("stem", sorted(UNTRUSTED))
def test_what_a_branch_brings_has_no_secret_and_no_environment(stem: str) -> None:
    path = PROJECT / f".github/workflows/{stem}.yml"
    assert not secrets(load(path))
    assert all("environment" not in job for job in jobs(path).values())


def test_the_signal_does_nothing_at_all() -> None:
    path = PROJECT / ".github/workflows/review-signal.yml"
    (job,) = jobs(path).values()
    assert job["permissions"] in ({}, "{}")
    assert [step["run"] for step in job["steps"]] == ["true"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_only_the_runs_own_ref_is_checked_out_and_no_credentials_stay(path: Path) -> None:
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            given = step["with"]
            assert given["persist-credentials"] == "false"
            if path.stem in UNTRUSTED:
                assert "ref" not in given
            else:
                assert given["ref"] == "${{ github.ref }}"
                assert given["fetch-depth"] == "0"
            assert given.keys() <= {"ref", "fetch-depth", "persist-credentials"}


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=name)
def test_nothing_is_cached_between_jobs(path: Path) -> None:
    assert "actions/cache" not in path.read_text()
    for step in steps(path):
        if step.get("uses", "").startswith("astral-sh/setup-uv@"):
            assert step["with"] == {"enable-cache": "false"}
        if step.get("uses", "").startswith("actions/setup-python@"):
            assert "cache" not in step["with"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_where_a_secret_is_the_rules_are_those_of_the_runs_own_branch(path: Path) -> None:
    for id_, job in jobs(path).items():
        if "environment" in job:
            assert job["env"]["MODELCTL_TRUSTED_REF"] == "${{ github.ref_name }}", id_


def test_the_pushes_that_deploy_are_those_to_the_default_branch() -> None:
    lifecycle = yaml.safe_load((PROJECT / "policies/lifecycle.yaml").read_text())
    push = load(PROJECT / ".github/workflows/deploy.yml")["on"]["push"]
    assert push == {"branches": [lifecycle["default_branch"]]}


def test_nothing_is_loaded_where_the_evidence_is_signed() -> None:
    measuring = jobs(PROJECT / ".github/workflows/evidence.yml")
    for id_ in ("plan", "measure"):
        assert not secrets(measuring[id_])
    loading = [
        step
        for step in measuring["measure"]["steps"]
        if re.search(r"evidence (scan|evaluate)", step.get("run", ""))
    ]
    assert len(loading) == 2
    assert not any("token" in text.lower() for step in loading for text in texts(step))
    assert not any("scan" in text or "evaluate" in text for text in texts(measuring["sign"]))


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_the_pages_say_what_it_is_for(path: Path) -> None:
    assert f"`{path.name}`" in (PROJECT / "docs/github.md").read_text()


@pytest.mark.parametrize(
    ("event", "payload", "started"),
    [
        ("pull_request_target", {"action": "labeled"}, []),
        ("pull_request_target", {"action": "edited"}, ["gates"]),
        ("pull_request_target", {"action": "closed"}, ["deploy"]),
        ("pull_request", {"action": "opened"}, ["ci"]),
        ("pull_request_review", {"action": "dismissed"}, ["review-signal"]),
        ("push", {"ref": "refs/heads/feature/x"}, ["ci"]),
        ("push", {"ref": "refs/heads/main"}, ["ci", "deploy"]),
        ("push", {"ref": "refs/tags/tumor-classifier@1.0.0"}, []),
        ("workflow_run", {"action": "completed", "workflow": {"name": "other"}}, []),
        ("workflow_run", {"action": "requested", "workflow": {"name": "review-signal"}}, []),
        ("check_run", {"action": "created"}, []),
        ("issue_comment", {"action": "edited"}, []),
        ("schedule", {"schedule": "23 4 * * *"}, ["housekeeping"]),
    ],
)
def test_what_an_event_starts(event: str, payload: dict[str, Any], started: list[str]) -> None:
    assert [p.stem for p in WORKFLOWS if starts(load(p)["on"], event, payload)] == started
