"""Pages to look at: pull requests and issues, plain HTML without scripts.

`export` writes them as files that link to each other, for a person who has no running forge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from forge import page_parts as parts
from forge.errors import ApiError, not_found
from forge.page_pull import pull_page
from forge.state import State
from forge.values import Issue, Pull, Repository

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'"
STYLE = Path(__file__).with_name("page.css")

Page = Callable[[State, Repository, str], str]


def page_routes(state: State) -> list[BaseRoute]:
    """Below `/{owner}/{repo}`; whoever reaches the port may look."""

    def route(path: str, page: Page) -> Route:
        async def answer(request: Request) -> HTMLResponse:
            values = request.path_params
            text, status = await run_in_threadpool(
                _answer,
                state,
                f"{values['owner']}/{values['repo']}",
                values.get("number", ""),
                page,
            )
            return HTMLResponse(text, status, {"Content-Security-Policy": POLICY})

        return Route("/{owner}/{repo}" + path, answer)

    return [
        route("", pulls_page),
        route("/pulls", pulls_page),
        route("/issues", issues_page),
        route("/pull/{number}", one_page),
        route("/issues/{number}", one_page),
    ]


def _answer(state: State, full_name: str, number: str, page: Page) -> tuple[str, int]:
    try:
        return page(state, state.repository(full_name), number), 200
    except ApiError as error:
        return (
            f"<!doctype html><title>{error.status}</title><p>{escape(error.message)}",
            error.status,
        )


def one_page(state: State, repository: Repository, number: str) -> str:
    """An issue or a pull request; ApiError 404 if there is none."""
    issue = repository.issues.get(int(number)) if number.isdecimal() else None
    if issue is None:
        raise not_found()
    title = f"{issue.title} · #{issue.number}"
    body = (
        pull_page(state, repository, issue)
        if isinstance(issue, Pull)
        else _issue(repository, issue)
    )
    return layout(repository, title, body)


def _issue(repository: Repository, issue: Issue) -> str:
    comments = sorted(
        (one for one in repository.comments.values() if one.number == issue.number),
        key=lambda one: one.id,
    )
    boxes = [parts.comment(issue.user, issue.created_at, issue.body)]
    boxes += [
        parts.comment(one.user, one.created_at, one.body, anchor=f"issuecomment-{one.id}")
        for one in comments
    ]
    side = parts.aside("Labels", [parts.labels(repository, issue)] if issue.labels else [])
    return (
        f'<h1>{escape(issue.title)} <span class="number">#{issue.number}</span></h1>'
        f'<p class="lead">{parts.badge(issue)} {parts.person(issue.user)} opened this issue '
        f"{parts.when(issue.created_at)}</p>"
        f'<div class="columns"><div>{"".join(boxes)}</div><aside>{side}</aside></div>'
    )


def pulls_page(state: State, repository: Repository, _: str) -> str:
    """The pull requests, newest first."""
    return _list(state, repository, "Pull requests", list(repository.pulls()))


def issues_page(state: State, repository: Repository, _: str) -> str:
    """The issues, newest first."""
    issues = [one for one in repository.issues.values() if not isinstance(one, Pull)]
    return _list(state, repository, "Issues", issues)


def _list(state: State, repository: Repository, title: str, issues: list[Issue]) -> str:
    with state.lock:
        rows = [_row(repository, issue) for issue in sorted(issues, key=lambda one: -one.number)]
    table = "".join(rows) or '<tr><td class="dim">None yet.</td></tr>'
    body = (
        f'<h1 class="lead">{title}</h1><div class="box"><table class="list">{table}</table></div>'
    )
    return layout(repository, title, body)


def _row(repository: Repository, issue: Issue) -> str:
    kind = "pull" if isinstance(issue, Pull) else "issues"
    href = f"/{repository.full_name}/{kind}/{issue.number}"
    base = (
        f' into <span class="branch">{escape(issue.base)}</span>' if isinstance(issue, Pull) else ""
    )
    return (
        f'<tr><td>{parts.badge(issue)}</td><td><a href="{escape(href)}">'
        f"<strong>{escape(issue.title)}</strong></a> {parts.labels(repository, issue)}<br>"
        f'<span class="dim">#{issue.number} by {escape(issue.user)}{base} '
        f"{parts.when(issue.updated_at)}</span></td></tr>"
    )


def layout(repository: Repository, title: str, body: str) -> str:
    """A whole page."""
    root = escape(f"/{repository.full_name}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · {escape(repository.full_name)}</title>"
        f"<style>\n{STYLE.read_text()}</style></head>\n<body><header>"
        f"<strong>{escape(repository.full_name)}</strong>"
        f'<nav><a href="{root}/pulls">Pull requests</a><a href="{root}/issues">Issues</a></nav>'
        f"</header>\n<main>{body}</main></body></html>\n"
    )


def export(state: State, folder: Path) -> list[Path]:
    """Write every page of every repository below `folder`, each as `…/index.html` or `…/N.html`."""
    written = []
    for repository in list(state.repositories.values()):
        root = folder / repository.owner / repository.name
        pages = {root / "pulls.html": pulls_page(state, repository, "")}
        pages[root / "issues.html"] = issues_page(state, repository, "")
        for issue in list(repository.issues.values()):
            kind = "pull" if isinstance(issue, Pull) else "issues"
            text = one_page(state, repository, str(issue.number))
            pages[root / kind / f"{issue.number}.html"] = text
        for path, text in pages.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_as_files(state, text, path, folder))
            written.append(path)
    return written


def _as_files(state: State, text: str, path: Path, folder: Path) -> str:
    """The page with its links to pages that are exported too leading to files."""
    up = os.path.relpath(folder, path.parent)
    known = "|".join(re.escape(one.full_name) for one in state.repositories.values())
    web = f"(?:{re.escape(state.web_url)})?"
    pattern = rf'href="{web}/((?:{known})/(?:pulls|issues|pull/\d+|issues/\d+))((?:#[^"]*)?)"'
    return re.sub(pattern, rf'href="{up}/\1.html\2"', text)
