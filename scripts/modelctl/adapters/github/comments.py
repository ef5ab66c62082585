"""Comments on pull requests and issues: one of ours is kept up to date, others are only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from modelctl.adapters.github import reading
from modelctl.adapters.github.repository import RepositoryApi
from modelctl.domain.pulls import COMMENT_MARKER, Comment

Reaction = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A comment of ours by its id, and whether what it says is new."""

    id: int
    is_new: bool


class Comments:
    """The comments of the repository.

    Each method may raise ModelctlError, when GitHub refuses or there is no such thing, and
    DependencyError, when there is no usable answer.
    """

    def __init__(self, api: RepositoryApi):
        self._api = api

    def upsert(
        self, number: int, body: str, marker: str = COMMENT_MARKER, *, also: int | None = None
    ) -> bool:
        """Make our own comment that begins with `marker` say `body`, and create it where there is
        none; False when it says so already. `also` is the id of an App whose comment is as good.

        Whoever copies the marker gains nothing: only what we, or that App, wrote is ours.
        """
        return self.put(number, body, marker, also=also).is_new

    def put(
        self,
        number: int,
        body: str,
        marker: str = COMMENT_MARKER,
        *,
        known: int | None = None,
        also: int | None = None,
    ) -> Put:
        """The same. `known` is the id of that comment where it is known and says something else;
        then it isn't looked for, unless it is gone."""
        body = body if body.startswith(marker) else f"{marker}\n{body}"
        if known is not None and self._changed(known, body):
            return Put(id=known, is_new=True)
        ours = self._ours(number, marker, also)
        if ours is not None and _plain(ours.body) == _plain(body):
            return Put(id=ours.id, is_new=False)
        if ours is not None and self._changed(ours.id, body):
            return Put(id=ours.id, is_new=True)
        return Put(id=self._create(number, body, marker).id, is_new=True)

    def _changed(self, comment_id: int, body: str) -> bool:
        """Change a comment of ours; False when it is gone."""
        at = self._api.at("issues", "comments", comment_id)
        answer = self._api.transport.send("PATCH", at, {"body": body}, accept=(404, 410))
        return answer.status < 300

    def own(
        self, number: int, marker: str = COMMENT_MARKER, *, also: int | None = None
    ) -> Comment | None:
        """Our own comment that begins with `marker`, or that of the App with the id `also`; None
        where there is none."""
        return self._ours(number, marker, also)

    def get(self, comment_id: int) -> Comment:
        """One comment."""
        at = self._api.at("issues", "comments", comment_id)
        return self._api.read(self._api.transport.get(at), f"GET {at}", reading.comment)

    def of(self, number: int) -> tuple[Comment, ...]:
        """All comments of a pull request or an issue, oldest first."""
        at = self._at(number)
        found = self._api.transport.pages(at)
        return tuple(self._api.read(one, f"GET {at}", reading.comment) for one in found)

    def reply(self, number: int, body: str) -> Comment:
        """Write one more comment; a hidden last line tells it from any other."""
        mark = f"<!-- modelctl:reply:{uuid4().hex} -->"
        return self._create(number, f"{body}\n\n{mark}", mark)

    def react(self, comment_id: int, content: Reaction) -> None:
        """Put a reaction under a comment; a second one of the same kind changes nothing."""
        at = self._api.at("issues", "comments", comment_id, "reactions")
        self._api.transport.send("POST", at, {"content": content})

    def _create(self, number: int, body: str, mark: str) -> Comment:
        at = self._at(number)
        made = self._api.transport.create(at, {"body": body}, look=lambda: self._raw(number, mark))
        return self._api.read(made, f"POST {at}", reading.comment)

    def _ours(self, number: int, marker: str, also: int | None) -> Comment | None:
        found = self._raw(number, marker, begins=True, also=also)
        at = self._at(number)
        return self._api.read(found, f"GET {at}", reading.comment) if found is not None else None

    def _raw(
        self, number: int, mark: str, *, begins: bool = False, also: int | None = None
    ) -> Any | None:
        """Our oldest comment that holds `mark`, as GitHub gives it."""
        at = self._at(number)
        for one in self._api.transport.pages(at):
            body = self._api.read(one, f"GET {at}", reading.comment).body
            marked = body.startswith(mark) if begins else mark in body
            if marked and (self._api.is_ours(one, f"GET {at}") or self._is_by(one, also)):
                return one
        return None

    def _is_by(self, comment: Any, app: int | None) -> bool:
        if app is None:
            return False
        return bool(self._api.read(comment, "comment", lambda node: reading.is_of(node, app)))

    def _at(self, number: int) -> str:
        return self._api.at("issues", number, "comments")


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip()
