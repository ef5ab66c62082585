"""Waivers on the way of a version: judged, deployed, recorded, and listed, with real git."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.adapters.signing import sign
from modelctl.domain.evidence import Statement
from modelctl.domain.verdict import Finding, Outcome, Report
from modelctl.domain.waivers import Waiver
from modelctl.services.checking import check_change, check_version
from modelctl.services.session import MACHINE
from modelctl.services.tree_check import check_tree
from modelctl.services.waivers import State, standings
from support.deploys import run
from support.journey import bring
from support.repos import File
from support.waivers import FILE, REASON, UNFAIR, for_version, grant, rows, text, unfair, waiver
from support.world import MODEL, World, blocking, findings, submission

FAIRNESS, WAIVER = "fairness", "waiver"


def judged(world: World, head: str, base: str = "ml") -> Report:
    """A pull request, without its reviews."""
    return check_change(world.session(), base, head, ask_reviews=False)


def fairness(report: Report) -> Finding:
    """The finding of the gate that blocks or is waived."""
    [found] = [f for f in findings(report, FAIRNESS) if f.outcome is not Outcome.PASS]
    return found  # type: ignore[no-any-return]


# judging


def test_a_waiver_on_the_default_branch_sets_one_gate_aside(world: World) -> None:
    head = unfair(world)
    assert blocking(judged(world, head)) == {FAIRNESS}
    one = for_version(world, head)
    grant(world, one)
    report = judged(world, head)
    assert blocking(report) == set()
    assert report.outcome is Outcome.WAIVED
    assert fairness(report).waiver == one


def test_a_waiver_that_only_the_pull_request_has_counts_nothing(world: World) -> None:
    head = unfair(world)
    one = for_version(world, head)
    mixed = world.commit({one.file: text(one)}, "feature/1.0.0", "ml")
    assert {FAIRNESS, "mixing"} <= blocking(judged(world, mixed))


def test_who_brings_the_version_can_not_waive_for_it(world: World) -> None:
    """`created_by` names a robot; that it is lena's pull request, the forge says."""
    head = world.submit(manifest={"created_by": "training-pipeline"})
    world.evidence("1.0.0", "dev", head, **UNFAIR)
    grant(world, for_version(world, head))
    assert fairness(judged(world, head)).outcome is Outcome.WAIVED  # nobody knows whose it is
    others = world.pull("ml", head, ["ben", "lena"], author="eve")
    report = check_change(world.session(), "ml", head, pull_request=others)
    assert blocking(report) == set()
    own = world.pull("ml", head, ["ben"], author="lena")
    report = check_change(world.session(), "ml", head, pull_request=own)
    [found] = [f for f in findings(report, "fairness") if f.outcome.blocks]
    assert "lena brings tumor-classifier@1.0.0" in found.values[f"waiver {FILE}"]
    world.pulls.clear()
    world.merge("ml", head, ["ben", "lena"], author="lena")
    [decision] = run(world, "dev").decisions
    assert decision.blocked


def test_another_gate_that_blocks_is_not_waived(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head, latency={"p99_ms": 500.0})
    grant(world, for_version(world, head))
    assert blocking(judged(world, head)) == {"latency"}


def test_changed_bytes_need_a_new_waiver(world: World) -> None:
    head = unfair(world)
    grant(world, for_version(world, head))
    again = world.submit(manifest={"changelog": "Something else."})
    world.evidence("1.0.0", "dev", again, **UNFAIR)
    said = fairness(judged(world, again))
    assert said.outcome is Outcome.FAIL
    assert "another manifest" in said.values[f"waiver {FILE}"]


def test_a_waiver_ends_when_it_says(world: World) -> None:
    head = unfair(world)
    grant(world, for_version(world, head, expires=world.now + timedelta(hours=1)))
    world.later(minutes=59, seconds=59)
    assert blocking(judged(world, head)) == set()
    world.later(seconds=1)
    said = fairness(judged(world, head))
    assert said.values[f"waiver {FILE}"] == "it expired on 2026-11-20 11:00 UTC"


def test_what_is_asked_about_a_version_honours_waivers_too(world: World) -> None:
    head = unfair(world)
    grant(world, for_version(world, head))
    located = world.locate("1.0.0", head)
    report = check_version(world.session(), located, world.transition("dev"))
    assert fairness(report).outcome is Outcome.WAIVED


