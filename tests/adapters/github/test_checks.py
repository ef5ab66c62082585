"""Check runs: ours are told by the App's id, and say what was judged last."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.adapters.github import CheckRun, GitHub
from modelctl.domain.pulls import Annotation, CheckOutput, CheckState, Level
from modelctl.errors import DependencyError, ModelctlError
from support.api_server import ApiServer, Asked, Reply

SHA, NAME, APP_ID, INSTALLATION = "a" * 40, "promotion-gate", 77, 4242
RUNS = "/repos/acme/models/check-runs"
LIST = f"/repos/acme/models/commits/{SHA}/check-runs"
GREEN = CheckOutput(state=CheckState.SUCCESS, title="Ready", summary="All gates pass.")
WAITING = CheckOutput(state=CheckState.WAITING, title="Waits", summary="For lena.", text="More")


def annotated(count: int) -> CheckOutput:
    one = Annotation(
        path="models/a/model.yaml",
        start_line=3,
        end_line=2,
        level=Level.FAILURE,
        title="t" * 300,
        message="m",
    )
    return CheckOutput(
        state=CheckState.FAILURE, title="Blocked", summary="Why", annotations=(one,) * count
    )


class Runs:
    """The check runs of one commit, kept as GitHub keeps them."""

    def __init__(self, server: ApiServer):
        self.kept: list[dict[str, Any]] = []
        self._server = server
        server.on("GET", LIST, self.listed)
        server.on("POST", RUNS, self.post)

    def add(self, app: int | None = APP_ID, annotations: int = 0, **values: Any) -> int:
        made = {
            "id": len(self.kept) + 1,
            "name": NAME,
            "app": {"id": app} if app else None,
            "status": "completed",
            "conclusion": "success",
            "output": {"title": None, "annotations_count": annotations},
            **values,
        }
        self.kept.append(made)
        at = f"{RUNS}/{made['id']}"
        self._server.on("PATCH", at, self.patch)
        self._server.on("GET", at, lambda _: Reply(body=made))
        return int(made["id"])

    def listed(self, asked: Asked) -> Reply:
        del asked
        return Reply(body={"total_count": len(self.kept), "check_runs": self.kept})

    def post(self, asked: Asked) -> Reply:
        body = asked.body
        self.add(annotations=len(body["output"]["annotations"]), status=body["status"],
                 conclusion=body.get("conclusion"))  # fmt: skip
        return Reply(status=201, body=self.kept[-1])

    def patch(self, asked: Asked) -> Reply:
        run = self.kept[int(asked.path.rpartition("/")[2]) - 1]
        run["output"]["annotations_count"] += len(asked.body["output"]["annotations"])
        run["conclusion"] = asked.body.get("conclusion", run["conclusion"])
        return Reply(body=run)


@pytest.fixture
def runs(server: ApiServer) -> Runs:
    return Runs(server)


def writes(server: ApiServer) -> list[str]:
    return [one for one in server.sent() if not one.startswith("GET") and "/app/" not in one]


def test_the_first_run_is_created(app: GitHub, server: ApiServer, runs: Runs) -> None:
    app.checks.publish(SHA, NAME, GREEN, details_url="http://x/1", external_id="7")
    (body,) = server.bodies("POST", RUNS)
    assert body.pop("completed_at").endswith("Z")
    assert body == {
        "name": NAME,
        "head_sha": SHA,
        "status": "completed",
        "conclusion": "success",
        "details_url": "http://x/1",
        "external_id": "7",
        "output": {"title": "Ready", "summary": "All gates pass.", "annotations": []},
    }
    assert app.calls == 3  # the token, the list, the write
    assert len(runs.kept) == 1


def test_our_own_run_is_updated_and_never_anothers(
    app: GitHub, server: ApiServer, runs: Runs
) -> None:
    ours = runs.add()
    forged, gone = runs.add(app=15368), runs.add(app=None)
    runs.add(name="other")
    app.checks.publish(SHA, NAME, GREEN)
    assert writes(server) == [f"PATCH {RUNS}/{ours}"]
    assert forged != ours != gone


def test_a_run_of_that_name_by_another_app_does_not_stop_ours(
    app: GitHub, server: ApiServer, runs: Runs
) -> None:
    runs.add(app=15368)
    app.checks.publish(SHA, NAME, GREEN)
    assert writes(server) == [f"POST {RUNS}"]


def test_what_was_completed_and_waits_again_is_a_new_run(
    app: GitHub, server: ApiServer, runs: Runs
) -> None:
    runs.add()
    app.checks.publish(SHA, NAME, WAITING)
    (body,) = server.bodies("POST", RUNS)
    assert (body["status"], body["output"]["text"]) == ("in_progress", "More")
    assert "conclusion" not in body
    assert "completed_at" not in body


def test_annotations_are_never_repeated(app: GitHub, server: ApiServer, runs: Runs) -> None:
    """GitHub adds those of an update to those that are there."""
    app.checks.publish(SHA, NAME, annotated(1))
    app.checks.publish(SHA, NAME, annotated(1))
    assert [run["output"]["annotations_count"] for run in runs.kept] == [1, 1]
    (first, _) = server.bodies("POST", RUNS)
    (one,) = first["output"]["annotations"]
    assert (one["start_line"], one["end_line"], len(one["title"])) == (3, 3, 255)


@pytest.mark.parametrize(("count", "batches"), [(50, []), (51, [1]), (120, [50, 20])])
def test_annotations_go_in_batches(
    app: GitHub, server: ApiServer, runs: Runs, count: int, batches: list[int]
) -> None:
    app.checks.publish(SHA, NAME, annotated(count))
    more = server.bodies("PATCH", f"{RUNS}/1")
    assert [len(body["output"]["annotations"]) for body in more] == batches
    assert runs.kept[0]["output"]["annotations_count"] == count
    assert runs.kept[0]["conclusion"] == "failure"


def test_a_batch_whose_answer_was_lost_is_not_added_twice(
    app: GitHub, server: ApiServer, runs: Runs
) -> None:
    runs.add()

    def lost(asked: Asked) -> Reply:
        runs.patch(asked)
        return Reply(drop=True)

    server.on("PATCH", f"{RUNS}/1", runs.patch, lost, Reply(status=502), runs.patch)
    app.checks.publish(SHA, NAME, annotated(120))
    assert runs.kept[0]["output"]["annotations_count"] == 120


def test_a_run_whose_answer_was_lost_is_not_made_twice(
    app: GitHub, server: ApiServer, runs: Runs
) -> None:
    runs.add(annotations=1)

    def lost(asked: Asked) -> Reply:
        runs.post(asked)
        return Reply(drop=True)

    server.on("POST", RUNS, Reply(drop=True), lost, runs.post)
    app.checks.publish(SHA, NAME, GREEN)
    assert len(runs.kept) == 2


def test_texts_keep_to_githubs_limits(app: GitHub, server: ApiServer, runs: Runs) -> None:
    long = CheckOutput(
        state=CheckState.FAILURE, title="x" * 500, summary="é" * 70_000, text="y" * 65_535
    )
    app.checks.publish(SHA, NAME, long)
    output = server.bodies("POST", RUNS)[0]["output"]
    assert (len(output["title"]), len(output["summary"]), len(output["text"])) == (
        255,
        65_535,
        65_535,
    )
    assert output["summary"].endswith("(cut: GitHub takes no more)")
    assert len(runs.kept) == 1


def test_the_runs_of_everybody(user: GitHub, runs: Runs) -> None:
    runs.add(conclusion="failure", external_id="7")
    runs.add(app=None, status="queued", conclusion=None)
    runs.add(name="other")
    assert user.checks.of(SHA, NAME) == (
        CheckRun(
            id=1,
            app_id=APP_ID,
            status="completed",
            conclusion="failure",
            title="",
            annotations=0,
            external_id="7",
        ),
        CheckRun(id=2, app_id=None, status="queued", conclusion=None, title="", annotations=0),
    )


def test_our_own_run(app: GitHub, runs: Runs) -> None:
    assert app.checks.own(SHA, NAME) is None
    runs.add()
    newest = runs.add()
    runs.add(app=15368)
    found = app.checks.own(SHA, NAME)
    assert found is not None
    assert found.id == newest


def test_what_was_just_read_is_not_read_again(app: GitHub, server: ApiServer, runs: Runs) -> None:
    runs.add()
    app.checks.publish(SHA, NAME, GREEN, standing=app.checks.own(SHA, NAME), look=False)
    assert app.calls == 3
    assert writes(server) == [f"PATCH {RUNS}/1"]


def test_a_list_of_runs_that_is_cut(app: GitHub, server: ApiServer) -> None:
    server.on("GET", LIST, Reply(body={"total_count": 3, "check_runs": []}))
    with pytest.raises(DependencyError, match="0 of 3 items"):
        app.checks.publish(SHA, NAME, GREEN)


def test_a_token_writes_no_check_runs(user: GitHub) -> None:
    with pytest.raises(ModelctlError, match="only a GitHub App") as caught:
        user.checks.publish(SHA, NAME, GREEN)
    assert "MODELCTL_APP_ID" in (caught.value.mend or "")
    assert user.calls == 0
