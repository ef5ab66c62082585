"""`modelctl deploy` as a job runs it: what it says, what it writes, and how it ends."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from forge.server import Forge
from modelctl.adapters.documents import dump
from modelctl.adapters.local.processes import free_port
from modelctl.adapters.schema import schema
from modelctl.adapters.signing_keys import generate
from support.command_line import CommandLine
from support.hub import HubWorld
from support.journey import publish, trust
from support.tracking import store, tumours
from support.world import MODEL, World, evaluation, release_data, submission, version_data

JOBS = ("deployment", "rollback", "quarantine")


@pytest.fixture
def merged(world: World, key: Path) -> World:
    """1.0.0 is merged into ml with evidence and approvals, and was never deployed."""
    trust(world, key, *JOBS)
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    return world


@pytest.fixture
def job(merged: World, cli: CommandLine, key: Path) -> tuple[str, ...]:
    """The arguments of the job that deploys dev."""
    reviews = str(merged.pulls_file())
    return ("deploy", "dev", "--key", str(key), "--reviews", reviews, "--no-apply")


def branches(world: World) -> str:
    """What the shared repository holds."""
    return world.builder.git("ls-remote", "origin")


def test_a_version_is_deployed_once(merged: World, cli: CommandLine, job: tuple[str, ...]) -> None:
    assert cli(*job) == f"✓ {MODEL}: nothing → 1.0.0\n"
    assert "judging ml by the rules of " in cli.error
    assert "ledger: 1 new entry" in cli.error
    assert "registry: none is configured, so none is updated" in cli.error
    [row] = cli.json("status", MODEL)["models"]
    assert row["environments"]["dev"]["by"] == ["ben", "lena"]
    before = branches(merged)
    assert cli(*job) == f"✓ {MODEL}: 1.0.0, as it was\n"
    assert branches(merged) == before


def test_the_result_as_json(merged: World, cli: CommandLine, job: tuple[str, ...]) -> None:
    done = cli.json(*job)
    assert (done["environment"], done["recorded"], done["left_to_do"]) == ("dev", 1, [])
    assert done["state"] == merged.builder.git("rev-parse", "origin/env/dev")
    [model] = done["models"]
    assert model == {
        "model": MODEL,
        "wanted": "1.0.0",
        "ran": None,
        "runs": "1.0.0",
        "moved": True,
        "weight": 100,
        "blocked": False,
        "reports": [],
    }


def test_a_dry_run_judges_and_writes_nothing(
    merged: World, cli: CommandLine, tmp_path: Path
) -> None:
    before = branches(merged)
    args = ("deploy", "dev", "--reviews", merged.pulls_file(), "--dry-run")
    assert cli(*args) == f"✓ {MODEL}: nothing → 1.0.0\n"
    done = cli.json(*args)
    assert done["dry_run"] is True
    assert done["models"][0]["moved"] is True
    assert branches(merged) == before


def test_what_no_deploy_decided_is_taken_out_and_told(
    merged: World, cli: CommandLine, job: tuple[str, ...]
) -> None:
    assert cli(*job)
    publish(merged, "env/dev", {"zz/manifests.yaml": "kind: Pod\n"})
    assert cli(*job, code=1) == f"✓ {MODEL}: 1.0.0, as it was\n"
    assert "dev held what no deploy decided: zz/\n" in cli.error
    assert "it was taken out and never signed" in cli.error
    assert cli.json(*job)["unaccounted"] == []


def test_what_was_merged_around_the_rules_is_blocked_with_its_report(
    merged: World, cli: CommandLine, job: tuple[str, ...]
) -> None:
    assert cli(*job)
    head = merged.submit("1.1.0")
    metrics = {"f1_score": 0.8, "accuracy": 0.94, "roc_auc": 0.98}
    bad = evaluation(metrics=metrics)
    merged.record("evaluation", "offline", bad, pointer=f"{MODEL}@1.1.0^{head}")
    merged.merge("ml", head, ["ben"])
    merged.pulls_file().write_text(json.dumps(merged.pulls))
    out = cli(*job, code=1)
    assert "classification models need F1 ≥ 0.85" in out
    assert out.endswith(f"✗ {MODEL}: 1.1.0 is blocked, 1.0.0 stays\n")
    [model] = cli.json(*job, code=1)["models"]
    assert (model["runs"], model["blocked"]) == ("1.0.0", True)
    for report in model["reports"]:
        assert list(Draft202012Validator(dict(schema("report"))).iter_errors(report)) == []


def test_without_the_reviews_nothing_is_deployed(
    merged: World, cli: CommandLine, key: Path
) -> None:
    out = cli("deploy", "dev", "--key", key, "--no-apply", code=1)
    assert "no pull request is known that was merged as this commit" in " ".join(out.split())
    assert out.endswith(f"✗ {MODEL}: 1.0.0 is blocked, nothing runs\n")


def test_reviews_for_another_branch_deploy_nothing(
    merged: World, cli: CommandLine, job: tuple[str, ...]
) -> None:
    """A commit that was merged into ml, and then pushed to where others would have to approve."""
    assert cli(*job)
    merged.builder.git("fetch", "--quiet", "origin")
    merged.builder.git("push", "--quiet", "origin", "origin/ml:refs/heads/develop")
    args = ("deploy", "staging", *job[2:])
    assert "the reviews are of a pull request into ml, not into develop" in cli(*args, code=1)


def test_a_branch_without_models_has_nothing_to_deploy(
    world: World, cli: CommandLine, key: Path
) -> None:
    trust(world, key, *JOBS)
    assert cli("deploy", "dev", "--key", key) == "dev has nothing to deploy\n"
    assert "state: nothing to run yet" in cli.error


def test_a_broken_release_is_blocked_and_the_rest_goes_on(
    merged: World, cli: CommandLine, job: tuple[str, ...]
) -> None:
    assert cli(*job)
    publish(merged, "ml", {f"models/{MODEL}/release.yaml": "version: [\n"})
    out = cli(*job, code=1)
    assert f"✗ {MODEL}: ? is blocked, 1.0.0 stays" in out
    publish(merged, "ml", {f"models/{MODEL}/release.yaml": dump(release_data("7.0.0"))})
    assert "names 7.0.0" in cli(*job, code=1)


def test_a_registry_that_answers_is_brought_up_to_date(
    world: World, cli: CommandLine, key: Path
) -> None:
    trust(world, key, *JOBS)
    files = version_data()["artifacts"]["files"]
    lineage = {**version_data()["lineage"], "run": {"id": tumours().run_id}}
    artifacts = {"root": f"models:/{tumours().model_id}", "files": files}
    head = world.submit(manifest={"artifacts": artifacts, "lineage": lineage})
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    job = ("deploy", "dev", "--key", key, "--reviews", world.pulls_file(), "--no-apply")
    cli(*job, "--tracking-uri", store())
    assert not cli.error.endswith("registry: 0 changes\n")
    cli(*job, "--tracking-uri", store())
    assert cli.error.endswith("registry: 0 changes\n")


def test_several_models_are_one_commit_that_a_person_can_read(
    merged: World, cli: CommandLine, job: tuple[str, ...]
) -> None:
    files = {path.replace(MODEL, "fraud-bot"): str(text).replace(MODEL, "fraud-bot")
             for path, text in submission().items()}  # fmt: skip
    head = merged.commit(files, "feature/fraud", "ml")
    merged.evidence_for("fraud-bot", head)
    merged.merge("ml", head, ["ben", "lena"])
    merged.pulls_file()
    assert cli(*job) == f"✓ fraud-bot: nothing → 1.0.0\n✓ {MODEL}: nothing → 1.0.0\n"
    assert merged.builder.git("log", "-1", "--format=%B", "origin/env/dev") == (
        "Deploy 2 models to dev\n\n"
        "- fraud-bot@1.0.0, approved by ben, lena\n"
        f"- {MODEL}@1.0.0, approved by ben, lena"
    )


@pytest.mark.parametrize("uri", ["http://127.0.0.1:{port}", "http://user:secret@127.0.0.1:{port}"])
def test_a_registry_that_is_down_is_left_to_do(
    merged: World,
    cli: CommandLine,
    job: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
) -> None:
    """State and history are written; running it again does the rest."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = uri.format(port=closed_port())
    out = cli(*job, "--tracking-uri", address, code=3)
    assert out == f"✓ {MODEL}: nothing → 1.0.0\n"
    assert f"still to do: update the registry: {MODEL}: MLflow at " in cli.error
    assert cli.error.endswith("run the same command again to do it\n")
    assert "secret" not in cli.error
    done = cli.json(*job, "--tracking-uri", address, code=3)
    assert len(done["left_to_do"]) == 1
    assert cli.json("status")["models"][0]["environments"]["dev"]["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("args", "message", "mend"),
    [
        (("deploy", "prod"), "there is no environment prod", "one of: dev, staging, production"),
        (("deploy", "dev"), "there is no key to sign with", "give --key FILE or set"),
        (("deploy", "dev", "--reviews", "nope.json"), "File 'nope.json' does not exist", "--help"),
        (("deploy", "dev", "--key", "nope.pem"), "File 'nope.pem' does not exist", "--help"),
        (("deploy",), "which environment?", "name one or more of dev, staging, production, or"),
    ],
)
def test_wrong_usage_is_told(
    merged: World, cli: CommandLine, args: tuple[str, ...], message: str, mend: str
) -> None:
    before = branches(merged)
    said, help_ = cli.fails(*args)
    assert message in said
    assert mend in help_
    assert branches(merged) == before