# deploying and recording


def deployed(world: World) -> list[dict[str, Any]]:
    """The predicates of the deployments on the ledger."""
    found = (s.statement for s in world.session().signed(MODEL))
    return [dict(s.predicate) for s in found if s and s.kind == "deployment"]


def merged(world: World, **changes: Any) -> Waiver:
    """An unfair version merged into ml under a waiver."""
    head = unfair(world)
    one = for_version(world, head, **changes)
    grant(world, one)
    world.merge("ml", head, ["ben", "lena"])
    return one


def test_a_deployment_records_the_waivers_in_force(world: World) -> None:
    one = merged(world)
    assert not run(world, "dev").decisions[0].blocked
    [said] = deployed(world)
    assert said["waivers"] == [rows(one)]
    assert said["waivers"][0]["reason"] == REASON


def test_without_a_waiver_none_is_recorded(world: World) -> None:
    bring(world, "dev")
    assert [said["waivers"] for said in deployed(world)] == [[]]


def test_one_for_another_environment_is_not_in_force(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    grant(world, for_version(world, head, environments=("staging",)))
    world.merge("ml", head, ["ben", "lena"])
    run(world, "dev")
    assert deployed(world)[0]["waivers"] == []


def test_a_deploy_after_the_waiver_ended_is_blocked(world: World) -> None:
    merged(world, expires=world.now + timedelta(hours=1))
    world.later(hours=2)
    [decision] = run(world, "dev").decisions
    assert decision.blocked
    assert decision.request is None
    assert deployed(world) == []


def test_what_runs_goes_on_when_its_waiver_ends(world: World) -> None:
    one = merged(world, expires=world.now + timedelta(hours=1))
    run(world, "dev")
    world.later(hours=2)
    [decision] = run(world, "dev").decisions
    assert not decision.blocked
    assert decision.request == decision.running
    assert decision.running is not None
    assert [w.as_data() for w in decision.running.waivers] == [rows(one)]
    assert len(deployed(world)) == 1


# quarantine


def quarantine(world: World, environment: str = "dev", version: str = "1.0.0") -> None:
    """What the job that rolls back writes."""
    held = Statement(
        kind="quarantine",
        subject=f"models/{MODEL}/versions/{version}.yaml",
        digest="a" * 64,
        made_at=world.now,
        environment=environment,
        predicate={"version": version, "reason": "5 % errors"},
    )
    envelope = sign(held, world.deployer.signer)
    world.session().ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)


def lifting(world: World, ref: str, **changes: Any) -> Waiver:
    """A waiver of the quarantine by somebody of Platform."""
    fields = {"gate": "quarantine", "approved_by": "pat", "created_at": world.now, **changes}
    return for_version(world, ref, **{"file": f"policies/waivers/{MODEL}-q.yaml", **fields})


def test_a_promotion_of_a_quarantined_version_needs_a_later_waiver(served: World) -> None:
    early = lifting(served, "origin/ml")
    served.later(hours=1)
    quarantine(served)
    served.later(hours=1)
    head = served.promote("1.0.0", "staging")
    served.evidence("1.0.0", "staging", head)
    assert {"quarantine", "provenance"} <= blocking(judged(served, head, "develop"))
    grant(served, early)
    assert {"quarantine", "provenance"} <= blocking(judged(served, head, "develop"))
    grant(served, lifting(served, "origin/ml"))
    report = judged(served, head, "develop")
    assert blocking(report) == set()
    [found] = [f for f in findings(report, "quarantine") if f.outcome is not Outcome.PASS]
    assert found.outcome is Outcome.WAIVED


@pytest.mark.parametrize(
    "changes",
    [
        {"environments": ("production",)},
        {"approved_by": "ben"},
        {"digest": "0" * 64},
        {"gate": "fairness", "approved_by": "lena"},
        {"model": "other-model"},
    ],
)
def test_a_waiver_that_does_not_fit_lifts_no_quarantine(
    served: World, changes: dict[str, Any]
) -> None:
    quarantine(served)
    served.later(hours=1)
    grant(served, lifting(served, "origin/ml", **changes))
    head = served.promote("1.0.0", "staging")
    served.evidence("1.0.0", "staging", head)
    assert {"quarantine", "provenance"} <= blocking(judged(served, head, "develop"))


