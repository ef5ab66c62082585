"""Promotes a version: the pull request that brings it, as it was deployed, to the next environment.

The branch carries the three files that a release stands on, byte for byte those of the commit that
the source environment was deployed from. Other versions stay as the target has them. To the first
environment a version comes from the branch that it was made on, as that is.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from semver import Version

from modelctl.adapters.git_people import shared_tip
from modelctl.domain.flow import FlowKind
from modelctl.domain.history import Deployment, deployments, goes_back
from modelctl.domain.motions import Motion
from modelctl.domain.names import model_path, parse_pointer, release_path, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import digest, read_release
from modelctl.services.moving import Plan, is_on
from modelctl.services.pointers import (
    holder,
    locate_exactly,
    require_version,
    unknown_environment,
)
from modelctl.services.proposing import Wanted
from modelctl.services.release_pointer import pointed
from modelctl.services.session import Session


def plan_promotion(session: Session, text: str, environment: str) -> Plan:
    """What promoting the version that `text` names into `environment` takes.

    Raises:
        ModelctlError: it can never pass as things are: there is no such environment, the version
            was never deployed where it has to come from, or its branch isn't pushed.
        DependencyError: the remote can't be reached.
    """
    transition = session.policy.lifecycle.to_environment(environment)
    if transition is None:
        raise unknown_environment(environment, session.policy.lifecycle.environments)
    model, version = _named(session, text)
    if transition.source is not None:
        return _promotion(session, model, version, transition)
    return _once_more(session, model, version, transition) or _submission(
        session, model, version, transition
    )


def _named(session: Session, text: str) -> tuple[str, str]:
    """The model and the version that are meant. A version is taken as it is typed: what was
    deployed is on the ledger, whatever this clone has checked out."""
    pointer = parse_pointer(text)
    if Version.is_valid(pointer.selector or ""):
        require_version(session, pointer.model, str(pointer.selector))
        return pointer.model, str(pointer.selector)
    located = locate_exactly(session, text)
    return located.model, str(located.version.version)


def _promotion(session: Session, model: str, version: str, transition: Transition) -> Plan:
    proof = _proof(session, model, version, transition)
    target = session.repository.tree(session.branch_tip(transition.to_branch))
    motion = Motion(
        model=model,
        version=version,
        transition=transition,
        kind=FlowKind.PROMOTION,
        branch=f"promote/{model}/{version}/{transition.environment}",
        proof=proof,
        released=_released(target, model),
    )
    wanted = Wanted(
        branch=motion.branch,
        target=transition.to_branch,
        files=_carried(session.repository.tree(proof.commit), target, model, version),
        message=_message(motion, proof),
    )
    return Plan(motion=motion, wanted=wanted)


def _proof(session: Session, model: str, version: str, transition: Transition) -> Deployment:
    """The newest deployment of the version to the source environment from the source branch."""
    source, name = transition.source or "", f"{model}@{version}"
    there = [
        one
        for one in reversed(deployments(session.signed(model)))
        if (one.environment, one.version) == (source, version)
    ]
    if not there:
        raise ModelctlError(
            f"{name} was never deployed to {source}",
            mend=_first(session, model, version, source),
        )
    tip = session.branch_tip(transition.from_branch)
    found = next((one for one in there if is_on(session, one.commit, tip)), None)
    if found is None:
        raise ModelctlError(
            f"{source} was deployed with {name} from commit {there[0].commit[:12]}, which is not "
            f"on {transition.from_branch}",
            mend=f"merge it into {transition.from_branch} and wait for its deploy to {source}",
        )
    return found


def _first(session: Session, model: str, version: str, source: str) -> str:
    """How a version comes to the environment that it would have to be in."""
    into = session.policy.lifecycle.to_environment(source)
    tip = session.repository.remote_first(into.to_branch) if into else None
    if into is not None and _released(session.repository.tree(tip), model) == version:
        return f"{into.to_branch} releases it, so its deploy is to come: modelctl deploy {source}"
    return f"promote it to {source} first: modelctl promote {model}@{version} --to {source}"


def _released(tree: Tree, model: str) -> str | None:
    release = read_release(tree, model)
    return str(release.version) if release else None


def _carried(there: Tree, target: Tree, model: str, version: str) -> dict[str, bytes]:
    """The files that a release stands on, as far as the target has them otherwise."""
    paths = (model_path(model), release_path(model), version_path(model, version))
    found = {path: there.read(path) for path in paths if there.entry(path) != target.entry(path)}
    return {path: data for path, data in found.items() if data is not None}


def _message(motion: Motion, proof: Deployment) -> str:
    return (
        f"{motion.title}\n\n"
        f"The files of commit {proof.commit} of {motion.transition.from_branch},\n"
        f"which {proof.environment} was deployed from on {proof.at:%Y-%m-%d %H:%M} UTC, byte for "
        "byte.\n"
    )


def _once_more(session: Session, model: str, version: str, transition: Transition) -> Plan | None:
    """The way back in for a version that the first branch holds and doesn't release any more, as
    after a rollback: the pointer names it again. None for any other.

    Raises:
        ModelctlError: it came there before what runs now, so that it would be a rollback.
    """
    target = session.repository.tree(session.branch_tip(transition.to_branch))
    released, path = _released(target, model), release_path(model)
    if released in (None, version) or target.entry(version_path(model, version)) is None:
        return None
    environment, name = transition.environment, f"{model}@{version}"
    history = deployments(session.signed(model))
    if goes_back(history, environment, digest(target, model, version) or ""):
        raise ModelctlError(
            f"{environment} ran {name} before what it runs now, so this would be a rollback",
            mend=f"modelctl rollback {model} --env {environment} --to {version} --reason TEXT",
        )
    motion = Motion(
        model=model,
        version=version,
        transition=transition,
        kind=FlowKind.SUBMISSION,
        branch=f"promote/{model}/{version}/{environment}",
        released=released,
    )
    wanted = Wanted(
        branch=motion.branch,
        target=transition.to_branch,
        files={path: pointed(target.read(path) or b"", path, version)},
        message=f"{motion.title}\n\nIt was released there before {released}.\n",
    )
    return Plan(motion=motion, wanted=wanted)


def _submission(session: Session, model: str, version: str, transition: Transition) -> Plan:
    """The way to the first environment: the branch that is checked out, as it was pushed."""
    repository = session.repository
    branch = None if repository.bare else repository.current_branch()
    if branch is None or not fnmatchcase(branch, transition.from_branch):
        raise ModelctlError(
            f"to {transition.environment} a version comes from its {transition.from_branch}, and "
            f"{branch or 'no branch'} is checked out",
            mend=_where(session, model, version),
        )
    head = repository.resolve("HEAD")
    released = _released(repository.tree(head), model)
    if released != version:
        says = f"releases {model} {released}" if released else f"releases no {model}"
        raise ModelctlError(
            f"{branch} {says}, not {version}",
            mend=f"set the version in {release_path(model)} and commit it"
            if repository.tree(head).entry(version_path(model, version)) is not None
            else _where(session, model, version),
        )
    if shared_tip(repository, branch) != head:
        raise ModelctlError(
            f"{branch} is not on {repository.remote or 'a remote'} as it is here",
            mend=f"git push --set-upstream {repository.remote or 'origin'} {branch}",
        )
    target = repository.tree(session.branch_tip(transition.to_branch))
    motion = Motion(
        model=model,
        version=version,
        transition=transition,
        kind=FlowKind.SUBMISSION,
        branch=branch,
        released=_released(target, model),
    )
    return Plan(motion=motion, head=head)


def _where(session: Session, model: str, version: str) -> str:
    """How to come to the branch that has a version."""
    name = holder(session, model, version)
    if name is None:
        return f"git switch to the branch that has {model}@{version}"
    return f"it is on {name}: git switch {name.removeprefix(f'{session.repository.remote}/')}"
