"""`modelctl evidence plan` and `sign`: what of a pull request is measured, and who signs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelctl.services.measuring import result_bytes
from support.command_line import CommandLine
from support.forges import judged_forge
from support.hub import HubWorld
from support.journey import trust
from support.world import CLEAN, MODEL, World, evaluation

VERSION = f"{MODEL}@1.0.0"


@pytest.fixture
def hub(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubWorld]:
    """The world behind a forge that the command line finds."""
    with judged_forge(tmp_path / "forge") as judged:
        hub = HubWorld.create(world, judged.forge)
        for name, value in hub.environment().items():
            monkeypatch.setenv(name, value)
        yield hub
        assert judged.judge.take() == []


@pytest.fixture
def number(hub: HubWorld) -> int:
    """A pull request that nothing was measured of."""
    hub.world.submit()
    return hub.open("ml", "feature/1.0.0")


def write(hub: HubWorld, folder: Path, number: int) -> None:
    """The results of both measurements, as their jobs hand them over."""
    located = hub.world.locate("1.0.0", hub.pull(number).head)
    for kind, predicate in (("security-scan", CLEAN), ("evaluation", evaluation())):
        name = f"{kind}.{VERSION}"
        (folder / name).mkdir(parents=True)
        data = result_bytes(located, kind, "offline", predicate)
        (folder / name / f"{name}.json").write_bytes(data)


def test_what_is_lacking_is_listed_for_people_scripts_and_workflows(
    hub: HubWorld, number: int, cli: CommandLine
) -> None:
    head = hub.pull(number).head
    rows = [{"version": VERSION, "kind": kind} for kind in ("security-scan", "evaluation")]
    assert cli("evidence", "plan", number) == (
        f"security-scan of {VERSION}\nevaluation of {VERSION}\n"
    )
    assert cli.json("evidence", "plan", number) == {"head": head, "measurements": rows}
    first, second = cli("evidence", "plan", number, "--format", "outputs").splitlines()
    assert first == f"head={head}"
    assert second.startswith('measurements=[{"version": ')
    hub.world.evidence("1.0.0", "dev", head)
    assert cli("evidence", "plan", number) == "nothing is to be measured\n"


def test_results_are_signed_once(
    hub: HubWorld, number: int, cli: CommandLine, key: Path, tmp_path: Path
) -> None:
    trust(hub.world, key, "evaluation", "security-scan")
    write(hub, tmp_path / "results", number)
    given = ("evidence", "sign", number, "--results", tmp_path / "results", "--key", key)
    out = cli(*given).splitlines()
    assert [line.partition(": recorded as ")[0] for line in out] == [
        f"security-scan of {VERSION}",
        f"evaluation of {VERSION}",
    ]
    assert cli(*given) == ""
    kinds = [row["kind"] for row in cli.json("evidence", "list", VERSION)["entries"]]
    assert kinds == ["security-scan", "evaluation"]


def test_a_missing_result_is_told_and_the_others_are_signed(
    hub: HubWorld, number: int, cli: CommandLine, key: Path, tmp_path: Path
) -> None:
    trust(hub.world, key, "evaluation", "security-scan")
    write(hub, tmp_path / "results", number)
    (tmp_path / "results" / f"evaluation.{VERSION}" / f"evaluation.{VERSION}.json").unlink()
    assert "security-scan" in cli(
        "evidence", "sign", number, "--results", tmp_path / "results", "--key", key, code=1
    )
    assert f"evaluation of {VERSION}: there is no result" in cli.error


def test_results_that_are_nowhere_are_wrong_usage(
    hub: HubWorld, number: int, cli: CommandLine, key: Path, tmp_path: Path
) -> None:
    trust(hub.world, key, "evaluation", "security-scan")
    given = ("evidence", "sign", number, "--results", tmp_path / "nowhere", "--key", key)
    assert cli(*given, code=2) == ""
    assert "does not exist" in cli.error


def test_a_result_of_an_older_head_is_not_signed(
    hub: HubWorld, number: int, cli: CommandLine, key: Path, tmp_path: Path
) -> None:
    trust(hub.world, key, "evaluation", "security-scan")
    write(hub, tmp_path / "results", number)
    hub.world.submit(manifest={"changelog": "Another one."})
    hub.push("ada", "feature/1.0.0")
    message, mend = cli.fails(
        "evidence", "sign", number, "--results", tmp_path / "results", "--key", key
    )
    place, _, why = message.partition(": ")
    assert place == f"security-scan.{VERSION}.json"
    assert why.startswith("the file is about another digest than ")
    assert mend == "measure the newest commit of the pull request"


def test_a_key_that_may_not_sign_it_signs_nothing(
    hub: HubWorld, number: int, cli: CommandLine, key: Path, tmp_path: Path
) -> None:
    write(hub, tmp_path / "results", number)
    given = ("evidence", "sign", number, "--results", tmp_path / "results")
    message, _ = cli.fails(*given)
    assert message == "there is no key to sign with"
    message, _ = cli.fails(*given, "--key", key)
    assert message.startswith("the policy trusts no key ")


def test_a_pull_request_that_is_closed_or_conflicts_is_not_measured(
    hub: HubWorld, number: int, cli: CommandLine
) -> None:
    conflict = hub.world.commit({f"models/{MODEL}/model.yaml": "a\n"}, "other", "ml")
    hub.world.builder.git("push", "--quiet", "origin", f"{conflict}:ml")
    assert cli("evidence", "plan", number) == "nothing is to be measured\n"
    assert "can't be judged: " in cli.error
    hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    message, mend = cli.fails("evidence", "plan", number)
    assert (message, mend) == (f"#{number} is closed", "measure an open pull request")


def test_a_job_with_the_app_reaches_a_remote_that_holds_no_credentials(
    hub: HubWorld, number: int, cli: CommandLine, key: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """As after actions/checkout with persist-credentials: false."""
    trust(hub.world, key, "unit-tests")
    hub.world.builder.git("remote", "set-url", "origin", hub.clone_url())
    result = tmp_path / "tests.json"
    result.write_text('{"passed": true}')
    given = ("evidence", "record", VERSION, "--kind", "unit-tests", "--result", result,
             "--ref", "feature/1.0.0", "--key", key)  # fmt: skip
    assert "recorded as " in cli(*given)
    assert cli("retention", "apply", "--key", key)
    for name in hub.environment():
        monkeypatch.delenv(name)
    cli.fails(*given, code=3)
