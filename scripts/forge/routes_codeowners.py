"""What is wrong with a branch's CODEOWNERS, as GitHub tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pygit2

from forge import bare
from forge.errors import not_found
from forge.owners import LARGEST, PLACES
from forge.state import State
from forge.values import ROLES, Repository
from forge.web import Call, Endpoint

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ACCOUNT = re.compile(r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\[bot\])?")
_TEAM = re.compile(r"@([A-Za-z0-9-]+)/([A-Za-z0-9._-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """Something at a line and column (both from 1) of CODEOWNERS."""

    line: int
    column: int
    kind: str
    reason: str
    source: str
    suggestion: str | None = None

    def as_json(self, path: str) -> dict[str, Any]:
        """As the API gives it; the message draws a caret below the place."""
        drawing = f"  {self.source}\n  {' ' * (self.column - 1)}^"
        reason = f"{self.kind} on line {self.line}: {self.reason}"
        return {
            "line": self.line,
            "column": self.column,
            "kind": self.kind,
            "source": self.source,
            "suggestion": self.suggestion,
            "message": f"{reason}\n\n{drawing}",
            "path": path,
        }


def _errors(call: Call) -> Any:
    repository = call.repository
    ref = call.query.get("ref") or repository.default_branch
    found = read(repository, ref)
    if found is None:
        raise not_found()
    path, text = found
    with call.state.lock:
        wrong = problems(call.state, repository, text)
        return {"errors": [one.as_json(path) for one in wrong]}


def read(repository: Repository, ref: str) -> tuple[str, str] | None:
    """Path and text of the CODEOWNERS that counts at a branch, tag or commit."""
    opened = bare.opened(repository.path)
    try:
        tree = opened.resolve_refish(ref)[0].tree
    except (KeyError, ValueError, pygit2.GitError):
        return None
    for path in PLACES:
        if path in tree and isinstance(blob := tree[path], pygit2.Blob) and blob.size < LARGEST:
            return path, blob.data.decode("utf-8", "replace")
    return None


def problems(state: State, repository: Repository, text: str) -> list[Wrong]:
    """Every line that GitHub leaves out, and every owner whom it doesn't ask."""
    return [
        wrong
        for number, line in enumerate(text.splitlines(), start=1)
        for wrong in _of_line(state, repository, number, line)
    ]


def _of_line(state: State, repository: Repository, number: int, line: str) -> Iterator[Wrong]:
    bare_line = re.sub(r"(?:^|(?<=\s))#.*", "", line).rstrip()
    words = list(re.finditer(r"(?:\\\s|\S)+", bare_line))
    if not words:
        return
    if reason := _bad_pattern(words[0].group()):
        yield Wrong(
            line=number,
            column=words[0].start() + 1,
            kind="Invalid pattern",
            reason=reason,
            source=line,
        )
        return
    for word in words[1:]:
        if found := _bad_owner(state, repository, word.group()):
            kind, reason = found
            yield Wrong(line=number, column=word.start() + 1, kind=kind, reason=reason, source=line)


def _bad_pattern(pattern: str) -> str | None:
    if pattern.startswith("!"):
        return "`!` to negate a pattern doesn't work in CODEOWNERS"
    if "[" in pattern or "]" in pattern:
        return "`[ ]` to define a character range doesn't work in CODEOWNERS"
    return "`***` is not a pattern" if "***" in pattern else None


def _bad_owner(state: State, repository: Repository, owner: str) -> tuple[str, str] | None:
    if team := _TEAM.fullmatch(owner):
        return _bad_team(state, repository, owner, team[1], team[2])
    if _ACCOUNT.fullmatch(owner):
        user = state.users.get(owner[1:].lower())
        if user is None or not _may_write(state.role(repository, user.login)):
            return "Unknown owner", (
                f"make sure {owner} exists and has write access to the repository"
            )
        return None
    if _EMAIL.fullmatch(owner):
        known = {user.email.lower() for user in state.users.values() if user.email}
        if owner.lower() not in known:
            return "Unknown owner", f"make sure {owner} is the address of an account with access"
        return None
    return "Invalid owner", "an owner is @user, @organisation/team or an email address"


def _bad_team(
    state: State, repository: Repository, owner: str, org: str, slug: str
) -> tuple[str, str] | None:
    known = (org.lower(), slug.lower()) in state.teams and org.lower() == repository.owner.lower()
    if known and _may_write(repository.team_roles.get(slug.lower())):
        return None
    return "Unknown owner", (
        f"make sure the team {owner} exists, is publicly visible, and has write access "
        "to the repository"
    )


def _may_write(role: str | None) -> bool:
    return role is not None and ROLES.index(role) >= ROLES.index("write")


routes = [Endpoint("GET", "/repos/{owner}/{repo}/codeowners/errors", _errors, "contents:read")]
