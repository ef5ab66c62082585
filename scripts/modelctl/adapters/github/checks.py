"""Check runs. A name says nothing, anybody may use it: only an App's id tells whose run it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from modelctl.adapters.github.repository import RepositoryApi
from modelctl.adapters.json_node import Node
from modelctl.domain.pulls import Annotation, CheckOutput, CheckState
from modelctl.errors import ModelctlError

LONGEST_TEXT: Final = 65_535
"""Characters that GitHub takes in a summary, and in a text."""

_BATCH = 50
_LONGEST_TITLE, _LONGEST_MESSAGE = 255, 16_000
_CUT = "\n\n… (cut: GitHub takes no more)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """A check run as it stands. `status` is queued, in_progress or completed; `conclusion` is None
    until it is completed; `app_id` is None where the App is gone."""

    id: int
    app_id: int | None
    status: str
    conclusion: str | None
    title: str
    annotations: int
    external_id: str = ""


class Checks:
    """The check runs of the repository's commits.

    Each method may raise ModelctlError, when GitHub refuses, and DependencyError, when there is no
    usable answer.
    """

    def __init__(self, api: RepositoryApi):
        self._api = api

    def of(self, sha: str, name: str) -> tuple[CheckRun, ...]:
        """The latest runs of a name on a commit, one of each App that posted it."""
        return self._runs(sha, {"check_name": name})

    def own(self, sha: str, name: str) -> CheckRun | None:
        """Our App's newest run of that name on a commit.

        Raises:
            ModelctlError: we aren't an App.
        """
        return self._ours(sha, name)

    def publish(
        self,
        sha: str,
        name: str,
        output: CheckOutput,
        *,
        details_url: str | None = None,
        external_id: str = "",
        standing: CheckRun | None = None,
        look: bool = True,
    ) -> CheckRun:
        """Make our App's run of that name on a commit say what `output` says; the run as it is now.

        A run that has annotations, or was completed and is to wait again, is followed by a new one,
        which counts instead of it: GitHub never takes annotations back. Without `look`, `standing`
        is what `own` or this has just given.

        Raises:
            ModelctlError: we aren't an App, and nobody else may write check runs.
        """
        ours = self._ours(sha, name) if look else standing
        body = _body(output, details_url, external_id)
        if ours is not None and _can_change(ours, output):
            self._api.transport.send("PATCH", self._at(ours.id), body)
            run = ours.id
        else:
            run = self._create(sha, name, body, ours)
        self._append(run, output)
        waits = output.state is CheckState.WAITING
        return CheckRun(
            id=run,
            app_id=self._api.access.app_id,
            status=output.state.value if waits else "completed",
            conclusion=None if waits else output.state.value,
            title=output.title,
            annotations=len(output.annotations),
            external_id=external_id,
        )

    def _create(self, sha: str, name: str, body: dict[str, Any], before: CheckRun | None) -> int:
        known = before.id if before else 0

        def look() -> int | None:
            found = self._ours(sha, name)
            return found.id if found is not None and found.id > known else None

        at = self._api.at("check-runs")
        made = self._api.transport.create(at, {"name": name, "head_sha": sha, **body}, look=look)
        return made if isinstance(made, int) else self._api.read(made, f"POST {at}", _id)

    def _append(self, run: int, output: CheckOutput) -> None:
        """Add the annotations that the first request had no room for."""
        at = self._at(run)
        for first in range(_BATCH, len(output.annotations), _BATCH):
            # Each request adds to what is there, so one whose answer was lost must not be repeated.
            self._api.transport.create(
                at,
                {"output": _output(output, first)},
                look=lambda upto=first: self._has_more(at, upto),  # type: ignore[misc]
                verb="PATCH",
            )

    def _has_more(self, at: str, annotations: int) -> bool | None:
        found = self._api.read(self._api.transport.get(at), f"GET {at}", _run)
        return True if found.annotations > annotations else None

    def _ours(self, sha: str, name: str) -> CheckRun | None:
        """Our App's newest run of that name."""
        app_id = self._api.access.app_id
        if app_id is None:
            raise ModelctlError(
                "only a GitHub App can write check runs",
                mend="set MODELCTL_APP_ID and MODELCTL_APP_KEY",
            )
        runs = self._runs(sha, {"check_name": name, "app_id": app_id})
        ours = [run for run in runs if run.app_id == app_id]
        return max(ours, key=lambda run: run.id, default=None)

    def _runs(self, sha: str, params: dict[str, Any]) -> tuple[CheckRun, ...]:
        at = self._api.at("commits", sha, "check-runs")
        found = self._api.transport.pages(at, {"filter": "latest", **params}, key="check_runs")
        named = params["check_name"]
        read = (self._api.read(one, f"GET {at}", _named) for one in found)
        return tuple(run for name, run in read if name == named)

    def _at(self, run: int) -> str:
        return self._api.at("check-runs", run)


def _can_change(run: CheckRun, output: CheckOutput) -> bool:
    waits_again = run.status == "completed" and output.state is CheckState.WAITING
    return run.annotations == 0 and not waits_again


def _body(output: CheckOutput, details_url: str | None, external_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {"output": _output(output, 0)}
    if output.state is CheckState.WAITING:
        body["status"] = output.state.value
    else:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body |= {"status": "completed", "conclusion": output.state.value, "completed_at": now}
    if details_url is not None:
        body["details_url"] = details_url
    if external_id:
        body["external_id"] = external_id
    return body


def _output(output: CheckOutput, first: int) -> dict[str, Any]:
    """What GitHub shows, with the annotations from `first` on for which one request has room."""
    batch = output.annotations[first : first + _BATCH]
    return {
        "title": _short(output.title, _LONGEST_TITLE),
        "summary": _fitting(output.summary),
        **({"text": _fitting(output.text)} if output.text else {}),
        "annotations": [dict(_annotation(one)) for one in batch],
    }


def _annotation(one: Annotation) -> Iterator[tuple[str, Any]]:
    yield "path", one.path
    yield "start_line", one.start_line
    yield "end_line", max(one.start_line, one.end_line)
    yield "annotation_level", one.level.value
    yield "title", _short(one.title, _LONGEST_TITLE)
    yield "message", _short(one.message, _LONGEST_MESSAGE)


def _fitting(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - len(_CUT)] + _CUT


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _id(node: Node) -> int:
    return node.field("id").number()


def _named(node: Node) -> tuple[str, CheckRun]:
    return node.field("name").text(), _run(node)


def _run(node: Node) -> CheckRun:
    app, conclusion, output = (
        node.optional("app"),
        node.optional("conclusion"),
        node.field("output"),
    )
    title, external = output.optional("title"), node.optional("external_id")
    return CheckRun(
        id=_id(node),
        app_id=app.field("id").number() if app else None,
        status=node.field("status").text(),
        conclusion=conclusion.text() if conclusion else None,
        title=title.text() if title else "",
        annotations=output.field("annotations_count").number(),
        external_id=external.text() if external else "",
    )
