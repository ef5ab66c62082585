"""What came of a command that opens a pull request: for people, and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelctl.domain.motions import Motion, Weighed
from modelctl.domain.pulls import PullSummary
from modelctl.report import words
from modelctl.report.json import document, dumps
from modelctl.report.look import Look, grid, indent, ink, paint
from modelctl.report.motion import to_do

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told: the motion, its branch's `commit` and that of the target, and the request.

    `weighed` is None where the target has everything already, `pull` where none was opened;
    `is_new` says that this run opened it. `calls` counts the requests to GitHub.
    """

    motion: Motion
    weighed: Weighed | None = None
    commit: str | None = None
    base: str | None = None
    note: str | None = None
    body: str = ""
    pull: PullSummary | None = None
    is_new: bool = False
    calls: int = 0


def terminal(told: Told, look: Look | None = None) -> str:
    """The branch, what it changes, what blocks it, and the pull request."""
    look = look or Look()
    motion, weighed = told.motion, told.weighed
    if weighed is None:
        target = motion.transition.to_branch
        return paint(look, [ink(look, f"{target} has {motion.name} already: nothing to open")])
    rows = grid(None, None)
    for change in weighed.changes:
        sign, style = ("+", "green") if change.added else ("~", "yellow")
        rows.add_row(ink(look, (sign, style)), ink(look, change.path))
    onto = f"  {(told.commit or '')[:12]} on {motion.transition.to_branch} {(told.base or '')[:12]}"
    head = ink(look, (motion.branch, "bold"), (onto, "dim"))
    parts = [head, *([ink(look, told.note)] if told.note else []), indent(rows, 2), ""]
    todo = grid(None, None)
    for gates, finding in to_do(weighed):
        said = ink(look, (", ".join(gates), "bold"), f"  {finding.message}")
        if finding.command:
            said.append("\n").append_text(ink(look, (finding.command, "dim")))
        todo.add_row(ink(look, look.mark(finding.outcome)), said)
    if todo.row_count:
        parts += [ink(look, "what would block it now:"), indent(todo, 2)]
    parts += [ink(look, note) for note in weighed.page.report.notes]
    return paint(look, [*parts, "", ink(look, (_ending(told), "bold"))])


def _ending(told: Told) -> str:
    if told.pull is None:
        return f"would open: {told.motion.title}"
    done = "opened" if told.is_new else "is open already:"
    name = f"#{told.pull.number}"
    return f"{done} {name} {told.pull.url}" if told.is_new else f"{name} {done} {told.pull.url}"


def json(told: Told) -> str:
    """The same as JSON, with the description and the verdict in full."""
    motion, weighed, pull = told.motion, told.weighed, told.pull
    changes = weighed.changes if weighed else ()
    return dumps(
        {
            "schema": SCHEMA,
            "kind": motion.kind.value,
            "model": motion.model,
            "version": motion.version,
            "environment": motion.environment,
            "branch": motion.branch,
            "target": motion.transition.to_branch,
            "base": told.base,
            "commit": told.commit,
            "note": told.note,
            "title": motion.title,
            "description": told.body or None,
            "changes": [{"path": c.path, "added": c.added} for c in changes],
            "outcome": words.word(weighed.page.report.outcome).lower() if weighed else None,
            "report": document(weighed.page.report) if weighed else None,
            "pull_request": _pull(pull, told.is_new) if pull else None,
            "api_calls": told.calls,
        }
    )


def _pull(pull: PullSummary, is_new: bool) -> dict[str, Any]:
    return {"number": pull.number, "url": pull.url, "opened": is_new}
