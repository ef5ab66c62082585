"""Tries the way back where it does no harm: traffic goes to the version before, and forth again.

Nothing new is deployed and nothing is decided: the history stays as it is, and what the environment
runs afterwards is what it ran before. What is measured is the way that an emergency would take. A
rehearsal that was killed leaves the state away from the history; the next run, or the next deploy,
brings it back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from modelctl.domain.history import position
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import Backend, RenderRequest
from modelctl.domain.rollout_split import PREVIOUS, STABLE, is_split
from modelctl.domain.serving import WHOLE
from modelctl.errors import ConflictError, DependencyError, ModelctlError
from modelctl.services.accounted import accounted
from modelctl.services.acting import Effects, nothing_applied, silent
from modelctl.services.candidates import read_model, read_version
from modelctl.services.evidence import record_evidence, signer_key, statement_of
from modelctl.services.pointers import Located, locate
from modelctl.services.rollout_moves import move, nothing_told
from modelctl.services.session import Session
from modelctl.services.ways_back import Intact, artifacts_problem, ways_back

KIND = "rollback-rehearsal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What a rehearsal showed. `seconds` passed until the version before was seen serving all
    traffic, None where it never was; `problem` says why not."""

    model: str
    environment: str
    version: str
    back_to: str
    seconds: float | None
    artifacts_present: bool
    features_present: bool
    problem: str | None = None
    place: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the way back was gone to its end."""
        return self.problem is None and self.artifacts_present and self.features_present


def rehearse(
    session: Session,
    transition: Transition,
    model: str,
    effects: Effects,
    *,
    version: str | None = None,
    intact: Intact | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Rehearsed:
    """Goes back and forth, and records how long it took to go back, signed.

    Raises:
        ModelctlError: the version doesn't serve there, a rollout is under way, there is nothing to
            go back to, the key may not sign it, or nothing here sees what serves.
        DependencyError: traffic could not be brought back to where it was; run it again.
    """
    runs = _running(session, transition, model, version)
    target = _target(session, transition, model)
    located = locate(session, f"{model}@{runs.version}", ref=runs.commit)
    _require(session, transition, effects, located, runs)
    problem = (intact or artifacts_problem)(session, target, effects.tracking_uri)
    road = _Road(session=session, transition=transition, effects=effects, runs=runs, target=target)
    took, wrong = (None, problem) if problem else road.travel(clock)
    done = Rehearsed(
        model=model,
        environment=transition.environment,
        version=runs.version,
        back_to=target.version,
        seconds=took,
        artifacts_present=problem is None,
        features_present=_features_present(session, transition, target),
        problem=wrong,
    )
    return replace(done, place=_record(session, located, done, effects))


def _running(
    session: Session, transition: Transition, model: str, version: str | None
) -> RenderRequest:
    """What the history says the environment runs."""
    where = transition.environment
    runs = accounted(session, model, session.signed(model), where)
    if runs is None:
        raise ModelctlError(f"{where} runs no {model}", mend="see `modelctl status`")
    if is_split(runs):
        raise ModelctlError(
            f"a rollout of {model} {runs.version} is under way in {where}",
            mend="rehearse when it is over: `modelctl rollout status` shows it",
        )
    if version is not None and version != runs.version:
        raise ModelctlError(
            f"{where} runs {model} {runs.version}, not {version}",
            mend=f"promote {version} to it first, or rehearse the way back from {runs.version}",
        )
    return runs


def _target(session: Session, transition: Transition, model: str) -> RenderRequest:
    """The version that an emergency would go back to."""
    found, problem = ways_back(session, transition, model)
    if not found:
        where = transition.environment
        raise ModelctlError(
            f"{where} has no version of {model} to go back to: {problem}",
            mend="the first version of a model has no way back: let a second one serve",
        )
    return found[0]


def _require(
    session: Session,
    transition: Transition,
    effects: Effects,
    located: Located,
    runs: RenderRequest,
) -> None:
    """Stops before anything moves where nothing could come of it."""
    coming = statement_of(located, KIND, transition.environment, {}, session.now)
    objection = signer_key(session, effects.signer).objection(coming, session.now)
    if objection is not None:
        raise ModelctlError(objection, mend="sign with a key that may, or widen it in the policy")
    if effects.apply is nothing_applied or not effects.verifies(runs):
        raise ModelctlError(
            f"nothing here puts {runs.model} of {transition.environment} into force, so nothing "
            "would be measured",
            mend="run it where it is served: leave --no-apply out, or give --context",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Road:
    """Between the version that serves and the one before."""

    session: Session
    transition: Transition
    effects: Effects
    runs: RenderRequest
    target: RenderRequest

    def travel(self, clock: Callable[[], float]) -> tuple[float | None, str | None]:
        """Back and forth: the seconds that it took back, or what went wrong."""
        with self._ends_where_it_began():
            self._forth()  # one that was killed may have left it elsewhere
            if problem := self._out(_beside(self.runs, self.target)):
                return None, f"{self.target.version} can't be brought up: {problem}"
            begun = clock()
            if problem := self._out(_beside(self.target, self.runs)):
                return None, f"traffic doesn't go back: {problem}"
            return clock() - begun, None

    @contextmanager
    def _ends_where_it_began(self) -> Iterator[None]:
        try:
            yield
        finally:
            # What lies in the state by now is what the rehearsal wrote there.
            self._forth(replace(self.effects, progress=silent))

    def _out(self, request: RenderRequest) -> str | None:
        """Away from what serves: only where that can be written down, for it is no emergency."""
        effects = replace(self.effects, progress=silent, verifies=lambda _: False)
        return self._go(request, effects)

    def _forth(self, effects: Effects | None = None) -> None:
        if problem := self._go(self.runs, effects or self.effects):
            raise DependencyError(
                f"{self.runs.model} of {self.transition.environment} is not back where it was: "
                f"{problem}",
                mend="run it again, or `modelctl deploy` it",
            )

    def _go(self, request: RenderRequest, effects: Effects) -> str | None:
        """Moves traffic without a word on the ledger; what isn't in force."""
        model = self.runs.model
        seen = position(self.session.signed(model), self.transition.environment)
        done = move(
            self.session,
            self.transition,
            request,
            effects,
            nothing_told,
            seen=seen,
            urgent=True,
        )
        if done.passed:
            raise ConflictError(
                f"another job moved {model} in {self.transition.environment}", mend="run it again"
            )
        return "; ".join(done.problems.values()) or None


