"""`modelctl init`: a fresh copy of the product becomes a team's own."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
import yaml

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import require_settings
from modelctl.adapters.signing_keys import Signer
from modelctl.adapters.work_tree import WorkTree
from modelctl.domain.history import END_KINDS
from modelctl.services.model_documents import default_target
from support.command_line import CommandLine
from support.repos import RepoBuilder
from support.world import PROJECT

COPIED = ("policies", "kustomize", "models", ".github/rulesets", ".github/workflows")
GIVEN = (
    "--organisation", "acme", "--member", "platform=pat,quinn", "--member", "ml-lead=lena",
    "--member", "ml-team=ada,ben", "--team", "oncology-ml=oncology@acme.example,oncology-ml",
    "--serving-target", "kserve", "--images", "ghcr.io/acme",
    "--mlflow", "https://mlflow.acme.example", "--gate-app", "11", "--deploy-app", "22", "--yes",
)  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product's own files, as somebody has just copied them."""
    top = tmp_path / "models-of-acme"
    RepoBuilder.create(top)
    for name in COPIED:
        shutil.copytree(PROJECT / name, top / name)
    for name in ("CODEOWNERS", ".github/settings.yaml"):
        shutil.copy(PROJECT / name, top / name)
    return top


@pytest.fixture
def cli(copy: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(directory=copy, capsys=capsys)


def read(copy: Path, path: str) -> str:
    return (copy / path).read_text()


def test_everything_is_written_and_sound(copy: Path, cli: CommandLine) -> None:
    out = cli("init", *GIVEN)
    repository = Repository.discover(copy)
    tree = repository.tree(repository.working_tree())
    policy, settings = load_policy(tree, tree.oid), require_settings(tree)
    assert policy.roles["platform"].members == {"pat", "quinn"}
    assert list(policy.ownership.teams) == ["oncology-ml"]
    assert {key.name for key in policy.keys} == {"ci", "deployer", "registrar"}
    assert (settings.organisation, dict(settings.apps)) == ("acme", {"gate": 11, "deploy": 22})
    assert settings.teams["oncology-ml"] == "push"
    assert settings.variables == ("MLFLOW_TRACKING_URI",)
    assert {key.owner for key in policy.keys} == {"platform"}
    assert "@acme/platform" in read(copy, "CODEOWNERS")
    assert "example" not in read(copy, "CODEOWNERS")
    assert "ghcr.io/acme/mlflow-server" in read(copy, "kustomize/overlays/dev/kustomization.yaml")
    assert default_target(WorkTree(copy)) == "kserve"
    assert cli("codeowners", "--check") == ""
    assert cli("github", "rulesets") == ""
    assert out.startswith("1. Create the repository acme/models-of-acme, empty")
    assert "   git remote add origin https://github.com/acme/models-of-acme.git\n" in out
    assert "git remote set-head origin --auto" in out
    assert "https://github.com/orgs/acme/teams" in out
    assert 'gh variable set MLFLOW_TRACKING_URI --body "https://mlflow.acme.example"' in out
    private = copy.parent / "acme-modelctl-keys"
    assert f"gh secret set MODELCTL_SIGNING_KEY --env evidence < {private / 'ci.pem'}" in out
    assert f"gh secret set MODELCTL_SIGNING_KEY --env deploy < {private / 'deployer.pem'}" in out
    assert f"MODELCTL_SIGNING_KEY --env housekeeping < {private / 'registrar.pem'}" in out
    assert "gh variable set MODELCTL_APP_ID --env gates --body 11" in out
    assert "gh variable set MODELCTL_APP_ID --env evidence --body 22" in out
    assert "modelctl doctor" in out


def test_comments_stay(copy: Path, cli: CommandLine) -> None:
    def comments(path: str) -> list[str]:
        return [line for line in read(copy, path).splitlines() if line.lstrip().startswith("#")]

    files = [".github/settings.yaml", "policies/roles.yaml", "policies/ownership.yaml",
             "policies/lifecycle.yaml", "policies/gates/tests.yaml"]  # fmt: skip
    before = {path: comments(path) for path in files}
    cli("init", *GIVEN, "--environment", "production=live")
    assert {path: comments(path) for path in files} == before
    assert all(before[path] for path in files)


def test_the_key_of_each_environment_of_actions_may_sign_what_its_job_does(
    copy: Path, cli: CommandLine
) -> None:
    """`housekeeping` ends versions by the key that is told to be put there, and deploys nothing."""
    cli("init", *GIVEN)
    repository = Repository.discover(copy)
    tree = repository.tree(repository.working_tree())
    policy = load_policy(tree, tree.oid)
    keys = {key.name: key for key in policy.keys}
    assert set(keys["registrar"].kinds) == END_KINDS
    assert tuple(keys["registrar"].environments) == (policy.lifecycle.last,)
    assert END_KINDS.isdisjoint(keys["deployer"].kinds)
    jobs = yaml.safe_load(read(copy, ".github/workflows/housekeeping.yml"))["jobs"]
    ends = [job for job in jobs.values() if "retention apply" in str(job)]
    assert [job["environment"]["name"] for job in ends] == ["housekeeping"]


def test_private_keys_lie_outside_for_their_owner_alone(copy: Path, cli: CommandLine) -> None:
    cli("init", *GIVEN)
    folder = copy.parent / "acme-modelctl-keys"
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == ["ci.pem", "deployer.pem", "registrar.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in files:
        public = yaml.safe_load(read(copy, f"policies/keys/{path.stem}.yaml"))["public"]
        assert Signer.from_file(path).public == public
        assert "PRIVATE" not in read(copy, f"policies/keys/{path.stem}.yaml")


def test_no_private_key_into_the_repository(copy: Path, cli: CommandLine) -> None:
    before = Repository.discover(copy).working_tree()
    message, mend = cli.fails("init", *GIVEN, "--keys", copy / "keys")
    assert "lies in the repository" in message
    assert "--keys" in mend
    assert Repository.discover(copy).working_tree() == before


def test_a_second_run_changes_nothing(copy: Path, cli: CommandLine) -> None:
    cli("init", *GIVEN)
    first = Repository.discover(copy).working_tree()
    cli("init", *GIVEN)
    assert Repository.discover(copy).working_tree() == first
    assert cli.error == "nothing to write\n"
    cli("init", "--organisation", "acme", "--member", "platform=eve", "--gate-app", "12", "--yes")
    assert "note: platform stays with pat, quinn" in cli.error
    assert "note: the gate App stays 11" in cli.error
    assert Repository.discover(copy).working_tree() == first


def test_a_second_run_adds_what_is_missing(copy: Path, cli: CommandLine) -> None:
    cli("init", "--organisation", "acme", "--yes")
    cli("init", *GIVEN, "--team", "risk=risk@acme.example")
    tree = Repository.discover(copy).tree(Repository.discover(copy).working_tree())
    policy = load_policy(tree, tree.oid)
    assert policy.roles["ml-lead"].members == {"lena"}
    assert list(policy.ownership.teams) == ["oncology-ml", "risk"]
    assert require_settings(tree).apps["gate"] == 11


def test_a_repository_of_somebody_is_refused(copy: Path, cli: CommandLine) -> None:
    cli("init", *GIVEN)
    before = Repository.discover(copy).working_tree()
    message, _ = cli.fails("init", "--organisation", "other", "--yes")
    assert message == (".github/settings.yaml: this repository is that of acme already")
    assert Repository.discover(copy).working_tree() == before


def test_a_dry_run_prints_the_diff_and_writes_nothing(copy: Path, cli: CommandLine) -> None:
    before = Repository.discover(copy).working_tree()
    out = cli("init", *GIVEN, "--dry-run")
    assert "-organisation: example\n+organisation: acme\n" in out
    assert "-    members: []\n+    members: [lena]\n" in out
    assert "keys to make: ci, deployer, registrar" in cli.error
    assert Repository.discover(copy).working_tree() == before
    assert not (copy.parent / "acme-modelctl-keys").exists()


def test_environments_and_teams_get_other_names(copy: Path, cli: CommandLine) -> None:
    cli("init", *GIVEN, "--environment", "production=live", "--role-team", "ml-lead=leads")
    tree = Repository.discover(copy).tree(Repository.discover(copy).working_tree())
    policy = load_policy(tree, tree.oid)
    assert policy.lifecycle.environments == ("dev", "staging", "live")
    assert tree.names("kustomize/overlays") == ("dev", "live", "staging")
    for path in (copy / "kustomize/overlays/live").rglob("*.yaml"):
        assert "production" not in path.read_text()
    assert "namespace: models-live" in read(copy, "kustomize/overlays/live/kustomization.yaml")
    assert "moved kustomize/overlays/production/kustomization.yaml to " in cli.error
    assert not any("production" in gate.scope.environments for gate in policy.gates)
    assert next(key for key in policy.keys if key.name == "deployer").environments[-1] == "live"
    assert policy.roles["ml-lead"].team == "leads"
    assert require_settings(tree).teams == {
        "platform": "maintain", "leads": "push", "ml-team": "push", "oncology-ml": "push",
    }  # fmt: skip
    assert "@acme/leads" in read(copy, "CODEOWNERS")
    assert '"leads"' in read(copy, ".github/rulesets/into-main.json")
    first = Repository.discover(copy).working_tree()
    cli("init", *GIVEN, "--environment", "production=live")
    assert Repository.discover(copy).working_tree() == first


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--organisation is missing"),
        (("--organisation", "acme", "--member", "platform"), "is not of the form"),
        (("--organisation", "acme", "--member", "chef=ada"), "there is no role chef"),
        (("--organisation", "acme", "--environment", "moon=mars"), "there is no environment moon"),
        (("--organisation", "a b"), "--organisation: 'a b' is no name"),
        (("--organisation", "example"), "--organisation: example is"),
        (("--organisation", "acme", "--member", "platform=-x"), "--member ROLE=LOGIN"),
        (("--organisation", "acme", "--member", "platform=a b"), "no login on GitHub"),
        (("--organisation", "acme", "--member", "platform=,"), "no login on GitHub"),
        (("--organisation", "acme", "--images", "https://ghcr.io/x"), "--images: "),
        (("--organisation", "acme", "--mlflow", "not an address"), "--mlflow: "),
        (("--organisation", "acme", "--environment", "dev=Not Good"), "--environment OLD=NEW: "),
        (("--organisation", "acme", "--role-team", "platform=a b"), "--role-team ROLE=SLUG: "),
        (("--organisation", "acme", "--gate-app", "7", "--deploy-app", "7"), "must be two Apps"),
        (("--organisation", "acme", "--keys", "/proc/x"), "no folder /proc/x can be made"),
        (("--organisation", "acme", "--mlflow", "https://u:p@h"), "without credentials"),
        (("--organisation", "acme", "--team", "Bad Name=x"), "--team NAME=CONTACT[,SLUG]: 'Bad"),
    ],
)
def test_what_can_not_be_is_said_before_anything_is_written(
    copy: Path, cli: CommandLine, args: tuple[str, ...], said: str
) -> None:
    before = Repository.discover(copy).working_tree()
    cli("init", *args, "--yes", code=2)
    assert said in cli.error
    assert Repository.discover(copy).working_tree() == before


