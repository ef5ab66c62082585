"""Tells GitHub what a deploy did: a deployment for each model, labels and the comment of the merge.

It comes after everything that counts, and undoes nothing of it: what can't be told now is left to
do. A deployment becomes a success last, when all the rest is told, so that a run that was killed
leaves one behind which the next run finishes. Nobody decides by what is told here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from modelctl.adapters.settings_file import gate_app
from modelctl.domain.history import Deployment, deployments, served
from modelctl.domain.landing import Landing, by_pull
from modelctl.domain.policy import Transition
from modelctl.domain.pull_labels import DEPLOYED, STAGE, gate_label, label_change
from modelctl.domain.pulls import CheckState, DeploymentState, ForgeDeployment
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_split import is_split
from modelctl.errors import DependencyError, ModelctlError
from modelctl.report.landing import comment
from modelctl.report.sections import Links
from modelctl.services.deciding import Decision
from modelctl.services.deployed import Deployed
from modelctl.services.merged_pulls import MergedPulls
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

RECENT = timedelta(days=1)
"""For so long a deployment that GitHub wasn't told of is looked for, for a request or two each."""

_WORKING = (None, DeploymentState.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Where it is told, and of what. `waits` is what the deploy itself has left to do, `coming` the
    models of which a version is on its way: of those a deployment is only begun."""

    session: Session
    github: GitHub
    merged: MergedPulls
    transition: Transition
    state: str | None
    waits: tuple[str, ...]
    coming: frozenset[str]

    @property
    def environment(self) -> str:
        return self.transition.environment


def announce(
    session: Session,
    github: GitHub,
    merged: MergedPulls,
    transition: Transition,
    done: Deployed,
    *,
    waits: Sequence[str] = (),
) -> tuple[str, ...]:
    """Tells of a deploy as far as it wasn't told before; what is left to do, as sentences.

    While something `waits` to be put into force, deployments stay in progress.
    """
    job = _Job(
        session=session,
        github=github,
        merged=merged,
        transition=transition,
        state=done.state,
        waits=tuple(waits),
        coming=frozenset(
            one.model
            for one in done.decisions
            if not one.blocked and one.request is not None and is_split(one.request)
        ),
    )
    return tuple(_left(job, by_pull(tuple(_landings(job, done.decisions)))))


def _left(job: _Job, groups: Mapping[int | None, Sequence[Landing]]) -> Iterator[str]:
    """Tells of each group; what could not be told, as sentences. What GitHub refuses about one
    pull request is no reason to be silent about the others; when it is down, it is."""
    for number, brought in groups.items():
        try:
            _announce(job, number, brought)
        except ModelctlError as error:
            about = f" #{number}" if number else ""
            yield f"tell GitHub of {job.environment}{about}: {error}"
            if isinstance(error, DependencyError):
                return


def _announce(job: _Job, number: int | None, brought: Sequence[Landing]) -> None:
    """Begins each deployment that isn't there, does the paperwork, and ends the deployments."""
    begun = [(one, found) for one in brought if (found := _begun(job, one)) is not None]
    arrived = [one for one in brought if one.model not in job.coming]
    if number is not None and any(one in arrived for one, _ in begun):
        _tell(job, number, arrived)
    for one, found in begun:
        if one.blocked or not (job.waits or one.model in job.coming):
            _end(job, one, found)


def _landings(job: _Job, decisions: Sequence[Decision]) -> Iterator[Landing]:
    """What is to be told: what is blocked, and what was deployed lately."""
    for one in decisions:
        if one.blocked:
            yield from _blocked(one)
        elif one.request is not None:
            yield from _deployed(job, one, one.request)


def _blocked(one: Decision) -> Iterator[Landing]:
    if one.commit is not None:
        yield Landing(
            model=one.model,
            version=one.wanted,
            commit=one.commit,
            pull_request=one.pull_request,
            before=one.running.version if one.running else None,
            reports=one.reports,
        )


def _deployed(job: _Job, one: Decision, request: RenderRequest) -> Iterator[Landing]:
    last, place = _last(job.session, one.model, job.environment)
    lately = last is not None and job.session.now - last.at <= RECENT
    if last is None or not (one.moves or lately or one.model in job.coming):
        return
    yield Landing(
        model=one.model,
        version=request.version,
        commit=request.commit,
        pull_request=request.pull_request,
        digest=request.digest,
        place=place,
        before=one.running.version if one.moves and one.running else None,
    )


def _last(session: Session, model: str, environment: str) -> tuple[Deployment | None, str | None]:
    """The last deployment on the ledger, and where that lies."""
    signed = session.signed(model)
    last = served(deployments(signed), environment)
    place = next((s.place for s in signed if last is not None and s.seq == last.seq), None)
    return last, place


def _begun(job: _Job, one: Landing) -> ForgeDeployment | None:
    """The deployment that is under way now; None where all of it was told before."""
    api = job.github.deployments
    last = api.latest(job.environment, one.task)
    ends = DeploymentState.FAILURE if one.blocked else DeploymentState.SUCCESS
    if last is not None and last.ref == one.commit:
        if last.state is ends:
            return None
        if last.state in (*_WORKING, DeploymentState.INACTIVE):
            known = [(last, last.state), *((old, api.state_of(old)) for old in _twins(job, last))]
            if any(state in (*_WORKING, ends) for _, state in known):
                return _oldest(job, known, ends)
    made = api.create(
        ref=one.commit,
        environment=job.environment,
        task=one.task,
        description=one.name,
        payload={
            "model": one.model,
            "version": one.version,
            "digest": one.digest,
            "state": job.state,
        },
    )
    if any(api.state_of(old) in (*_WORKING, ends) for old in _twins(job, made)):
        _second(job, made)
        return None
    api.set_state(made.id, DeploymentState.IN_PROGRESS)
    return made


def _oldest(
    job: _Job,
    known: Sequence[tuple[ForgeDeployment, DeploymentState | None]],
    ends: DeploymentState,
) -> ForgeDeployment | None:
    """Of several of one commit, newest first, the first that was begun, unless one has ended: runs
    at the same time must not end two of them."""
    ended = any(state is ends for _, state in known)
    working = [found for found, state in known if state in _WORKING]
    for found in working if ended else working[:-1]:
        _second(job, found)
    return None if ended else working[-1]


def _second(job: _Job, found: ForgeDeployment) -> None:
    job.github.deployments.set_state(
        found.id, DeploymentState.INACTIVE, description="another run told it first"
    )


def _twins(job: _Job, made: ForgeDeployment) -> Iterator[ForgeDeployment]:
    """Those of the same commit that were there before: of another run at the same time."""
    return (old for old in job.github.deployments.older(made) if old.ref == made.ref)


def _tell(job: _Job, number: int, brought: Sequence[Landing]) -> None:
    """The labels and the comment of the pull request that brought these."""
    github, policy = job.github, job.session.policy
    pull = job.merged.summary(number)
    change = label_change(pull.labels, _labels(job, brought))
    github.pulls.set_labels(pull, change.add, change.remove)
    gate = gate_app(job.session.repository.tree(policy.commit))
    before = github.comments.own(number, also=gate)
    text = comment(
        before.body if before else None,
        job.environment,
        brought,
        Links(repository=github.web_url, trusted=policy.commit, head=brought[0].commit),
        state=job.state,
        ledger=policy.lifecycle.ledger_branch,
    )
    _say(github, number, text, gate)


def _say(github: GitHub, number: int, text: str, gate: int | None) -> None:
    """Writes it into the comment of the App that judged, so that there is one; where GitHub lets
    nobody else change that, into one of our own."""
    try:
        github.comments.upsert(number, text, also=gate)
    except DependencyError:
        raise
    except ModelctlError:
        if gate is None:
            raise
        github.comments.upsert(number, text)


def _labels(job: _Job, brought: Sequence[Landing]) -> tuple[str, ...]:
    """What a merged pull request should have: its gates matter only where they block its deploy."""
    if any(one.blocked for one in brought):
        return (gate_label(CheckState.FAILURE),)
    if job.waits:
        return ()
    return f"{DEPLOYED}{job.environment}", f"{STAGE}{job.transition.stage}"


def _end(job: _Job, one: Landing, begun: ForgeDeployment) -> None:
    """The deployment stands for what serves now, and those before it don't any more."""
    api = job.github.deployments
    if one.blocked:
        api.set_state(begun.id, DeploymentState.FAILURE, description=_why(one))
        return
    for old in api.older(begun):
        state = api.state_of(old)
        if state in (DeploymentState.SUCCESS, DeploymentState.IN_PROGRESS):
            api.set_state(old.id, DeploymentState.INACTIVE)
        if state in (DeploymentState.SUCCESS, DeploymentState.INACTIVE):
            break
    api.set_state(begun.id, DeploymentState.SUCCESS, description=f"{one.name} serves")


def _why(one: Landing) -> str:
    gates = dict.fromkeys(
        finding.gate
        for report in one.reports
        for verdict in report.verdicts
        for finding in verdict.findings
        if finding.outcome.blocks
    )
    return f"{one.name} is blocked by {', '.join(gates)}"
