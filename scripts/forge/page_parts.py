"""Pieces of HTML that several pages have: each takes values and returns text, all of it escaped."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape

from forge.markdown import render
from forge.values import CheckRun, Issue, Label, Pull, Repository, Review, Status

GOOD, BAD, WAIT, PLAIN = "good", "bad", "wait", ""
_MARKS = {GOOD: "✓", BAD: "✕", WAIT: "●", PLAIN: "–"}
_OF_RESULT = {
    "success": GOOD,
    "neutral": PLAIN,
    "skipped": PLAIN,
    "stale": PLAIN,
    "pending": WAIT,
    None: WAIT,
}
_SAID = {
    "APPROVED": ("approved these changes", GOOD),
    "CHANGES_REQUESTED": ("requested changes", BAD),
    "COMMENTED": ("commented", PLAIN),
    "DISMISSED": ("had a review that was dismissed", PLAIN),
}


def mark(kind: str) -> str:
    """A sign for how something stands."""
    return f'<span class="mark {kind}">{_MARKS[kind]}</span>'


def when(moment: datetime) -> str:
    """A time."""
    text = moment.strftime("%Y-%m-%d %H:%M UTC")
    return f'<time class="dim" datetime="{moment.isoformat()}">{text}</time>'


def person(login: str) -> str:
    """Somebody's name, with a word that says if it is an app's."""
    bot = ' <span class="tag">bot</span>' if login.endswith("[bot]") else ""
    return f"<strong>{escape(login.removesuffix('[bot]'))}</strong>{bot}"


def state_of(issue: Issue) -> tuple[str, str]:
    """The word for its state, and its class."""
    if isinstance(issue, Pull) and issue.merged_at is not None:
        return "Merged", "merged"
    if issue.state == "closed":
        return "Closed", "closed"
    if isinstance(issue, Pull) and issue.draft:
        return "Draft", "draft"
    return "Open", "open"


def badge(issue: Issue) -> str:
    """Its state."""
    word, kind = state_of(issue)
    return f'<span class="state {kind}">{word}</span>'


def label(one: Label) -> str:
    """A label in its colour, in letters that can be read upon it."""
    colour = one.color if re.fullmatch(r"[0-9a-fA-F]{6}", one.color) else "ededed"
    red, green, blue = (int(colour[place : place + 2], 16) for place in (0, 2, 4))
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140
    style = f"background:#{colour};color:{'#fff' if dark else '#1f2328'}"
    return f'<span class="label" style="{style}">{escape(one.name)}</span>'


def labels(repository: Repository, issue: Issue) -> str:
    """All of an issue's."""
    found = [repository.labels.get(name.lower()) for name in issue.labels]
    return "".join(label(one) for one in found if one is not None)


def comment(author: str, at: datetime, body: str | None, *, anchor: str = "") -> str:
    """A box with what somebody wrote."""
    text = render(body) if body else '<p class="dim">No description.</p>'
    return (
        f'<article class="box" id="{anchor}"><header>{person(author)} commented {when(at)}</header>'
        f'<div class="body markdown">{text}</div></article>'
    )


def review(one: Review, head: str) -> str:
    """A review; one of an older commit says so."""
    words, kind = _SAID.get(one.state, (one.state.lower(), PLAIN))
    stale = (
        "" if one.commit == head else f' <span class="tag">of {one.commit[:7]}, not the head</span>'
    )
    body = f'<div class="body markdown">{render(one.body)}</div>' if one.body else ""
    return (
        f'<article class="box{"" if body else " plain"}" id="pullrequestreview-{one.id}">'
        f"<header>{mark(kind)} {person(one.user)} {words} {when(one.submitted_at)}{stale}</header>"
        f"{body}</article>"
    )


def check_run(run: CheckRun, app: str) -> str:
    """A check run, to be unfolded: title, summary, text and annotations."""
    kind = _OF_RESULT.get(run.conclusion, BAD)
    output = run.output
    inside = [f"<h3>{escape(output['title'])}</h3>"] if output.get("title") else []
    inside += [
        f'<div class="markdown">{render(output[name])}</div>'
        for name in ("summary", "text")
        if output.get(name)
    ]
    inside += [annotation(one) for one in run.annotations]
    opened = " open" if kind == BAD else ""
    return (
        f'<div class="row"><details{opened} id="run-{run.id}"><summary>{mark(kind)} '
        f"<strong>{escape(run.name)}</strong> "
        f'<span class="dim">by {escape(app)} · {escape(run.conclusion or run.status)}'
        f"{' — ' + escape(output['title']) if output.get('title') else ''}</span></summary>"
        f'<div class="inside">{"".join(inside)}</div></details></div>'
    )


def annotation(one: dict[str, object]) -> str:
    """A remark at lines of a file."""
    start, end = one.get("start_line"), one.get("end_line")
    place = f"{one.get('path')}:{start}" + ("" if start == end else f"–{end}")
    title = f"<strong>{escape(str(one['title']))}</strong>\n" if one.get("title") else ""
    return (
        f'<div class="annotation {escape(str(one.get("annotation_level")))}">'
        f"<code>{escape(place)}</code>\n{title}{escape(str(one.get('message', '')))}</div>"
    )


def status(one: Status) -> str:
    """A commit status."""
    kind = _OF_RESULT.get(one.state, BAD)
    return (
        f'<div class="row">{mark(kind)} <strong>{escape(one.context)}</strong> '
        f'<span class="dim">status by {escape(one.user)} · {escape(one.state)}'
        f"{' — ' + escape(one.description) if one.description else ''}</span></div>"
    )


def patch(text: str) -> str:
    """A diff of a file, by lines."""
    kinds = {"+": "add", "-": "del", "@": "at"}
    lines = [
        f'<span class="{kinds.get(line[:1], "")}">{escape(line)}</span>'
        for line in text.splitlines()
    ]
    return f'<pre class="patch">{"".join(lines)}</pre>'


def aside(title: str, rows: list[str]) -> str:
    """A part of the column at the side."""
    inside = "".join(f"<li>{row}</li>" for row in rows) or '<li class="dim">None yet</li>'
    return f"<section><h2>{title}</h2><ul>{inside}</ul></section>"
