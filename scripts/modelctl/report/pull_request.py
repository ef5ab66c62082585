"""The comment on a pull request: the verdict, what blocks, whom it waits for, then the details.

What doesn't fit into a comment is left out part by part, never in the middle of one: first the
diffs of manifests, then the checklists, and so on. How many, and where they are seen, is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelctl.domain.pages import ModelPage, Page
from modelctl.domain.pulls import CHECK_NAME, COMMENT_MARKER, CheckState
from modelctl.domain.verdict import Verdict
from modelctl.report import gfm, pull_parts, words
from modelctl.report.layout import Kind, Part, Section, lay_out
from modelctl.report.pull_models import gates_of, parts
from modelctl.report.sections import MARKS, Links

LIMIT = 65_000
"""The most characters of a comment; GitHub takes 65,536."""

_SPARE = 800  # for what says how much is left out
_NOUNS = {
    Kind.FACTS: "note",
    Kind.APPROVALS: "note on approvals",
    Kind.SUMMARY: "summary",
    Kind.BLOCKS: "finding",
    Kind.METRICS: "table of metrics",
    Kind.GATES: "table of gates",
    Kind.EVIDENCE: "table of evidence",
    Kind.CHECKLIST: "checklist",
    Kind.OVERLAY: "diff of manifests",
}
_PLURALS = {
    Kind.APPROVALS: "notes on approvals",
    Kind.SUMMARY: "summaries",
    Kind.METRICS: "tables of metrics",
    Kind.GATES: "tables of gates",
    Kind.EVIDENCE: "tables of evidence",
    Kind.OVERLAY: "diffs of manifests",
}


def comment(page: Page, *, repository: str | None = None, limit: int = LIMIT) -> str:
    """The comment as GitHub-flavoured Markdown of at most `limit` characters.

    It begins with `COMMENT_MARKER`. `repository` is the address that files are linked at,
    `https://github.com/owner/name`.
    """
    links = links_of(page, repository)
    head = "\n\n".join((COMMENT_MARKER, pull_parts.heading(page), pull_parts.lead(page)))
    foot = "\n\n".join((pull_parts.next_line(page), pull_parts.footer(page, links)))
    found = lay_out(
        [*front(page, links), *details(page, links)], limit - len(head) - len(foot) - _SPARE
    )
    texts = (head, *found.texts, *left_out(page, found.left), foot)
    return "\n\n".join(texts) + "\n"


def links_of(page: Page, repository: str | None) -> Links:
    """Where the places of a page are to be seen."""
    return Links(repository=repository, trusted=page.report.trusted, head=page.head)


def front(page: Page, links: Links) -> Iterator[Section]:
    """What comes before the details."""
    waits = page.state is CheckState.WAITING
    title = "### What it waits for" if waits else "### What blocks"
    yield Section(start=title, parts=tuple(pull_parts.blocking(page, links)))
    yield Section(start="### Approvals", parts=tuple(pull_parts.approvals(page)))
    yield Section(start="### Waived", parts=tuple(pull_parts.waived(page)))
    yield Section(start="### Versions", parts=tuple(pull_parts.summary(page)))


def details(page: Page, links: Links) -> Iterator[Section]:
    """Each version, the worst first, and the change as a whole."""
    several, told = len(page.models) > 1, pull_parts.in_front(page)
    for one in sorted(page.models, key=lambda m: words.RANK.index(m.verdict.outcome)):
        blocks = () if told else tuple(pull_parts.mending(page, one.verdict, links))
        found = (*blocks, *parts(page, one, links))
        if several:
            yield Section(start=_summary(one), parts=found, end="</details>")
        else:
            yield Section(start="### Details", parts=found)
    for verdict in page.report.verdicts:
        if verdict.subject.model is None:
            yield Section(parts=(Part(Kind.GATES, gates_of(verdict, _whole(verdict))),))


def _summary(one: ModelPage) -> str:
    """The line of a version that is folded."""
    mark, name = MARKS[one.verdict.outcome], gfm.html(f"{one.model}@{one.version}")
    return f"<details><summary>{mark} <b>{name}</b>: {pull_parts.passing(one.verdict)}</summary>"


def _whole(verdict: Verdict) -> str:
    return f"The change as a whole: {pull_parts.passing(verdict).replace('gate', 'check')}"


def left_out(page: Page, left: Mapping[Kind, int]) -> Iterator[str]:
    """How many parts are not shown, and where they are to be seen."""
    if not left:
        return
    counted = [_counted(kind, number) for kind, number in sorted(left.items())]
    told = f"**Left out, since a comment has an end:** {words.names(counted, len(counted))}."
    see = [
        f"the check run {gfm.code(CHECK_NAME)}",
        gfm.code(f"modelctl check --head {page.head[:12]} --base {page.base}"),
    ]
    if Kind.OVERLAY in left:
        see.append(gfm.code(f"modelctl render {page.environment} --ref {page.head[:12]}"))
    if Kind.CHECKLIST in left:
        see.append(gfm.code(f"modelctl checklist MODEL@VERSION --to {page.environment}"))
    yield f"{told} See {words.names(see, len(see))}."


def _counted(kind: Kind, number: int) -> str:
    noun = _NOUNS[kind]
    return f"{number:,} {noun if number == 1 else _PLURALS.get(kind, noun + 's')}"
