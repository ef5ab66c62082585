"""Goes back by a reviewed pull request: the release pointer names a version that ran before, and
model.yaml is what it was then.

Nothing else changes, so the history alone proves it. The rollback that waits for nobody, and is put
into a pull request afterwards, is another thing.
"""

from __future__ import annotations

from modelctl.domain.endings import endings
from modelctl.domain.flow import FlowKind
from modelctl.domain.history import Deployment, deployments, quarantines
from modelctl.domain.motions import Motion
from modelctl.domain.names import model_path, parse_version, release_path
from modelctl.domain.policy import Transition
from modelctl.domain.rollback import Past, Target, best, targets
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import digest, read_release, versions
from modelctl.services.moving import Plan
from modelctl.services.pointers import require_model, unknown_environment
from modelctl.services.proposing import Wanted
from modelctl.services.release_pointer import pointed
from modelctl.services.session import Session
from modelctl.services.waivers import unlifted


def plan_rollback(
    session: Session, model: str, environment: str, *, version: str | None, reason: str
) -> Plan:
    """What going back to `version` takes, to the last good one where none is given.

    Raises:
        ModelctlError: there is no such model or environment, or nothing to go back to; the mend
            lists what ran there, and what speaks against each.
    """
    transition = session.policy.lifecycle.to_environment(environment)
    if transition is None:
        raise unknown_environment(environment, session.policy.lifecycle.environments)
    require_model(session, model)
    if not reason.strip():
        raise ModelctlError("a rollback needs its reason", mend="--reason 'what is wrong'")
    tree = session.repository.tree(session.branch_tip(transition.to_branch))
    past, path = _past(session, model, transition, tree), release_path(model)
    target = _chosen(past, model, version)
    motion = Motion(
        model=model,
        version=target.version,
        transition=transition,
        kind=FlowKind.ROLLBACK,
        branch=f"rollback/{model}/{target.version}/{environment}",
        proof=target.deployment,
        released=past.released,
        reason=" ".join(reason.split()),
    )
    files = {path: pointed(tree.read(path) or b"", path, target.version)}
    files |= _about(session, tree, model, target.deployment)
    wanted = Wanted(
        branch=motion.branch,
        target=transition.to_branch,
        files=files if target.version != past.released else {},
        # After a word of ours, no reason is a trailer such as `Co-authored-by: …`.
        message=f"{motion.title}\n\nReason: {motion.reason}\n",
    )
    return Plan(motion=motion, wanted=wanted)


def _about(session: Session, tree: Tree, model: str, then: Deployment) -> dict[str, bytes]:
    """model.yaml as it was deployed then, where the branch has another one by now."""
    path = model_path(model)
    entry, was = tree.entry(path), then.files.get(path)
    if was is None or (entry is not None and entry.oid == was):
        return {}
    text = session.repository.tree(then.commit).read(path)
    return {} if text is None else {path: text}


def _past(session: Session, model: str, transition: Transition, tree: Tree) -> Past:
    signed, release = session.signed(model), read_release(tree, model)
    if release is None:
        raise ModelctlError(
            f"{transition.to_branch} releases no {model} that could go back",
            mend=f"promote a version of it to {transition.environment} first",
            location=release_path(model),
        )
    held = quarantines(signed)
    return Past(
        environment=transition.environment,
        released=str(release.version),
        history=deployments(signed),
        digests={str(v): digest(tree, model, v) or "" for v in versions(tree, model)},
        quarantines=unlifted(session, held, transition, tree, tree),
        endings=endings(signed, session.policy.lifecycle.last),
    )


def _chosen(past: Past, model: str, version: str | None) -> Target:
    """The target that is meant; what the branch releases already is one where it is named.

    Raises:
        ModelctlError: there is none, or something speaks against it.
    """
    found, environment = targets(past), past.environment
    if version is None:
        chosen = best(found)
        if chosen is None:
            raise ModelctlError(
                f"{environment} has no version of {model} to go back to", mend=_mend(model, found)
            )
        return chosen
    wanted = str(parse_version(version.removeprefix("v")))
    meant = next((one for one in found if one.version == wanted), None)
    if meant is None:
        raise ModelctlError(f"{environment} never ran {model}@{wanted}", mend=_mend(model, found))
    if meant.problem is not None and wanted != past.released:
        raise ModelctlError(
            f"{environment} can't go back to {model}@{wanted}: {meant.problem}",
            mend=_mend(model, found),
        )
    return meant


def _mend(model: str, found: tuple[Target, ...]) -> str:
    """`go back to one that is good: --to 1.0.0; it ran 1.1.0 (the branch releases it now), …`."""
    if not found:
        return "nothing was ever deployed there: promote a version to it"
    good = [one.version for one in found if one.problem is None]
    says = (
        f"go back to one that is good: --to {good[0]}"
        if good
        else f"promote a version of {model} that mends it, or have a quarantine waived"
    )
    ran = ", ".join(f"{one.version} ({one.problem or 'good'})" for one in found)
    return f"{says}; it ran {ran}"
