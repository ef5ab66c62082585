"""The list of open pull requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelctl.domain.checked import Listed
from modelctl.report import gfm, words
from modelctl.report.json import dumps, instant
from modelctl.report.look import Look, ink, paint, table

if TYPE_CHECKING:
    from rich.text import Text

SCHEMA = 1
_STYLES = {"ready": "green", "waiting": "yellow", "blocked": "red"}
_MARKS = {"ready": "✅", "waiting": "⏳", "blocked": "❌"}
_HEADS = ("", "title", "models", "way", "verdict", "asked", "opened")
_MODELS = 3
"""More models of one pull request than this are counted."""


def terminal(rows: Sequence[Listed], now: datetime, look: Look | None = None) -> str:
    """The list as a table for `look`."""
    look = look or Look()
    if not rows:
        return paint(look, [ink(look, "no pull request is open")])
    return paint(look, [table(look, _HEADS, [_line(row, now, look) for row in rows])])


def _line(row: Listed, now: datetime, look: Look) -> list[Text]:
    pull, verdict = row.pull, row.verdict or "not judged"
    return [
        ink(look, (f"#{pull.number}", "bold")),
        ink(look, f"{pull.title}{' (draft)' if pull.is_draft else ''}"),
        ink(look, (_models(row), "cyan")),
        ink(look, f"{pull.branch} → {pull.base}"),
        ink(look, (verdict, _STYLES.get(verdict, "dim")), f" {row.title}" if row.title else ""),
        ink(look, ", ".join(row.asked) or "nobody"),
        ink(look, (words.age(pull.created_at, now), "dim")),
    ]


def _models(row: Listed) -> str:
    if row.models is None:
        return "?"
    return words.names(row.models, _MODELS) if row.models else "none"


def markdown(rows: Sequence[Listed], now: datetime) -> str:
    """The list as GitHub-flavoured Markdown."""
    if not rows:
        return "No pull request is open.\n"
    lines = [gfm.row(*_HEADS), gfm.row(*("---" for _ in _HEADS))]
    for row in rows:
        pull, verdict = row.pull, row.verdict or "not judged"
        said = f"{_MARKS.get(verdict, '❔')} {gfm.plain(verdict)}"
        lines.append(
            gfm.row(
                f"#{pull.number}",
                gfm.plain(f"{pull.title}{' (draft)' if pull.is_draft else ''}"),
                gfm.plain(_models(row)),
                f"{gfm.code(pull.branch, cell=True)} → {gfm.code(pull.base, cell=True)}",
                f"{said}: {gfm.plain(row.title)}" if row.title else said,
                gfm.plain(", ".join(row.asked) or "nobody"),
                words.age(pull.created_at, now),
            )
        )
    return "\n".join(lines) + "\n"


def json(rows: Sequence[Listed], now: datetime) -> str:
    """The list as JSON."""
    listed = [_json(row) for row in rows]
    return dumps({"schema": SCHEMA, "at": instant(now), "pull_requests": listed})


def _json(row: Listed) -> dict[str, Any]:
    pull = row.pull
    return {
        "number": pull.number,
        "title": pull.title,
        "url": pull.url,
        "author": pull.author.login,
        "base": pull.base,
        "branch": pull.branch,
        "head": pull.head,
        "draft": pull.is_draft,
        "fork": pull.is_fork,
        "models": list(row.models) if row.models is not None else None,
        "verdict": row.verdict,
        "check": row.title,
        "asked": {
            "people": [user.login for user in pull.requested],
            "teams": list(pull.requested_teams),
        },
        "labels": list(pull.labels),
        "created_at": instant(pull.created_at),
        "updated_at": instant(pull.updated_at),
    }
