"""The ways back of an environment: which versions it could serve again, and whether they can.

Each is what a signed deployment wrote, in the very environment. Its artifacts are looked at where
it would be loaded from, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from modelctl.domain.endings import endings
from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment, deployments, quarantines, served
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollback import Past
from modelctl.domain.rollback_plan import SERVES, choose
from modelctl.errors import ModelctlError
from modelctl.services.accounted import told
from modelctl.services.candidates import digest, read_version, versions
from modelctl.services.session import Session
from modelctl.services.state import readable_record
from modelctl.services.waivers import unlifted

Intact = Callable[[Session, RenderRequest, str | None], str | None]
"""Says what is wrong with the artifacts of a version that is to serve: None where nothing is. It is
given where the registry is."""


def ways_back(
    session: Session, transition: Transition, model: str
) -> tuple[tuple[RenderRequest, ...], str | None]:
    """The versions that an emergency could go back to now, the best first, as they were deployed;
    or why there is none. Their artifacts are not looked at."""
    signed = session.signed(model)
    last = served(deployments(signed), transition.environment)
    if last is None:
        return (), "it runs none"
    past = past_of(session, transition, model, signed, last)
    choice = choose(past, now=session.now, rest=timedelta())
    found = (deployed_request(session, signed, one.deployment) for one in choice.found)
    return tuple(one for one in found if one is not None), choice.mend or choice.problem


def past_of(
    session: Session,
    transition: Transition,
    model: str,
    signed: Sequence[Signed],
    last: Deployment,
) -> Past:
    """What is known of a model in an environment that is to go back from `last`."""
    tree = session.repository.tree(session.branch_tip(transition.to_branch))
    held = quarantines(signed)
    return Past(
        environment=transition.environment,
        released=last.version,
        history=deployments(signed),
        digests={str(v): digest(tree, model, v) or "" for v in versions(tree, model)},
        quarantines=unlifted(session, held, transition, tree, tree),
        endings=endings(signed, session.policy.lifecycle.last),
        says=SERVES,
    )


def deployed_request(
    session: Session, signed: Iterable[Signed], one: Deployment
) -> RenderRequest | None:
    """What a deployment had the environment run, with all traffic: the record of the commit that
    its statement names. None where that commit isn't here, or says something else."""
    predicate = told_by(signed, one)
    commit = predicate.get("state_commit")
    if not isinstance(commit, str):
        return None
    try:
        tree = session.repository.tree(session.repository.commit(commit).tree)
    except ModelctlError:
        return None
    found = readable_record(tree, one.model)
    if found is None or (found.model, found.environment) != (one.model, one.environment):
        return None
    if found.digest != one.digest or any(
        predicate.get(name) != value for name, value in told(found).items()
    ):
        return None
    return replace(found, backends=(), plan=None)


def told_by(signed: Iterable[Signed], one: Deployment) -> Mapping[str, Any]:
    """The predicate of the statement that a deployment was read from."""
    found = (s.statement for s in signed if s.seq == one.seq and s.statement is not None)
    statement = next(found, None)
    return statement.predicate if statement else {}


def artifacts_problem(session: Session, one: RenderRequest, tracking_uri: str | None) -> str | None:
    """What is wrong with the artifacts of a version, read from where it would be loaded from: they
    can't be had, or they aren't those of its manifest."""
    import tempfile
    from pathlib import Path

    from modelctl.adapters.artifacts import fetch, verify

    version = read_version(session.repository.tree(one.commit), one.model, one.version)
    if version is None:
        return "its manifest is gone"
    with tempfile.TemporaryDirectory(prefix="modelctl-") as folder:
        try:
            found = fetch(
                one.storage_uri,
                Path(folder),
                tracking_uri=tracking_uri,
                repository=session.repository.directory,
            )
            wrong = verify(found, version.artifacts.files)
        except ModelctlError as error:
            return f"its artifacts can't be had: {error.message}"
    return f"its artifacts are not those of its manifest: {'; '.join(wrong[:3])}" if wrong else None
