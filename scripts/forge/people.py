"""What people do on a forge: a driver for tests, the demo and the bench."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]


class Refused(Exception):  # noqa: N818 a refusal is an answer, not an accident
    """The forge said no. `status` and `message` are what it answered with."""

    def __init__(self, action: str, status: int, body: Json) -> None:
        self.status = status
        self.message = str(body.get("message", ""))
        self.errors = body.get("errors", [])
        detail = f" ({self.errors})" if self.errors else ""
        super().__init__(f"{action}: {status} {self.message}{detail}")


class Person:
    """Somebody with a token, at work in one repository (`owner/name`). `forge_url` is the forge's
    address without a path."""

    def __init__(
        self, forge_url: str, token: str, repository: str, *, api: str = "/api/v3"
    ) -> None:
        import httpx

        self.repository = repository
        self._token = token
        self._forge_url = forge_url
        self._client = httpx.Client(
            base_url=f"{forge_url}{api}",
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=60,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connection."""
        self._client.close()

    @property
    def git_url(self) -> str:
        """The repository's address with this person's credentials, to clone from and push to."""
        return self.git_url_of(self.repository)

    def git_url_of(self, repository: str) -> str:
        """The same for another repository, a fork for example."""
        scheme, _, rest = self._forge_url.partition("://")
        return f"{scheme}://x-access-token:{self._token}@{rest}/{repository}.git"

    def call(
        self, method: str, path: str, body: Json | list[Any] | None = None, **query: str
    ) -> Any:
        """Any endpoint; `path` below the repository, or from the API's root if it begins with a
        slash. Returns the answer's JSON; Refused for a status of 400 or more."""
        address = path if path.startswith("/") else f"/repos/{self.repository}/{path}"
        answer = self._client.request(method, address, json=body, params=query or None)
        if answer.status_code >= 400:
            is_json = answer.headers.get("content-type", "").startswith("application/json")
            told = answer.json() if is_json else {"message": answer.text}
            raise Refused(f"{method} {address}", answer.status_code, told)
        return answer.json() if answer.content else None

    def open_pull(
        self, branch: str, base: str, title: str = "", body: str = "", *, draft: bool = False
    ) -> Json:
        """A pull request; `branch` is `owner:branch` for one of a fork."""
        wanted = {"head": branch, "base": base, "title": title or branch, "body": body}
        opened: Json = self.call("POST", "pulls", {**wanted, "draft": draft})
        return opened

    def pull(self, number: int) -> Json:
        """A pull request as it stands."""
        found: Json = self.call("GET", f"pulls/{number}")
        return found

    def approve(self, number: int, body: str = "", *, commit: str | None = None) -> Json:
        """Approve the head as it is, or `commit`."""
        return self._review(number, "APPROVE", body, commit)

    def request_changes(self, number: int, body: str = "Please change this.") -> Json:
        """Ask for changes."""
        return self._review(number, "REQUEST_CHANGES", body, None)

    def review_comment(self, number: int, body: str) -> Json:
        """A review that only remarks."""
        return self._review(number, "COMMENT", body, None)

    def _review(self, number: int, event: str, body: str, commit: str | None) -> Json:
        wanted = {"event": event, "body": body, **({"commit_id": commit} if commit else {})}
        made: Json = self.call("POST", f"pulls/{number}/reviews", wanted)
        return made

    def dismiss(self, number: int, review: int, message: str = "No longer holds.") -> Json:
        """Dismiss somebody's review."""
        path = f"pulls/{number}/reviews/{review}/dismissals"
        made: Json = self.call("PUT", path, {"message": message})
        return made

    def comment(self, number: int, body: str) -> Json:
        """A comment on a pull request or an issue."""
        made: Json = self.call("POST", f"issues/{number}/comments", {"body": body})
        return made

    def comments(self, number: int) -> list[Json]:
        """The first hundred comments, oldest first."""
        found: list[Json] = self.call("GET", f"issues/{number}/comments", per_page="100")
        return found

    def merge(self, number: int, sha: str | None = None, method: str = "merge") -> str:
        """Merge; returns the commit that the base is at afterwards."""
        wanted = {"merge_method": method, **({"sha": sha} if sha else {})}
        return str(self.call("PUT", f"pulls/{number}/merge", wanted)["sha"])

    def close_pull(self, number: int) -> Json:
        """Close without merging."""
        closed: Json = self.call("PATCH", f"pulls/{number}", {"state": "closed"})
        return closed

    def status(self, sha: str, context: str, state: str = "success") -> Json:
        """Set a commit status, which anyone may who may write."""
        made: Json = self.call("POST", f"statuses/{sha}", {"context": context, "state": state})
        return made

    def fork(self) -> str:
        """A fork of the person's own; returns its full name."""
        return str(self.call("POST", "forks", {})["full_name"])
