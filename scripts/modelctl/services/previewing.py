"""What a deploy would have an environment run, before anything is merged: each step of a rollout.

What serves, and what a version would take over from, is read from the signed history, as a deploy
does. Nothing is judged: whether it may run says the check.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelctl.domain.history import deployments, goes_back, quarantines
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_split import at_step, first_of, steps_between
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.accounted import accounted, settled
from modelctl.services.intent import Intent, fresh_request, read_intent, released
from modelctl.services.plans import planned
from modelctl.services.pointers import require_model
from modelctl.services.session import Session

END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which moment is meant. `step` counts from 1; 0 or less is the end, None what a deploy begins
    with. `strategy` is one of the policy instead of the release's."""

    step: int | None = None
    strategy: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is what a deploy would do now."""
        return self.step is None and self.strategy is None


PLAIN = Asked()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would run of a model, and what people should know of it, a sentence each."""

    request: RenderRequest
    notes: tuple[str, ...] = ()


def previews(
    session: Session,
    transition: Transition,
    models: Iterable[str] | None = None,
    *,
    ref: str | None = None,
    asked: Asked = PLAIN,
) -> list[Preview]:
    """What the branch of an environment, or `ref`, would have it run of each model.

    Raises:
        ModelctlError: nobody knows the model, the strategy, or the step.
    """
    resolve = session.repository.resolve
    commit = resolve(ref) if ref else session.branch_tip(transition.to_branch)
    tree = session.repository.tree(commit)
    here = released(tree)
    names = here if models is None else tuple(models)
    for name in names:
        if name not in here:
            require_model(session, name)
    return [preview(session, transition, tree, name, commit=commit, asked=asked) for name in names]


def preview(
    session: Session,
    transition: Transition,
    tree: Tree,
    model: str,
    *,
    commit: str,
    pull_request: int | None = None,
    asked: Asked = PLAIN,
) -> Preview:
    """What would run of one model as `tree` has it."""
    environment = transition.environment
    intent = read_intent(tree, model, transition, session.policy)
    signed = session.signed(model)
    running = accounted(session, model, signed, environment)
    notes = [
        f"{intent.version.version} is quarantined in {one.environment}, so no deploy brings it: "
        f"{one.reason}"
        for one in quarantines(signed)[-1:]
        if (one.version, one.environment) == (str(intent.version.version), environment)
    ]
    if asked.is_plain and running is not None and intent.matches(running):
        return Preview(request=running, notes=tuple(notes))
    fresh = fresh_request(
        intent, environment, commit=commit, approvers=(), pull_request=pull_request
    )
    returns = goes_back(deployments(signed), environment, intent.digest) and not notes
    stable = settled(session, model, signed, environment)
    one = _placed(session, intent, fresh, stable, asked, returns=returns)
    if asked.step is not None and one.plan is not None and asked.step > 0:
        notes.append(f"{one.target} is told the whole plan at once, and does each step itself")
    return Preview(request=one, notes=tuple(notes))


def _placed(
    session: Session,
    intent: Intent,
    fresh: RenderRequest,
    stable: RenderRequest | None,
    asked: Asked,
    *,
    returns: bool,
) -> RenderRequest:
    strategies = session.policy.strategies
    name = asked.strategy or fresh.strategy
    if name not in strategies:
        mend = f"one of: {', '.join(sorted(strategies))}"
        raise ModelctlError(f"the policy has no strategy {name}", mend=mend)
    fresh, plan = replace(fresh, strategy=name), strategies[name]
    if asked.step is None:
        # What people go back to isn't tried out again first.
        back = returns and asked.strategy is None
        return planned(
            session, intent.model, first_of(None if back else plan, stable, fresh), stable
        )
    steps = steps_between(plan, stable, fresh)
    if stable is None or not steps:
        raise ModelctlError(
            f"{fresh.model} {fresh.version} takes all of {fresh.environment} at once: "
            f"{_why(stable, fresh)}, so {name} has no steps to show",
            mend="leave out --step",
        )
    if asked.step > steps:
        raise ModelctlError(
            f"{name} has no step {asked.step}", mend=f"--step 1 to {steps}, or {END}"
        )
    step = asked.step - 1 if asked.step > 0 else steps
    return planned(session, intent.model, at_step(plan, stable, fresh, step), stable)


def _why(stable: RenderRequest | None, fresh: RenderRequest) -> str:
    if stable is None:
        return "nothing serves there yet"
    if stable.digest == fresh.digest:
        return "it serves there already"
    return "what serves is of another target, or moves at once"
