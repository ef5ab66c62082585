"""Every case below `examples/`, found by itself: a pull request, judged by the command line.

`examples/README.md` says how a case is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from modelctl.adapters.schema import schema
from modelctl.adapters.signing import sign
from modelctl.domain.evidence import Statement
from modelctl.domain.policy import Transition
from modelctl.services.endings import Wish
from modelctl.services.evidence import statement_of
from modelctl.services.session import MACHINE
from support.command_line import CommandLine
from support.deploys import run
from support.journey import publish
from support.repos import File
from support.waivers import for_version, text as waiver_text
from support.world import EVIDENCE, MODEL, Template, World, submission, user

ROOT = Path(__file__).with_name("examples")
CASES = sorted(path.parent for path in ROOT.glob("*/*/case.yaml"))
PREDICATES = {kind: predicate for rows in EVIDENCE.values() for kind, _, predicate in rows}
LONG_AGO = timedelta(days=10)
STEP = timedelta(hours=30)
"""Between the examples that went before; longer than the soak of the default policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case as its folder has it; see `examples/README.md`."""

    name: str
    about: str
    into: str
    expect: Mapping[str, Any]
    reviews: Sequence[Mapping[str, str]]
    author: str = "ada"
    based_on: str | None = None
    before: Sequence[str] = ()
    cut_from: str | None = None
    edits: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    remove: Sequence[str] = ()
    modes: Mapping[str, str] = field(default_factory=dict)
    evidence: Sequence[Mapping[str, Any]] | None = None
    quarantined: Mapping[str, str] | None = None
    ended: Sequence[Mapping[str, str]] = ()
    last_step_hours_ago: float | None = None
    waiver: Mapping[str, Any] | None = None
    rules: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, str]:
        """The files of the change: those of the example that it is based on, then its own."""
        below = read(self.based_on).files if self.based_on else {}
        folder = ROOT / self.name / "change"
        own = {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in folder.rglob("*")
            if path.is_file()
        }
        return {**below, **own}


def read(name: str) -> Case:
    """The case of this name: `pass/…` or `block/…`."""
    return Case(name=name, **yaml.safe_load((ROOT / name / "case.yaml").read_text()))


@dataclass(kw_only=True)
class Stage:
    """Worlds in which some examples have been carried out; each is made once and copied."""

    directory: Path
    _made: dict[tuple[object, ...], Template] = field(default_factory=dict)

    def world(self, case: Case, directory: Path) -> World:
        """A world of the case's own, at the time that it is now."""
        template = self._template(tuple(case.before), case.last_step_hours_ago)
        world = template.copy(directory)
        world.pulls, world.now = deepcopy(template.world.pulls), datetime.now(UTC)
        return world

    def _template(self, before: tuple[str, ...], hours: float | None) -> Template:
        key = (before, hours)
        if key not in self._made:
            self._made[key] = self._make(before, hours)
        return self._made[key]

    def _make(self, before: tuple[str, ...], hours: float | None) -> Template:
        directory = self.directory / str(len(self._made))
        if not before:
            return Template(directory=directory, world=World.create(directory))
        earlier = self._template(before[:-1], None)
        directory = self.directory / str(len(self._made))
        world = earlier.copy(directory)
        world.pulls = deepcopy(earlier.world.pulls)
        start = datetime.now(UTC) - LONG_AGO + STEP * len(before)
        world.now = datetime.now(UTC) - timedelta(hours=hours) if hours else start
        carry_out(world, read(before[-1]))
        return Template(directory=directory, world=world)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(directory=tmp_path_factory.mktemp("examples"))


@pytest.mark.parametrize("name", [path.relative_to(ROOT).as_posix() for path in CASES])
def test_example(
    name: str, stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = read(name)
    world = stage.world(case, tmp_path / "world")
    head = propose(world, case)
    review(world, case, head)
    cli = CommandLine(directory=world.directory, capsys=capsys)
    ends = ("--base", f"origin/{case.into}", "--head", head, "--reviews", last_pull(world))
    report = cli.json("check", *ends, code=case.expect["exit"])
    assert list(Draft202012Validator(dict(schema("report"))).iter_errors(report)) == []
    blocking = [f for v in report["verdicts"] for f in v["findings"] if f["blocks"]]
    assert {finding["gate"] for finding in blocking} == set(case.expect.get("blocks", ()))
    said = [text for finding in blocking for text in words(finding)]
    assert any(case.expect.get("says", "") in text for text in [*said, ""]), "\n".join(said)


def propose(world: World, case: Case) -> str:
    """The pull request's branch with its evidence; its head."""
    files: dict[str, str | File | None] = {**case.files}
    for path, edits in case.edits.items():
        text = case.files.get(path) or world.show(f"origin/{case.into}", path)
        files[path] = edited(text, edits)
    for path, mode in case.modes.items():
        files[path] = File(mode=mode, data=str(files[path]).encode())
    files |= dict.fromkeys(case.remove)
    start = case.cut_from or case.into
    if case.waiver is not None and case.waiver.get("proposed"):
        files |= waived(world, case)
    head = world.commit(files, f"proposed/{case.name}", start, message=case.about)
    prove(world, case, head)
    if case.waiver is not None and not case.waiver.get("proposed"):
        publish(world, "main", waived(world, case, head))
    for path, edits in case.rules.items():
        publish(world, "main", {path: edited(world.show("origin/main", path), edits)})
    return head


def waived(world: World, case: Case, head: str | None = None) -> dict[str, str]:
    """The waiver of the case: of the version that it changes, or that `ml` has."""
    said = dict(case.waiver or {})
    begins = world.now - timedelta(days=said.pop("age_days", 1))
    times = {"created_at": begins, "expires": begins + timedelta(days=said.pop("days", 10))}
    said.pop("proposed", None)
    lists = {key: tuple(said.pop(key)) for key in ("environments",) if key in said}
    one = for_version(world, head or "origin/ml", **lists, **times)
    return {one.file: waiver_text(one, **said)}


def edited(text: str, edits: Sequence[Mapping[str, str]]) -> str:
    for edit in edits:
        assert text.count(edit["old"]) == 1, f"{edit['old']!r} must stand once in\n{text}"
        text = text.replace(edit["old"], edit["new"])
    return text


def prove(world: World, case: Case, head: str) -> None:
    """Everything that the default gates ask for on this way, or what the case says instead."""
    transition = world.session().policy.lifecycle.to_branch(case.into)
    rows = default_evidence(transition) if case.evidence is None else case.evidence
    version = next((yaml.safe_load(t)["version"] for p, t in case.files.items()
                    if p == f"models/{MODEL}/release.yaml"), "1.0.0")  # fmt: skip
    for number, row in enumerate(rows):
        age = timedelta(days=row.get("age_days", 0), milliseconds=-number)
        world.record(
            row["kind"],
            row.get("measured", "offline"),
            {**PREDICATES[row["kind"]], **row.get("with", {})},
            pointer=f"{MODEL}@{version}^{head}",
            at=world.now - age,
        )
    if case.quarantined:
        quarantine(world, **case.quarantined)
    for row in case.ended:
        end(world, **row)


def default_evidence(transition: Transition | None) -> list[dict[str, str]]:
    rows = EVIDENCE[transition.environment] if transition else ()
    return [{"kind": kind, "measured": measured} for kind, measured, _ in rows]


def quarantine(world: World, *, version: str, environment: str, reason: str) -> None:
    """What the job that rolls back writes."""
    held = Statement(
        kind="quarantine",
        subject=f"models/{MODEL}/versions/{version}.yaml",
        digest="a" * 64,
        made_at=world.now,
        environment=environment,
        predicate={"version": version, "reason": reason},
    )
    envelope = sign(held, world.deployer.signer)
    world.session().ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)


