"""The page of a pull request: what its judgement knew, without a second one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelctl.domain.pages import Page
from modelctl.domain.pulls import CheckState, PullSummary
from modelctl.domain.reviews import User
from modelctl.report.check_run import check_output
from modelctl.report.pull_request import comment
from modelctl.services import checking
from modelctl.services.checking import judge_change
from modelctl.services.pages import Building, begin, page_of
from support.journey import bring, publish
from support.keys import NOW
from support.repos import File
from support.world import MODEL, World, submission


def summary(base: str, head: str, *, number: int = 12) -> PullSummary:
    return PullSummary(
        number=number,
        title="Promote",
        body="",
        author=User(id=1, login="ada"),
        base=base,
        branch="feature/1.1.0",
        head=head,
        url="https://github.com/acme/models/pull/12",
        is_open=True,
        is_merged=False,
        is_draft=False,
        is_fork=False,
        labels=(),
        requested=(),
        requested_teams=(),
        created_at=NOW,
        updated_at=NOW,
    )


def page(world: World, base: str, head: str, approvals: tuple[str, ...] = (), **pull: Any) -> Page:
    """The page of a pull request of `head` into `base`."""
    world.builder.git("fetch", "--quiet", "origin")
    reviewed = world.pull(base, head, approvals, **pull)
    session, about = world.session(), summary(base, head)
    building = begin(session, about)
    judged = judge_change(session, base, head, target=base, pull_request=reviewed)
    return page_of(session, about, judged, reviewed, building)


def next_version(world: World, **manifest: Any) -> str:
    head = world.submit("1.1.0", manifest=manifest)
    spread = {
        "lower": {"accuracy": 0.91, "f1_score": 0.9, "roc_auc": 0.96},
        "upper": {"accuracy": 0.97, "f1_score": 0.95, "roc_auc": 0.99},
    }
    world.evidence("1.1.0", "dev", head, **spread)
    return head


def test_what_is_ready_says_so_with_all_that_explains_it(served: World) -> None:
    found = page(served, "ml", next_version(served), ("ben", "lena"))
    assert (found.state, found.environment) == (CheckState.SUCCESS, "dev")
    [one] = found.models
    assert (one.model, one.version, one.served) == (MODEL, "1.1.0", "1.0.0")
    assert (one.stage, one.stage_after) == ("Development", "Validation")
    assert {asked.need.kind for asked in one.evidence} == {"evaluation", "security-scan"}
    assert all(asked.selection.chosen for asked in one.evidence)
    assert one.comparison is not None
    measured = [m for m in one.comparison.metrics if m.source == "measured"]
    assert {m.name for m in measured} >= {"accuracy", "f1_score", "roc_auc"}
    assert one.checklist is not None
    assert one.checklist.environment == "dev"
    text = comment(found)
    assert "## ✅ Ready to merge" in text
    assert "gh pr merge 12 --merge" in text


def test_missing_approvals_alone_are_waited_for(served: World) -> None:
    found = page(served, "ml", next_version(served))
    assert found.state is CheckState.WAITING
    assert check_output(found).title == "waiting for 1 ml-team"
    assert "| ⏳ | ml-team of oncology | **1** | ask ben |" in comment(found)


def test_missing_approvals_beside_failures_fail(served: World) -> None:
    head = served.submit("1.1.0")
    served.evidence("1.1.0", "dev", head, metrics={"f1_score": 0.7, "accuracy": 0.9})
    found = page(served, "ml", head)
    assert found.state is CheckState.FAILURE
    title = check_output(found).title
    assert title.startswith("blocked by claims and classification-quality; waiting for 1 ml-team")


def test_requested_changes_fail(served: World) -> None:
    head = next_version(served)
    review = {"id": 9, "user": {"id": 3, "login": "lena", "type": "User"}, "commit_id": head}
    changes = [{**review, "state": "CHANGES_REQUESTED", "submitted_at": "2026-11-20T09:30:00Z"}]
    found = page(served, "ml", head, reviews=changes)
    assert found.state is CheckState.FAILURE
    assert check_output(found).title == "blocked by approvals"


def test_findings_at_lines_of_the_head_are_told_there(served: World) -> None:
    head = served.submit("1.1.0")
    served.evidence("1.1.0", "dev", head, metrics={"f1_score": 0.7, "accuracy": 0.9})
    found = page(served, "ml", head)
    remarks = check_output(found).annotations
    manifest = f"models/{MODEL}/versions/1.1.0.yaml"
    assert {remark.path for remark in remarks} == {manifest}
    line = served.show(head, manifest).splitlines()[remarks[0].start_line - 1]
    assert "f1_score" in line


def test_a_file_that_the_merge_changes_gets_no_remarks(served: World) -> None:
    head = served.submit("1.1.0", model={"description": "Other words."})
    served.evidence("1.1.0", "dev", head, metrics={"f1_score": 0.7, "accuracy": 0.9})
    found = page(served, "ml", head)
    session = served.session()
    judged = judge_change(session, "ml", head, target="ml", ask_reviews=False)
    elsewhere = replace(judged, after=served.builder.git("rev-parse", "origin/ml^{tree}"))
    about = summary("ml", head)
    assert found.files
    assert page_of(session, about, elsewhere, None, Building()).files == frozenset()


def test_the_manifests_show_what_differs_beside_the_version(served: World) -> None:
    artifacts = {
        "root": "models:/m-2",
        "files": [{"path": "MLmodel", "sha256": "c" * 64, "size": 1}],
    }
    found = page(served, "ml", next_version(served, artifacts=artifacts))
    overlay = found.models[0].overlay
    assert overlay is not None
    assert not overlay.is_new
    assert any(line.startswith("+") and "models:/m-2" in line for line in overlay.lines)
    assert any(line.startswith("-") and "models:/m-1" in line for line in overlay.lines)
    assert "modelctl.dev/version" not in "".join(overlay.lines)


def test_a_first_version_is_rendered_whole(world: World) -> None:
    found = page(world, "ml", world.submit())
    [one] = found.models
    assert (one.served, one.comparison) == (None, None)
    assert one.overlay is not None
    assert one.overlay.is_new
    assert one.overlay.removed == 0
    assert "in place of" not in comment(found)


def test_nothing_is_judged_twice(served: World, monkeypatch: pytest.MonkeyPatch) -> None:
    head = next_version(served)
    served.builder.git("fetch", "--quiet", "origin")
    reviewed = served.pull("ml", head, ("ben",))
    session = served.session()
    judged = judge_change(session, "ml", head, target="ml", pull_request=reviewed)
    building = begin(session, summary("ml", head))
    monkeypatch.setattr(checking, "judge_moves", None)
    monkeypatch.setattr(type(session.ledger), "entries", None)
    found = page_of(session, summary("ml", head), judged, reviewed, building)
    assert found.state is CheckState.SUCCESS


def test_a_promotion_knows_the_stage_that_it_comes_from(served: World) -> None:
    found = page(served, "develop", served.promote("1.0.0", "staging"))
    [one] = found.models
    assert (one.stage, one.stage_after) == ("Validation", "Staging")
    assert found.state is CheckState.FAILURE


def test_a_version_that_was_merged_and_not_deployed_is_in_its_first_stage(world: World) -> None:
    publish(world, "ml", submission())
    head = world.commit(submission(), "promote/x", "develop")
    assert page(world, "develop", head).models[0].stage == "Validation"


def test_documents_that_cannot_be_read_leave_the_rest_empty(served: World) -> None:
    files = {**submission("1.1.0"), f"models/{MODEL}/versions/1.1.0.yaml": "model: [\n"}
    found = page(served, "ml", served.commit(files, "feature/broken", "ml"))
    one = found.models[0]
    assert (one.comparison, one.checklist, one.evidence) == (None, None, ())
    assert found.state is CheckState.FAILURE
    assert "What will be rendered: it can't be told" in comment(found)


def test_what_cannot_be_built_is_told_and_blocks_nothing(served: World) -> None:
    head = next_version(served)
    publish(served, "main", {"kustomize/base/local/odd.yaml": File(mode="120000", data=b"../x")})
    found = page(served, "ml", head, ("ben",))
    assert found.state is CheckState.SUCCESS
    assert found.models[0].overlay is not None
    assert "is not a plain file" in str(found.models[0].overlay.problem)
    broken = "resources: [none.yaml]\n"
    overlay = {"kustomize/overlays/dev/kustomization.yaml": broken}
    publish(served, "main", {"kustomize/base/local/odd.yaml": None, **overlay})
    again = page(served, "ml", head, ("ben",))
    assert again.models[0].overlay is not None
    assert again.models[0].overlay.problem


def test_rules_alone_have_no_versions(served: World) -> None:
    head = served.commit({"policies/README.md": "Words.\n"}, "rules", "main")
    found = page(served, "main", head)
    assert (found.models, found.environment) == ((), "production")
    assert "waiting for" in check_output(found).title


def test_a_branch_of_no_environment_has_a_page_too(served: World) -> None:
    session = served.session()
    head = served.builder.git("rev-parse", "origin/ml")
    reviewed = served.pull("ml", head, ())
    judged = judge_change(session, "ml", head, target="ml", pull_request=reviewed)
    found = page_of(session, summary("elsewhere", head), judged, reviewed)
    assert (found.environment, found.models) == (None, ())


def test_a_conflict_is_told(served: World) -> None:
    head = served.submit("1.1.0", model={"description": "Ours."})
    publish(served, "ml", {f"models/{MODEL}/model.yaml": "name: theirs\n"})
    found = page(served, "ml", head)
    assert found.state is CheckState.FAILURE
    assert check_output(found).title == "blocked by merge"
    assert found.files == frozenset()


def test_without_reviews_the_page_still_says_who_is_asked(served: World) -> None:
    head = next_version(served)
    session, about = served.session(), summary("ml", head)
    judged = judge_change(session, "ml", head, target="ml", ask_reviews=False)
    found = page_of(session, about, judged, None)
    assert found.approvals is None
    assert "it needs the approval of 1 ml-team" in comment(found)


def test_a_rollback_asks_for_no_other_evidence(served: World) -> None:
    bring(served, "dev", "1.1.0")
    files = {name: text for name, text in submission().items() if name.endswith("release.yaml")}
    found = page(served, "ml", served.commit(files, "rollback/x", "ml"))
    [one] = found.models
    assert (one.version, one.served) == ("1.0.0", "1.1.0")
    kinds = {asked.need.kind for asked in one.evidence}
    gates = served.session().policy.gates
    assert kinds <= {gate.evidence for gate in gates if gate.on_rollback}
