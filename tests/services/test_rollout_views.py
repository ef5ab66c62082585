"""A rollout as it stands now, and told again from the ledger with each decision made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from modelctl.domain.observations import CANARY, Observation, Watched
from modelctl.domain.rollout_events import RolloutEvent
from modelctl.domain.rollout_view import OTHER, SAME
from modelctl.errors import DependencyError
from modelctl.services.rollout_views import explain, views
from support.rollouts import (
    Recording,
    Traffic,
    counts,
    failing,
    healthy,
    look,
    observed,
    start,
    under_way,
)
from support.world import MODEL, World


class Down:
    """A source that can't be asked."""

    def observe(
        self, watched: Sequence[Watched], until: datetime
    ) -> Mapping[str, Sequence[Observation]]:
        raise DependencyError("Prometheus doesn't answer")


def test_it_stands_where_the_ledger_and_the_figures_say(served: World) -> None:
    start(served)
    served.later(minutes=10)
    session, transition = served.session(), served.transition("dev")
    seen = observed(session.now, timedelta(minutes=5), canary=counts(900.0))
    [view] = views(session, [transition], {"dev": Recording(seen=[seen])})
    assert (view.model, view.environment, view.version, view.stable) == (
        MODEL,
        "dev",
        "1.1.0",
        "1.0.0",
    )
    assert (view.state.weight, view.steps, view.problem) == (5, 4, None)
    assert view.counts(CANARY) == counts(900.0)
    assert view.decision is not None
    assert view.decision.action == "hold"
    names = {one.name for one in view.answers}
    assert {"error-rate", "emergency"} <= names
    assert under_way(served).state.tally == {}  # looking changes nothing


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({}, "nothing says where its figures come from"),
        ({"dev": Down()}, "its figures can't be had: Prometheus doesn't answer"),
    ],
)
def test_a_source_that_cannot_be_asked_is_told_and_never_health(
    served: World, source: Mapping[str, Down], problem: str
) -> None:
    start(served)
    [view] = views(served.session(), [served.transition("dev")], source)
    assert view.problem == problem
    assert view.counts(CANARY) is None


def test_without_rollouts_no_source_is_asked(served: World) -> None:
    source = Recording()
    assert views(served.session(), [served.transition("dev")], {"dev": source}) == ()
    assert source.asked == []


def test_each_decision_comes_out_again(served: World) -> None:
    start(served)
    look(served, healthy(served, hours=25))
    rollout = under_way(served).rollout
    told = explain(served.session(), rollout)
    assert [(one.event.kind, one.again) for one in told.events] == [
        ("started", None),
        ("advanced", SAME),
    ]
    look(served, failing(served, hours=1), traffic=Traffic())


def test_a_decision_that_was_recorded_otherwise_is_found(served: World) -> None:
    start(served)
    look(served, healthy(served, hours=25))
    rollout = under_way(served).rollout

    def changed(one: RolloutEvent) -> RolloutEvent:
        if one.judged is None:
            return one
        return replace(one, judged=replace(one.judged, tally={}))

    forged = replace(rollout, events=tuple(map(changed, rollout.events)))
    *_, last = explain(served.session(), forged).events
    assert last.again == OTHER
    assert last.differs


def test_a_strategy_that_is_gone_cannot_be_decided_again(served: World) -> None:
    start(served)
    look(served, healthy(served, hours=25))
    gone = replace(under_way(served).rollout, strategy="removed")
    *_, last = explain(served.session(), gone).events
    assert (last.again, last.differs) == (OTHER, ())
