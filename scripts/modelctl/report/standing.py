"""How a pull request stands, in one line: what blocks it, or what and whom it waits for."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from modelctl.domain.pages import Page, missing_by_role
from modelctl.domain.pulls import CheckState
from modelctl.domain.verdict import Finding
from modelctl.report import words

_NAMED = 3


def standing(page: Page) -> str:
    """`ready to merge`, `waiting for 1 platform and 1 ml-lead`, `blocked by fairness and soak`.

    Failures are named before what is only waited for.
    """
    if page.state is CheckState.SUCCESS:
        return "ready to merge"
    waits = waiting(page)
    if page.state is CheckState.WAITING:
        return f"waiting for {waits}"
    gates = _gates(finding for _, finding in page.failing)
    return f"blocked by {words.names(gates, _NAMED)}" + (f"; waiting for {waits}" if waits else "")


def waiting(page: Page) -> str:
    """Whom and what it waits for, empty where for nothing: `1 platform, and soak until …`."""
    people = ""
    if page.waits_for_people and page.approvals is not None:
        roles = [f"{number} {role}" for role, number in missing_by_role(page.approvals).items()]
        people = words.names(roles, _NAMED)
    pending = [finding for _, finding in page.pending]
    times = [finding.until for finding in pending if finding.until]
    until = f" until {words.instant(max(times))}" if times else ""
    gates = words.names(_gates(pending), _NAMED) + until if pending else ""
    return ", and ".join(part for part in (people, gates) if part)


def _gates(findings: Iterable[Finding]) -> list[str]:
    """Each gate once, in the order of the findings."""
    return list(dict.fromkeys(finding.gate for finding in findings))


def next_step(page: Page) -> tuple[str, str | None]:
    """What to do now, and the command for that where there is one."""
    if page.state is CheckState.SUCCESS:
        return "merge it", f"gh pr merge {page.number} --merge"
    if page.state is CheckState.WAITING:
        return f"nothing to mend: it waits for {waiting(page)}", None
    base = shlex.quote(f"origin/{page.base}")
    fetch = f"git fetch origin {shlex.quote(page.base)} pull/{page.number}/head"
    gates = words.names(_gates(finding for _, finding in page.failing), _NAMED)
    return (
        f"mend {gates}, and push; this is how to judge it on your machine",
        f"{fetch} && modelctl check --base {base} --head {page.head[:12]} --no-reviews",
    )
