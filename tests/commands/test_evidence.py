"""`modelctl evidence`: signed results on the ledger, what counts of them, and new keys."""

from __future__ import annotations

import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelctl.adapters.documents import load
from modelctl.adapters.schema import validate
from support.command_line import CommandLine
from support.journey import publish, trust
from support.keys import person
from support.world import MODEL, TESTS, World

VERSION = f"{MODEL}@1.0.0"
JUNIT = '<testsuite><testcase name="a"/><testcase name="b">{}</testcase></testsuite>'


@pytest.fixture
def junit(tmp_path: Path) -> Path:
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT.format(""))
    return path


@pytest.fixture
def submitted(world: World) -> World:
    """A version on a feature branch that is checked out."""
    world.submit()
    world.builder.checkout("feature/1.0.0")
    return world


# record


def test_a_result_is_signed_and_recorded(
    submitted: World, cli: CommandLine, key: Path, junit: Path
) -> None:
    trust(submitted, key, "unit-tests")
    said = cli.json(
        "evidence", "record", VERSION, "--kind", "unit-tests", "--result", junit, "--key", key
    )
    assert said["place"].startswith(f"models/{MODEL}/0000/00000001-unit-tests-")
    assert said["predicate"]["tests"]["passed"] == 2
    [row] = cli.json("evidence", "list", VERSION)["entries"]
    assert (row["kind"], row["version"], row["signer"]) == ("unit-tests", "1.0.0", "me")
    whole = json.loads(cli("ledger", "show", MODEL, 1))
    assert whole["signed_by"] == ["me"]
    assert whole["statement"]["predicate"]["tests"]["total"] == 2


