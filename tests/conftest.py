"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import os
from pathlib import Path

import pygit2
import pytest
from hypothesis import settings
from pygit2.enums import ConfigLevel

from support.repos import RepoBuilder, clone

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user() -> None:
    """Keep the git settings of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
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