def test_a_way_back_to_a_quarantined_version_needs_a_waiver(served: World) -> None:
    bring(served, "dev", "1.0.1")
    quarantine(served)
    served.later(hours=1)
    back = {f"models/{MODEL}/release.yaml": submission("1.0.0")[f"models/{MODEL}/release.yaml"]}
    head = served.commit(back, "feature/back", "ml")
    assert "quarantine" in blocking(judged(served, head))
    grant(served, lifting(served, "origin/ml"))
    report = judged(served, head)
    assert report.title == "rollback into ml"
    assert blocking(report) == set()


def test_a_version_whose_manifest_is_gone_stays_quarantined(served: World) -> None:
    quarantine(served)
    grant(served, lifting(served, "origin/ml"))
    head = served.commit({f"models/{MODEL}/versions/1.0.0.yaml": None}, "feature/gone", "ml")
    assert "immutability" in blocking(judged(served, head))


# the pull request that brings a waiver


def proposed(world: World, one: Waiver, **raw: Any) -> str:
    """A pull request into the default branch with a waiver; its head."""
    return world.commit({one.file: text(one, **raw)}, "waive/it", "main")


def reviewed(world: World, head: str, *people: str, **pull: Any) -> Report:
    """What is said of it with the approvals of these people."""
    found = world.pull("main", head, people, **pull)
    return check_change(world.session(), "main", head, pull_request=found)


def said_of_waivers(report: Report) -> list[tuple[Outcome, str]]:
    return [(f.outcome, f.message) for f in findings(report, WAIVER)]


def test_whom_it_names_must_have_approved_it_beside_the_platform(served: World) -> None:
    one = for_version(served, "origin/ml", approved_by="ben", requested_by="ada")
    grant_head = proposed(served, one)
    assert blocking(reviewed(served, grant_head, "pat", "ben")) == set()
    report = reviewed(served, grant_head, "pat")
    [(outcome, message)] = said_of_waivers(report)
    assert outcome is Outcome.PENDING  # nobody has to mend anything: it waits for ben
    assert "says that ben approved it, and ben has not" in message
    [finding] = [f for f in findings(report, WAIVER) if f.outcome.blocks]
    assert finding.location is not None
    assert (finding.location.file, finding.location.path) == (FILE, "approved_by")
    assert "approvals" in blocking(reviewed(served, grant_head, "ben"))


def test_one_person_is_enough_who_holds_both_roles(served: World) -> None:
    head = proposed(served, for_version(served, "origin/ml"))
    assert blocking(reviewed(served, head, "lena")) == set()


def test_the_author_of_the_pull_request_approves_nothing(served: World) -> None:
    made = {"created_by": "eve@example.com"}
    head = served.submit("1.0.1", manifest=made)
    one = for_version(served, head, "1.0.1", requested_by="ben")
    proposal = proposed(served, one)
    report = reviewed(served, proposal, "pat", "lena", author="lena")
    blocked = [m for o, m in said_of_waivers(report) if o.blocks]
    assert any("opened the pull request" in message for message in blocked)
    assert any("says that ben asked for it" in message for message in blocked)


def test_an_approval_of_an_older_head_is_none(served: World) -> None:
    one = for_version(served, "origin/ml")
    first = proposed(served, one)
    pull = served.pull("main", first, ["lena"])
    head = served.commit(
        {one.file: text(one, reason="another reason altogether")}, "waive/it", "main"
    )
    served.pulls[-1]["pull_request"]["head"]["sha"] = head
    served.pulls[-1]["commits"][0]["sha"] = head
    found = served.pull_requests()[-1]
    assert found.head != pull.head
    report = check_change(served.session(), "main", head, pull_request=found)
    assert any("approved another commit" in m for o, m in said_of_waivers(report) if o.blocks)


def test_without_reviews_it_is_announced(served: World) -> None:
    head = proposed(served, for_version(served, "origin/ml"))
    report = judged(served, head, "main")
    assert blocking(report) == set()
    assert f"{FILE} needs the approval of lena" in report.notes
    [(outcome, message)] = said_of_waivers(report)
    assert (outcome, "waives fairness of tumor-classifier@1.0.0" in message) == (Outcome.PASS, True)


