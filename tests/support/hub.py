"""A world behind a forge: its shared repository with pull requests, reviews, an App and teams, each
person acting through the API with a token of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from forge.server import Forge
from forge.values import App, CheckRun, Pull
from modelctl.adapters.git_cli import authorize
from modelctl.adapters.github import Access, GitHub, connect
from modelctl.domain.pulls import CHECK_NAME
from support.journey import publish
from support.repos import git
from support.world import PEOPLE, ROLES, World

OWNER, NAME = "acme", "models"
REPOSITORY = f"{OWNER}/{NAME}"
PERMISSIONS = {
    "actions": "read",
    "administration": "write",
    "actions_variables": "read",
    "checks": "write",
    "contents": "write",
    "deployments": "write",
    "environments": "write",
    "issues": "write",
    "members": "read",
    "pull_requests": "write",
    "workflows": "write",
}
TEAMS: Mapping[str, tuple[str, ...]] = {
    "ml-team": ("ada", "ben"),
    "ml-leads": ("lena", "ben", "max"),
    "platform": ("pat", "quinn", "lena"),
}
ROLE_TEAMS = {"ml-team": "ml-team", "ml-lead": "ml-leads", "platform": "platform"}
MACHINE = "machine"
"""Whom the clone of the tests' own steps pushes as; nothing keeps it from anything."""


