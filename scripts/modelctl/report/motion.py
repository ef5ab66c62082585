"""The description of a pull request that moves a version: what, from where, and what is to do.

It is written once, when the pull request is opened, and decides nothing; the comment beneath it is
kept up to date. Whatever people wrote, such as a reason or a changelog, is shown as plain words.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.checklists import ROLLBACK
from modelctl.domain.flow import FlowKind
from modelctl.domain.history import Deployment
from modelctl.domain.motions import Motion, Weighed
from modelctl.domain.strategies import Strategy
from modelctl.domain.verdict import Finding
from modelctl.report import gfm, words
from modelctl.report.checklist import TITLES, task_lines
from modelctl.report.clean import visible
from modelctl.report.layout import Kind
from modelctl.report.pull_models import parts
from modelctl.report.sections import MARKS, Links, table

LIMIT = 60_000
"""The most characters of a description; GitHub takes 65,536."""

_SHOWN = 12  # findings
_LATER = "How it stands now is told by the comment below."
_KINDS = {
    FlowKind.SUBMISSION: (Kind.METRICS, Kind.EVIDENCE, Kind.CHECKLIST),
    FlowKind.PROMOTION: (Kind.METRICS, Kind.EVIDENCE, Kind.CHECKLIST),
    FlowKind.ROLLBACK: (),  # nothing of it is new; the comment compares the two
}
_VERBS = {
    FlowKind.SUBMISSION: "Submits",
    FlowKind.PROMOTION: "Promotes",
    FlowKind.ROLLBACK: "Goes back to",
}


def description(weighed: Weighed, *, repository: str | None = None) -> str:
    """The description as GitHub-flavoured Markdown. `repository` is the address that commits are
    linked at, `https://github.com/owner/name`."""
    report = weighed.page.report
    links = Links(repository=repository, trusted=report.trusted, head=weighed.page.head)
    text = ""
    for block in _blocks(weighed, links):
        if len(text) + len(block) > LIMIT:
            break  # the comment has all of it
        text += f"{block}\n\n"
    return text + f"<sub>By {gfm.plain(words.judged(report))}</sub>\n"


def _blocks(weighed: Weighed, links: Links) -> Iterator[str]:
    motion, about = weighed.motion, weighed.about
    yield _lead(motion)
    if motion.reason:
        yield f"**Reason:** {gfm.plain(motion.reason)}"
    rows = (gfm.row(name, told) for name, told in _facts(weighed, links))
    yield table(("what", "value"), rows)
    if motion.kind is not FlowKind.ROLLBACK and weighed.manifest is not None:
        yield f"### What is new\n\n{gfm.plain(weighed.manifest.changelog)}"
    yield "\n".join(("### When it was opened", "", _LATER, "", *_to_do(weighed)))
    if about is not None:
        kinds = _KINDS[motion.kind]
        yield from (part.text for part in parts(weighed.page, about, links) if part.kind in kinds)
    if weighed.todo:
        yield "\n".join((f"### {TITLES[ROLLBACK]}", "", *task_lines(weighed.todo)))


def _lead(motion: Motion) -> str:
    what = f"{_VERBS[motion.kind]} **{gfm.plain(motion.name)}**"
    where = f"**{gfm.plain(motion.environment)}** ({gfm.plain(motion.transition.stage)})"
    if motion.kind is FlowKind.ROLLBACK:
        return f"{what} in {where}. Nothing else changes."
    source = motion.transition.source
    return f"{what} {f'from {gfm.plain(source)} ' if source else ''}to {where}."


def _facts(weighed: Weighed, links: Links) -> Iterator[tuple[str, str]]:
    motion, about = weighed.motion, weighed.about
    released, serves = motion.released, about.served if about else None
    yield f"{gfm.code(motion.transition.to_branch, cell=True)} releases", _change(released, motion)
    yield f"{gfm.plain(motion.environment)} serves", gfm.plain(serves) if serves else "nothing yet"
    if motion.proof is not None:
        yield "proved by", _proof(motion.proof, links)
    paths = [gfm.code(change.path, cell=True) for change in weighed.changes[:_SHOWN]]
    more = len(weighed.changes) - len(paths)
    yield "changes", ", ".join(paths) + (f" and {more} more" if more > 0 else "")
    if about is not None and about.verdict.subject.digest:
        yield "manifest", gfm.code(f"sha256:{about.verdict.subject.digest}", cell=True)
    if weighed.strategy is not None:
        yield "rollout", gfm.plain(rollout(weighed.strategy))


def _change(released: str | None, motion: Motion) -> str:
    return f"{gfm.plain(released) if released else 'none'} → {gfm.plain(motion.version)}"


def _proof(proof: Deployment, links: Links) -> str:
    by = f", approved by {gfm.plain(words.names(proof.approvers))}" if proof.approvers else ""
    when = gfm.plain(words.instant(proof.at))
    where = gfm.plain(proof.environment)
    return f"deployed to {where} on {when} from {links.commit(proof.commit)}{by}"


def rollout(strategy: Strategy) -> str:
    """`canary-standard: canary, 5 % → 25 % → 100 %`."""
    steps = " → ".join(f"{step.weight} %" for step in strategy.steps)
    kind = strategy.kind if strategy.kind != strategy.name else ""
    told = ", ".join(part for part in (kind, steps) if part)
    ends = "" if strategy.automatic or not steps else ", then a person decides"
    return strategy.name + (f": {told}{ends}" if told else "")


def to_do(weighed: Weighed) -> list[tuple[tuple[str, ...], Finding]]:
    """What blocks now, each told once with the gates that say so, worst first."""
    told = [
        (gates, finding)
        for verdict in weighed.page.report.verdicts
        for gates, found in words.told_once(verdict).items()
        for finding in found
        if finding.outcome.blocks
    ]
    return sorted(told, key=lambda pair: words.RANK.index(pair[1].outcome))


def _to_do(weighed: Weighed) -> Iterator[str]:
    """What blocks, with the commands that mend it, then who has to approve."""
    blocking = to_do(weighed)
    for gates, finding in blocking[:_SHOWN]:
        named = ", ".join(map(gfm.code, gates))
        until = f" until {gfm.plain(words.instant(finding.until))}" if finding.until else ""
        yield f"- {MARKS[finding.outcome]} {named}: {gfm.plain(finding.message)}{until}"
        if finding.command:
            yield f"  - {gfm.code(visible(finding.command))}"
    if len(blocking) > _SHOWN:
        yield f"- … and {words.count(len(blocking) - _SHOWN, 'finding')} more"
    if not blocking:
        yield "- ✅ every gate passes"
    yield from (f"- {gfm.plain(note)}" for note in weighed.page.report.notes[:_SHOWN])
