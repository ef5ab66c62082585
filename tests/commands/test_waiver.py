"""`modelctl waiver` and what other commands say of waivers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from modelctl.adapters.documents import load
from modelctl.adapters.schema import schema, validate
from modelctl.domain.waivers import waiver_from
from support.command_line import CommandLine
from support.waivers import FILE, REASON, for_version, grant, text, unfair
from support.world import MODEL, World

VERSION = f"{MODEL}@1.0.0"


def asked(**changes: object) -> list[str]:
    """The options of a waiver that would count, changed as asked for; None leaves one out."""
    given = {
        "gate": "fairness",
        "reason": REASON,
        "approver": "lena",
        "requested-by": "ada",
        "days": 10,
        **changes,
    }
    pairs = ((f"--{name}", str(value)) for name, value in given.items() if value is not None)
    return [word for pair in pairs for word in pair]


# new


def test_a_new_waiver_is_written_whole(served: World, cli: CommandLine) -> None:
    out = cli("waiver", "new", VERSION, *asked(env="staging"))
    assert out == f"{FILE}\n"
    written = (served.directory / FILE).read_bytes()
    document = load(written, FILE)
    assert validate(document, "waiver") == ()
    one = waiver_from(document)
    assert (one.name, one.gate, one.environments) == (VERSION, "fairness", ("staging",))
    assert one.digest == for_version(served, "origin/ml").digest
    assert one.length == timedelta(days=10)
    assert (one.requested_by, one.approved_by, one.reason) == ("ada", "lena", REASON)
    assert "open a pull request into main" in cli.error
    assert "it needs lena's approval, which counts as platform's too\n" in cli.error
    cli("waiver", "new", VERSION, *asked(approver="ben"), "--dry-run")
    assert "it needs the approval of ben (as ml-lead), and 1 platform\n" in cli.error
    [place] = (served.directory / FILE).parent.glob("*")
    assert written.decode().splitlines()[0].endswith("schemas/waiver.schema.json")
    assert place.name == "tumor-classifier-1.0.0-fairness.yaml"


def test_what_is_written_counts_once_it_is_merged(world: World, cli: CommandLine) -> None:
    head = unfair(world)
    cli("waiver", "new", VERSION, "--ref", head, *asked())
    grant(world, waiver_from(load((world.directory / FILE).read_bytes(), FILE)))
    report = cli.json("check", "--base", "origin/ml", "--head", head, "--no-reviews")
    assert report["outcome"] == "waived"
    assert list(Draft202012Validator(dict(schema("report"))).iter_errors(report)) == []
    [found] = [f for v in report["verdicts"] for f in v["findings"] if f["waiver"]]
    assert found["waiver"]["approved_by"] == "lena"
    out = cli("check", "--base", "origin/ml", "--head", head, "--no-reviews")
    assert "waived   by lena until" in out


def test_a_dry_run_writes_nothing(served: World, cli: CommandLine) -> None:
    out = cli("waiver", "new", VERSION, *asked(), "--dry-run")
    assert waiver_from(load(out.encode(), FILE)).gate == "fairness"
    assert not (served.directory / FILE).exists()


def test_nothing_is_overwritten(served: World, cli: CommandLine) -> None:
    path = served.directory / FILE
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    message, mend = cli.fails("waiver", "new", VERSION, *asked())
    assert FILE in message
    assert mend
    assert path.read_text() == "mine\n"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gate": "fairnes"}, "there is no gate fairnes"),
        ({"gate": "*"}, "gate"),
        ({"gate": "provenance"}, "provenance always holds"),
        ({"gate": "claims"}, "claims can't be waived"),
        ({"days": 31}, "longer than 30 d"),
        ({"reason": "because"}, "reason"),
        ({"approver": "pat"}, "pat is not ml-lead for the models of oncology"),
        ({"approver": "ada"}, "ada asked for it"),
        ({"approver": "ada", "requested-by": "ben"}, "ada made tumor-classifier@1.0.0"),
        ({"approver": "lena pat"}, "approved_by"),
        ({"env": "prod"}, "there is no environment prod"),
        (
            {"gate": "load", "env": "dev"},
            f"load doesn't judge {MODEL} on the way to dev; it does for production",
        ),
    ],
)
def test_what_would_not_count_is_not_written(
    served: World, cli: CommandLine, changes: dict[str, object], said: str
) -> None:
    message, mend = cli.fails("waiver", "new", VERSION, *asked(**changes))
    assert "such a waiver would not count" in message
    assert said in message
    assert mend
    assert not (served.directory / "policies/waivers").exists()


@pytest.mark.parametrize("missing", ["gate", "reason", "approver", "requested-by", "days"])
def test_everything_is_asked_for(served: World, cli: CommandLine, missing: str) -> None:
    message, _ = cli.fails("waiver", "new", VERSION, *asked(**{missing: None}))
    assert f"--{missing}" in message


def test_a_version_that_there_is_not_is_an_error(served: World, cli: CommandLine) -> None:
    cli.fails("waiver", "new", f"{MODEL}@9.9.9", *asked())


def test_a_version_must_be_named(served: World, cli: CommandLine) -> None:
    message, mend = cli.fails("waiver", "new", MODEL, *asked())
    assert message == f"which version of {MODEL}?"
    assert mend == f"{MODEL}@1.0.0, or by environment, @dev, @staging"


def test_an_approval_that_fills_another_place_is_asked_for_once(
    served: World, cli: CommandLine
) -> None:
    cli("waiver", "new", VERSION, *asked(gate="load", env="production", approver="pat"))
    assert "it needs pat's approval, which counts as platform's too\n" in cli.error


# list


def three(world: World) -> None:
    """One in force, one that ends soon, one that is over."""
    for name, days in (("late", 20), ("soon", 3), ("over", -1)):
        file = f"policies/waivers/{name}.yaml"
        created = world.now - timedelta(days=5)
        expires = world.now + timedelta(days=days)
        one = for_version(world, "origin/ml", file=file, created_at=created, expires=expires)
        grant(world, one)


def test_all_of_them_are_listed_with_where_they_stand(served: World, cli: CommandLine) -> None:
    three(served)
    found = cli.json("waiver", "list")["waivers"]
    assert [(row["file"][17:-5], row["state"], row["counts"]) for row in found] == [
        ("over", "expired", False),
        ("soon", "expires soon", True),
        ("late", "in force", True),
    ]
    assert found[0]["objections"][0]["reason"].startswith("it expired on")
    out = cli("waiver", "list")
    assert "expires soon" in out
    assert "lena" in out


def test_the_daily_list_has_those_that_end_soon(served: World, cli: CommandLine) -> None:
    three(served)
    found = cli.json("waiver", "list", "--expiring", "7d")["waivers"]
    assert [row["state"] for row in found] == ["expires soon"]
    assert len(cli.json("waiver", "list", "--expiring", "60d")["waivers"]) == 2
    assert "| ⏳ |" in cli("waiver", "list", "--expiring", "7d", "--format", "markdown")
    assert [r["state"] for r in cli.json("waiver", "list", "--expiring")["waivers"]] == [
        "expires soon"
    ]
    assert "by rules of " in cli("waiver", "list", "--expiring")
    message, mend = cli.fails("waiver", "list", "--expiring", "soon")
    assert message == "'soon' is no span of time"
    assert "7d" in mend


def test_no_waiver_is_no_row(served: World, cli: CommandLine) -> None:
    assert cli.json("waiver", "list")["waivers"] == []
    out = cli("waiver", "list")
    assert "policies/waivers/ of origin/main has none to tell of; for what isn't merged" in out
    assert out.endswith("(origin/main)\n")


# policy lint


@pytest.fixture
def edited(served: World) -> Path:
    """The work tree of the default branch, to be edited."""
    served.builder.checkout("main")
    (served.directory / "policies/waivers").mkdir()
    return served.directory / FILE


def test_a_waiver_that_is_right_is_sound(served: World, edited: Path, cli: CommandLine) -> None:
    edited.write_text(text(for_version(served, "origin/ml")))
    found = cli.json("policy", "lint")
    assert (found["problems"], found["notes"]) == ([], [])


def test_one_that_is_over_is_a_note(served: World, edited: Path, cli: CommandLine) -> None:
    edited.write_text(text(for_version(served, "origin/ml", expires=served.now)))
    [note] = cli.json("policy", "lint")["notes"]
    assert note.startswith(f"{FILE}: it expired on")
    assert f"! {FILE}: it expired on" in cli("policy", "lint")


@pytest.mark.parametrize(
    ("raw", "key", "said"),
    [
        ({"gate": "fairnes"}, "gate", "there is no gate fairnes"),
        ({"gate": "*"}, "gate", ""),
        ({"gate": "claims"}, "gate", "claims can't be waived"),
        ({"version": "9.9.9"}, "version", "no branch here has tumor-classifier@9.9.9"),
        ({"model": "no-model"}, "version", "no branch here has no-model@1.0.0"),
        ({"expires": "2036-01-01T00:00:00Z"}, "expires", "longer than 30 d"),
        ({"approved_by": "max"}, "approved_by", "max is not ml-lead"),
    ],
)
def test_one_that_can_not_count_is_a_problem_with_its_line(
    served: World, edited: Path, cli: CommandLine, raw: dict[str, str], key: str, said: str
) -> None:
    written = text(for_version(served, "origin/ml"), **raw)
    edited.write_text(written)
    [row] = cli.json("policy", "lint", code=1)["problems"]
    assert row["file"] == FILE
    assert written.splitlines()[row["line"] - 1].startswith(f"{key}:")
    assert said in row["message"]
    assert row["mend"]


def test_every_document_means_waivers_too(served: World, edited: Path, cli: CommandLine) -> None:
    edited.write_text(text(for_version(served, "origin/ml"), gate="*"))
    report = cli.json("check", "--all", code=1)
    [found] = [f for v in report["verdicts"] for f in v["findings"] if f["blocks"]]
    assert (found["gate"], found["location"]["file"]) == ("waiver", FILE)
