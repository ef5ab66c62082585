"""What the comment on a merged pull request says of its deploy: that it landed, or why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from modelctl.domain.landing import Landing
from modelctl.domain.pulls import COMMENT_MARKER
from modelctl.report import gfm, words
from modelctl.report.sections import Links, finding_text, folded

LIMIT = 65_000
"""The most characters of a comment; GitHub takes 65,536."""

_BLOCK = 20_000  # characters of what is told of the deploy
_FINDINGS = 8  # of one version
_BELOW = "<!-- modelctl:before-the-deploy -->"
"""What follows it was said before the merge."""


def comment(
    before: str | None,
    environment: str,
    landings: Sequence[Landing],
    links: Links,
    *,
    state: str | None,
    ledger: str,
) -> str:
    """The comment with what the deploy did on top. `before` is its text so far, as it was judged
    before the merge; what a deploy said there earlier is taken out."""
    told = "\n\n".join(_lines(environment, landings, links, state, ledger))
    top = f"{COMMENT_MARKER}\n{told}\n"
    earlier = _earlier(before or "")
    kept = f"{_BELOW}\n\n{earlier}\n\n{_BELOW}"
    whole = f"{top}\n{folded('As it was judged before the merge', kept)}\n"
    if earlier and len(whole) <= LIMIT:
        return whole
    return f"{top}\n{_BELOW}\n{_BELOW}\n"


def _earlier(text: str) -> str:
    """What was said before the merge, be it alone or below what a deploy said."""
    if _BELOW not in text:
        return text.removeprefix(COMMENT_MARKER).strip("\n")
    return text.partition(_BELOW)[2].rpartition(_BELOW)[0].strip("\n")


def _lines(
    environment: str, landings: Sequence[Landing], links: Links, state: str | None, ledger: str
) -> Iterator[str]:
    blocked = [one for one in landings if one.blocked]
    landed = [one for one in landings if not one.blocked]
    where = gfm.plain(environment)
    room = _BLOCK
    for one in blocked:
        text = _not_deployed(one, where, links)
        room -= len(text)
        if room < 0:
            yield "… and more was not deployed: `modelctl deploy` tells all."
            break
        yield text
    if landed:
        yield f"## 🚀 Deployed to {where}"
        by = f"The state of {where} is {links.commit(state)}." if state else ""
        rows = (_landed(one, links, ledger) for one in landed[:100])
        yield "\n".join(rows) + (f"\n\n{by}" if by else "")


def _landed(one: Landing, links: Links, ledger: str) -> str:
    proof = f", proved by {links.file('its entry', ledger, one.place)}" if one.place else ""
    was = f" in place of {gfm.plain(one.before)}" if one.before else ""
    return f"- **{gfm.plain(one.name)}**{was}, from {links.commit(one.commit)}{proof}"


def _not_deployed(one: Landing, where: str, links: Links) -> str:
    stays = f"**{gfm.plain(one.before)} goes on running**" if one.before else "**nothing runs**"
    found = [
        replace(finding, gate=", ".join(gates))
        for report in one.reports
        for verdict in report.verdicts
        for gates, told in words.told_once(verdict).items()
        for finding in told
        if finding.outcome.blocks
    ]
    found.sort(key=lambda finding: words.RANK.index(finding.outcome))
    merged = f"It was merged as {links.commit(one.commit)}, and judged again before the deploy:"
    lines = [
        f"## 🛑 NOT deployed to {where}: {gfm.plain(one.name)}",
        f"{merged} something blocks it. In {where} {stays}.",
        *(finding_text(finding, links) for finding in found[:_FINDINGS]),
    ]
    if len(found) > _FINDINGS:
        lines.append(f"… and {words.count(len(found) - _FINDINGS, 'finding')} more.")
    return "\n\n".join([*lines, "Once that is mended, the next deploy takes it up by itself."])
