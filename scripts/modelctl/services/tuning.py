"""Tries strategies over recorded or made-up figures, by the rules of a commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy
from modelctl.adapters.recorded_metrics import read_recording
from modelctl.domain.facts import METRICS
from modelctl.domain.manifest import Model
from modelctl.domain.observations import BASELINE, Observation
from modelctl.domain.policy import Policy
from modelctl.domain.simulation import Simulation, limits_of
from modelctl.domain.strategies import SHADOW, STEPPED, Strategy
from modelctl.domain.triggers import MEANINGS, Trigger
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model
from modelctl.services.pointers import unknown_environment
from modelctl.services.replayed import Recorded, cropped, merged, sides_missing
from modelctl.services.scenarios import Scenario, Synthetic
from modelctl.services.simulating import STAND_IN, simulate

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
"""When made-up traffic begins: at midnight, before a Monday."""

_AFTER = 1.1  # how much longer made-up traffic lasts than the steps
_LEAST = timedelta(hours=1)
_MOST = 2.0**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is replayed: a recording, or a scenario. Between `since` and `until` (UTC), where given;
    `assumed` are readings for what nobody recorded, by their full names."""

    recorded: Sequence[Observation] = ()
    scenario: Scenario | None = None
    since: datetime | None = None
    until: datetime | None = None
    assumed: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where strategies are tried: by which rules, for which model, in which environment."""

    policy: Policy
    model: Model
    environment: str

    @property
    def triggers(self) -> Sequence[Trigger]:
        """What takes a version back there, whatever its strategy."""
        facts = {
            "environment": self.environment,
            "task": self.model.task,
            "tier": self.model.tier,
            "target": self.model.serving.target,
            "model": self.model.name,
        }
        return self.policy.rollback.triggers_for(facts)


def bench(directory: Path, ref: str | None, model: str | None, environment: str | None) -> Bench:
    """The rules and the model as `ref` has them, or the work tree, which is what is being tuned.
    Without an environment it is the last one, where rollouts matter most.

    Raises:
        ModelctlError: there is no such ref, model or environment, or the policy can't be used.
    """
    repository = Repository.discover(directory)
    commit = repository.resolve(ref) if ref is not None else repository.working_tree()
    tree = repository.tree(commit)
    policy = load_policy(tree, commit)
    known = policy.lifecycle.environments
    if environment is not None and environment not in known:
        raise unknown_environment(environment, known)
    about = STAND_IN if model is None else read_model(tree, model)
    if about is None:
        raise ModelctlError(
            f"there is no model {model} in {'the work tree' if ref is None else ref}",
            mend=f"look for models/{model}/model.yaml, or name another --policy-ref",
        )
    return Bench(policy=policy, model=about, environment=environment or policy.lifecycle.last)


def recordings(files: Sequence[Path]) -> Sequence[Observation]:
    """What was recorded in these files, together.

    Raises:
        ModelctlError: one can't be read, or two have the same figures.
    """
    return merged(map(read_recording, files))


def tried(place: Bench, name: str, figures: Figures) -> Simulation:
    """What the strategy of this name does over the figures.

    Raises:
        ModelctlError: there is no such strategy, it has no steps, its conditions read a model and
            none is named, or a side was never recorded.
    """
    strategy = _strategy(place.policy, name)
    judged = (*strategy.conditions, *_of_steps(strategy))
    triggers = place.triggers
    if place.model is STAND_IN:
        _refuse_model_facts((*judged, *triggers))
    if figures.scenario is not None:
        made = simulate(strategy, place.model, _synthetic(strategy, figures), triggers)
        made = replace(made, scenario=str(figures.scenario))
    else:
        traffic = _recorded(strategy, figures)
        made = simulate(strategy, place.model, traffic, triggers)
        made = replace(made, thinned=traffic.thinned, short=traffic.short)
    ended = strategy.conditions_at(min(made.state.step, len(strategy.steps) - 1))
    limits = limits_of(one for one in chain(ended, triggers) if one.holds_when_undecided)
    return replace(made, course=replace(made.course, limits=limits))


def assumption(text: str) -> tuple[str, float]:
    """`canary.failed_health_checks=0` as a reading.

    Raises:
        ModelctlError: it isn't one, nobody declared such a figure, or it is counted, never read.
    """
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = None
    type_ = MEANINGS[name][0] if name in MEANINGS else METRICS
    if type_ == METRICS or number is None:
        raise ModelctlError(
            f"{text} is no figure with its value",
            mend="write canary.failed_health_checks=0; `modelctl policy facts live` lists them",
        )
    side, _, what = name.partition(".")
    if side != BASELINE and f"{BASELINE}.{what}" in MEANINGS:  # what every side has
        raise ModelctlError(
            f"{name} comes from what was counted, so it can't be assumed",
            mend=f"record it; what {side} answered is in the requests, errors and response times",
        )
    count = type_ == "int"
    if not abs(number) < _MOST or (number < 0 and (count or side == BASELINE)):
        raise ModelctlError(f"{text} is nothing that {name} can be", mend="write 0 or more")
    if count and number != int(number):
        raise ModelctlError(f"{text} is no count", mend=f"write {name}={int(number)}")
    return name, number


def _strategy(policy: Policy, name: str) -> Strategy:
    found = policy.strategies.get(name)
    if found is None:
        stepped = [one.name for one in policy.strategies.values() if one.kind in STEPPED]
        raise ModelctlError(
            f"there is no strategy {name}", mend=f"those with steps are {', '.join(stepped)}"
        )
    return found


def _of_steps(strategy: Strategy) -> Iterator[Trigger]:
    yield from (one for step in strategy.steps for one in step.conditions)
    if strategy.experiment is not None:
        yield from (rail.trigger for rail in strategy.experiment.guardrails)


def _refuse_model_facts(triggers: Sequence[Trigger]) -> None:
    for one in triggers:
        read = [name for name in one.when.names if name.startswith("model.")]
        if read:
            raise ModelctlError(
                f"the condition {one.name or one.when.source} reads {read[0]}",
                mend="name the model: --model MODEL",
                location=str(one.location),
            )


def _synthetic(strategy: Strategy, figures: Figures) -> Synthetic:
    asked = sum((step.duration for step in strategy.steps), timedelta())
    assert figures.scenario is not None  # noqa: S101 - asked by the caller
    lasts = figures.scenario.lasts or max(asked * _AFTER, asked + _LEAST) + strategy.patience
    if strategy.kind in STEPPED:
        figures.scenario.check_begins(lasts)
    return Synthetic(scenario=figures.scenario, began=BEGAN, lasts=lasts)


def _refuse_recorded(found: Sequence[Observation], assumed: Mapping[str, float]) -> None:
    """What was recorded is not assumed beside it: a gap in it is a gap."""
    for name in assumed:
        side = name.partition(".")[0]
        if any(name in one.figures or (side == BASELINE and side in one.sides) for one in found):
            raise ModelctlError(
                f"{name} was recorded, so it can't be assumed",
                mend=f"leave out --assume {name}=…, or take the figure out of the recording",
            )


def _recorded(strategy: Strategy, figures: Figures) -> Recorded:
    found = cropped(figures.recorded, figures.since, figures.until)
    missing = sides_missing(found) if found else ()
    if missing:
        raise ModelctlError(
            f"nobody recorded {' or '.join(missing)}, so there is nothing to compare",
            mend="record both sides; docs/policies.md says how",
        )
    _refuse_recorded(found, figures.assumed)
    last = found[-1].at if found else BEGAN
    return Recorded(
        observations=found,
        until=max(figures.until or last, last),
        mirrored=strategy.kind == SHADOW,
        assumed=figures.assumed,
    )