@dataclass(kw_only=True)
class HubWorld:
    """`world` with `forge` in place of its bare repository. `app` is the gate's own App, `tokens`
    has one for each person."""

    world: World
    forge: Forge
    app: App
    path: Path
    tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, world: World, forge: Forge, *, people: Mapping[str, int] = PEOPLE) -> HubWorld:
        """Moves a world's shared repository behind a forge, with its people and their teams."""
        path = forge.add_repository(OWNER, NAME, from_bare=world.shared)
        tokens = {
            login: forge.add_user(login, id=number, email=f"{login}@example.com")
            for login, number in people.items()
            if not login.endswith("[bot]")
        }
        tokens["mallory"] = forge.add_user("mallory", email="mallory@example.com", role=None)
        tokens[MACHINE] = forge.add_user(MACHINE, role="admin")
        for slug, members in TEAMS.items():
            forge.add_team(OWNER, slug, members)
        app = forge.add_app("modelctl-gate", permissions=PERMISSIONS, owner=OWNER)
        hub = cls(world=world, forge=forge, app=app, path=path, tokens=tokens)
        world.shared = path
        world.builder.git("remote", "set-url", "origin", hub.clone_url(MACHINE))
        return hub

    @property
    def api_url(self) -> str:
        """Where the forge's API is."""
        return f"{self.forge.url}/api/v3"

    def clone_url(self, login: str | None = None) -> str:
        """The repository's address for git, with somebody's token in it."""
        url = f"{self.forge.url}/{REPOSITORY}.git"
        if login is None:
            return url
        return url.replace("://", f"://{login}:{self.tokens[login]}@")

    # As the product reaches it.

    def access(self, login: str | None = None) -> Access:
        """By the App; by somebody's own token where they are named."""
        if login is not None:
            return Access(repository=REPOSITORY, api_url=self.api_url, token=self.tokens[login])
        return Access(
            repository=REPOSITORY,
            api_url=self.api_url,
            app_id=self.app.id,
            app_key=self.app.key,
            installation=self.app.installation,
        )

    @contextmanager
    def github(self, login: str | None = None) -> Iterator[GitHub]:
        """A connection; git pushes and fetches as the same account meanwhile."""
        with (
            connect(self.access(login)) as github,
            authorize(lambda: github.git_settings(self.clone_url())),
        ):
            yield github

    def environment(self, login: str | None = None) -> dict[str, str]:
        """The variables by which the command line finds the forge."""
        access = self.access(login)
        given = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": self.api_url}
        if access.token is not None:
            return {**given, "GITHUB_TOKEN": access.token}
        return {
            **given,
            "MODELCTL_APP_ID": str(access.app_id),
            "MODELCTL_APP_KEY": access.app_key or "",
            "MODELCTL_APP_INSTALLATION": str(access.installation),
        }

    # As people reach it.

    def api(
        self, login: str, method: str, path: str, body: Any = None, *, code: int | None = None
    ) -> Any:
        """A request by somebody below the repository's address; what it answers. `code` is the
        status that it must have; without one any success."""
        answer = httpx.request(
            method,
            f"{self.api_url}/repos/{REPOSITORY}{path}",
            headers={
                "Authorization": f"Bearer {self.tokens[login]}",
                "Accept": "application/vnd.github+json",
            },
            json=body,
            timeout=60,
        )
        fits = answer.is_success if code is None else answer.status_code == code
        assert fits, f"{method} {path} by {login}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def push(
        self, login: str, branch: str, commit: str | None = None, *, force: bool = False
    ) -> None:
        """Pushes a commit of the clone (default: its branch of that name) as somebody."""
        what = f"{commit or f'refs/heads/{branch}'}:refs/heads/{branch}"
        options = ("--force",) if force else ()
        git(self.world.directory, "push", "--quiet", *options, self.clone_url(login), what)

    def open(self, base: str, branch: str, *, author: str = "ada", **changes: Any) -> int:
        """Pushes a branch of the clone and opens a pull request from it; its number."""
        self.push(author, branch)
        body = {"title": f"Change {branch}", "head": branch, "base": base, "body": "", **changes}
        return int(self.api(author, "POST", "/pulls", body)["number"])

    def review(
        self, login: str, number: int, event: str = "APPROVE", *, commit: str | None = None
    ) -> int:
        """A review of the head, or of another commit; its id."""
        body = {
            "event": event,
            "commit_id": commit or self.pull(number).head,
            "body": "" if event == "APPROVE" else "See above.",
        }
        return int(self.api(login, "POST", f"/pulls/{number}/reviews", body)["id"])

    def approve(self, number: int, logins: Iterable[str]) -> None:
        """Approvals of the head."""
        for login in logins:
            self.review(login, number)

    def comment(self, login: str, number: int, body: str) -> int:
        """A comment; its id."""
        return int(self.api(login, "POST", f"/issues/{number}/comments", {"body": body})["id"])

    def merge(self, login: str, number: int) -> str:
        """Merges by the button; the merge commit."""
        body = {"merge_method": "merge", "sha": self.pull(number).head}
        merged = str(self.api(login, "PUT", f"/pulls/{number}/merge", body)["sha"])
        self.world.builder.git("fetch", "--quiet", "origin")
        return merged

    # What the forge holds.

    def grow_old(self, number: int) -> None:
        """A minute has gone by since anybody touched a pull request."""
        pull = self.pull(number)
        pull.updated_at -= timedelta(minutes=1)

    def pull(self, number: int) -> Pull:
        """A pull request as the forge has it."""
        found = self.forge.state.repositories[REPOSITORY].issues[number]
        assert isinstance(found, Pull)
        return found

    def check(self, sha: str) -> CheckRun | None:
        """The App's check run on a commit: of several the newest, as GitHub counts it."""
        runs = self.forge.state.repositories[REPOSITORY].checks.get(sha, ())
        own = [run for run in runs if run.name == CHECK_NAME and run.app == self.app.id]
        return max(own, key=lambda run: run.id, default=None)

    def comments(self, number: int, login: str | None = None) -> list[str]:
        """The bodies of the comments of one account, by default the App's."""
        author = login or self.app.bot
        found = self.forge.state.repositories[REPOSITORY].comments.values()
        return [c.body for c in found if c.number == number and c.user == author]

    def reactions(self, comment: int) -> list[str]:
        """The App's reactions to a comment."""
        found = self.forge.state.repositories[REPOSITORY].comments[comment].reactions
        return [reaction.content for reaction in found if reaction.user == self.app.bot]

    @contextmanager
    def requests(self, *methods: str) -> Iterator[list[str]]:
        """The requests to the API by the App in the block, as `METHOD path`, as soon as it ends."""
        before, seen = len(self.forge.requests), list[str]()
        yield seen
        for one in self.forge.requests[before:]:
            if not methods or one.method in methods:
                seen.append(f"{one.method} {one.path}")

    # What else there can be.

    def with_teams(self) -> None:
        """Lets the teams of the forge stand behind the roles of the policy."""
        from modelctl.adapters.documents import dump

        roles = {
            name: {**role, **({"team": ROLE_TEAMS[name]} if name in ROLE_TEAMS else {})}
            for name, role in ROLES["roles"].items()
        }
        publish(self.world, "main", {"policies/roles.yaml": dump({"roles": roles})})