def test_the_key_may_come_as_the_secret_of_the_job(
    submitted: World, cli: CommandLine, key: Path, junit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(submitted, key, "unit-tests")
    monkeypatch.setenv("MODELCTL_SIGNING_KEY", key.read_text())
    out = cli("evidence", "record", VERSION, "--kind", "unit-tests", "--result", junit)
    assert "unit-tests" in out
    assert "PRIVATE" not in out + cli.error


def test_a_result_that_failed_is_recorded_and_exits_with_1(
    submitted: World, cli: CommandLine, key: Path, junit: Path
) -> None:
    trust(submitted, key, "unit-tests")
    junit.write_text(JUNIT.format("<failure/>"))
    args = ("evidence", "record", VERSION, "--kind", "unit-tests", "--result", junit, "--key", key)
    assert "failed" in cli(*args, code=1)
    [row] = cli.json("ledger", "list", MODEL)["entries"]
    assert row["summary"] == "failed"


def test_a_dry_run_needs_no_key_and_records_nothing(
    submitted: World, cli: CommandLine, junit: Path
) -> None:
    args = ("evidence", "record", VERSION, "--kind", "unit-tests", "--result", junit, "--dry-run")
    assert cli.json(*args)["place"] is None
    assert cli.json("ledger", "list")["entries"] == []


@pytest.mark.parametrize(
    ("changes", "message", "mend"),
    [
        ({}, "there is no key to sign with", "give --key FILE or set MODELCTL_SIGNING_KEY"),
        ({"--key": "key"}, "the policy trusts no key ", "add its public half to policies/keys/"),
        ({"--kind": "deployment"}, "only the jobs record a deployment", "a kind of evidence"),
        ({"--kind": "../evil"}, "'../evil' is no kind of evidence", "a-z"),
        ({"--kind": "Unit Tests"}, "'Unit Tests' is no kind of evidence", "a-z"),
        ({"--environment": "prod"}, "there is no environment prod", "dev, staging, production"),
    ],
)
def test_what_could_never_count_is_not_recorded(
    submitted: World,
    cli: CommandLine,
    key: Path,
    junit: Path,
    changes: dict[str, str],
    message: str,
    mend: str,
) -> None:
    if changes and "--key" not in changes:
        trust(submitted, key, "*")
    options = {"--kind": "unit-tests", "--result": str(junit), **changes}
    if changes:
        options["--key"] = str(key)
    flat = [part for pair in options.items() for part in pair]
    said, help_ = cli.fails("evidence", "record", VERSION, *flat)
    assert said.startswith(message)
    assert mend in help_
    assert cli.json("ledger", "list")["entries"] == []


def test_a_key_for_other_kinds_or_places_may_not_sign(
    submitted: World, cli: CommandLine, key: Path, junit: Path
) -> None:
    trust(submitted, key, "evaluation")
    args = ("evidence", "record", VERSION, "--kind", "unit-tests", "--result", junit, "--key", key)
    message, mend = cli.fails(*args)
    assert message == "key me may not sign unit-tests statements"
    assert mend == "sign with a key that may, or widen it in the policy"


def test_a_key_that_others_may_read_is_refused(
    submitted: World, cli: CommandLine, key: Path, junit: Path
) -> None:
    key.chmod(0o644)
    args = ("evidence", "record", VERSION, "--kind", "unit-tests", "--result", junit, "--key", key)
    message, mend = cli.fails(*args)
    assert message == f"others may read the signing key {key}"
    assert mend == f"chmod 600 {key}"


@pytest.mark.parametrize("text", ["", "secret-token-value"])
def test_what_is_no_key_is_refused_without_being_shown(
    submitted: World,
    cli: CommandLine,
    junit: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    monkeypatch.setenv("MODELCTL_SIGNING_KEY", text)
    args = ("evidence", "record", VERSION, "--kind", "unit-tests", "--result", junit)
    cli.fails(*args)
    assert "secret-token-value" not in cli.error


@pytest.mark.parametrize(
    ("text", "args", "message", "mend"),
    [
        ("{}", (), "is no result that can be told", "--result-format junit|great-expectations"),
        ("{}", ("--result-format", "locust"), "is not a locust result", "--result-format"),
        ('{"passed": NaN}', (), "is not a result of a known tool: NaN is not", "--result-format"),
        ("[" * 99_999, (), "is nested too deeply", ""),
    ],
)
def test_a_result_that_can_not_be_read_is_told(
    submitted: World,
    cli: CommandLine,
    junit: Path,
    text: str,
    args: tuple[str, ...],
    message: str,
    mend: str,
) -> None:
    junit.write_text(text)
    said, help_ = cli.fails(
        "evidence", "record", VERSION, "--kind", "x", "--result", junit, "--dry-run", *args
    )
    assert message in said
    assert mend in help_


def test_a_version_that_is_not_there_can_not_be_spoken_of(
    world: World, cli: CommandLine, junit: Path
) -> None:
    args = ("evidence", "record", VERSION, "--kind", "x", "--result", junit, "--dry-run")
    message, _ = cli.fails(*args)
    assert message == f"there is no model {MODEL} with versions"
    world.submit()
    assert cli(*args, "--ref", "feature/1.0.0")


# list, verify


def test_evidence_about_one_version_or_all(served: World, cli: CommandLine) -> None:
    served.submit("1.1.0")
    served.evidence("1.1.0", "dev", "feature/1.1.0")
    served.builder.checkout("feature/1.1.0")
    every = {row["version"] for row in cli.json("evidence", "list", MODEL)["entries"]}
    assert every == {"1.0.0", "1.1.0"}
    one = cli.json("evidence", "list", f"{MODEL}@1.1.0")["entries"]
    assert {row["version"] for row in one} == {"1.1.0"}
    assert not {"deployment"} & {row["kind"] for row in one}
    assert "evaluation" in cli("evidence", "list", f"{MODEL}@staging")


def test_a_forged_entry_is_listed_with_what_is_wrong(served: World, cli: CommandLine) -> None:
    forge(served, "evaluation", metrics={"f1_score": 1.0})
    problem = "the signature of key ci is not good: it was altered, or forged"
    rows = cli.json("evidence", "list", f"{MODEL}@1.0.0")["entries"]
    assert [row["problem"] for row in rows if row["kind"] == "evaluation"] == [problem]
    assert problem in cli("evidence", "list", MODEL)
    shown = json.loads(cli("ledger", "show", MODEL, 1))
    assert (shown["signed_by"], shown["problem"]) == ([], problem)


def test_an_entry_that_can_not_be_read_is_listed_for_every_version(
    served: World, cli: CommandLine
) -> None:
    """Nobody can say which version it was about."""
    path, entry = entry_of(served, "evaluation")
    entry["envelope"]["payload"] = base64.b64encode(b"{}").decode()
    publish(served, "ledger", {path: json.dumps(entry, sort_keys=True, indent=1) + "\n"})
    rows = cli.json("evidence", "list", f"{MODEL}@1.0.0")["entries"]
    [odd] = [row for row in rows if row["version"] is None]
    assert odd["problem"]
    whole = json.loads(cli("ledger", "show", MODEL, odd["seq"]))
    assert whole["problem"] == odd["problem"]
    assert "statement" not in whole


def test_which_evidence_counts_and_why_the_rest_does_not(served: World, cli: CommandLine) -> None:
    assert cli("evidence", "verify", f"{MODEL}@dev", "--to", "staging")
    forge(served, "evaluation", metrics={"f1_score": 1.0})
    out = cli("evidence", "verify", f"{MODEL}@dev", "--to", "staging", code=1)
    assert "the signature of key ci is not good: it was altered, or forged" in out
    asked = cli.json("evidence", "verify", f"{MODEL}@dev", "--to", "staging", code=1)
    assert "evaluation" in json.dumps(asked)


def test_the_next_environment_is_asked_for_by_default(served: World, cli: CommandLine) -> None:
    out = cli("evidence", "verify", f"{MODEL}@staging", code=1)
    assert "load-test" in out
    assert "e2e-tests" in out


def test_a_model_that_can_not_be_read_is_told(served: World, cli: CommandLine) -> None:
    served.commit({f"models/{MODEL}/model.yaml": "name: [\n"}, "feature/broken", "ml")
    message, mend = cli.fails("evidence", "verify", VERSION, "--ref", "feature/broken")
    assert MODEL in message
    assert "modelctl check" in mend


def test_evidence_of_a_model_that_nobody_knows_is_told(served: World, cli: CommandLine) -> None:
    message, mend = cli.fails("evidence", "list", "fraud-detector")
    assert message == "there is no model fraud-detector"
    assert mend == f"the models are {MODEL}"


def test_a_known_model_without_evidence_has_an_empty_list(
    submitted: World, cli: CommandLine
) -> None:
    assert cli.json("evidence", "list", MODEL)["entries"] == []


# keygen


def keygen(cli: CommandLine, *args: object, code: int = 0) -> str:
    return cli("evidence", "keygen", *args, code=code)


def test_a_new_pair_is_ready_for_use(
    submitted: World, cli: CommandLine, tmp_path: Path, junit: Path
) -> None:
    private = tmp_path / "new.pem"
    named = ("tests-ci", "--owner", "oncology", "--kind", "unit-tests", "--kind", "e2e-tests")
    out = keygen(cli, *named, "--environment", "dev", "--days", 30, "--private", private)
    assert out == "policies/keys/tests-ci.yaml\n"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "PRIVATE KEY" in private.read_text()
    assert "PRIVATE KEY" not in out + cli.error
    public = submitted.directory / out.strip()
    document = load(public.read_bytes(), out.strip())
    assert validate(document, "key") == ()
    assert document.data["kinds"] == ["unit-tests", "e2e-tests"]
    assert document.data["environments"] == ["dev"]
    start, end = (datetime.fromisoformat(document.data[f"valid_{n}"]) for n in ("from", "until"))
    assert end - start == timedelta(days=30)
    assert datetime.now(UTC) - start < timedelta(minutes=5)

    publish(submitted, "main", {out.strip(): public.read_bytes()})
    record = ("evidence", "record", VERSION, "--kind", "unit-tests", "--result", junit)
    assert cli(*record, "--key", private, "--environment", "dev")


def test_the_public_half_goes_to_the_top_of_the_repository(
    world: World, cli: CommandLine, tmp_path: Path
) -> None:
    world.builder.checkout("main")
    cli.directory = world.directory / "policies" / "gates"
    out = keygen(cli, "me", "--owner", "x", "--kind", "*", "--private", tmp_path / "k.pem")
    assert out == "policies/keys/me.yaml\n"
    assert (world.directory / "policies/keys/me.yaml").is_file()
    assert not (cli.directory / "policies").exists()


@pytest.mark.parametrize("which", ["public", "private"])
def test_neither_half_is_ever_overwritten_and_none_is_left_alone(
    world: World, cli: CommandLine, tmp_path: Path, which: str
) -> None:
    private, public = tmp_path / "k.pem", world.directory / "policies/keys/me.yaml"
    public.parent.mkdir(parents=True, exist_ok=True)
    taken = public if which == "public" else private
    taken.write_text("mine")
    args = ("me", "--owner", "x", "--kind", "*", "--private", private)
    message, mend = cli.fails("evidence", "keygen", *args)
    assert message == f"{taken} is there already"
    assert mend == "edit or remove it, or choose another name"
    assert taken.read_text() == "mine"
    assert not (private if which == "public" else public).exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("../evil", "--kind", "*"), "`../evil`"),
        (("Bad Name", "--kind", "*"), "`Bad Name`"),
        (("me", "--kind", "unit tests"), "`unit tests`"),
        (("me", "--kind", "*", "--environment", "Dev!"), "`Dev!`"),
        (("me", "--kind", "*", "--owner", ""), "owner"),
        (("me", "--kind", "*", "--kind", "*"), "kinds"),
        (("me", "--kind", "*", "--days", 0), "--days"),
        (("me", "--kind", "*", "--days", -3), "--days"),
        (("me", "--kind", "*", "--days", 999_999_999), "--days"),
    ],
)
def test_a_key_that_the_policy_would_refuse_is_not_made(
    world: World, cli: CommandLine, tmp_path: Path, args: tuple[object, ...], said: str
) -> None:
    private = tmp_path / "k.pem"
    owner = () if "--owner" in args else ("--owner", "x")
    message, mend = cli.fails("evidence", "keygen", *args, *owner, "--private", private)
    assert said in message
    assert mend
    assert not private.exists()
    assert world.builder.git("status", "--porcelain", "--untracked-files=all") == ""


