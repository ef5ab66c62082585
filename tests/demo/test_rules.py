"""The demo fits the policies that the project ships: where they change, this notices first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from demo import hosting, hub, rules
from demo.failure import DemoError
from demo.people import PAT
from demo.sandbox import ENVIRONMENTS, Sandbox
from demo.screen import Screen
from demo.shell import Done, Shell
from demo.stage import BLOCKED, JOBS, PASS, READY, Actor, Stage
from forge import people as forge_people
from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage on which the rules were adopted, fitted and shared."""
    sandbox = Sandbox(root=tmp_path_factory.mktemp("rules") / "demo")
    sandbox.create()
    forge = hosting.start(sandbox)
    shell = Shell(sandbox.log, {**sandbox.environment(), **forge.environment})
    ports = dict.fromkeys(ENVIRONMENTS, 1)
    stage = Stage(
        sandbox=sandbox, screen=Screen(), shell=shell, hub=forge, ports=ports, usual_ports=ports
    )
    try:
        rules.copy(stage)
        stage.types(stage.person(PAT), rules.init_command(stage), None)
        rules.fit(stage)
        rules.share(stage)
        yield stage
    finally:
        hosting.end(sandbox)


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
    assert [path for path in changed if not path.startswith(".github/rulesets/")] == [
        ".github/settings.yaml",
        "CODEOWNERS",
        "policies/gates/tests.yaml",
        "policies/keys/ci.yaml",
        "policies/keys/deployer.yaml",
        "policies/keys/registrar.yaml",
        "policies/ownership.yaml",
        "policies/roles.yaml",
        "policies/strategies.yaml",
    ]
    before, after = difference(stage, "policies/gates/tests.yaml")
    assert before == ["    with: {minimum: 24h}"]
    assert after == [f"    with: {{minimum: {rules.SOAK_SECONDS}s}}"]


def test_of_the_strategies_only_times_and_numbers_of_requests_are_scaled(stage: Stage) -> None:
    before, after = difference(stage, "policies/strategies.yaml")
    assert before != after
    scaled = r"(?<=duration: |requests: )\d+[smhd]?|(?<=every: )\d+[smhd]?"
    assert [re.sub(scaled, "…", line) for line in before] == [
        re.sub(scaled, "…", line) for line in after
    ]


def difference(stage: Stage, path: str) -> tuple[list[str], list[str]]:
    """The lines of a file that the story changed, before and after."""
    diff = stage.silently(stage.person(PAT), "git", "diff", "--unified=0", "HEAD~1", path)
    lines = [line for line in diff.splitlines() if line[:3] not in ("+++", "---")]
    before, after = ([line[1:] for line in lines if line[:1] == sign] for sign in "-+")
    return before, after


def test_every_branch_of_the_lifecycle_has_the_rules(stage: Stage) -> None:
    here = Actor(name="demo", folder=stage.sandbox.forge / f"{hub.REPOSITORY}.git")
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


def test_github_is_as_the_settings_say_and_the_rules_are_in_force(stage: Stage) -> None:
    pat = stage.person(PAT)
    stage.types(pat, "modelctl github apply --yes", None, code=BLOCKED)
    rules.fill(stage)
    stage.types(pat, "modelctl github plan --check", None)
    stage.types(pat, "modelctl doctor", None)
    stage.silently(pat, "git", "commit", "--quiet", "--allow-empty", "--message", "Past the rules")
    with pytest.raises(DemoError, match="git push origin main` ended with 1") as caught:
        stage.silently(pat, "git", "push", "origin", "main")
    assert "Repository rule violations found for refs/heads/main" in caught.value.detail


def test_a_judgement_must_be_the_one_of_the_story(stage: Stage) -> None:
    pat = stage.person(PAT)
    stage.silently(pat, "git", "switch", "--quiet", "--create", "feature/none", "origin/ml")
    (pat.folder / "policies" / "strategies.yaml").write_text("strategies: {}\n")
    rules.commit(stage, pat, "No strategies")
    stage.silently(pat, "git", "push", "--quiet", "origin", "HEAD")
    with forge_people.Person(stage.hub.url, stage.hub.tokens["pat"], hub.REPOSITORY) as person:
        number = person.open_pull("feature/none", "ml")["number"]
    pull = hub.Pull(number=number, author=PAT, base="ml")
    stage.judged(pull, says="blocked by rules-branch and sync; waiting for 1 platform")
    stage.judged(pull, says="blocked by rules-branch and sync", again=True)
    for otherwise in (READY, "blocked by sync"):
        with pytest.raises(DemoError, match=f"the story says `{otherwise}`"):
            stage.judged(pull, says=otherwise)


def test_no_secret_comes_into_the_log(stage: Stage) -> None:
    told = stage.sandbox.log.read_text()
    assert "modelctl init" in told
    for secret in (*stage.hub.tokens.values(), *(app.key for app in stage.hub.apps.values())):
        assert secret.splitlines()[-1] not in told
    assert "PRIVATE KEY" not in told


def test_the_jobs_fetch_again_where_another_one_is_at_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pat, codes, run = stage.person(PAT), list[int](), stage.shell.run
    stage.silently(pat, "git", "push", "--quiet", "origin", "HEAD:refs/heads/feature/busy")
    lock = stage.sandbox.clone(JOBS) / ".git/refs/remotes/origin/feature/busy.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()

    def fetch(*args: Any, **options: Any) -> Done:
        codes.append((done := run(*args, **options)).code)
        if len(codes) == 2:
            lock.unlink()
        return done

    monkeypatch.setattr(stage.shell, "run", fetch)
    stage.fetch()
    assert [code == PASS for code in codes] == [False, False, True]


def test_only_git_and_modelctl_act_as_somebody(stage: Stage) -> None:
    ask = "import os; print(sorted(n for n in os.environ if 'TOKEN' in n or 'KEY' in n))"
    for actor in (stage.person(PAT), stage.job("ci")):
        assert actor.secrets
        assert stage.silently(actor, "python", "-c", ask).strip() == "[]"


def test_the_clones_do_without_the_forge_afterwards(stage: Stage) -> None:
    hosting.end(stage.sandbox)
    rules.leave_forge(stage.sandbox)
    jobs = Actor(name=JOBS, folder=stage.sandbox.clone(JOBS))
    stage.silently(jobs, "git", "push", "--quiet", "origin", "HEAD:refs/heads/env/dev")
    stage.silently(jobs, "git", "fetch", "--quiet", "origin", "env/dev")
