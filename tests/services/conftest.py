"""A small organisation for each test of the services."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from support.journey import bring
from support.world import Template, World


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    directory = tmp_path_factory.mktemp("world")
    return Template(directory=directory, world=World.create(directory))


@pytest.fixture
def world(_template: Template, tmp_path: Path) -> World:
    """Policies, people and keys on main, ml and develop; no models yet."""
    return _template.copy(tmp_path / "world")


@pytest.fixture(scope="session")
def _served_template(_template: Template, tmp_path_factory: pytest.TempPathFactory) -> Template:
    directory = tmp_path_factory.mktemp("served")
    world = _template.copy(directory)
    bring(world, "dev")
    return Template(directory=directory, world=world)


@pytest.fixture
def served(_served_template: Template, tmp_path: Path) -> World:
    """1.0.0 serves in dev, deployed just now."""
    world = _served_template.copy(tmp_path / "world")
    world.pulls = deepcopy(_served_template.world.pulls)
    return world