def test_a_bare_repository_takes_no_key(world: World, cli: CommandLine, tmp_path: Path) -> None:
    cli.directory = world.shared
    args = ("me", "--owner", "x", "--kind", "*", "--private", tmp_path / "k.pem")
    message, mend = cli.fails("evidence", "keygen", *args)
    assert message.endswith("shared.git has no work tree")
    assert mend == "run it in a clone"
    assert not (tmp_path / "k.pem").exists()


def test_a_key_belongs_to_a_repository(cli: CommandLine, tmp_path: Path) -> None:
    cli.directory = tmp_path / "empty"
    cli.directory.mkdir()
    args = ("me", "--owner", "x", "--kind", "*", "--private", tmp_path / "k.pem")
    message, _ = cli.fails("evidence", "keygen", *args)
    assert message.endswith("empty is not in a git repository")
    assert not (tmp_path / "k.pem").exists()


# helpers


def entry_of(world: World, kind: str) -> tuple[str, dict[str, dict[str, str]]]:
    """The path and the content of the first entry of a kind."""
    world.builder.git("fetch", "--quiet", "origin")
    names = world.builder.git("ls-tree", "-r", "--name-only", "origin/ledger").splitlines()
    path = next(name for name in names if f"-{kind}-" in name)
    return path, json.loads(world.show("origin/ledger", path))


def forge(world: World, kind: str, **predicate: object) -> None:
    """Changes what a signed entry says, as whoever can push to the ledger could."""
    path, entry = entry_of(world, kind)
    statement = json.loads(base64.b64decode(entry["envelope"]["payload"]))
    statement["predicate"].update(predicate)
    entry["envelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    publish(world, "ledger", {path: json.dumps(entry, sort_keys=True, indent=1) + "\n"})


def test_evidence_by_a_key_that_was_taken_off_the_list_does_not_count(
    served: World, cli: CommandLine
) -> None:
    served.record("unit-tests", "offline", TESTS, pointer=f"{MODEL}@1.0.0^origin/develop")
    ci = served.show("origin/main", "policies/keys/ci.yaml")
    other = person("ci").trusted.public.replace("\n", "\n  ").rstrip()
    start, end = ci.index("-----BEGIN"), ci.index("valid_from")
    publish(served, "main", {"policies/keys/ci.yaml": ci[:start] + other + "\n" + ci[end:]})
    out = cli("evidence", "verify", f"{MODEL}@dev", "--to", "staging", code=1)
    assert "key" in out
    assert "unit-tests" in out
