"""The figures of what serves on this machine, from its router: a source of observations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Protocol

from modelctl.adapters.exposition import traefik_counts
from modelctl.adapters.local.http import Client
from modelctl.adapters.local.normal import Normal
from modelctl.adapters.local.processes import LOCALHOST
from modelctl.adapters.local.scrapes import Scrape, Scrapes
from modelctl.adapters.local.target import LocalTarget
from modelctl.domain.counters import increase
from modelctl.domain.metric_sources import ERRORS
from modelctl.domain.observations import CANARY, LIVE_SIDE, Counts, Observation, Watched
from modelctl.errors import DependencyError

_CHECKED: Final = (CANARY, LIVE_SIDE)
"""The sides whose backends are asked for their health."""

_NEAR = timedelta(minutes=1)
"""A look that is no older than this when a step begins stands for its beginning."""

_AT_ONCE = 16

Readings = Mapping[str, float | Mapping[str, float]]


class Compared(Protocol):
    """What the answers of a model's versions say beside each other."""

    def figures(
        self, watched: Watched, until: datetime
    ) -> Mapping[str, float | Mapping[str, float]]:
        """Readings by their full names, such as `canary.prediction_psi`, as far as known."""
        ...


class LocalMetrics:
    """Looks at the router whenever it is asked, keeps what it saw, and tells what was counted
    between two looks. Nothing is told of the time before the first look.

    `failures` are the codes (RE2) of answers that are errors. By other codes the looks of the time
    before tell nothing: their errors would look as if they had just happened. `reference` is how
    far back `baseline.…` looks; None leaves those figures out.
    """

    def __init__(
        self,
        target: LocalTarget,
        *,
        compared: Compared | None = None,
        failures: str = ERRORS,
        reference: timedelta | None = None,
    ):
        self._target, self._failures = target, failures
        self._scrapes = Scrapes(target.folder / "scrapes")
        self._compared = compared
        self._client = Client()
        self._known: tuple[Scrape, ...] = ()
        self._from: datetime | None = None
        self._normal = Normal(self._scrapes, failures, reference)

    def observe(
        self, watched: Sequence[Watched], until: datetime
    ) -> Mapping[str, Sequence[Observation]]:
        """What was counted of each model since its `since`, between each two looks; the last of
        them is made now, and counts as made at `until`.

        Raises:
            DependencyError: the router doesn't answer, or what nobody can read.
        """
        checked = {
            one.sides[side].service for one in watched for side in _CHECKED if side in one.sides
        }
        if not watched:
            return {}
        self._remember(min(one.since for one in watched))
        scrape = self.scrape(until, checked)
        if scrape is not None:
            self._known = (*self._known, scrape)
        normal = self._normal.figures(watched, until)
        return {
            one.model: _with(self._observations(one, until), normal.get(one.model, {}))
            for one in watched
        }

    def scrape(self, at: datetime, checked: Collection[str] = ()) -> Scrape | None:
        """Look at the router and keep what it has counted, as of `at` (UTC); ask the backends of
        the services `checked` whether they are well. None if nothing was ever started, or somebody
        looked since.

        Raises:
            DependencyError: the router doesn't answer, or what nobody can read.
        """
        url, router = self._target.metrics_url(), self._target.router_id()
        last = self._scrapes.last()
        if url is None or router is None or (last is not None and last.at >= at):
            return None
        text = self._client.text(url)
        if text is None:
            raise DependencyError(
                f"the router of {self._target.folder.name} doesn't answer",
                mend="deploy to it again: that starts what doesn't run",
            )
        ports = {route.service: route.port for route in self._target.routes()}
        scrape = Scrape(
            at=at,
            router=router,
            services=traefik_counts(text, [*ports, *checked], self._failures),
            failures=self._failures,
            failing=self._failing({name: ports[name] for name in checked if name in ports}, last),
        )
        self._scrapes.append(scrape)
        return scrape

    def _failing(self, ports: Mapping[str, int], last: Scrape | None) -> Mapping[str, int]:
        """How often each backend has failed its health check, one after the other."""
        if not ports:
            return {}
        urls = [f"http://{LOCALHOST}:{port}/ping" for port in ports.values()]
        with ThreadPoolExecutor(min(_AT_ONCE, len(urls))) as pool:
            answers = list(pool.map(self._client.get, urls))
        before = last.failing if last else {}
        return {
            name: 0 if answer else before.get(name, 0) + 1
            for name, answer in zip(ports, answers, strict=True)
        }

    def _remember(self, since: datetime) -> None:
        """Have the looks at hand that are asked for; those of others are read once."""
        if self._from is None or since < self._from:
            self._known = self._scrapes.since(since)
        else:
            older = sum(scrape.at < since for scrape in self._known)
            self._known = self._known[max(older - 1, 0) :]
        self._from = since

    def _observations(self, one: Watched, until: datetime) -> Sequence[Observation]:
        looks = [
            scrape
            for scrape in self._known
            if scrape.at <= until and scrape.failures == self._failures
        ]
        first = sum(scrape.at <= one.since for scrape in looks)
        begun = first > 0 and one.since - looks[first - 1].at <= _NEAR
        looks = looks[first - 1 if begun else first :]
        found = [_observation(one, before, now) for before, now in pairwise(looks)]
        more = self._compared.figures(one, until) if self._compared and found else {}
        if more:
            found[-1] = replace(found[-1], figures={**found[-1].figures, **more})
        return found


def _with(found: Sequence[Observation], normal: Readings) -> Sequence[Observation]:
    """What is normal was so all along: what must last is held against it."""
    if not found or not normal:
        return found
    rows = [replace(found[0], figures={**normal, **found[0].figures}), *found[1:]]
    rows[-1] = replace(rows[-1], figures={**normal, **rows[-1].figures})
    return rows


def _observation(one: Watched, before: Scrape, now: Scrape) -> Observation:
    return Observation(
        at=now.at,
        span=now.at - before.at,
        sides=dict(_sides(one, before, now)),
        figures={
            f"{side}.failed_health_checks": float(now.failing[one.sides[side].service])
            for side in _CHECKED
            if side in one.sides and one.sides[side].service in now.failing
        },
    )


def _sides(one: Watched, before: Scrape, now: Scrape) -> Iterator[tuple[str, Counts]]:
    """What each side was asked; a side that the router has never counted for is left out."""
    same = before.router == now.router
    for side, endpoint in one.sides.items():
        after = now.services.get(endpoint.service)
        if after is not None:
            yield side, increase(before.services.get(endpoint.service) if same else None, after)
