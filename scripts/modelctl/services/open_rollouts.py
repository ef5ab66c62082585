"""The rollouts that are under way, by the ledger, and what is asked of where figures come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from modelctl.domain import rollout_events as events
from modelctl.domain.backends import routed, service_of
from modelctl.domain.controllers import Controlled
from modelctl.domain.evidence import Signed
from modelctl.domain.history import MOVES, position
from modelctl.domain.manifest import Model
from modelctl.domain.names import is_model_name
from modelctl.domain.observations import CANARY, LIVE_SIDE, STABLE, Endpoint, Watched
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RELEASE, Backend, RenderRequest
from modelctl.domain.rollout_events import Rollout
from modelctl.domain.rollout_split import BASELINE, incoming_of, part, serving_of
from modelctl.domain.rollout_state import State
from modelctl.domain.serving import service_name
from modelctl.domain.strategies import Strategy
from modelctl.domain.tree import Tree
from modelctl.domain.triggers import Trigger
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.accounted import accounted, settled
from modelctl.services.acting import Controllers
from modelctl.services.candidates import read_model
from modelctl.services.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A rollout that is under way.

    `request` is the incoming version's, with the split that the ledger tells last; `stable` is what
    it takes over from, as its last deployment had it. `state` is where it stands by the ledger,
    `seen` the number of its last event there. `strategy` is None where the policy has it no more:
    then it can only be ended. `about` is the model as the incoming version's commit has it,
    `triggers` are those of the rollback policy that watch it. `controlled` is what its controller
    says, None where none steps it or nobody could ask. `namespace` is where its figures are
    counted, by the signed state: the environment's branch is anybody's word.
    """

    model: str
    request: RenderRequest
    stable: RenderRequest
    strategy: Strategy | None
    state: State
    rollout: Rollout
    about: Model
    seen: int
    triggers: tuple[Trigger, ...] = ()
    controlled: Controlled | None = None
    namespace: str | None = None

    @property
    def is_handed_over(self) -> bool:
        """Whether a controller of the cluster steps it, instead of modelctl."""
        return self.request.target in STEPPED_BY_CONTROLLER


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a job that runs on knows of the ledger, so that it reads again only what changed."""

    known: dict[tuple[str, str], tuple[object, Open | None]] = field(default_factory=dict)


def open_rollouts(
    session: Session, transition: Transition, memory: Memory | None = None
) -> tuple[Open, ...]:
    """Every rollout that is under way in an environment, by model.

    Raises:
        DependencyError: the commits that the ledger names aren't in this clone.
    """
    found: list[Open] = []
    for model, folder in session.ledger.folders().items():
        if not is_model_name(model):
            continue
        key, stamp = (transition.environment, model), (folder, session.policy.commit)
        if memory is None or memory.known.get(key, (None, None))[0] != stamp:
            one = open_rollout(session, transition, model)
            if memory is not None:
                memory.known[key] = (stamp, one)
        else:
            one = memory.known[key][1]
        if one is not None:
            found.append(one)
    return tuple(found)


def open_rollout(session: Session, transition: Transition, model: str) -> Open | None:
    """The rollout of a model that is under way in an environment, or None.

    Raises:
        DependencyError: the commits that the ledger names aren't in this clone.
    """
    signed = [entry.signed for entry in session.ledger.entries(model, MOVES)]
    found = events.open_rollout(signed, transition.environment)
    return _opened(session, transition, signed, found) if found is not None else None


def _opened(
    session: Session, transition: Transition, signed: Sequence[Signed], found: Rollout
) -> Open:
    environment = transition.environment
    request = accounted(session, found.model, signed, environment)
    stable = settled(session, found.model, signed, environment)
    if request is None or stable is None or incoming_of(request) is None:
        branch = session.policy.lifecycle.state_of(environment)
        raise DependencyError(
            f"{found.model} is on its way to {found.version} in {environment}, but {branch} here "
            f"lacks commit {found.last.state_commit[:12]}, or it holds something else",
            mend=f"git fetch --unshallow, or restore {branch} from another clone",
        )
    about = read_model(session.repository.tree(request.commit), found.model)
    if about is None:
        raise DependencyError(f"{found.model} has no model.yaml at {request.commit[:12]}")
    return Open(
        model=found.model,
        request=request,
        stable=stable,
        strategy=session.policy.strategies.get(request.strategy),
        state=found.last.state,
        rollout=found,
        about=about,
        seen=position(signed, environment),
        triggers=triggers_of(session, about, environment),
        namespace=signed_namespace(session, found.model, found.last.state_commit),
    )


def with_controllers(
    session: Session, opened: Sequence[Open], controllers: Controllers | None
) -> tuple[tuple[Open, ...], DependencyError | None]:
    """The same rollouts with what the controllers of a cluster say of those that they step, all
    asked at once, and why that couldn't be asked. Objects are looked for where the signed state has
    them, whatever the environment's branch holds now."""
    asked = {
        one.model: (one.request, session.repository.tree(one.rollout.last.state_commit))
        for one in opened
        if one.is_handed_over
    }
    if not asked or controllers is None:
        return tuple(opened), None
    try:
        found = controllers(asked)
    except DependencyError as error:
        return tuple(opened), error
    return tuple(replace(one, controlled=found.get(one.model)) for one in opened), None


def triggers_of(session: Session, about: Model, environment: str) -> tuple[Trigger, ...]:
    """The triggers of the rollback policy that watch a model in an environment."""
    scope = {
        "environment": environment,
        "task": about.task,
        "tier": about.tier,
        "target": about.serving.target,
        "model": about.name,
    }
    return tuple(session.policy.rollback.triggers_for(scope))


def watched(
    session: Session, transition: Transition, now: datetime, opened: Sequence[Open] | None = None
) -> Sequence[Watched]:
    """What a source of figures is asked for, for each rollout that is under way: what was counted
    since its state was last written down."""
    listed = open_rollouts(session, transition) if opened is None else opened
    return [watch(one, one.state) for one in listed]


def watch(one: Open, state: State) -> Watched:
    """What is asked of one rollout, beyond what a state has folded."""
    coming = incoming_of(one.request)
    stable = part(one.request, BASELINE) or serving_of(one.request)
    sides = {STABLE: endpoint_of(one.request, stable)}
    if coming is not None:
        sides |= dict.fromkeys((CANARY, LIVE_SIDE), endpoint_of(one.request, coming))
    return Watched(
        model=one.model,
        environment=one.request.environment,
        namespace=one.namespace or one.request.environment,
        since=state.observed or state.since,
        sides=sides,
    )


def signed_namespace(session: Session, model: str, state_commit: object) -> str | None:
    """The namespace of a model as the job wrote it that signed this commit of the state."""
    if not isinstance(state_commit, str):
        return None
    try:
        tree = session.repository.tree(session.repository.commit(state_commit).tree)
    except ModelctlError:
        return None
    return namespace_of(tree, model)


def namespace_of(tree: Tree, model: str) -> str | None:
    """The namespace of a model, by the record beside its manifests."""
    return _namespace(tree.read(f"{model}/{RELEASE}") or b"")


@lru_cache(maxsize=4096)
def _namespace(text: bytes) -> str | None:
    try:
        found = json.loads(text)["metadata"]["namespace"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def endpoint_of(request: RenderRequest, backend: Backend) -> Endpoint:
    """Where the requests of a backend are counted."""
    if request.target == "local":
        service = service_name(request.model, backend.version, backend.name)
    else:
        service = service_of(request, backend)
    shared = [one.name for one in routed(request)]
    place = shared.index(backend.name) if backend.name in shared else None
    return Endpoint(version=backend.version, service=service, position=place)
