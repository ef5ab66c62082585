"""Who has the word on a step: people, the gates, or the gates with people who may object."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.adapters.documents import dump
from modelctl.domain.verdict import Outcome, Report
from modelctl.services.checking import check_change, check_version
from support.deploys import run
from support.journey import bring, publish
from support.repos import Files
from support.world import (
    MODEL,
    PROJECT,
    World,
    blocking,
    findings,
    release_data,
    user,
    version_data,
)

LIFECYCLE = "policies/lifecycle.yaml"
NEXT = "1.1.0"


def decide_by(world: World, mode: str) -> None:
    """Changes who decides on the way to dev, on the default branch."""
    text = (PROJECT / LIFECYCLE).read_text()
    changed = text.replace(
        "    stage: Validation\n", f"    stage: Validation\n    decision: {mode}\n"
    )
    assert changed != text
    publish(world, "main", {LIFECYCLE: changed})


def proposed(world: World, *, more: Files | None = None, evidence: bool = True) -> str:
    """A new version of the model that dev serves, as a pull request would have it; its head."""
    head = world.submit(NEXT)
    if more:
        head = world.commit(more, f"feature/{NEXT}", "ml")
    if evidence:
        world.evidence(NEXT, "dev", head)
    return head


def judged(world: World, head: str, reviews: dict[str, str] | None, **options: Any) -> Report:
    """The pull request into ml with these reviews, login → state; None: nobody gave them."""
    pull = None
    if reviews is not None:
        rows = [
            {
                "id": number,
                "user": user(login),
                "state": state,
                "commit_id": head,
                "submitted_at": "2026-11-20T09:30:00Z",
            }
            for number, (login, state) in enumerate(reviews.items(), start=1)
        ]
        pull = world.pull("ml", head, (), reviews=rows)
    return check_change(world.session(), "ml", head, pull_request=pull, **options)


APPROVED, OBJECTS = "APPROVED", "CHANGES_REQUESTED"


@pytest.mark.parametrize(
    ("mode", "reviews", "blocks"),
    [
        ("manual", {}, {"approvals"}),
        ("manual", {"ben": APPROVED}, set()),
        ("hybrid", {}, set()),
        ("hybrid", {"ben": OBJECTS}, {"approvals"}),
        ("hybrid", {"eve": OBJECTS}, set()),  # who holds no role can't hold it
        ("automated", {}, set()),
        ("automated", {"ben": OBJECTS}, {"approvals"}),
    ],
)
def test_who_has_the_word(
    served: World, mode: str, reviews: dict[str, str], blocks: set[str]
) -> None:
    decide_by(served, mode)
    assert blocking(judged(served, proposed(served), reviews)) == blocks


@pytest.mark.parametrize("mode", ["hybrid", "automated"])
def test_where_nobody_approves_the_gates_still_decide(served: World, mode: str) -> None:
    decide_by(served, mode)
    report = judged(served, proposed(served, evidence=False), {})
    assert "classification-quality" in blocking(report)
    assert "approvals" not in blocking(report)


@pytest.mark.parametrize("mode", ["hybrid", "automated"])
def test_an_objection_must_be_able_to_be_heard(served: World, mode: str) -> None:
    decide_by(served, mode)
    head = proposed(served)
    report = judged(served, head, None)
    [finding] = findings(report, "approvals")
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message == (
        "the reviews are not given, so nobody knows whether somebody requests changes"
    )
    assert blocking(judged(served, head, None, ask_reviews=False)) == set()


@pytest.mark.parametrize("mode", ["hybrid", "automated"])
def test_the_approvals_of_the_contract_are_asked_for_in_any_mode(world: World, mode: str) -> None:
    decide_by(world, mode)
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    assert blocking(judged(world, head, {})) == {"approvals"}
    assert blocking(judged(world, head, {"lena": APPROVED})) == set()


def test_what_no_gate_judges_is_approved_by_people(served: World) -> None:
    decide_by(served, "automated")
    later = {f"models/{MODEL}/versions/1.2.0.yaml": dump(version_data("1.2.0"))}
    head = proposed(served, more=later)
    report = judged(served, head, {})
    assert blocking(report) == {"approvals"}
    assert blocking(judged(served, head, {"ben": APPROVED})) == set()


@pytest.mark.parametrize(
    ("mode", "blocks"),
    [
        ("{standard: automated}", set()),
        ("{critical: automated}", {"approvals"}),
        ("{default: hybrid, standard: manual}", {"approvals"}),
    ],
)
def test_the_tier_of_the_model_tells(served: World, mode: str, blocks: set[str]) -> None:
    decide_by(served, mode)
    assert blocking(judged(served, proposed(served), {})) == blocks


def test_a_model_can_not_leave_its_people_by_changing_its_tier(served: World) -> None:
    decide_by(served, "{experimental: automated}")
    path = f"models/{MODEL}/model.yaml"
    text = served.show("origin/ml", path).replace("tier: standard", "tier: experimental")
    report = judged(served, proposed(served, more={path: text}), {})
    [finding, *_] = findings(report, "approvals")
    told = " ".join(f.message for f in findings(report, "approvals"))
    assert finding.outcome is Outcome.FAIL
    assert "ml-team" in told  # of the step, not only of the contract


def test_it_is_said_who_decides(served: World) -> None:
    head = proposed(served)
    for mode, said in (
        ("automated", f"the gates alone decide on {MODEL}@1.1.0 (automated)"),
        (
            "hybrid",
            "unless somebody who may approve requests changes, the gates decide on "
            f"{MODEL}@1.1.0 (hybrid)",
        ),
    ):
        decide_by(served, mode)
        report = judged(served, head, None, ask_reviews=False)
        assert report.notes == (said,)
        located = served.locate(NEXT, head)
        assert said in check_version(served.session(), located, served.transition("dev")).notes


@pytest.mark.parametrize("mode", ["manual", "hybrid", "automated"])
def test_a_way_back_is_decided_by_people_in_every_mode(served: World, mode: str) -> None:
    """Few gates judge it, and none in a freeze."""
    served.later(hours=1)
    bring(served, "dev", NEXT)
    decide_by(served, mode)
    emergency = {"reason": "no moves", "all": True, "since": "2026-11-01T00:00:00Z"}
    publish(
        served, "main", {"policies/freezes.yaml": dump({"windows": {}, "emergencies": [emergency]})}
    )
    files = {f"models/{MODEL}/release.yaml": dump(release_data("1.0.0"))}
    head = served.commit(files, "feature/back", "ml")
    report = judged(served, head, {})
    assert report.title == "rollback into ml"
    assert blocking(report) == {"approvals"}
    assert blocking(judged(served, head, {"ben": APPROVED})) == set()
    served.later(hours=1)
    served.pulls = [pull for pull in served.pulls if pull["pull_request"]["head"]["sha"] != head]
    served.merge("ml", head, [])
    [decision] = run(served, "dev").decisions
    assert decision.blocked


@pytest.mark.parametrize(("mode", "deployed"), [("manual", 0), ("hybrid", 1), ("automated", 1)])
def test_a_deploy_goes_by_the_same_rule(served: World, mode: str, deployed: int) -> None:
    decide_by(served, mode)
    served.merge("ml", proposed(served), [])
    assert run(served, "dev").recorded == deployed


@pytest.mark.parametrize("mode", ["hybrid", "automated"])
def test_a_deploy_hears_objections(served: World, mode: str) -> None:
    decide_by(served, mode)
    served.merge("ml", proposed(served), ["ben"])
    served.pulls[-1]["reviews"][0]["state"] = OBJECTS
    assert run(served, "dev").recorded == 0
