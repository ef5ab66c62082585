"""What became of a version after the merge: it was deployed, or it was blocked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelctl.domain.verdict import Report

TASK = "modelctl:{model}"
"""By this a deployment on the forge is told from those of other models and other tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A version that the branch of an environment wants.

    `commit` of that branch brought it, by `pull_request` where one is known. `digest` is that of
    the manifest, and `place` its entry on the ledger: both None where it was not deployed. `before`
    is the version that ran, and goes on running where `reports` say what blocks this one.
    """

    model: str
    version: str
    commit: str
    pull_request: int | None = None
    digest: str | None = None
    place: str | None = None
    before: str | None = None
    reports: tuple[Report, ...] = ()

    @property
    def name(self) -> str:
        """`model@version`."""
        return f"{self.model}@{self.version}"

    @property
    def task(self) -> str:
        """What its deployments on the forge are told by."""
        return TASK.format(model=self.model)

    @property
    def blocked(self) -> bool:
        """Whether it was not deployed."""
        return bool(self.reports)


def by_pull(landings: Sequence[Landing]) -> dict[int | None, tuple[Landing, ...]]:
    """What each pull request brought, in the order of the landings; None has those of no known
    one."""
    found: dict[int | None, tuple[Landing, ...]] = {}
    for one in landings:
        found[one.pull_request] = (*found.get(one.pull_request, ()), one)
    return found