def test_reviews_of_something_else_show_nothing(served: World) -> None:
    head = proposed(served, for_version(served, "origin/ml"))
    report = check_change(served.session(), "main", head)
    assert [o for o, _ in said_of_waivers(report)] == [Outcome.INCONCLUSIVE]
    elsewhere = served.pull("ml", head, ["lena", "pat"])
    report = check_change(served.session(), "main", head, pull_request=elsewhere)
    assert [o for o, _ in said_of_waivers(report)] == [Outcome.INCONCLUSIVE]


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"expires": timedelta(days=-1), "created_at": timedelta(days=-3)}, "expires", "expired"),
        ({"expires": timedelta(days=60)}, "expires", "longer than 30 d"),
        ({"created_at": timedelta(days=1)}, "created_at", "begins on"),
        ({"gate": "claims"}, "gate", "claims can't be waived"),
        ({"digest": "0" * 64}, "digest", "another manifest"),
        ({"version": "9.9.9"}, "version", "no branch here has tumor-classifier@9.9.9"),
        ({"model": "churn-predictor"}, "version", "no branch here has churn-predictor@1.0.0"),
        ({"approved_by": "ada"}, "approved_by", "ada asked for it"),
        ({"approved_by": "ada", "requested_by": "ben"}, "approved_by", "ada made"),
        ({"approved_by": "max"}, "approved_by", "max is not ml-lead for the models of oncology"),
    ],
)
def test_a_waiver_that_would_not_count_is_a_finding_with_its_line(
    served: World, changes: dict[str, Any], path: str, said: str
) -> None:
    at = {k: served.now + v if isinstance(v, timedelta) else v for k, v in changes.items()}
    one = replace(for_version(served, "origin/ml"), **at)
    report = judged(served, proposed(served, one), "main")
    found = [f for f in findings(report, WAIVER) if f.outcome.blocks]
    assert any(said in f.message for f in found)
    [where] = {f.location.path for f in found if said in f.message}
    assert where == path
    lines = text(one).splitlines()
    [place] = {f.location.line for f in found if said in f.message}
    assert lines[place - 1].startswith(f"{path}:")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"gate": "*"}, "gate"),
        ({"gate": "fairnes"}, "there is no gate fairnes"),
        ({"gate": "provenance"}, "provenance always holds"),
        ({"expires": "2026-02-30T00:00:00Z"}, "there is no such time"),
        ({"digest": None}, "digest"),
    ],
)
def test_a_malformed_one_is_a_finding_with_its_line(
    served: World, raw: dict[str, Any], said: str
) -> None:
    report = judged(served, proposed(served, for_version(served, "origin/ml"), **raw), "main")
    [found] = [f for f in findings(report, WAIVER) if f.outcome.blocks]
    assert found.location.file == FILE
    assert said in f"{found.location.path} {found.message}"
    assert found.mend


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("policies/waivers/deep/x.yaml", "a: b\n", "nobody reads"),
        ("policies/waivers/x.yml", "a: b\n", "nobody reads"),
        ("policies/waivers/x.yaml", "a: [\n", "x.yaml"),
        ("policies/waivers/x.yaml", File(data=b"a: b\n", mode="100755"), "no regular file"),
        ("policies/waivers/x.yaml", File(data=b"../lifecycle.yaml", mode="120000"), "no regular"),
    ],
)
def test_what_is_no_waiver_is_a_finding(served: World, path: str, content: Any, said: str) -> None:
    head = served.commit({path: content}, "waive/odd", "main")
    found = [f for f in findings(judged(served, head, "main"), WAIVER) if f.outcome.blocks]
    assert found
    assert said in f"{found[0].location.file} {found[0].message}"


def test_a_change_cannot_make_its_own_waiver_a_good_one(served: World) -> None:
    one = for_version(served, "origin/ml", gate="claims")
    path = "policies/gates/integrity.yaml"
    rules = served.show("origin/main", path)
    looser = rules.replace("    check: claims\n", "    check: claims\n    waivable_by: [ml-lead]\n")
    assert looser != rules
    head = served.commit({one.file: text(one), path: looser}, "waive/it", "main")
    found = [f.message for f in findings(judged(served, head, "main"), WAIVER) if f.outcome.blocks]
    assert any("claims can't be waived" in message for message in found)


