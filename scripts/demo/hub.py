"""GitHub's place in the story: a small forge in a process of its own, and who has an account there.

It answers GitHub's API, so everybody and every job talks to it by the commands that they would use
on GitHub, each with a token or an App's key of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

import httpx

from demo.failure import DemoError
from demo.people import PAT, Person
from demo.sandbox import Sandbox
from forge import people as forge_people
from forge.people import Refused
from modelctl.domain.pulls import CHECK_NAME
from modelctl.domain.settings import DEPLOY, GATE

ORGANISATION, NAME = "acme", "models"
REPOSITORY = f"{ORGANISATION}/{NAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A GitHub App, by its id and its private key."""

    id: int
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request."""

    number: int
    author: Person
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The forge that runs: `url` without a path, `tokens` by login, `apps` by their part."""

    url: str
    tokens: Mapping[str, str] = field(repr=False)
    apps: Mapping[str, App]

    @property
    def clone_url(self) -> str:
        """The shared repository, for git."""
        return f"{self.url}/{REPOSITORY}.git"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a workflow's job has on GitHub."""
        return {"GITHUB_API_URL": f"{self.url}/api/v3", "GITHUB_REPOSITORY": REPOSITORY}

    def by_person(self, who: Person) -> dict[str, str]:
        """What lets commands act as somebody."""
        return {"GITHUB_TOKEN": self.tokens[who.login]}

    def by_app(self, name: str) -> dict[str, str]:
        """What lets commands act as an App."""
        app = self.apps[name]
        return {"MODELCTL_APP_ID": str(app.id), "MODELCTL_APP_KEY": app.key}

    def exports(self, sandbox: Sandbox) -> list[str]:
        """Lines of a shell script by which its commands act as a person of Platform, or as a job
        where they stand behind `as_gates` or `as_deploy`. Tokens and keys lie in files."""
        token = sandbox.keys / f"{PAT.login}.token"
        token.write_text(self.tokens[PAT.login])
        lines = [f"export {name}={quote(value)}" for name, value in self.environment.items()]
        lines.append(
            'export NO_PROXY="127.0.0.1,localhost,$NO_PROXY" no_proxy="127.0.0.1,$no_proxy"'
        )
        lines.append(f'export GITHUB_TOKEN="$(cat {quote(str(token))})"')
        for job, name in (("gates", GATE), ("deploy", DEPLOY)):
            key = sandbox.keys / f"{name}-app.pem"
            key.write_text(self.apps[name].key)
            app = f"export MODELCTL_APP_ID={self.apps[name].id}"
            secret = f'export MODELCTL_APP_KEY="$(cat {quote(str(key))})"'
            lines.append(f'as_{job}() ( {app}; {secret}; "$@" )')
        return lines

    # What people do on its pages.

    def approve(self, pull: Pull, *people: Person) -> None:
        """People approve the head."""
        for one in people:
            with self.acting(one) as person:
                person.approve(pull.number)

    def refused_approval(self, pull: Pull, who: Person) -> str:
        """Somebody approves what they must not; what the forge says.

        Raises:
            DemoError: it took the approval.
        """
        with self.acting(who) as person:
            return _refusal(lambda: person.approve(pull.number))

    def merge(self, pull: Pull, by: Person) -> None:
        """Somebody presses the button.

        Raises:
            DemoError: the forge refuses.
        """
        with self.acting(by) as person:
            try:
                person.merge(pull.number)
            except Refused as error:
                raise DemoError(f"#{pull.number} can't be merged", error.message) from error

    def refused_merge(self, pull: Pull, by: Person) -> str:
        """Somebody presses the button too early; what the forge says.

        Raises:
            DemoError: it merged.
        """
        with self.acting(by) as person:
            return _refusal(lambda: person.merge(pull.number))

    def comment(self, pull: Pull, by: Person, text: str) -> int:
        """A comment; its id."""
        with self.acting(by) as person:
            return int(person.comment(pull.number, text)["id"])

    def last_comment(self, pull: Pull) -> str:
        """The newest comment."""
        with self.acting(pull.author) as person:
            return str(person.comments(pull.number)[-1]["body"])

    def head(self, pull: Pull) -> str:
        """The commit that it would merge."""
        with self.acting(pull.author) as person:
            return str(person.pull(pull.number)["head"]["sha"])

    def check(self, pull: Pull) -> tuple[str, str]:
        """Conclusion and title of the gate App's check run on the head."""
        query = {"check_name": CHECK_NAME, "app_id": str(self.apps[GATE].id)}
        with self.acting(pull.author) as person:
            path = f"commits/{self.head(pull)}/check-runs"
            found = person.call("GET", path, **query)["check_runs"]
        if not found:
            return "none", ""
        return str(found[0]["conclusion"]), str(found[0]["output"]["title"])

    def forge_check(self, pull: Pull) -> None:
        """A green check of the same name, as a workflow in the pull request's own branch could
        post it."""
        permissions = {"checks": "write"}
        token = self._admin("token", {"repository": REPOSITORY, "permissions": permissions})
        with forge_people.Person(self.url, token["token"], REPOSITORY) as workflow:
            run = {"name": CHECK_NAME, "head_sha": self.head(pull), "conclusion": "success"}
            output = {"title": "Every gate passes", "summary": "Trust me."}
            workflow.call("POST", "check-runs", {**run, "status": "completed", "output": output})

    def fill_environments(self, wanted: Mapping[str, tuple[str, ...]]) -> None:
        """The secrets and variables that only a person can enter: names by environment."""
        with self.acting(PAT) as person:
            for environment, names in wanted.items():
                where = f"environments/{environment}"
                for name in names:
                    if name.endswith("_KEY"):
                        sealed = {"encrypted_value": "c2VhbGVk", "key_id": "1"}
                        person.call("PUT", f"{where}/secrets/{name}", sealed)
                    else:
                        person.call("POST", f"{where}/variables", {"name": name, "value": "1"})

    def deployments(self) -> list[dict[str, Any]]:
        """Every deployment with its last `state`, oldest first."""
        with self.acting(PAT) as person:
            found = person.call("GET", "deployments", per_page="100")
            for one in found:
                states = person.call("GET", f"deployments/{one['id']}/statuses")
                one["state"] = states[0]["state"] if states else "none"
        return sorted(found, key=lambda one: int(one["id"]))

    def export(self, folder: Path) -> Path:
        """The pages as files; the folder of the repository's."""
        self._admin("export", {"folder": str(folder)})
        return folder / ORGANISATION / NAME

    @contextmanager
    def acting(self, who: Person) -> Iterator[forge_people.Person]:
        """Somebody's own connection, for whatever the methods above don't do."""
        with forge_people.Person(self.url, self.tokens[who.login], REPOSITORY) as person:
            yield person

    def _admin(self, action: str, wanted: Mapping[str, Any]) -> Any:
        answer = httpx.post(f"{self.url}/_forge/{action}", json=wanted, trust_env=False, timeout=60)
        if answer.is_error:
            raise DemoError(f"the forge can't do {action}", answer.text)
        return answer.json()


def _refusal(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except Refused as error:
        told = [str(one) for one in error.errors] or error.message.splitlines()
        return "\n".join(line for line in told if line)
    raise DemoError("the forge allowed what its rules forbid")
