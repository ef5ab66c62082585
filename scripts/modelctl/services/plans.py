"""What a controller of the cluster is told when it steps a rollout: the policy's own conditions and
limits, as queries to the Prometheus of the environment.

What it can't ask holds: where a condition that may stop a rollout can't be put as a query, each
step waits for a person.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from modelctl.adapters.condition_tree import condition_tree
from modelctl.domain.backends import service_of
from modelctl.domain.condition import Figure
from modelctl.domain.figure_queries import Asked
from modelctl.domain.manifest import Model
from modelctl.domain.metric_sources import PrometheusAt
from modelctl.domain.observations import CANARY, LIVE_SIDE, STABLE, Endpoint, Watched
from modelctl.domain.plan_queries import answer, opposite, reached
from modelctl.domain.plans import STEPPED_BY_CONTROLLER, Check, Plan, plan_of
from modelctl.domain.rendering import RELEASE, RenderRequest
from modelctl.domain.strategies import Strategy
from modelctl.domain.triggers import ADVANCE, HALT, LIVE, Trigger
from modelctl.errors import ModelctlError
from modelctl.services.rendering import render
from modelctl.services.session import Session

_HEALTH: Final = "failed_health_checks"
_SHORTEST: Final = timedelta(minutes=5)


def planned(
    session: Session, model: Model, request: RenderRequest, stable: RenderRequest | None
) -> RenderRequest:
    """The request with what its controller is told, who takes over from `stable`; as it is where no
    controller steps it."""
    strategy = session.policy.strategies.get(request.strategy)
    if request.target not in STEPPED_BY_CONTROLLER or strategy is None:
        return request
    return replace(request, plan=controller_plan(session, model, request, stable, strategy))


def controller_plan(
    session: Session,
    model: Model,
    request: RenderRequest,
    stable: RenderRequest | None,
    strategy: Strategy,
) -> Plan:
    """A strategy as the controller of this environment is told it. Without a version to take over
    from it has nothing to step."""
    if stable is None:
        return replace(plan_of(strategy), stages=(), automatic=True)
    source = session.policy.metrics.at(request.environment)
    url = (source.url or os.environ.get(source.url_from or "")) if source else None
    if source is None or not url or not strategy.steps:
        return _held(plan_of(strategy)) if _stopping(strategy) else plan_of(strategy)
    asking = _Asking(
        session=session,
        model=model,
        request=request,
        stable=stable,
        source=source,
        namespace=_namespace(session, request),
    )
    count, durations = len(strategy.steps), [step.duration for step in strategy.steps]
    each = [_stopping(strategy, index) for index in range(count)]
    shared = [one for one in each[0] if all(one in others for others in each)]
    try:
        plan = plan_of(
            strategy,
            checks=tuple(asking.checks(shared, min(durations))),
            stage_checks={
                index: tuple(asking.checks((o for o in each[index] if o not in shared), duration))
                for index, duration in enumerate(durations)
            },
            enough={
                index: asking.enough(step.requests, step.duration)
                for index, step in enumerate(strategy.steps)
                if step.requests
            },
            prometheus=url,
            every=max(int(source.scrape_interval.total_seconds()), 15),
        )
    except ModelctlError:
        return _held(plan_of(strategy))
    return plan


def _held(plan: Plan) -> Plan:
    """The same, with a person's word at each step: nobody else can tell whether it may go on."""
    stages = tuple(replace(stage, pause=True) for stage in plan.stages)
    return replace(plan, stages=stages, automatic=False)


def _stopping(strategy: Strategy, step: int | None = None) -> list[Trigger]:
    """The conditions that may stop a rollout; the others only tell people to look."""
    found = strategy.conditions if step is None else strategy.conditions_at(step)
    return [trigger for trigger in found if trigger.holds_when_undecided]


def _namespace(session: Session, request: RenderRequest) -> str:
    """Where its objects will be: the overlays alone know."""
    files = render(session, [request])[request.model]
    return str(json.loads(files[RELEASE])["metadata"]["namespace"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """How the figures of one rollout are asked for."""

    session: Session
    model: Model
    request: RenderRequest
    stable: RenderRequest
    source: PrometheusAt
    namespace: str

    def checks(self, triggers: Iterable[Trigger], window: timedelta) -> Iterator[Check]:
        """The conditions as queries over the last `window`.

        Raises:
            ModelctlError: one of them can't be put as a query, or nothing measures its figures.
        """
        for number, trigger in enumerate(triggers):
            node = condition_tree(trigger.when, self.model)
            wanted = opposite(node) if trigger.action == ADVANCE else node
            sides = dict.fromkeys(name.partition(".")[0] for name in trigger.when.names)
            names = [f"{side}.requests" for side in sides if f"{side}.requests" in LIVE]
            counts = [Figure(name=name) for name in names] if trigger.requests else []
            query = answer(wanted, self._measure(window), counts, trigger.requests)
            if query is not None:
                yield Check(
                    name=trigger.name or f"condition-{number + 1}",
                    query=query,
                    because=trigger.because,
                    sustained=int(trigger.sustained.total_seconds()) if trigger.sustained else 0,
                    halts=trigger.action in (HALT, ADVANCE),
                )

    def enough(self, requests: int, window: timedelta) -> str:
        """Whether the new version had so many requests in the last `window`."""
        return reached(self._measure(window)(Figure(name=f"{CANARY}.requests")), requests)

    def _measure(self, window: timedelta) -> _Measure:
        return _Measure(asking=self, window=max(window, _SHORTEST))

    def asked(self, interval: timedelta) -> Asked:
        """The queries of figures; their window is four times the interval."""
        metrics = self.session.policy.metrics
        return Asked(
            watched=Watched(
                model=self.request.model,
                environment=self.request.environment,
                namespace=self.namespace,
                since=self.session.now,
                sides=self._sides(),
            ),
            mesh=metrics.meshes[self.source.mesh],
            own=metrics.own,
            interval=interval,
            fresh=self.source.fresh,
            reference=self.session.policy.monitoring.reference,
            traffic="",
        )

    def _sides(self) -> dict[str, Endpoint]:
        """By the two Services that the controller points at the old pods and the new."""
        ends = {
            side: Endpoint(
                version=one.version,
                service=service_of(self.request, replace(one.split[0], name=side)),
                position=place,
            )
            for place, (side, one) in enumerate(((STABLE, self.stable), (CANARY, self.request)))
        }
        return {**ends, LIVE_SIDE: ends[CANARY]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measure:
    asking: _Asking
    window: timedelta

    def __call__(self, figure: Figure) -> str:
        own = figure.name.endswith(f".{_HEALTH}")
        interval = self.asking.source.scrape_interval if own else self.window / 4
        query = self.asking.asked(interval).query(figure)
        if query is None:
            where = self.asking.request.environment
            raise ModelctlError(f"nothing says how {figure} is measured in {where}")
        return query
