"""Forges whose repositories carry the product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.forges import Judged, judged_forge
from support.journey import Journeys
from support.workflow_world import WorkflowWorld, with_product
from support.world import Template, World


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | None], Template]:
    journeys = Journeys.at(tmp_path_factory.mktemp("journeys"))
    made: dict[str | None, Template] = {}

    def template(environment: str | None) -> Template:
        if environment not in made:
            directory = tmp_path_factory.mktemp("product")
            world = with_product(journeys.copy(environment, directory))
            made[environment] = Template(directory=directory, world=world)
        return made[environment]

    return template


@pytest.fixture
def at(
    _templates: Callable[[str | None], Template], tmp_path: Path
) -> Iterator[Callable[..., WorkflowWorld]]:
    """Makes a world in which 1.0.0 has come so far, behind a forge of its own; `prepare` does to
    it what shall have happened before that."""
    with ExitStack() as stack:

        def make(
            environment: str | None, prepare: Callable[[World], None] | None = None
        ) -> WorkflowWorld:
            template = _templates(environment)
            world = template.copy(tmp_path / "world")
            world.pulls, world.now = deepcopy(template.world.pulls), datetime.now(UTC)
            if prepare is not None:
                prepare(world)
            found.append(stack.enter_context(judged_forge(tmp_path / "forge")))
            return WorkflowWorld.create(world, found[0].forge, tmp_path / "runs")

        found: list[Judged] = []
        yield make
        assert not found or found[0].judge.take() == []