def test_taking_a_waiver_away_asks_for_nothing_more(served: World) -> None:
    one = for_version(served, "origin/ml")
    grant(served, one)
    head = served.commit({one.file: None}, "waive/no-more", "main")
    assert said_of_waivers(judged(served, head, "main")) == []


def test_one_that_is_there_and_does_not_change_is_left_alone(served: World) -> None:
    grant(served, for_version(served, "origin/ml", expires=served.now + timedelta(minutes=1)))
    served.later(hours=1)
    head = served.commit({"policies/README.md": "rules\n"}, "feature/words", "main")
    assert said_of_waivers(judged(served, head, "main")) == []


def test_elsewhere_waivers_arrive_by_a_sync(served: World) -> None:
    one = for_version(served, "origin/ml")
    grant(served, one)
    head = served.commit({one.file: text(one)}, "sync/ml", "ml")
    report = judged(served, head)
    assert said_of_waivers(report) == []


# the list


def standing(world: World) -> list[tuple[str, str]]:
    return [(one.waiver.file, one.state.value) for one in standings(world.session())]


def test_each_waiver_stands_somewhere_those_that_end_first_in_front(served: World) -> None:
    def named(name: str, **changes: Any) -> Waiver:
        file = f"policies/waivers/{name}.yaml"
        return replace(for_version(served, "origin/ml", file=file), **changes)

    day = timedelta(days=1)
    listed = [
        named("late", expires=served.now + 20 * day),
        named("soon", expires=served.now + 7 * day),
        named("over", expires=served.now, version="9.9.9"),
        named("idle", expires=served.now + 2 * day, digest="0" * 64),
        named("unknown", expires=served.now + 3 * day, version="9.9.9"),
    ]
    for one in listed:
        grant(served, one)
    assert [(file.split("/")[-1], state) for file, state in standing(served)] == [
        ("over.yaml", State.EXPIRED),
        ("idle.yaml", State.IDLE),
        ("unknown.yaml", State.IDLE),
        ("soon.yaml", State.SOON),
        ("late.yaml", State.IN_FORCE),
    ]


def test_a_quarantine_since_then_is_told_in_the_list(served: World) -> None:
    grant(served, lifting(served, "origin/ml"))
    assert [state for _, state in standing(served)] == [State.IN_FORCE]
    served.later(hours=1)
    quarantine(served, version="2.0.0")
    assert [state for _, state in standing(served)] == [State.IN_FORCE]
    quarantine(served)
    [one] = standings(served.session())
    assert one.state is State.IDLE
    assert "older than what it would lift" in one.objections[0].message


def test_a_version_on_a_branch_of_its_own_is_found(world: World) -> None:
    head = unfair(world)
    world.builder.git("push", "--quiet", "origin", "feature/1.0.0")
    grant(world, for_version(world, head))
    assert [state for _, state in standing(world)] == [State.IN_FORCE]


# every document


def in_tree(world: World, *waivers: Waiver, **raw: Any) -> list[tuple[Outcome, str]]:
    """What the check of every document says of waivers."""
    files = {one.file: text(one, **raw) for one in waivers}
    head = world.commit(files, "look/at-it", "main")
    session = world.session()
    return said_of_waivers(check_tree(session, session.repository.tree(head), head))


def test_every_document_means_waivers_too(served: World) -> None:
    one = for_version(served, "origin/ml")
    over = for_version(served, "origin/ml", file="policies/waivers/o.yaml", expires=served.now)
    found = dict(reversed(pair) for pair in in_tree(served, one, over))
    assert list(found.values()) == [Outcome.PASS, Outcome.PASS]
    assert any("doesn't count any more: it expired on" in message for message in found)


def test_a_bad_one_is_told_among_every_document(served: World) -> None:
    [(outcome, message)] = in_tree(served, for_version(served, "origin/ml", gate="claims"))
    assert outcome is Outcome.FAIL
    assert "claims can't be waived" in message
    [(outcome, _)] = in_tree(served, waiver(), gate="*")
    assert outcome is Outcome.FAIL
