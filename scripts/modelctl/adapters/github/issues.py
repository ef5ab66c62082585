"""Issues that a machine keeps: one for each matter, told by a marker and by who wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelctl.adapters.github import reading
from modelctl.adapters.github.comments import Comments
from modelctl.adapters.github.repository import RepositoryApi
from modelctl.domain.pulls import Issue


class Issues:
    """The issues of the repository.

    Each method may raise ModelctlError, when GitHub refuses or there is no such thing, and
    DependencyError, when there is no usable answer.
    """

    def __init__(self, api: RepositoryApi, comments: Comments):
        self._api = api
        self._comments = comments

    def find(self, marker: str, label: str) -> Issue | None:
        """Our own issue whose body begins with `marker`: an open one, else the newest closed."""
        found = self._raw(marker, label)
        return None if found is None else self._read(found)

    def first(self, marker: str, label: str) -> Issue | None:
        """The oldest open issue of ours whose body begins with `marker`."""
        return min(self._open(marker, label), key=lambda one: one.number, default=None)

    def upsert(self, marker: str, label: str, title: str, body: str) -> Issue:
        """Make our issue open and say this; it is created where there is none."""
        body = body if body.startswith(marker) else f"{marker}\n{body}"
        found = self.find(marker, label)
        if found is None:
            wanted = {"title": title, "body": body, "labels": [label]}
            made = self._api.transport.create(
                self._api.at("issues"), wanted, look=lambda: self._raw(marker, label)
            )
            return self._read(made)
        if found.is_open and (found.title, found.body.replace("\r\n", "\n")) == (title, body):
            return found
        changes = {"title": title, "body": body, "state": "open"}
        at = self._api.at("issues", found.number)
        return self._read(self._api.transport.send("PATCH", at, changes).data)

    def close(self, number: int, comment: str | None = None) -> None:
        """Close an issue as done, with a last word."""
        if comment is not None:
            self._comments.reply(number, comment)
        changes = {"state": "closed", "state_reason": "completed"}
        self._api.transport.send("PATCH", self._api.at("issues", number), changes)

    def _open(self, marker: str, label: str) -> Iterator[Issue]:
        at = self._api.at("issues")
        for one in self._api.transport.pages(at, {"labels": label, "state": "open"}):
            issue = self._read(one)
            ours = issue.body.startswith(marker) and self._api.is_ours(one, f"GET {at}")
            if ours and one.get("pull_request") is None:
                yield issue

    def _raw(self, marker: str, label: str) -> Any | None:
        at = self._api.at("issues")
        closed = None
        # Newest first; pull requests are listed among the issues.
        for one in self._api.transport.pages(at, {"labels": label, "state": "all"}):
            issue = self._read(one)
            if not issue.body.startswith(marker) or one.get("pull_request") is not None:
                continue
            if not self._api.is_ours(one, f"GET {at}"):
                continue
            if issue.is_open:
                return one
            closed = closed or one
        return closed

    def _read(self, value: Any) -> Issue:
        return self._api.read(value, self._api.at("issues"), reading.issue)
