"""The demo fits the policies that the project ships: where they change, this notices first."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import rules
from demo.failure import DemoError
from demo.forge import Forge
from demo.people import EVERYBODY, PAT
from demo.sandbox import ENVIRONMENTS, Sandbox
from demo.screen import Screen
from demo.shell import Shell
from demo.stage import JOBS, Actor, Stage
from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage on which the rules were adopted, fitted and shared."""
    sandbox = Sandbox(root=tmp_path / "demo")
    sandbox.create()
    rules.create_remote(sandbox)
    ports = dict.fromkeys(ENVIRONMENTS, 1)
    stage = Stage(
        sandbox=sandbox,
        screen=Screen(),
        shell=Shell(sandbox.log, sandbox.environment()),
        forge=Forge(sandbox.remote, sandbox.pulls, EVERYBODY),
        ports=ports,
        usual_ports=ports,
    )
    rules.adopt(stage)
    rules.fit(stage)
    rules.share(stage)
    return stage


def test_the_fitted_rules_are_a_policy_with_the_people_of_the_story(stage: Stage) -> None:
    repository = Repository.discover(stage.sandbox.clone(JOBS))
    head = repository.resolve("HEAD")
    policy = load_policy(repository.tree(head), head)
    members = {name: role.members_for("oncology-ml") for name, role in policy.roles.items()}
    assert set(members["ml-team"]) == {"ada", "ben"}
    assert set(members["ml-lead"]) == {"lena"}
    assert set(members["platform"]) == {"pat", "quinn"}
    assert set(policy.roles["ml-lead"].members_for("metabolic-ml")) == {"max"}
    assert {"oncology-ml", "metabolic-ml"} <= policy.ownership.teams.keys()
    (soak,) = (gate for gate in policy.gates if gate.check == "soak")
    assert soak.options["minimum"] == f"{rules.SOAK_SECONDS}s"
    assert policy.lifecycle.environments == ENVIRONMENTS


def test_only_people_keys_and_time_differ_from_what_the_project_ships(stage: Stage) -> None:
    pat = stage.person(PAT)
    changed = stage.silently(pat, "git", "diff", "--name-only", "HEAD~1").split()
    assert changed == [
        "policies/gates/tests.yaml",
        "policies/ownership.yaml",
        "policies/roles.yaml",
    ]
    diff = stage.silently(pat, "git", "diff", "--unified=0", "HEAD~1", "policies/gates/tests.yaml")
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in "+++---"]
    assert lines == ["-    with: {minimum: 24h}", f"+    with: {{minimum: {rules.SOAK_SECONDS}s}}"]


def test_every_branch_of_the_lifecycle_has_the_rules(stage: Stage) -> None:
    here = Actor(name="demo", folder=stage.sandbox.remote)
    tips = stage.silently(here, "git", "for-each-ref", "--format=%(refname:short) %(objectname)")
    branches = dict(line.split() for line in tips.splitlines())
    assert branches.keys() == {"main", "ml", "develop"}
    assert len(set(branches.values())) == 1


def test_the_story_types_only_what_ends_as_it_says(stage: Stage) -> None:
    pat = stage.person(PAT)
    stage.types(pat, "modelctl policy lint")
    with pytest.raises(DemoError, match="ended with 2; the story says 0"):
        stage.types(pat, "modelctl status --no-such-option")
    with pytest.raises(DemoError, match="ended with 0; the story says 1"):
        stage.types(pat, "modelctl policy lint", code=1)


def test_a_judgement_must_be_the_one_of_the_story(stage: Stage) -> None:
    pat = stage.person(PAT)
    (pat.folder / "policies" / "strategies.yaml").write_text("strategies: {}\n")
    rules.commit(stage, pat, "No strategies")
    command = "modelctl check --base origin/ml --head HEAD --no-reviews"
    stage.judged(pat, command, blocked_by={"rules-branch", "sync"})
    with pytest.raises(DemoError, match="by rules-branch, sync; the story says by fairness"):
        stage.judged(pat, command, blocked_by={"fairness"})
    with pytest.raises(DemoError, match="the story says 0"):
        stage.judged(pat, command)
