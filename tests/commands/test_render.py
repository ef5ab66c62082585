"""`modelctl render`: what an environment would run, printed, compared, written, validated."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from modelctl.adapters.documents import dump
from support.command_line import CommandLine
from support.journey import publish
from support.renders import crd_folder
from support.world import MODEL, World, release_data, submission


def test_the_manifests_are_printed(served: World, cli: CommandLine) -> None:
    objects = list(yaml.safe_load_all(cli("render", "dev")))
    assert "HTTPRoute" in {one["kind"] for one in objects if one}
    assert {one["metadata"]["labels"]["modelctl.dev/model"] for one in objects if one} == {MODEL}
    assert cli.error == ""


def test_what_runs_already_differs_in_nothing(served: World, cli: CommandLine) -> None:
    assert cli("render", "staging", "--diff") == ""


def test_what_was_never_deployed_is_all_new(served: World, cli: CommandLine) -> None:
    publish(served, "main", submission())
    out = cli("render", "production", "--diff")
    assert f"{MODEL}/manifests.yaml" in out
    assert "\n-" not in out.replace("\n---", "")


def test_a_folder_for_each_model_is_written(
    served: World, cli: CommandLine, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "dev"
    assert cli("render", "dev", "--output", target) == ""
    found = sorted(p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file())
    assert found == [f"{MODEL}/manifests.yaml", f"{MODEL}/release.json"]
    state = served.show("origin/env/dev", f"{MODEL}/manifests.yaml")
    assert (target / found[0]).read_text() == state
    assert str(target / found[0]) in cli.error


def test_the_head_of_a_pull_request_can_be_rendered(served: World, cli: CommandLine) -> None:
    served.submit("1.1.0")
    out = cli("render", "dev", "--ref", "feature/1.1.0")
    assert 'modelctl.dev/version: "1.1.0"' in out


def test_each_step_is_shown_before_anybody_merges(served: World, cli: CommandLine) -> None:
    served.submit("1.1.0")
    asked = ("render", "dev", "--ref", "feature/1.1.0", "--strategy", "canary-standard")
    second = cli(*asked, "--step", 2)
    assert {'modelctl.dev/version: "1.0.0"', "weight: 25"} <= {
        line.strip(" -") for line in second.splitlines()
    }
    assert "weight: 25" not in cli(*asked, "--step", "end")


def test_an_environment_that_serves_nothing_renders_nothing(world: World, cli: CommandLine) -> None:
    assert cli("render", "dev") == ""


def test_the_output_is_held_to_the_crds(served: World, cli: CommandLine) -> None:
    assert cli("render", "dev", "--validate", crd_folder())
    assert cli.error == ""


def test_what_the_crds_object_to_is_told(served: World, cli: CommandLine, tmp_path: Path) -> None:
    crds = tmp_path / "crds"
    crds.mkdir()
    for file in crd_folder().glob("gateway-httproutes.yaml"):
        text = file.read_text()
        (crds / file.name).write_text(text.replace("hostnames:", "hostNames:"))
    cli("render", "dev", "--validate", crds, code=1)
    assert cli.error.startswith("✗ HTTPRoute ")


def test_what_no_crd_describes_is_not_taken_for_valid(
    served: World, cli: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    cli("render", "dev", "--validate", tmp_path / "none", code=1)
    assert "so nothing checked it (add it to the folder of CRDs)" in cli.error


@pytest.mark.parametrize(
    ("args", "message", "mend"),
    [
        (("prod",), "there is no environment prod", "one of: dev, staging, production"),
        (("dev", "--model", "fraud-detector"), "there is no model fraud-detector", ""),
        (("dev", "--step", "two"), "'two' is no step: 1 for the first, or end", "--help"),
        (("dev", "--strategy", "nope"), "the policy has no strategy nope", "canary-standard"),
        (("dev", "--model", "x"), "'x' is not a model name", "such as churn-predictor"),
        (("dev", "--ref", "nope"), "'nope' is no commit, branch or tag here", ""),
        (("dev", "--validate", "nowhere"), "Directory 'nowhere' does not exist", "--help"),
    ],
)
def test_what_can_not_be_rendered_is_told(
    served: World, cli: CommandLine, args: tuple[str, ...], message: str, mend: str
) -> None:
    said, help_ = cli.fails("render", *args)
    assert message in said
    assert mend in help_


def test_a_release_that_points_nowhere_is_told(served: World, cli: CommandLine) -> None:
    publish(served, "ml", {f"models/{MODEL}/release.yaml": dump(release_data("9.9.9"))})
    message, mend = cli.fails("render", "dev")
    assert "names 9.9.9" in message
    assert "modelctl check --all" in mend


def test_a_branch_that_nobody_made_yet_is_told(served: World, cli: CommandLine) -> None:
    served.builder.git("checkout", "--quiet", "--detach", "origin/main")
    served.builder.git("branch", "--quiet", "--delete", "--force", "develop", "ml")
    served.builder.git("update-ref", "-d", "refs/remotes/origin/develop")
    message, mend = cli.fails("render", "staging")
    assert message == "there is no branch develop"
    assert mend == "git fetch, or create develop"


def test_a_diff_is_printed_not_written(served: World, cli: CommandLine, tmp_path: Path) -> None:
    message, mend = cli.fails("render", "dev", "--diff", "--output", tmp_path / "out")
    assert message == "--diff and --output don't go together"
    assert mend
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_does_not_answer_decides_nothing(
    served: World, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    cli("render", "dev", "--server-dry-run", "nowhere", code=3)
    assert "error: " in cli.error