def test_a_key_that_nobody_trusts_writes_nothing(
    merged: World, cli: CommandLine, job: tuple[str, ...], tmp_path: Path
) -> None:
    """Otherwise there would be state without history, for good."""
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(generate().private)
    stranger.chmod(0o600)
    before = branches(merged)
    cli("deploy", "dev", "--key", stranger, *job[4:], code=2)
    assert "the policy trusts no key " in cli.error
    assert branches(merged) == before


def test_a_key_for_evidence_alone_writes_nothing(
    merged: World, cli: CommandLine, job: tuple[str, ...], key: Path
) -> None:
    trust(merged, key, "evaluation")
    before = branches(merged)
    cli(*job, code=2)
    assert "may not sign deployment statements" in cli.error
    assert branches(merged) == before


def test_a_remote_that_does_not_answer_decides_nothing(
    merged: World, cli: CommandLine, job: tuple[str, ...]
) -> None:
    merged.builder.git("remote", "set-url", "origin", f"http://127.0.0.1:{closed_port()}/x.git")
    message, mend = cli.fails(*job, code=3)
    assert message
    assert mend


def test_models_are_served_on_this_machine(
    world: World, cli: CommandLine, key: Path, tmp_path: Path
) -> None:
    """The real thing once: a model is loaded, answers a prediction, is shown, and stopped."""
    import httpx

    trust(world, key, *JOBS)
    _merge_local(world, tmp_path)
    root, port = tmp_path / "local", free_port()
    local = ("--local-root", root)
    args = ("deploy", "dev", "--key", key, "--reviews", world.pulls_file(), *local)
    try:
        assert cli(*args, "--local-port", port) == f"✓ {MODEL}: nothing → 1.0.0\n"
        assert f"serving {MODEL} 1.0.0 at " in cli.error
        [row] = cli.json("local", "status", *local)
        assert (row["environment"], row["healthy"], row["version"]) == ("dev", True, "1.0.0")
        assert cli("local", "status", *local).startswith("✓ dev ")
        answer = httpx.post(
            f"{row['url']}/invocations",
            json={"dataframe_records": [{"x": 3.0}]},
            trust_env=False,
            timeout=30,
        )
        assert answer.json()["predictions"] == [pytest.approx(3.0)]
        _move_to_the_cluster(world)
        assert cli(*args, "--local-port", port) == f"✓ {MODEL}: 1.0.0 → 1.1.0\n"
        assert "nothing serves on this machine" in cli("local", "status", *local)
    finally:
        assert "stopped dev" in cli("local", "stop", *local)