def test_it_asks_for_what_is_not_given(
    copy: Path, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    people = ["a b", "ada", " lena ", "pat", "", "", "", ""]
    team = ["oncology-ml", "o@acme.example", "oncology-ml"]
    rest = ["moon", "local", "ghcr.io/acme", "https://mlflow.acme.example"]
    answers = ["example", "acme", "", "", "live", *people, *team, *rest]
    typed = io.BytesIO(("\n".join(answers) + "\n").encode())
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    cli("init")
    tree = Repository.discover(copy).tree(Repository.discover(copy).working_tree())
    policy = load_policy(tree, tree.oid)
    assert [sorted(policy.roles[name].members) for name in ("ml-team", "ml-lead", "platform")] == [
        ["ada"], ["lena"], ["pat"],
    ]  # fmt: skip
    assert list(policy.ownership.teams) == ["oncology-ml"]
    assert default_target(WorkTree(copy)) == "local"
    assert cli.error.startswith("What no option gave is asked for here. Enter keeps")
    assert policy.lifecycle.environments[-1] == "live"
    assert policy.ownership.teams["oncology-ml"].github == "oncology-ml"
    assert require_settings(tree).variables == ("MLFLOW_TRACKING_URI",)
    for said in ("Organisation on GitHub", "'a b' is no login", "'moon' serves nothing"):
        assert said in cli.error


def test_a_clone_of_somebody_elses_repository_is_refused(copy: Path, cli: CommandLine) -> None:
    builder = RepoBuilder(copy)
    builder.git("remote", "add", "origin", "https://github.com/upstream/modelctl.git")
    before = Repository.discover(copy).working_tree()
    message, mend = cli.fails("init", *GIVEN)
    assert message == "the remote origin is that of upstream, not of acme"
    assert mend.startswith("git remote remove origin")
    assert Repository.discover(copy).working_tree() == before
    builder.git("remote", "set-url", "origin", "git@github.com:Acme/models.git")
    assert "git remote add" not in cli("init", *GIVEN)


def test_the_deploy_starts_by_the_default_branch(copy: Path, cli: CommandLine) -> None:
    path = copy / "policies/lifecycle.yaml"
    path.write_text(path.read_text().replace("default_branch: main", "default_branch: trunk"))
    cli("policy", "lint", code=1)
    cli("init", *GIVEN)
    assert "    branches: [trunk] # the default branch" in read(
        copy, ".github/workflows/deploy.yml"
    )


def test_a_rename_is_shown_as_a_move(copy: Path, cli: CommandLine) -> None:
    out = cli("init", *GIVEN, "--environment", "production=live", "--dry-run")
    old, new = (f"kustomize/overlays/{name}/kustomization.yaml" for name in ("production", "live"))
    assert f"rename from {old}\nrename to {new}\n--- a/{old}\n+++ b/{new}\n" in out
    assert "-namespace: models-production\n+namespace: models-live\n" in out
    assert "+++ /dev/null" not in out


def test_lint_holds_what_lies_round_the_policies(copy: Path, cli: CommandLine) -> None:
    cli("init", *GIVEN)
    assert cli("policy", "lint").startswith("✓")
    shutil.rmtree(copy / "kustomize/overlays/staging")
    said = cli("policy", "lint", code=1) + cli.error
    assert "there is no kustomize/overlays/staging" in said
    assert "policies/lifecycle.yaml" in said
    settings = copy / ".github/settings.yaml"
    settings.write_text(settings.read_text().replace("deploy: {id: 22}", "deploy: {id: 11}"))
    cli("policy", "lint", code=2)
    assert "the gate and the deploy App are one and the same" in cli.error


def test_the_app_form_is_filled_in(cli: CommandLine) -> None:
    out = cli("init", "--organisation", "acme", "--yes", "--repository", "ml")
    assert "https://github.com/organizations/acme/settings/apps/new?name=acme-modelctl-gate" in out
    assert "checks=write" in out
    assert "https://github.com/acme/ml/settings/environments" in out


def test_lint_refuses_a_login_that_nobody_can_have(copy: Path, cli: CommandLine) -> None:
    cli("init", *GIVEN)
    roles = copy / "policies/roles.yaml"
    roles.write_text(roles.read_text().replace("[lena]", '["lena, ada"]'))
    said = cli("policy", "lint", code=1) + cli.error
    assert "policies/roles.yaml" in said
    assert "ml-lead.members[0]" in said
