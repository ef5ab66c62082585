"""Release pointers: to versions that are there, and back only where the past allows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelctl.domain.document import Location
from modelctl.domain.endings import FINAL
from modelctl.domain.flow_input import FlowInput
from modelctl.domain.manifest import Release
from modelctl.domain.names import release_path, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.provenance import rollback_proof
from modelctl.domain.structure import failure
from modelctl.domain.verdict import Finding, Outcome

RELEASE = "release"


def releases(proposal: FlowInput) -> Iterator[Finding]:
    """Whether each touched model's release pointer can be followed after the change.

    Where no environment follows the branch, no pointer is followed either.
    """
    transition = proposal.transition
    if transition is None:
        return
    for model in proposal.models:
        path, release = release_path(model), proposal.releases_after.get(model)
        if proposal.after.entry(path) is None:
            yield from _withdrawn(proposal, model)
        elif release is None:
            yield _unreadable(path)
        else:
            yield from _followed(proposal, transition, model, release)


def _withdrawn(proposal: FlowInput, model: str) -> Iterator[Finding]:
    """A model that was never released needs no pointer; one that was can't just lose it."""
    path = release_path(model)
    if proposal.before.entry(path) is not None:
        finding = failure(
            RELEASE,
            f"{path} is removed, so nothing would say what {model} should serve",
            path,
            mend="restore it",
        )
        yield replace(finding, command=f"git checkout {proposal.branch} -- {path}")


def _unreadable(path: str) -> Finding:
    return Finding(
        gate=RELEASE,
        outcome=Outcome.INCONCLUSIVE,
        message=f"{path} can't be read, so nobody knows which version would move",
        location=Location(file=path),
        mend="mend what the document gate says of it",
    )


def _followed(
    proposal: FlowInput, transition: Transition, model: str, release: Release
) -> Iterator[Finding]:
    if proposal.after.entry(version_path(model, release.version)) is None:
        there = proposal.after.names(f"models/{model}/versions")
        yield failure(
            RELEASE,
            f"{model} releases {release.version}, which has no manifest",
            release_path(model),
            mend=f"add {version_path(model, release.version)}, or release one of: "
            f"{', '.join(name.removesuffix('.yaml') for name in there) or 'none is there yet'}",
        )
    elif (ending := proposal.ending(model, str(release.version))) and ending.end in FINAL:
        yield failure(
            RELEASE,
            f"{model} releases {release.version}, which was {ending}",
            release_path(model),
            mend="release another version",
        )
    elif (
        transition.source is None
        and _goes_back(proposal, model, release)
        and rollback_proof(proposal, model) is None
    ):
        yield _unproved_rollback(transition, model, release)


def _goes_back(proposal: FlowInput, model: str, release: Release) -> bool:
    """Whether a first branch is pointed at an older version that was there already.

    A new version with a lower number is a fix of an older line, and takes the path of any other.
    Promotions only follow their source environment, so provenance judges those.
    """
    before = proposal.releases_before.get(model)
    there = proposal.before.entry(version_path(model, release.version))
    return before is not None and release.version < before.version and there is not None


def _unproved_rollback(transition: Transition, model: str, release: Release) -> Finding:
    return failure(
        RELEASE,
        f"{model} goes back to {release.version}, and this is no rollback that the ledger proves",
        release_path(model),
        mend=f"go back to a version that {transition.environment} was deployed with and that is "
        "not quarantined there, with model.yaml as it was then, and change nothing else but the "
        "version in release.yaml: modelctl rollback does",
    )