def _merge_local(world: World, folder: Path) -> None:
    """1.0.0 of a model for the local target, really trained, merged into ml."""
    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.linear_model import LinearRegression

    from modelctl.adapters.artifacts import measure

    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    model = LinearRegression().fit(rows, rows["x"])
    artifacts = folder / "model"
    mlflow.sklearn.save_model(
        model, artifacts, signature=infer_signature(rows, rows["x"]), pip_requirements=["mlflow"]
    )
    files: list[dict[str, Any]] = [
        {"path": f.path, "sha256": f.sha256, "size": f.size} for f in measure(artifacts)
    ]
    head = world.submit(
        model={"serving": {"target": "local"}},
        manifest={"artifacts": {"root": artifacts.as_uri(), "files": files}},
    )
    seen = {file["path"]: file["sha256"] for file in files}
    world.evidence("1.0.0", "dev", head, artifacts=seen)
    world.merge("ml", head, ["ben", "lena"])


def _move_to_the_cluster(world: World) -> None:
    """A version that another target serves, merged into ml."""
    world.now = datetime.now(UTC)
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    world.pulls_file()


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


# Several environments in one run.


def test_every_environment_in_the_order_of_the_lifecycle(
    merged: World, cli: CommandLine, key: Path
) -> None:
    args = ("deploy", "--all", "--key", key, "--reviews", merged.pulls_file(), "--no-apply")
    out = cli(*args)
    assert out == (
        f"dev:\n✓ {MODEL}: nothing → 1.0.0\n"
        "staging:\nstaging has nothing to deploy\n"
        "production:\nproduction has nothing to deploy\n"
    )
    done = cli.json("deploy", "staging", "dev", *args[2:])
    assert [one["environment"] for one in done["environments"]] == ["dev", "staging"]


