"""How traffic is divided while one version takes over from another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_split import (
    at_step,
    first_of,
    goes_by_steps,
    incoming_of,
    is_handed_over,
    is_split,
    is_warmed_up,
    part,
    serving_of,
    split,
    steps_between,
    steps_of,
    warming,
    whole,
)
from modelctl.domain.strategies import Experiment, Step, Strategy
from support.renders import request

OLD = request(version="1.0.0", digest="a" * 64, target="gateway-api", gateway=True, backends=())
NEW = replace(OLD, version="1.1.0", digest="b" * 64, commit="e" * 40, storage_uri="models:/m-2")
STEPS = (Step(weight=10, duration=timedelta(hours=1)),)


def plan(kind: str = "canary", **changes: object) -> Strategy:
    return replace(Strategy(name=kind, kind=kind, steps=STEPS), **changes)  # type: ignore[arg-type]


def shares(one: RenderRequest) -> list[tuple[str, str, int]]:
    return [(b.name, b.version, b.weight) for b in one.backends]


def test_a_canary_takes_its_share() -> None:
    one = split(plan(), OLD, NEW, weight=10)
    assert shares(one) == [("stable", "1.0.0", 90), ("canary", "1.1.0", 10)]
    assert (replace(one, backends=()), serving_of(one).version) == (NEW, "1.0.0")
    coming = incoming_of(one)
    assert coming is not None
    assert (coming.artifacts, coming.header) == ("models:/m-2", None)


def test_a_baseline_is_as_large_as_long_as_there_is_room() -> None:
    fair = plan(baseline=True)
    assert shares(split(fair, OLD, NEW, weight=10)) == [
        ("stable", "1.0.0", 80),
        ("canary", "1.1.0", 10),
        ("baseline", "1.0.0", 10),
    ]
    for weight in (60, 100):
        assert part(split(fair, OLD, NEW, weight=weight), "baseline") is None
    assert shares(split(fair, OLD, NEW, weight=60))[0] == ("stable", "1.0.0", 40)


def test_a_shadow_gets_copies() -> None:
    one = split(plan("shadow"), OLD, NEW, weight=0)
    coming = incoming_of(one)
    assert coming is not None
    assert (coming.name, coming.weight, coming.mirror) == ("shadow", 0, 100)


def test_an_experiment_may_go_by_a_header() -> None:
    test = Experiment(primary="conversion_rate", minimum_sample=10, header=("x-side", "b"))
    one = split(plan("ab-test", experiment=test), OLD, NEW, weight=50)
    coming = incoming_of(one)
    assert coming is not None
    assert coming.header == ("x-side", "b")


def test_the_end_and_what_comes_before_it() -> None:
    assert shares(warming(OLD, NEW)) == [("stable", "1.0.0", 100), ("canary", "1.1.0", 0)]
    assert (whole(NEW), is_split(whole(NEW))) == (NEW, False)
    kept = whole(NEW, OLD)
    assert shares(kept) == [("stable", "1.1.0", 100), ("previous", "1.0.0", 0)]
    assert (is_split(kept), is_split(warming(OLD, NEW))) == (False, True)


def test_what_goes_by_steps() -> None:
    assert goes_by_steps(plan(), OLD, NEW)
    assert not goes_by_steps(plan("blue-green"), OLD, NEW)
    assert is_warmed_up(plan("blue-green"), OLD, NEW)
    assert not is_warmed_up(plan(), OLD, NEW)


@pytest.mark.parametrize(
    ("stable", "incoming"),
    [
        (None, NEW),
        (replace(NEW, strategy="other"), NEW),
        (replace(OLD, target="local"), NEW),
        (replace(OLD, target="argo-rollouts"), replace(NEW, target="argo-rollouts")),
    ],
)
def test_what_takes_over_at_once(stable: RenderRequest | None, incoming: RenderRequest) -> None:
    """Nothing serves yet; the same version; another target; a controller that steps by itself."""
    assert not goes_by_steps(plan(), stable, incoming)
    assert not is_warmed_up(plan("blue-green"), stable, incoming)


def test_a_field_that_its_target_does_not_read_spares_no_step() -> None:
    incoming = replace(NEW, gateway=False)
    assert goes_by_steps(plan(), OLD, incoming)
    assert is_warmed_up(plan("blue-green"), OLD, incoming)
    old, new = (replace(one, target="kserve") for one in (OLD, NEW))
    assert goes_by_steps(plan(), old, new)
    for other in (replace(new, gateway=False), replace(new, mode="knative")):
        assert not goes_by_steps(plan(), old, other)


def test_a_controller_is_handed_what_takes_over_from_another_version() -> None:
    old, new = (replace(one, target="argo-rollouts") for one in (OLD, NEW))
    assert is_handed_over(old, new)
    for stable, incoming in ((None, new), (new, new), (OLD, new), (OLD, NEW)):
        assert not is_handed_over(stable, incoming)


def test_which_records_are_of_one_rollout() -> None:
    runs = split(plan(), OLD, NEW, weight=10)
    for now in (split(plan(), OLD, NEW, weight=50), whole(NEW), whole(NEW, OLD), OLD):
        assert steps_of(runs, now)
    third = replace(NEW, version="1.2.0", digest="c" * 64)
    for now in (third, replace(NEW, approvers=("eve",))):
        assert not steps_of(runs, now)
    assert not steps_of(NEW, OLD)


def test_each_moment_of_a_rollout() -> None:
    assert first_of(plan(), None, NEW) == first_of(None, OLD, NEW) == NEW
    assert first_of(plan(), OLD, NEW) == at_step(plan(), OLD, NEW, 0)
    assert at_step(plan(), OLD, NEW, 1) == NEW
    warm = plan("blue-green", steps=(), keep_warm=timedelta(hours=1))
    assert (steps_between(warm, OLD, NEW), steps_between(warm, None, NEW)) == (1, 0)
    assert at_step(warm, OLD, NEW, 0) == warming(OLD, NEW)
    assert at_step(warm, OLD, NEW, 1) == first_of(warm, OLD, NEW) == whole(NEW, OLD)
    old, new = (replace(one, target="argo-rollouts") for one in (OLD, NEW))
    assert steps_between(warm, old, new) == steps_between(plan(), old, new) == 1
    assert first_of(plan(), old, new) == at_step(plan(), old, new, 0) == warming(old, new)
    assert at_step(warm, old, new, 1) == new