def end(world: World, *, version: str, kind: str, reason: str) -> None:
    """What whoever ends versions writes, whether something needs it or not."""
    located = world.locate(version, "origin/ml")
    wish = Wish(kind=kind, reason=reason, by="pat")
    told = statement_of(located, kind, "production", wish.predicate(version), world.now)
    envelope = sign(told, world.deployer.signer)
    world.session().ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)


def review(world: World, case: Case, head: str) -> None:
    """The pull request with its reviews, in their order."""
    world.builder.git("fetch", "--quiet", "origin")
    older = world.builder.git("rev-parse", f"{head}^")
    reviews = [
        {
            "id": number,
            "user": user(row["by"]),
            "state": row.get("state", "APPROVED"),
            "commit_id": older if row.get("of") == "an older commit" else head,
            "submitted_at": f"2026-11-20T09:{number:02}:00Z",
        }
        for number, row in enumerate(case.reviews, 1)
    ]
    world.pull(case.into, head, [], author=case.author, reviews=reviews)


def last_pull(world: World) -> Path:
    """The file of the last pull request alone."""
    return replace(world, pulls=world.pulls[-1:]).pulls_file()


def carry_out(world: World, case: Case) -> None:
    """Merges and deploys an example, so that another can come after it."""
    head = propose(world, case)
    review(world, case, head)
    world.builder.git("checkout", "--quiet", "--force", "-B", case.into, f"origin/{case.into}")
    world.builder.git("merge", "--no-ff", "--quiet", "-m", f"Merge into {case.into}", head)
    merged = world.builder.git("rev-parse", "HEAD")
    world.builder.git("push", "--quiet", "origin", f"HEAD:{case.into}")
    world.pulls[-1]["pull_request"]["merge_commit_sha"] = merged
    transition = world.session().policy.lifecycle.to_branch(case.into)
    assert transition is not None
    done = run(world, transition.environment)
    assert not any(decision.blocked for decision in done.decisions), case.name


def words(finding: Mapping[str, Any]) -> list[str]:
    """Everything that a finding says."""
    texts = [finding[key] for key in ("message", "because", "mend", "command")]
    return [text for text in [*texts, *finding["values"].values()] if text]


def test_there_are_cases_of_both_kinds() -> None:
    kinds = [path.parent.name for path in CASES]
    assert kinds.count("pass") >= 8
    assert kinds.count("block") >= 25
    assert set(kinds) == {"pass", "block"}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_a_case_expects_what_its_folder_says(path: Path) -> None:
    case = read(path.relative_to(ROOT).as_posix())
    assert case.expect["exit"] == {"pass": 0, "block": 1}[path.parent.name]
    assert bool(case.expect.get("says")) == (path.parent.name == "block")
    assert case.about.endswith(".")


def test_every_gate_has_a_case_that_blocks() -> None:
    """The gates of the default policy, and the rules that no policy can switch off."""
    policies = (Path(__file__).parents[1] / "policies" / "gates").glob("*.yaml")
    gates = {name for path in policies for name in yaml.safe_load(path.read_text())["gates"]}
    always = {
        "approvals", "documents", "file-mode", "immutability", "merge", "mixing", "placement",
        "provenance", "release", "rules-branch", "sync", "waiver",
    }  # fmt: skip
    cases = [read(path.relative_to(ROOT).as_posix()) for path in CASES]
    found = {gate for case in cases for gate in case.expect.get("blocks", ())}
    assert (gates | always) - found == {"manual-reviews"}  # reviews are told as approvals


def test_the_first_version_is_what_the_other_tests_submit() -> None:
    assert read("pass/first-version").files == submission()