def test_one_that_fails_does_not_stop_the_others(
    merged: World, cli: CommandLine, key: Path
) -> None:
    merged.builder.checkout("main")
    merged.builder.git("push", "--quiet", "--delete", "origin", "ml")
    merged.builder.git("fetch", "--quiet", "--prune", "origin")
    merged.builder.git("branch", "-D", "ml")
    out = cli("deploy", "dev", "staging", "--key", key, "--no-apply", code=2)
    assert out.startswith("dev:\n✗ there is no branch ml")
    assert out.endswith("staging has nothing to deploy\n")
    done = cli.json("deploy", "dev", "staging", "--key", key, "--no-apply", code=2)
    assert done["environments"][0]["error"] == "there is no branch ml"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "which environment?"),
        (("--all", "dev"), "--all has no effect with ENV"),
        (("dev", "nowhere"), "there is no environment nowhere"),
    ],
)
def test_which_environments_must_be_clear(
    world: World, cli: CommandLine, args: tuple[str, ...], message: str
) -> None:
    cli("deploy", *args, code=2)
    assert message in cli.error


# Through GitHub.


@pytest.fixture
def hub(world: World, key: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> HubWorld:
    """1.0.0 was merged by a pull request on the forge; the job is the App."""
    trust(world, key, *JOBS)
    found = HubWorld.create(world, forge)
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    found.approve(found.open("ml", "feature/1.0.0"), ["ben", "lena"])
    found.merge("ada", 1)
    for name, value in found.environment().items():
        monkeypatch.setenv(name, value)
    return found


def test_the_merges_are_looked_up_and_the_deploy_is_told(
    hub: HubWorld, cli: CommandLine, key: Path
) -> None:
    args = ("deploy", "--all", "--key", key, "--github", "--no-apply")
    assert cli(*args).startswith(f"dev:\n✓ {MODEL}: nothing → 1.0.0\nstaging:\n")
    [one] = hub.api("ada", "GET", "/deployments")
    assert (one["task"], one["environment"]) == (f"modelctl:{MODEL}", "dev")
    assert "## 🚀 Deployed to dev" in hub.comments(1)[0]
    [row] = cli.json("status", MODEL)["models"]
    assert row["environments"]["dev"]["by"] == ["ben", "lena"]
    before = branches(hub.world)
    assert f"✓ {MODEL}: 1.0.0, as it was" in cli(*args)
    assert branches(hub.world) == before
    assert len(hub.api("ada", "GET", "/deployments")) == 1


def test_a_dry_run_tells_nobody(hub: HubWorld, cli: CommandLine) -> None:
    before = branches(hub.world)
    assert cli("deploy", "dev", "--github", "--dry-run") == f"✓ {MODEL}: nothing → 1.0.0\n"
    assert branches(hub.world) == before
    assert hub.api("ada", "GET", "/deployments") == []


def test_reviews_and_github_do_not_go_together(world: World, cli: CommandLine) -> None:
    cli("deploy", "dev", "--github", "--reviews", world.pulls_file(), code=2)
    assert "--reviews has no effect with --github" in cli.error


def test_a_github_that_is_down_leaves_what_runs(
    hub: HubWorld, cli: CommandLine, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = branches(hub.world)
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{free_port()}/api/v3")
    cli("deploy", "dev", "--key", key, "--github", "--no-apply", code=3)
    assert branches(hub.world) == before
