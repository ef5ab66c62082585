from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from demo import hosting, hub
from demo.failure import DemoError
from demo.hub import Hub, Pull
from demo.people import ADA, BEN, EVERYBODY, PAT, QUINN
from demo.sandbox import Sandbox
from modelctl.domain.pulls import CHECK_NAME
from modelctl.domain.settings import GATE


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    made = Sandbox(root=tmp_path_factory.mktemp("hub") / "demo")
    made.create()
    return made


@pytest.fixture(scope="module")
def forge(sandbox: Sandbox) -> Iterator[Hub]:
    """A forge whose main needs a review and the check of the gate App."""
    try:
        yield hosting.start(sandbox)
    finally:
        hosting.end(sandbox)


@pytest.fixture(scope="module")
def pull(forge: Hub, sandbox: Sandbox) -> Pull:
    """A pull request of ada's into main, whose rules are in force."""

    def git(*args: str) -> None:
        name = ("-c", f"user.name={ADA.login}", "-c", f"user.email={ADA.email}")
        subprocess.run(["git", *name, *args], cwd=sandbox.root / "ada", check=True)

    (sandbox.root / "ada").mkdir()
    git("init", "--quiet", "--initial-branch", "main")
    git("commit", "--quiet", "--allow-empty", "--message", "First")
    (sandbox.root / "ada" / "x.txt").write_text("x")
    address = forge.clone_url.replace("://", f"://x:{forge.tokens[ADA.login]}@")
    git("push", "--quiet", address, "main")
    git("add", "x.txt")
    git("commit", "--quiet", "--message", "Add x")
    git("push", "--quiet", address, "main:x")
    checks = [{"context": CHECK_NAME, "integration_id": forge.apps[GATE].id}]
    rules = [
        {"type": "pull_request", "parameters": {"required_approving_review_count": 1}},
        {"type": "required_status_checks", "parameters": {"required_status_checks": checks}},
    ]
    condition = {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}
    wanted = {"name": "main", "target": "branch", "enforcement": "active", "rules": rules}
    with forge.acting(PAT) as person:
        person.call("POST", "rulesets", {**wanted, "conditions": condition})
    with forge.acting(ADA) as person:
        number = person.open_pull("x", "main", "Add x")["number"]
    return Pull(number=number, author=ADA, base="main")


def test_everybody_has_an_account_and_only_platform_administers(forge: Hub) -> None:
    assert forge.tokens.keys() == {person.login for person in EVERYBODY}
    for person in EVERYBODY:
        with forge.acting(person) as one:
            assert one.call("GET", "/user")["id"] == person.id
            assert one.call("GET", f"/repos/{hub.REPOSITORY}")["permissions"]["admin"] is (
                person is PAT
            )


def test_its_secrets_lie_with_the_keys_and_show_in_no_text(forge: Hub, sandbox: Sandbox) -> None:
    secret = forge.tokens["ada"]
    assert secret in (sandbox.keys / "forge.out").read_text()
    assert secret not in repr(forge)
    assert forge.apps[GATE].key not in repr(forge)
    assert secret not in (sandbox.forge / "seed.json").read_text()


def test_its_refusals_are_told_in_its_own_words(forge: Hub, pull: Pull) -> None:
    assert forge.refused_approval(pull, ADA) == "Can not approve your own pull request"
    told = forge.refused_merge(pull, QUINN)
    assert told.startswith("Repository rule violations found\nAt least 1 approving review")
    assert f'Required status check "{CHECK_NAME}" is expected.' in told
    with pytest.raises(DemoError, match=f"#{pull.number} can't be merged"):
        forge.merge(pull, QUINN)


def test_a_forged_check_is_not_the_check(forge: Hub, pull: Pull) -> None:
    forge.approve(pull, BEN)
    forge.forge_check(pull)
    assert forge.check(pull) == ("none", "")
    assert "is expected" in forge.refused_merge(pull, BEN)


def test_what_is_allowed_is_no_refusal(forge: Hub, pull: Pull) -> None:
    with pytest.raises(DemoError, match="allowed what its rules forbid"):
        forge.refused_approval(pull, BEN)


def test_the_pages_become_files(forge: Hub, pull: Pull, sandbox: Sandbox) -> None:
    forge.comment(pull, BEN, "Why is **x** here?")
    assert forge.last_comment(pull) == "Why is **x** here?"
    page = (forge.export(sandbox.pages) / "pull" / f"{pull.number}.html").read_text()
    assert "Why is <strong>x</strong> here?" in page


def test_whoever_explores_acts_as_a_person_or_as_a_job(forge: Hub, sandbox: Sandbox) -> None:
    sandbox.write_env(forge.exports(sandbox))
    ask = "python3 -c \"import os; print(len(os.environ.get('MODELCTL_APP_KEY', str())))\""
    run = subprocess.run(
        [
            "sh",
            "-uc",
            f'NO_PROXY= no_proxy=; . ./env.sh; echo "$GITHUB_TOKEN"; {ask}; as_gates {ask}',
        ],
        cwd=sandbox.root,
        capture_output=True,
        text=True,
        check=True,
    )
    token, without, with_key = run.stdout.split()
    assert token == forge.tokens["pat"]
    assert without == "0"
    assert int(with_key) == len(forge.apps[GATE].key.strip())


def test_it_ends_when_it_is_told_to_and_only_then(tmp_path: Path) -> None:
    sandbox = Sandbox(root=tmp_path / "demo")
    sandbox.create()
    hosting.end(sandbox)
    forge = hosting.start(sandbox)
    try:
        httpx.get(forge.url, trust_env=False)
    finally:
        hosting.end(sandbox)
    with pytest.raises(httpx.ConnectError):
        httpx.get(forge.url, trust_env=False)
