"""The figures of the source documents, each just inside and just outside: `profiles/README.md`."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from modelctl.adapters.policies import PolicyError
from modelctl.domain.policy import Policy
from modelctl.gates import judge
from reference_pages.profiles import FOLDER, KEYS, SOURCES, Line, figures, place, rows, titles
from reference_pages.requirements import requirements_page
from support.command_line import CommandLine
from support.profile_judges import JUDGES, said, told_apart
from support.profile_mutations import changed
from support.profiles import Files, files, is_own, load, place as place_of, policy
from support.repos import RepoBuilder
from support.situations import on_its_way, situation
from support.world import PROJECT

ROOT = PROJECT / FOLDER
ROWS = {row.figure.id: row for row in rows(PROJECT)}
DIFFER = {"low"}
"""What only the profile looks at: the shipped scan lets what is of low severity be."""

CHANGING = [id_ for id_, row in ROWS.items() if next(changed(row), None) is not None]


@pytest.mark.parametrize("side", ["inside", "outside"])
@pytest.mark.parametrize("id_", ROWS)
def test_numbers(id_: str, side: str) -> None:
    found = said(ROWS[id_], side)
    assert found.others == ()
    assert found.lets == (side == "inside")


@pytest.mark.parametrize("id_", CHANGING)
def test_a_figure_that_is_changed_by_a_hair_is_noticed(id_: str) -> None:
    row = ROWS[id_]
    taken = [found for found in map(taken_by_the_reader, changed(row)) if found]
    assert bool(taken) != row.how.get("refused", False), "what is changed must be a policy, or not"
    assert [told_apart(row, found) for found in taken] == [False] * len(taken)


def taken_by_the_reader(found: Files) -> Policy | None:
    """The policy, or None where its own reader refuses it."""
    try:
        return load(found)
    except PolicyError:
        return None


def test_only_what_a_check_knows_by_itself_cannot_be_changed() -> None:
    """Such a gate has no figure in its line; that it is gone altogether is noticed."""
    for row in (row for id_, row in ROWS.items() if id_ not in CHANGING):
        gates, name = place_of(row).path
        assert gates == "gates"
        own = policy(row.figure.source)
        bare = replace(own, gates=tuple(gate for gate in own.gates if gate.name != name))
        with pytest.raises(LookupError, match="nothing was found"):
            said(row, "inside", bare)


def test_every_figure_of_the_requirements_has_a_row() -> None:
    assert [row.figure for row in ROWS.values()] == list(figures(PROJECT))
    assert {figure.source for figure in figures(PROJECT)} == set(SOURCES)
    assert {row.how["judge"] for row in ROWS.values()} == set(JUDGES)


def test_the_requirements_are_those_of_the_sections_a_to_f() -> None:
    counts = {"A": 8, "B": 13, "C": 3, "D": 9, "E": 6, "F": 5}
    expected = [f"{letter}{n + 1}" for letter, count in counts.items() for n in range(count)]
    assert list(titles(PROJECT)) == expected


def test_every_shipped_line_is_there_and_about_the_same() -> None:
    """The line of a rule names the value that the test varies."""
    for row in (row for row in ROWS.values() if row.shipped):
        where = place(PROJECT, row.shipped, None)
        if where.path[-1] in ("rule", "when"):
            subject = row.how["vary"].rpartition(".")[2]
            assert subject in where.document.value(where.path) or subject in DIFFER, row.figure.id


@pytest.mark.parametrize(
    "text",
    [
        "gates/quality.yaml gates.quality.require[9].rule",
        "gates/quality.yaml gates.nothing.require[0].rule",
        "gates/quality.yaml gates.quality.require[0].mend",
        "rollback.yaml triggers[errors].when",
        "rollback.yaml within.seconds",
    ],
)
def test_a_line_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(LookupError, match=r"^tests/profiles/S3/policies/.* has no "):
        place(PROJECT, Line.parse(text), "S3")


def test_a_row_that_names_another_line_fails() -> None:
    row = ROWS["S3-B7-accuracy"]
    auc = replace(row, line=ROWS["S3-B7-auc"].line)
    assert said(row, "outside").lets is False
    assert said(auc, "outside").lets is True
    with pytest.raises(LookupError, match="nothing was found"):
        said(replace(row, line=ROWS["S3-B9-load"].line), "outside")


@pytest.mark.parametrize("source", SOURCES)
def test_the_linter_takes_every_profile(
    source: str, repo: RepoBuilder, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.commit(dict(files(source)))
    assert CommandLine(directory=repo.directory, capsys=capsys)(
        "policy", "lint", "--ref", "HEAD"
    ).startswith("✓")


@pytest.mark.parametrize("source", SOURCES)
def test_a_profile_has_only_what_differs(source: str) -> None:
    own = [path for path in files(source) if is_own(source, path)]
    assert [path for path in own if (PROJECT / path).read_bytes() == files(source)[path]] == []


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize("source", SOURCES)
def test_what_meets_every_figure_passes_the_whole_profile(source: str, environment: str) -> None:
    found = policy(source)
    candidate, facts = on_its_way(situation(), environment, found)
    others = {gate.name for gate in found.gates if gate.location.file not in judged_by(source)}
    findings = [f for f in judge(candidate, found, facts).findings if f.gate not in others]
    assert {f.gate for f in findings} >= {"metadata", "version-bump", "artifacts", "features"}
    assert [f for f in findings if f.outcome.blocks] == []


def judged_by(source: str) -> set[str]:
    """The files of the profile's own gates, and of those that every version needs."""
    own = {path for path in files(source) if is_own(source, path)}
    return {*own, "policies/gates/integrity.yaml"}


def test_the_rows_are_explained() -> None:
    told = set(re.findall(r"^\| (`.+?) \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert {name for cell in told for name in re.findall(r"`(\w+)`", cell)} == set(KEYS)


def test_the_page_has_every_figure_with_its_line_and_its_test() -> None:
    text = requirements_page(PROJECT)
    assert [id_ for id_ in ROWS if text.count(f"`{id_}`") != 1] == []
    accuracy = next(line for line in text.splitlines() if "`S3-B7-accuracy`" in line)
    own = place(PROJECT, ROWS["S3-B7-accuracy"].line, "S3").location
    assert f"{own.file}#L{own.line}" in accuracy
    assert "(../../policies/gates/quality.yaml#L" in accuracy


@pytest.mark.parametrize("name", ["requirements.yaml", "S3/numbers.yaml"])
def test_a_key_that_nobody_reads_is_refused(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / FOLDER)
    copied = tmp_path / FOLDER / name
    text = copied.read_text()
    wrong = text.replace("says: accuracy ≥ 0.85,", "says: accuracy ≥ 0.85, about: it,", 1)
    wrong = wrong.replace("    judge: gate\n", "    judge: gate\n    about: it\n", 1)
    copied.write_text(wrong)
    with pytest.raises(LookupError, match="nobody reads about"):
        rows(tmp_path)


@pytest.mark.parametrize(
    ("name", "added", "told"),
    [
        ("requirements.yaml", "B99: {title: More, S3: {more: {says: more}}}", "has no row for "),
        ("S3/numbers.yaml", "B99: {more: {line: rollback.yaml within}}", "no requirement has "),
    ],
)
def test_a_figure_without_a_row_and_a_row_without_a_figure_are_refused(
    name: str, added: str, told: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT, tmp_path / FOLDER)
    with (tmp_path / FOLDER / name).open("a") as file:
        file.write(f"\n{added}\n")
    with pytest.raises(LookupError, match=f"{told}S3-B99-more"):
        rows(tmp_path)
