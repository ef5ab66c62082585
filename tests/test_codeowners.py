"""CODEOWNERS: what GitHub understands, and the owners that the rules of the flow expect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from modelctl.domain.structure import RULE_ROOTS

ROOT = Path(__file__).parents[1]
LINES = [
    line.split()
    for line in (ROOT / "CODEOWNERS").read_text().splitlines()
    if line and not line.startswith("#")
]
PLATFORM, LEADS = ["@example/platform"], ["@example/ml-leads"]


def owners(path: str) -> list[str]:
    """The owners of the last line that matches, of the patterns that this file has."""
    found = [names for pattern, *names in LINES if matches(pattern, path)]
    return found[-1] if found else []


def matches(pattern: str, path: str) -> bool:
    if pattern == "*":
        return True
    rooted = pattern.removeprefix("/")
    return path.startswith(rooted) if pattern.endswith("/") else path == rooted


def test_only_patterns_whose_meaning_is_plain() -> None:
    """No `!`, no `[ ]`, nothing that GitHub would skip, and nothing that `matches` can't tell."""
    odd = [pattern for pattern, *_ in LINES if not re.fullmatch(r"\*|/[\w.-]+/?", pattern)]
    assert odd == []


def test_every_line_names_teams() -> None:
    names = [name for _, *listed in LINES for name in (listed or [""])]
    assert [name for name in names if not re.fullmatch(r"@example/[a-z0-9-]+", name)] == []


def test_the_teams_are_those_of_the_roles() -> None:
    roles = yaml.safe_load((ROOT / "policies" / "roles.yaml").read_text())["roles"]
    teams = {role.get("team") for role in roles.values()}
    assert {name.partition("/")[2] for _, *listed in LINES for name in listed} <= teams


@pytest.mark.parametrize("root", RULE_ROOTS)
def test_every_root_of_the_rules_is_platforms_and_named(root: str) -> None:
    assert owners(root) == PLATFORM or owners(f"{root}/any/file.yaml") == PLATFORM
    assert root in {pattern.strip("/") for pattern, *_ in LINES}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("models/tumor-classifier/release.yaml", LEADS),
        ("models/README.md", LEADS),
        ("policies/keys/ci.yaml", PLATFORM),
        ("policies/models/x.yaml", PLATFORM),
        ("kustomize/overlays/production/models/x/kustomization.yaml", PLATFORM),
        (".github/workflows/gates.yml", PLATFORM),
        ("CODEOWNERS", PLATFORM),
        ("README.md", PLATFORM),
        ("anything/else", PLATFORM),
    ],
)
def test_who_owns_what(path: str, expected: list[str]) -> None:
    assert owners(path) == expected


def test_the_last_match_wins_so_the_general_line_is_first() -> None:
    assert LINES[0][0] == "*"
