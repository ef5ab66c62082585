"""The pages that people write say nothing that isn't so: commands, links, gates, tests, rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelctl.adapters.expressions import compile_rule
from modelctl.domain.facts import declared
from modelctl.domain.immutability import IMMUTABILITY
from modelctl.domain.provenance import PROVENANCE
from modelctl.domain.releases import RELEASE
from modelctl.domain.structure import FILE_MODE, MIXING, PLACEMENT, RULES_BRANCH, SYNC
from modelctl.domain.triggers import LIVE
from modelctl.services import asking, candidates, merges, waivers
from support.docs import (
    PAGES,
    REFERENCE,
    ROOT,
    blocks,
    broken_links,
    commands,
    like,
    name,
    prose,
    slug,
    unknown,
)

DOCS = ROOT / "docs"
OF_THE_FLOW = {
    *(asking.APPROVALS, candidates.GATE, merges.GATE, FILE_MODE, IMMUTABILITY, MIXING),
    *(PLACEMENT, PROVENANCE, RELEASE, RULES_BRANCH, SYNC, waivers.GATE),
}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    found = (unknown(command) for command in commands(page))
    assert [problem for problem in found if problem] == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("modelctl check --base ml -v  # the pull request", None),
        ("modelctl evidence scan MODEL@VERSION … --allow TYPE", None),
        ("modelctl new m --no-release", None),
        ("modelctl chek", "modelctl chek"),
        ("modelctl ledger check", "modelctl ledger check"),
        ("modelctl check --basis ml", "modelctl check --basis"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(command: str, problem: str | None) -> None:
    assert unknown(command) == problem


@pytest.mark.parametrize("page", [*PAGES, *REFERENCE], ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](#one-two) [b](#three) [c](none.md) [d](page.md#L9)\n")
    assert list(broken_links(page)) == ["#three", "none.md", "page.md#L9"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_target_of_make_that_a_page_names_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(targets)


def gates() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The gates that are shipped."""
    for path in sorted((ROOT / "policies" / "gates").glob("*.yaml")):
        yield from yaml.safe_load(path.read_text())["gates"].items()


def test_every_gate_has_its_cause_and_its_mend() -> None:
    headings = re.findall(r"^### (`.*)$", (DOCS / "model-owners.md").read_text(), re.MULTILINE)
    told = {gate for heading in headings for gate in re.findall(r"`([^`]+)`", heading)}
    assert told == {gate for gate, _ in gates()} | OF_THE_FLOW


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "security.md").read_text()))
    modules = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    there = {test for text in modules for test in re.findall(r"(?m)^def (test_\w+)\(", text)}
    assert len(named) > 50
    assert named - there == set()


def rules(page: Path) -> Iterator[tuple[Mapping[str, str], str]]:
    """The rules and conditions in the YAML of a page, with the facts that they may read."""
    for block in (b for b in blocks(page) if b.language == "yaml"):
        data = yaml.safe_load(block.text)
        if isinstance(data, list):
            yield from ((declared("evaluation"), row["rule"]) for row in data)
            continue
        yield from ((LIVE, row["when"]) for row in data.pop("triggers", ()))
        for gate in data.get("gates", data).values():
            facts = declared(gate.get("evidence"))
            yield from ((facts, row["rule"]) for row in gate.get("require", ()))


def test_the_rules_in_the_examples_compile() -> None:
    found = list(rules(DOCS / "policies.md"))
    assert len(found) >= 5
    for facts, rule in found:
        compile_rule(rule, facts)


def test_the_facts_that_are_explained_are_declared() -> None:
    kinds = ("evaluation", "load-test", "security-scan", "unit-tests", "data-validation")
    known = {fact for kind in kinds for fact in declared(kind)}
    rows = re.findall(r"^\| (`.+?) \|", prose(DOCS / "policies.md"), re.MULTILINE)
    named = [fact for row in rows for fact in re.findall(r"`([a-z_.]+)`", row)]
    assert "evidence.baseline" in named
    assert set(named) <= known


def test_what_github_calls_a_heading() -> None:
    assert slug("3. Judge it yourself") == "3-judge-it-yourself"
    assert slug("`rules-branch` and `sync`") == "rules-branch-and-sync"


def test_what_is_left_out_of_a_block_matches_anything_and_the_rest_must_be_there() -> None:
    assert like("a\n…\nd\n", "a\nb\nc\nd\n")
    assert like("a\n…\nb\n", "a\nb\n")
    assert like("…\nb", "a\nb")
    assert not like("a\n…\nd", "a\nb\nc")
    assert not like("a.c", "abc")
    assert not like("a", "a\nb")
