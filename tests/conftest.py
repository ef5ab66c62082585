"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pygit2
import pytest
from hypothesis import settings
from pygit2.enums import ConfigLevel

from support.repos import RepoBuilder, clone

if TYPE_CHECKING:
    from forge.server import Forge
    from support.forges import Judged

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user() -> None:
    """Keep the git settings of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    os.environ.pop("GITHUB_ACTIONS", None)  # in a workflow a first line is printed for the runner
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
    for level in (ConfigLevel.GLOBAL, ConfigLevel.SYSTEM, ConfigLevel.XDG):
        pygit2.settings.search_path[level] = os.devnull


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    """An empty repository with a work tree, on branch main."""
    return RepoBuilder.create(tmp_path / "repo")


@pytest.fixture
def shared(repo: RepoBuilder, tmp_path: Path) -> Path:
    """A bare repository that `repo` has as its remote, with one commit on main."""
    repo.commit({"README.md": "hello\n"})
    return repo.bare(tmp_path / "shared.git")


@pytest.fixture
def clone_of_shared(shared: Path, tmp_path: Path) -> RepoBuilder:
    """A clone of `shared`."""
    return clone(shared, tmp_path / "clone")


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    """A forge of which each request and answer is held to GitHub's description of its API."""
    from support.forges import judged_forge

    with judged_forge(tmp_path / "forge") as found:
        yield found


@pytest.fixture
def forge(judged: Judged) -> Forge:
    """The judged forge. A violation fails the test that made it."""
    return judged.forge


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Starts a real Prometheus with a history in OpenMetrics, and gives its address."""
    from support.prometheus import backfilled

    with ExitStack() as stack:
        folders = (tmp_path / f"prometheus-{number}" for number in count())
        yield lambda text: stack.enter_context(backfilled(next(folders), text))


@pytest.fixture(scope="session", autouse=True)
def _no_prism_left() -> Iterator[None]:
    """End the judges of this process, if there were any."""
    yield
    if judges := sys.modules.get("support.prism"):
        judges.stop_all()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose talk to a judged forge GitHub would not have understood."""
    try:
        result = yield
    except BaseException:
        if violations := _violations():
            item.add_report_section("call", "violations", violations)
        raise
    if violations := _violations():
        pytest.fail(f"not as GitHub's API has it:\n{violations}", pytrace=False)
    return result


def _violations() -> str:
    """Those since the last test, one a line; of whatever forge, so that a fixture may share one."""
    judges = sys.modules.get("support.prism")
    return "" if judges is None else "\n".join(map(str, judges.take_all()))
