"""The paperwork after a version was taken back: what people and other systems are left with.

It comes after traffic and history, and undoes nothing of either. What is to be done is told by the
ledger alone, and each step is found again by its mark: whoever was killed in the middle is made
good by the next run, and of two at once one does it. The issue comes last, so that one that is
there says that all before it was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from modelctl.adapters.git import Author
from modelctl.domain.history import QUARANTINE, ROLLBACK, ROLLOUT
from modelctl.domain.incidents import Incident, incidents
from modelctl.domain.policy import Transition
from modelctl.domain.pulls import DeploymentState, Issue
from modelctl.errors import DependencyError, ModelctlError
from modelctl.report import incident as page
from modelctl.report.sections import Links
from modelctl.services.accounted import accounted
from modelctl.services.acting import Effects
from modelctl.services.candidates import digest, read_release
from modelctl.services.notifying import incident_event
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

LABEL = "incident"

_GRACE = timedelta(minutes=1)
"""For so long whoever took the version back is left to do the paperwork alone."""

_UNTOLD = timedelta(minutes=10)
"""Without a forge nothing says who was told already; older than this nobody is told again."""

_PATIENCE = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5))
"""How long a desk waits before it tries again what failed."""


class Desk:
    """Does the paperwork of incidents, and remembers which is done.

    `fresh` are the ledger places of what this process itself took back.
    """

    def __init__(self, effects: Effects):
        self.effects = effects
        self.fresh: set[str] = set()
        self._done: set[str] = set()
        self._waiting: set[tuple[str, str]] = set()
        self._sent: set[str] = set()
        self._failed: dict[str, tuple[int, datetime]] = {}

    def clear(
        self, session: Session, transition: Transition, models: Iterable[str]
    ) -> tuple[str, ...]:
        """Does what is due of these models; what is left to do, as sentences."""
        left: list[str] = []
        for model in models:
            found = tuple(due(session, transition, model))
            for one in found:
                left += self.handle(session, transition, one)
            key = (transition.environment, model)
            if all(page.marker(one) in self._done for one in found):
                self._waiting.discard(key)
            else:
                self._waiting.add(key)
        return tuple(left)

    def waits(self, environment: str, model: str) -> bool:
        """Whether some of a model's paperwork is another's yet, or is to be tried again."""
        return (environment, model) in self._waiting

    def handle(self, session: Session, transition: Transition, one: Incident) -> tuple[str, ...]:
        """The paperwork of one incident, unless it is done, another's, or was just tried."""
        mark = page.marker(one)
        if mark in self._done or not self._is_ours(session, one, mark):
            return ()
        left = tuple(self._steps(session, transition, one, mark))
        if left:
            tries = self._failed.get(mark, (0, session.now))[0]
            wait = _PATIENCE[min(tries, len(_PATIENCE) - 1)]
            self._failed[mark] = tries + 1, session.now + wait
        else:
            self._done.add(mark)
        return left

    def _is_ours(self, session: Session, one: Incident, mark: str) -> bool:
        if mark in self._failed and session.now < self._failed[mark][1]:
            return False
        return one.place is None or one.place in self.fresh or session.now - one.at >= _GRACE

    def _steps(
        self, session: Session, transition: Transition, one: Incident, mark: str
    ) -> Iterator[str]:
        """Every step, whatever became of those before it; what is left to do."""
        github = self.effects.github
        yield from _registry(session, one, self.effects)
        if github is None:
            yield from self._notify(session, transition, one, mark)
            return
        try:
            issue = github.issues.find(mark, LABEL)
            if issue is not None and page.names_a_pull(issue.body):
                return  # it came last, and names the pull request: all was done
            line = _line_up(session, github, transition, one)
            yield from line.left
            yield from _deployment(session, github, transition, one)
            if issue is None:
                yield from self._notify(session, transition, one, mark)
            made = _file(session, github, one, line, issue)
        except ModelctlError as error:
            yield f"tell GitHub of {one.name} in {one.environment}: {error}"
            return
        if made is not None:
            pull = f", pull request #{line.pull_request}" if line.pull_request else ""
            self.effects.progress(f"{one.environment}/{one.model}: incident #{made.number}{pull}")

    def _notify(
        self, session: Session, transition: Transition, one: Incident, mark: str
    ) -> Iterator[str]:
        forgotten = self.effects.github is None and one.place not in self.fresh
        if self.effects.notify is None or mark in self._sent:
            return
        if forgotten and session.now - one.at > _UNTOLD:
            return
        try:
            self.effects.tell(incident_event(transition, one, self.effects.github))
            self._sent.add(mark)
        except DependencyError as error:
            yield f"notify: {error.message}"


def due(session: Session, transition: Transition, model: str) -> Iterator[Incident]:
    """What was taken back in the environment so lately that its cause needn't be known yet."""
    since = session.now - session.policy.rollback.incident.root_cause_within
    # Whatever was taken back is quarantined; most models never were.
    if next(iter(session.ledger.backwards(model, (QUARANTINE,))), None) is not None:
        entries = session.ledger.entries(model, (ROLLBACK, ROLLOUT))
        told = (entry.signed for entry in entries)
        yield from incidents(told, transition.environment, since=since)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """How the branch is brought back in line: the pull request, or why there is none."""

    pull_request: int | None = None
    note: str | None = None
    left: tuple[str, ...] = ()


