"""The rules of the house, held by the tests: rooms, purity, sizes, frozen values."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "scripts" / "modelctl"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.stat().st_size)
PURE = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in ("domain", "gates")]

MAX_MODULE_LINES, MAX_FUNCTION_LINES = 400, 50
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__"}
IMPURE_METHODS = {"now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes"}


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def lint_imports(scripts: Path) -> subprocess.CompletedProcess[str]:
    """Judge the package under `scripts` by the contracts in pyproject.toml."""
    run = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", run, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        env={**os.environ, "PYTHONPATH": str(scripts), "NO_COLOR": "1"},
        cwd=scripts,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_rooms_import_only_what_they_may() -> None:
    result = lint_imports(PACKAGE.parent)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("domain/verdict.py", "import subprocess", "The domain and the gates are pure"),
        ("domain/verdict.py", "import modelctl.adapters", "Values go one way"),
        ("gates/__init__.py", "import yaml", "The domain and the gates are pure"),
        ("adapters/__init__.py", "import modelctl.commands", "Values go one way"),
        ("report/__init__.py", "import modelctl.adapters", "Reports turn values into text"),
        ("services/__init__.py", "import rich", "Only commands talk to the terminal"),
        ("somewhere.py", "", "Values go one way"),
    ],
)
def test_a_forbidden_import_is_noticed(tmp_path: Path, module: str, line: str, broken: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "modelctl", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "modelctl" / module).open("a") as file:
        file.write(f"\n{line}\n")
    result = lint_imports(tmp_path)
    assert result.returncode != 0
    assert broken in result.stdout + result.stderr


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_stays_small_and_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{name(path)} has no docstring"
    assert len(path.read_text().splitlines()) <= MAX_MODULE_LINES
    long = [
        f"{node.name}: {lines(node)} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and lines(node) > MAX_FUNCTION_LINES
    ]
    assert long == []


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from `def` on, without its decorators."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", [p for p in MODULES if p.name != "__init__.py"], ids=name)
def test_annotations_cost_nothing_at_import(path: Path) -> None:
    assert "\nfrom __future__ import annotations\n" in path.read_text()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_dataclass_is_frozen_slotted_and_keyword_only(path: Path) -> None:
    open_classes = [
        f"{node.name}:{node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and is_open_dataclass(node)
    ]
    assert open_classes == []


def is_open_dataclass(node: ast.ClassDef) -> bool:
    """Whether it is a dataclass that lacks one of the three options."""
    for decorator in node.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(call).rpartition(".")[2] == "dataclass":
            options = decorator.keywords if isinstance(decorator, ast.Call) else []
            given = {k.arg for k in options if ast.unparse(k.value) == "True"}
            return not {"frozen", "slots", "kw_only"} <= given
    return False


@pytest.mark.parametrize("path", PURE, ids=name)
def test_what_decides_reads_no_clock_and_no_file(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    impure = [
        f"{ast.unparse(call.func)}:{call.lineno}"
        for call in calls
        if (isinstance(call.func, ast.Name) and call.func.id in IMPURE_CALLS)
        or (isinstance(call.func, ast.Attribute) and call.func.attr in IMPURE_METHODS)
    ]
    assert impure == []
