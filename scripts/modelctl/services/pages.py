"""The page of a pull request: what its judgement looked at, with what explains it to people.

Nothing is judged again. The manifests that run are read from the environment's branch, and those
that would run are built once for all models, by a program that runs while reviews are read and the
change is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.differences import Comparison, compare
from modelctl.domain.evidence import AskedEvidence, Statement
from modelctl.domain.names import classify, release_path, version_path
from modelctl.domain.pages import ModelPage, Overlay, Page, overlay_of
from modelctl.domain.policy import Transition
from modelctl.domain.pulls import PullSummary
from modelctl.domain.rendering import MANIFESTS, RenderRequest
from modelctl.domain.reviews import PullRequest
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Finding
from modelctl.domain.whereabouts import Whereabouts, stage_of
from modelctl.errors import ModelctlError
from modelctl.services.checking import Judged
from modelctl.services.checklists import ticked
from modelctl.services.evidence import asked_by
from modelctl.services.moves import Moved
from modelctl.services.previewing import preview
from modelctl.services.rendering import Rendered, builder
from modelctl.services.session import Session
from modelctl.services.state import state_tree

_EVALUATION = "evaluation"
_MOST = 200  # models whose manifests are built
Wanted = Mapping[str, RenderRequest | ModelctlError]
"""Model → what a deploy would render of it, or why nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """Manifests that are being built; without any the page says nothing of them.

    `result` waits for them, and gives the error where they can't be built: the page is worth
    showing without them, so that is told in it.
    """

    wanted: Wanted = field(default_factory=lambda: MappingProxyType({}))
    result: Callable[[], Rendered | ModelctlError] = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What the parts of a page are made of. `whole` are the findings about the change itself."""

    session: Session
    transition: Transition
    pull: PullSummary
    judged: Judged
    pull_request: PullRequest | None
    whole: tuple[Finding, ...]


def begin(session: Session, pull: PullSummary) -> Building:
    """Begins to build what a deploy would render of the models that a pull request touches."""
    transition, repository = session.policy.lifecycle.to_branch(pull.base), session.repository
    if transition is None:
        return Building()
    try:
        base = session.branch_tip(pull.base)
        after = repository.tree(repository.merged(base, repository.resolve(pull.head)))
        changes = repository.changes(repository.tree(base), after)
    except ModelctlError:
        return Building()  # the judgement says what is wrong
    touched = {kind.model for change in changes if (kind := classify(change.path))}
    models = sorted(m for m in touched if after.entry(release_path(m)) is not None)
    return _building(session, transition, pull, after, models)


def _building(
    session: Session,
    transition: Transition,
    pull: PullSummary,
    after: Tree,
    models: Iterable[str],
) -> Building:
    wanted = {
        model: _wanted(session, transition, pull, after, model) for model in list(models)[:_MOST]
    }
    requests = [one for one in wanted.values() if isinstance(one, RenderRequest)]
    try:
        build = builder(session, requests)
    except ModelctlError as error:
        return Building(wanted=wanted, result=partial(_same, error))
    background = ThreadPoolExecutor(1)
    building = background.submit(_built, build)
    background.shutdown(wait=False)
    return Building(wanted=wanted, result=building.result)


def _same(error: ModelctlError) -> ModelctlError:
    return error


def _built(build: Callable[[], Rendered]) -> Rendered | ModelctlError:
    try:
        return build()
    except ModelctlError as error:
        return error


def _wanted(
    session: Session, transition: Transition, pull: PullSummary, after: Tree, model: str
) -> RenderRequest | ModelctlError:
    try:
        number = pull.number or None
        found = preview(session, transition, after, model, commit=pull.head, pull_request=number)
        return found.request
    except ModelctlError as error:
        return error


def page_of(
    session: Session,
    pull: PullSummary,
    judged: Judged,
    pull_request: PullRequest | None,
    building: Building | None = None,
) -> Page:
    """Everything that the comment and the check run of a pull request say. What it would render is
    built now unless somebody began that earlier."""
    building = building if building is not None else begin(session, pull)
    report, lifecycle = judged.report, session.policy.lifecycle
    transition = lifecycle.to_branch(pull.base)
    models: tuple[ModelPage, ...] = ()
    if transition is not None:
        whole = [f for v in report.verdicts if v.subject.model is None for f in v.findings]
        work = _Work(
            session=session,
            transition=transition,
            pull=pull,
            judged=judged,
            pull_request=pull_request,
            whole=tuple(whole),
        )
        models = _models(work, building)
    return Page(
        number=pull.number,
        author=pull.author.login,
        base=pull.base,
        head=report.head or pull.head,
        report=report,
        environment=transition.environment if transition else None,
        approvals=judged.approvals,
        files=frozenset(_files(session, judged)),
        ledger=lifecycle.ledger_branch,
        models=models,
    )


def _files(session: Session, judged: Judged) -> Iterator[str]:
    """The files that findings point at, as far as the head has them just as they were judged."""
    report = judged.report
    if report.head is None or judged.after is None:
        return
    head, after = session.repository.tree(report.head), session.repository.tree(judged.after)
    for file in {f.location.file for v in report.verdicts for f in v.findings if f.location}:
        entry = head.entry(file)
        if entry is not None and entry == after.entry(file):
            yield file


def _models(work: _Work, building: Building) -> tuple[ModelPage, ...]:
    pages = [_model(work, moved) for moved in work.judged.moved]
    rendered = building.result()
    return tuple(
        replace(page, overlay=_overlay(work, page.model, building.wanted[page.model], rendered))
        if page.model in building.wanted
        else page
        for page in pages
    )


def _overlay(
    work: _Work,
    model: str,
    wanted: RenderRequest | ModelctlError,
    rendered: Rendered | ModelctlError,
) -> Overlay:
    if isinstance(wanted, ModelctlError):
        return Overlay(problem=str(wanted))
    if isinstance(rendered, ModelctlError):
        return Overlay(problem=str(rendered))
    tree = state_tree(work.session, work.transition.environment)
    before = tree.read(f"{model}/{MANIFESTS}")
    text = before.decode("utf-8", "replace") if before is not None else None
    return overlay_of(text, rendered[model][MANIFESTS])


def _model(work: _Work, moved: Moved) -> ModelPage:
    candidate, facts = moved.candidate, moved.facts
    served = facts.served.version if facts.served else None
    if candidate is None:
        return ModelPage(verdict=moved.verdict, served=served)
    verdict = replace(moved.verdict, findings=(*work.whole, *moved.verdict.findings))
    policy = work.session.policy
    return ModelPage(
        verdict=moved.verdict,
        served=served,
        stage=None if candidate.is_rollback else _stage(work, candidate, facts),
        stage_after=work.transition.stage,
        comparison=_comparison(candidate, facts),
        evidence=_evidence(work, candidate, facts),
        checklist=ticked(policy, candidate, facts, verdict, work.pull_request),
    )


def _stage(work: _Work, candidate: Candidate, facts: Facts) -> str:
    session, model = work.session, candidate.model.name
    version = str(candidate.version.version)
    lifecycle = session.policy.lifecycle
    first = session.repository.remote_first(lifecycle.transitions[0].to_branch)
    merged = session.repository.tree(first).entry(version_path(model, version)) is not None
    known = Whereabouts(
        model=model,
        versions={version: candidate.digest},
        merged=frozenset({version} if merged else ()),
        history=facts.history,
        endings=facts.endings,
    )
    return stage_of(lifecycle, known, version)


def _comparison(candidate: Candidate, facts: Facts) -> Comparison | None:
    """The version beside the one that is served, where that can be read from the branch."""
    served = facts.served
    if served is None:
        return None
    before = next((v for v in candidate.predecessors if str(v.version) == served.version), None)
    if before is None:
        return None
    measured = _evaluation(facts, served.digest), _evaluation(facts, candidate.digest)
    return compare(before, candidate.version, measured)


def _evaluation(facts: Facts, digest: str) -> Statement | None:
    """The newest believed evaluation of a manifest."""
    believed = (one.statement for one in reversed(facts.signed) if one.vouched_by is not None)
    about = (_EVALUATION, digest)
    return next((said for said in believed if said and (said.kind, said.digest) == about), None)


def _evidence(work: _Work, candidate: Candidate, facts: Facts) -> tuple[AskedEvidence, ...]:
    gates = work.session.policy.gates_for(candidate.scopes)
    asking = [gate for gate in gates if gate.on_rollback or not candidate.is_rollback]
    return asked_by(asking, work.transition, candidate.digest, facts.signed, facts.now)
