"""promtool: what it says of rules, and what is done where it can't say anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.adapters.promtool import check_rules, find_promtool
from modelctl.errors import DependencyError
from support.prometheus import tool


def group(expression: str) -> list[dict[str, object]]:
    return [{"name": "a", "rules": [{"record": "b", "expr": expression}]}]


def test_rules_that_prometheus_takes_have_no_problem() -> None:
    assert check_rules(tool("promtool"), group("vector(1)")) == ()


def test_what_is_wrong_is_told_without_the_file_it_was_in() -> None:
    (line,) = check_rules(tool("promtool"), group("vector(1"))
    assert "could not parse expression" in line
    assert "modelctl-rules" not in line


def test_a_promtool_that_cant_run_decides_nothing(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="promtool can't be run"):
        check_rules(str(tmp_path / "promtool"), group("vector(1)"))


def test_it_is_looked_for_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_promtool() is None