def _line_up(session: Session, github: GitHub, transition: Transition, one: Incident) -> _Line:
    """The pull request that has the branch name the version again that serves."""
    if one.back_to is None or not _names_it(session, transition, one):
        return _Line(note=f"{transition.to_branch} doesn't name {one.failed.version} any more")
    from modelctl.services.opening import propose
    from modelctl.services.rolling_back import plan_rollback

    by = f" (by {one.by})" if one.by else ""
    reason = f"{one.trigger}: {one.reason}{by}"
    try:
        plan = plan_rollback(
            session, one.model, one.environment, version=one.back_to.version, reason=reason
        )
        if plan.wanted is not None:
            plan = replace(plan, wanted=replace(plan.wanted, author=_author(github)))
        opened = propose(session, github, plan).opened
    except ModelctlError as error:
        return _Line(left=(f"open the pull request that goes back: {error}",))
    return _Line(pull_request=opened.pull.number if opened else None)


def _names_it(session: Session, transition: Transition, one: Incident) -> bool:
    """Whether the branch still releases the version that was taken back."""
    tree = session.repository.tree(session.branch_tip(transition.to_branch))
    release = read_release(tree, one.model)
    if release is None or str(release.version) != one.failed.version:
        return False
    return digest(tree, one.model, release.version) == one.failed.digest


def _author(github: GitHub) -> Author:
    """The account that opens the pull request, so that the commit is nobody else's."""
    me = github.people.me()
    return Author(name=me.login, email=f"{me.id}+{me.login}@users.noreply.github.com")


def _registry(session: Session, one: Incident, effects: Effects) -> Iterator[str]:
    if effects.tracking_uri is None:
        return
    from modelctl.services.projecting import project

    done = project(session, [one.model], effects.tracking_uri)
    yield from (f"update the registry: {problem}" for problem in done.left)


def _deployment(
    session: Session, github: GitHub, transition: Transition, one: Incident
) -> Iterator[str]:
    """GitHub shows what serves: the version before again, and what never took over as failed."""
    if one.back_to is None:
        return
    if not one.served:
        _failed(github, one)
        return
    from modelctl.services.announcing import announce
    from modelctl.services.deciding import Decision
    from modelctl.services.deployed import Deployed
    from modelctl.services.merged_pulls import MergedPulls

    request = accounted(session, one.model, session.signed(one.model), one.environment)
    if request is None or request.digest != one.back_to.digest:
        return  # it moved on since
    version = request.version
    quiet = replace(request, pull_request=None)  # its pull request was told when it was merged
    decision = Decision(model=one.model, wanted=version, running=quiet, request=quiet)
    branch = session.policy.lifecycle.state_of(one.environment)
    done = Deployed(
        environment=one.environment,
        decisions=(decision,),
        state=session.repository.remote_first(branch),
        recorded=0,
    )
    yield from announce(session, github, MergedPulls(session, github), transition, done)


def _failed(github: GitHub, one: Incident) -> None:
    from modelctl.domain.landing import Landing

    if one.commit is None:
        return
    landing = Landing(model=one.model, version=one.failed.version, commit=one.commit)
    api = github.deployments
    last = api.latest(one.environment, landing.task)
    if last is None or last.ref != one.commit or last.state is DeploymentState.FAILURE:
        return
    api.set_state(last.id, DeploymentState.FAILURE, description=f"{one.name} was rolled back")


def _file(
    session: Session, github: GitHub, one: Incident, line: _Line, issue: Issue | None
) -> Issue | None:
    """The issue: opened once, and its facts kept up to date while it is open. It, if it is new."""
    policy, ledger = session.policy.rollback, session.policy.lifecycle.ledger_branch
    links = Links(repository=github.web_url, trusted=session.policy.commit)
    known = page.Known(serving=one.verified, pull_request=line.pull_request, note=line.note)
    mark = page.marker(one)
    if issue is None:
        text = page.body(one, known, policy, links, ledger)
        made = github.issues.upsert(mark, LABEL, page.title(one), text)
        _close_twins(github, made, mark)
        return made
    if not issue.is_open or line.left:
        return None
    told = page.facts(one, known, policy, links, ledger)
    text = page.with_facts(issue.body.replace("\r\n", "\n"), told)
    if text != issue.body.replace("\r\n", "\n") and line.pull_request is not None:
        github.issues.upsert(mark, LABEL, issue.title, text)
    return None


def _close_twins(github: GitHub, made: Issue, mark: str) -> None:
    """Of two that were filed at the same time the first stays."""
    first = github.issues.first(mark, LABEL)
    if first is not None and first.number < made.number:
        github.issues.close(made.number, f"The same as #{first.number}, filed at the same time.")
