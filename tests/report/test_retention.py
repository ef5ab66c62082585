"""The retention of versions as text: when each expires, and why it stays."""

from __future__ import annotations

import json
from datetime import timedelta

from modelctl.domain.endings import Ended, Ending
from modelctl.domain.history import ARCHIVAL
from modelctl.domain.keeping import Kept
from modelctl.domain.retention import RetentionRule
from modelctl.domain.whereabouts import Standing
from modelctl.report import endings, retention
from modelctl.report.look import Look
from support.keys import MODEL, NOW

RULE = RetentionRule(stage="Staging", keep=timedelta(days=14), then="archive")


def kept(
    version: str = "1.0.0", *, rule: bool = True, days: int | None = None, **more: object
) -> Kept:
    standing = Standing(model=MODEL, version=version, digest="d" * 64, stage="Staging", **more)  # type: ignore[arg-type]
    expires = None if days is None else NOW + timedelta(days=days)
    return Kept(standing=standing, rule=RULE if rule else None, expires=expires)


ROWS = (
    kept("1.0.0", days=0, since=NOW - timedelta(days=20)),
    kept("1.1.0", days=5),
    kept("1.2.0", days=-5, guards=("it serves in dev", "ml releases it")),
    kept("1.3.0", guards=("it is pinned",)),
    kept("1.4.0"),
    kept("1.5.0", rule=False),
)


def test_a_line_for_each_version() -> None:
    out = retention.terminal(ROWS, NOW, Look(width=120)).splitlines()
    assert [line.split() for line in out[2:4]] == [
        ["…", f"{MODEL}@1.0.0", "Staging", "2026-10-31", "archive", "now"],
        ["✓", f"{MODEL}@1.1.0", "Staging", "–", "archive", "on", "2026-11-25"],
    ]
    assert out[4].split("  ")[-1].strip() == "serves in dev; released by ml"
    assert " not yet " in out[5]
    assert out[6].endswith("never")
    assert out[7].endswith("never")
    assert out[-1] == "6 versions, 1 has expired"
    assert retention.terminal(ROWS[1:], NOW).endswith("5 versions, none has expired\n")
    assert "2 have expired" in retention.terminal((ROWS[0], ROWS[0]), NOW)


def test_reasons_that_are_alike_are_told_as_one() -> None:
    guards = (
        *(f"it serves in {environment}" for environment in ("dev", "staging", "production")),
        *(f"{branch} releases it" for branch in ("ml", "main")),
        "it is kept warm in dev",
        "it is the rollback target of dev",
        "it is one of the newest 3",
    )
    assert (
        "serves in dev, staging and production; released by ml and main; kept warm in dev; "
        "rollback target of dev; "
        "one of the newest 3"
    ) in retention.terminal([kept("1.2.0", guards=guards)], NOW, Look(width=200))


def test_the_text_is_the_same_without_colour() -> None:
    plain, colour = (retention.terminal(ROWS, NOW, Look(color=c, width=120)) for c in (False, True))
    assert "\x1b[" in colour
    assert "\x1b[" not in plain


def test_programs_get_every_field() -> None:
    [first, *_] = json.loads(retention.json(ROWS, NOW))["versions"]
    assert first == {
        "model": MODEL,
        "version": "1.0.0",
        "digest": "d" * 64,
        "stage": "Staging",
        "since": "2026-10-31T10:00:00Z",
        "ended": None,
        "then": "archive",
        "expires": "2026-11-20T10:00:00Z",
        "due": True,
        "kept_because": [],
    }
    told = Ending(
        model=MODEL, version="1.0.0", digest="d", kind=ARCHIVAL, reason="old", by="ada", at=NOW
    )
    ended = retention.document(kept(ending=told), NOW)["ended"]
    assert ended == {"how": "archived", "reason": "old", "by": "ada"}


def test_markdown_says_the_same() -> None:
    out = retention.markdown(ROWS, NOW).splitlines()
    assert len(out) == 2 + len(ROWS)
    assert out[2] == f"| `{MODEL}@1.0.0` | Staging | 2026-10-31 | archive now | – |"


def test_what_was_ended_is_said_in_a_line_each() -> None:
    assert retention.applied((), dry_run=False) == "✓ nothing has expired\n"
    out = retention.applied(ROWS[:1], dry_run=True, look=Look(width=120))
    assert out == f"✓ {MODEL}@1.0.0 would be archived  kept for 14 d in Staging\n"


def test_an_archived_version_waits_for_its_retention() -> None:
    out = endings.terminal(Ended(name="m@1", kind=ARCHIVAL, place="models/x"), Look(width=120))
    assert out.splitlines()[1:] == [
        "  recorded as models/x",
        "  next: it is kept until its retention ends; `modelctl retention list` says when",
    ]
    deprecated = Ended(name="m@1", kind="deprecation", place="models/x")
    assert "next: modelctl archive m@1" in endings.terminal(deprecated)