def _beside(first: RenderRequest, second: RenderRequest) -> RenderRequest:
    """All traffic on the first, the second kept warm."""
    sides = ((STABLE, first, WHOLE), (PREVIOUS, second, 0))
    backends = tuple(
        Backend(
            name=name,
            version=one.version,
            digest=one.digest,
            artifacts=one.storage_uri,
            weight=weight,
        )
        for name, one, weight in sides
    )
    return replace(first, backends=backends)


def _features_present(session: Session, transition: Transition, target: RenderRequest) -> bool:
    """Whether the registered view still has the features that the version before takes."""
    tree = session.repository.tree(session.branch_tip(transition.to_branch))
    model = read_model(tree, target.model)
    version = read_version(session.repository.tree(target.commit), target.model, target.version)
    if model is None or version is None:
        return False
    if version.features is None:
        return True
    view = model.data_contract.feature_view
    return view is not None and view.hash == version.features.hash


def _record(session: Session, located: Located, done: Rehearsed, effects: Effects) -> str:
    """The evidence; where it lies on the ledger."""
    predicate = {
        "passed": done.passed,
        "to_version": done.back_to,
        "artifacts_present": done.artifacts_present,
        "features_present": done.features_present,
        **({"seconds": round(done.seconds, 3)} if done.seconds is not None else {}),
        **({"problem": done.problem} if done.problem else {}),
    }
    return record_evidence(session, located, KIND, done.environment, predicate, effects.signer).path
