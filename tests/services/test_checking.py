"""What a pull request is told: from its two ends alone, by the rules of the default branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.adapters.documents import dump
from modelctl.domain.verdict import Outcome, Report, exit_code
from modelctl.errors import ModelctlError
from modelctl.services.checking import _file_at, _on_source, check_change, check_version
from modelctl.services.destinations import target_of
from modelctl.services.tree_check import check_tree
from support.deploys import run
from support.keys import NOW, person
from support.repos import File
from support.world import (
    EVIDENCE,
    INPUTS,
    MODEL,
    SIGNATURE,
    World,
    blocking,
    evaluation,
    findings,
    model_data,
    release_data,
    submission,
    version_data,
)


def judged(world: World, head: str, *, base: str = "ml", reviewers: tuple[str, ...] = ()) -> Report:
    """The pull request of `head` into `base`, approved by `reviewers`; without any, unreviewed."""
    pull = world.pull(base, head, reviewers) if reviewers else None
    return check_change(world.session(), base, head, pull_request=pull, ask_reviews=bool(reviewers))


def in_dev(world: World, version: str = "1.0.0", **metrics: Any) -> None:
    """A version that is merged into ml and runs in dev."""
    head = world.submit(version)
    world.evidence(version, "dev", head, **metrics)
    world.merge("ml", head, ["ben", "lena"])
    run(world, "dev")


def test_a_first_version_with_evidence_and_approval_passes(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    report = judged(world, head, reviewers=("ben", "lena"))
    assert blocking(report) == set()
    assert (report.outcome, exit_code(report)) == (Outcome.PASS, 0)


def test_without_evidence_every_gate_names_the_command_that_makes_it(world: World) -> None:
    report = judged(world, world.submit())
    missing = [f for v in report.verdicts for f in v.findings if f.outcome is Outcome.INCONCLUSIVE]
    assert {f.gate for f in missing} >= {"artifacts", "classification-quality", "fairness"}
    commands = {f.gate: f.command for f in missing}
    assert commands.pop("security-scan") == f"modelctl evidence scan {MODEL}@1.0.0"
    evaluate = f"modelctl evidence evaluate {MODEL}@1.0.0 --data HOLDOUT.parquet"
    assert set(commands.values()) == {evaluate}
    assert exit_code(report) == 1


def test_worse_metrics_are_blocked_at_the_line_of_the_claim(world: World) -> None:
    head = world.submit()
    worse = {"f1_score": 0.80, "accuracy": 0.94, "roc_auc": 0.98}
    world.evidence("1.0.0", "dev", head, metrics=worse)
    report = judged(world, head)
    [finding] = [f for f in findings(report, "classification-quality") if f.outcome.blocks]
    assert finding.outcome is Outcome.FAIL
    assert dict(finding.values) == {"evidence.metrics.f1_score": "0.8"}
    assert finding.quote.strip().startswith("- name: f1_score")
    assert finding.policy.file == "policies/gates/quality.yaml"


def test_claims_in_the_manifest_decide_nothing(world: World) -> None:
    claim = {"name": "f1_score", "value": 0.99, "dataset_digest": "sha256:" + "e" * 64}
    head = world.submit(manifest={"metrics": [claim]})
    world.evidence("1.0.0", "dev", head)
    report = judged(world, head)
    assert blocking(report) == {"claims"}


def test_a_regression_against_the_served_version_is_blocked(world: World) -> None:
    in_dev(world)
    head = world.submit("1.0.1")
    metrics = {"f1_score": 0.91, "accuracy": 0.92, "roc_auc": 0.97}
    world.evidence("1.0.1", "dev", head, metrics=metrics)
    report = judged(world, head)
    [finding] = [f for f in findings(report, "classification-quality") if f.outcome.blocks]
    assert "served" in finding.message
    assert finding.values["serving.metrics.accuracy"] == "0.94"


def test_a_comparison_on_other_data_is_inconclusive(world: World) -> None:
    in_dev(world)
    other = {"name": "other", "digest": "sha256:" + "9" * 64}
    contract = {**model_data()["data_contract"], "evaluation": other}
    head = world.submit("1.0.1", model={"data_contract": contract})
    world.evidence("1.0.1", "dev", head, dataset=other)
    report = judged(world, head)
    [finding] = [f for f in findings(report, "classification-quality") if f.outcome.blocks]
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert f"{MODEL}@1.0.0" in finding.command


def test_an_incompatible_signature_under_a_minor_bump_is_blocked(world: World) -> None:
    in_dev(world)
    changed = {**SIGNATURE, "inputs": [*INPUTS, {"name": "age", "type": "long"}]}
    head = world.submit("1.1.0", manifest={"signature": changed})
    report = judged(world, head)
    [finding] = [f for f in findings(report, "version-bump") if f.outcome.blocks]
    assert finding.mend == "call it 2.0.0"
    assert "age" in finding.message


def test_an_unreleased_version_in_between_hides_no_break(world: World) -> None:
    """1.0.9 changes the signature and is merged unreleased; 1.1.0 differs from that no more."""
    in_dev(world)
    changed = {**SIGNATURE, "inputs": INPUTS[:1]}
    path = f"models/{MODEL}/versions/1.0.9.yaml"
    between = world.commit(
        {path: dump(version_data("1.0.9", signature=changed))}, "feature/b", "ml"
    )
    world.merge("ml", between, ["ben"])
    head = world.submit("1.1.0", manifest={"signature": changed})
    found = [f for f in findings(judged(world, head), "version-bump") if f.outcome.blocks]
    assert [f.values["from"] for f in found] == ["1.0.0"]


def test_a_pull_request_is_never_judged_by_its_own_rules(world: World) -> None:
    """It weakens gates, roles, owners, code and schemas at once, and trains nothing better."""
    weak = "gates:\n  metadata:\n    title: nothing\n    check: metadata\n"
    files = {
        **submission(),
        "policies/gates/quality.yaml": weak,
        "policies/gates/integrity.yaml": None,
        "policies/roles.yaml": dump({"roles": {"ml-team": {"members": ["eve"]}}}),
        "CODEOWNERS": "* @eve\n",
        "scripts/modelctl/gates/__init__.py": "CHECKS = {}\n",
        "scripts/modelctl/schemas/version.schema.json": "{}\n",
    }  # fmt: skip
    head = world.commit(files, "feature/weak", "ml")
    world.evidence("1.0.0", "dev", head, metrics={"f1_score": 0.1, "accuracy": 0.1, "roc_auc": 0.1})
    report = judged(world, head, reviewers=("eve",))
    assert blocking(report) >= {"mixing", "rules-branch", "approvals", "classification-quality"}
    [policy] = {f.policy.file for f in findings(report, "classification-quality")}
    assert policy == "policies/gates/quality.yaml"


@pytest.mark.parametrize(
    "model",
    [{"tier": "experimental"}, {"task": "clustering"}, {"sla": {"latency_p99_ms": 1e9}}],
    ids=["tier", "task", "sla"],
)
def test_a_model_cannot_be_weakened_past_its_gates(world: World, model: Mapping[str, Any]) -> None:
    in_dev(world)
    head = world.submit("1.0.1", model=model)
    bad = {"f1_score": 0.1, "accuracy": 0.1, "roc_auc": 0.1}
    world.evidence("1.0.1", "dev", head, metrics=bad)
    report = judged(world, head, reviewers=("ben",))
    assert "classification-quality" in blocking(report)
    [finding] = findings(report, "approvals")
    assert "ml-lead" in finding.message


def test_a_new_owner_needs_the_old_owners_people_too(world: World) -> None:
    in_dev(world)
    head = world.submit("1.0.1", model={"owner": "metabolic"})
    world.evidence("1.0.1", "dev", head)
    report = judged(world, head, reviewers=("max",))
    assert any("oncology" in f.message for f in findings(report, "approvals"))


def test_the_lead_of_another_team_does_not_approve(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    assert blocking(judged(world, head, reviewers=("ben", "max"))) == {"approvals"}


def test_a_promotion_carries_what_was_deployed_byte_for_byte(world: World) -> None:
    in_dev(world)
    head = world.promote("1.0.0", "staging")
    world.evidence("1.0.0", "staging", head)
    assert blocking(judged(world, head, base="develop", reviewers=("ben",))) == set()
    other = dump(release_data("1.0.0", strategies={"staging": "immediate"}))
    branch = f"promote/{MODEL}/1.0.0/staging"
    touched = world.builder.commit({f"models/{MODEL}/release.yaml": other}, branch)
    assert "provenance" in blocking(judged(world, touched, base="develop", reviewers=("ben",)))


def test_what_was_never_deployed_before_is_not_promoted(world: World) -> None:
    head = world.commit(submission(), "feature/straight", "develop")
    world.evidence("1.0.0", "dev", head)
    world.evidence("1.0.0", "staging", head)
    report = judged(world, head, base="develop", reviewers=("ben",))
    assert "provenance" in blocking(report)


def test_a_merged_version_never_changes(world: World) -> None:
    in_dev(world)
    path = f"models/{MODEL}/versions/1.0.0.yaml"
    head = world.commit({path: dump(version_data(changelog="Better."))}, "feature/edit", "ml")
    assert "immutability" in blocking(judged(world, head))


@pytest.mark.parametrize(
    ("mode", "data"), [("120000", b"../../secrets"), ("100755", None), ("160000", b"a" * 40)]
)
def test_only_regular_files_are_taken(world: World, mode: str, data: bytes | None) -> None:
    path = f"models/{MODEL}/versions/1.0.0.yaml"
    files = submission()
    content = data or str(files[path]).encode()
    head = world.commit({**files, path: File(mode=mode, data=content)}, "feature/odd", "ml")
    assert "file-mode" in blocking(judged(world, head))


def test_path_and_content_agree(world: World) -> None:
    files = submission()
    moved = files.pop(f"models/{MODEL}/versions/1.0.0.yaml")
    files[f"models/{MODEL}/versions/1.0.1.yaml"] = moved
    files[f"models/{MODEL}/release.yaml"] = dump(release_data("1.0.1"))
    report = judged(world, world.commit(files, "feature/odd", "ml"))
    assert "the path says 1.0.1, the content 1.0.0" in [
        f.message for f in findings(report, "documents")
    ]


def test_a_release_points_at_what_is_there(world: World) -> None:
    files = {**submission(), f"models/{MODEL}/release.yaml": dump(release_data("9.9.9"))}
    report = judged(world, world.commit(files, "feature/odd", "ml"))
    assert {"release", "documents"} & blocking(report)


def test_broken_documents_are_all_told_in_one_run(world: World) -> None:
    files = submission()
    files[f"models/{MODEL}/model.yaml"] = "name: a\nname: b\n"
    broken = dump({**version_data(), "metrix": [], "version": 1.0})
    files[f"models/{MODEL}/versions/1.0.0.yaml"] = broken
    report = judged(world, world.commit(files, "feature/odd", "ml"))
    told = [f.message for f in findings(report, "documents")]
    assert any("twice" in m or "duplicate" in m for m in told)
    assert any("metrix" in m for m in told)
    assert any("version" in m for m in told)


# Evidence that does not count, each for its own reason.


def test_forged_evidence_does_not_count(world: World) -> None:
    head = world.submit()
    with pytest.raises(Exception, match="trusts no key"):
        world.record("evaluation", "offline", evaluation(), pointer=at(head), signer=person("eve"))


def test_evidence_of_a_key_for_other_kinds_does_not_count(world: World) -> None:
    head = world.submit()
    with pytest.raises(Exception, match="may not sign evaluation"):
        world.record("evaluation", "offline", evaluation(), pointer=at(head), signer=world.deployer)


def test_evidence_about_another_version_does_not_count(world: World) -> None:
    world.evidence("1.0.0", "dev", world.submit())
    report = judged(world, world.submit("1.0.1"))
    [finding] = [f for f in findings(report, "fairness") if f.outcome.blocks]
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert dict(finding.values) == {}  # what is about another version is nobody's fault here


def test_evidence_that_is_too_old_does_not_count(world: World) -> None:
    head = world.submit()
    world.record(
        "evaluation", "offline", evaluation(), pointer=at(head), at=NOW - timedelta(days=91)
    )
    report = judged(world, head)
    [finding] = [f for f in findings(report, "fairness") if f.outcome.blocks]
    assert any("older than 90 d" in reason for reason in finding.values.values())


def test_evidence_from_another_environment_does_not_count(world: World) -> None:
    head = world.submit()
    world.record("evaluation", "staging", evaluation(), pointer=at(head))
    report = judged(world, head)
    [finding] = [f for f in findings(report, "fairness") if f.outcome.blocks]
    assert any("measured in staging" in reason for reason in finding.values.values())


def test_a_newer_failure_outweighs_an_older_pass(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.later(minutes=1)
    world.evidence("1.0.0", "dev", head, passed=False)
    assert "fairness" in blocking(judged(world, head))


def test_an_older_pass_that_is_recorded_again_stays_old(world: World) -> None:
    head = world.submit()
    failed = evaluation(passed=False)
    world.record("evaluation", "offline", failed, pointer=at(head), at=NOW - timedelta(hours=1))
    world.record(
        "evaluation", "offline", evaluation(), pointer=at(head), at=NOW - timedelta(hours=2)
    )
    assert "fairness" in blocking(judged(world, head))


@pytest.mark.parametrize("value", [float("nan"), "0.99", None, True])
def test_a_metric_that_is_no_number_is_inconclusive(world: World, value: Any) -> None:
    head = world.submit()
    metrics = {"f1_score": value, "accuracy": 0.94, "roc_auc": 0.98}
    if isinstance(value, float):  # NaN can't even be signed
        with pytest.raises(Exception, match="NaN"):
            world.evidence("1.0.0", "dev", head, metrics=metrics)
        return
    world.evidence("1.0.0", "dev", head, metrics=metrics)
    [finding] = [
        f for f in findings(judged(world, head), "classification-quality") if f.outcome.blocks
    ]
    assert finding.outcome is Outcome.INCONCLUSIVE


def test_a_sample_that_is_too_small_is_inconclusive(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head, sample_size=99)
    [finding] = [f for f in findings(judged(world, head), "evaluation-data") if f.outcome.blocks]
    assert finding.outcome is Outcome.INCONCLUSIVE


def test_a_group_without_figures_is_inconclusive(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head, groups={"size_band": {}})
    [finding] = [f for f in findings(judged(world, head), "fairness") if f.outcome.blocks]
    assert finding.outcome is Outcome.INCONCLUSIVE


def test_a_kinder_dataset_is_refused(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head, dataset={"name": "easy", "digest": "sha256:" + "0" * 64})
    assert "evaluation-data" in blocking(judged(world, head))


def test_artifacts_that_are_not_those_of_the_manifest_are_refused(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head, artifacts={"MLmodel": "0" * 64})
    assert "artifacts" in blocking(judged(world, head))


def test_a_soak_is_pending_and_says_until_when(world: World) -> None:
    in_dev(world)
    staging = world.promote("1.0.0", "staging")
    world.evidence("1.0.0", "staging", staging)
    world.merge("develop", staging, ["ben"])
    run(world, "staging")
    since = world.now
    world.later(hours=1)
    head = world.promote("1.0.0", "production")
    world.evidence("1.0.0", "production", head)
    report = judged(world, head, base="main", reviewers=("pat", "ben"))
    assert blocking(report) == {"soak"}
    [finding] = findings(report, "soak")
    assert (finding.outcome, finding.until) == (Outcome.PENDING, since + timedelta(hours=24))


# The other ways to ask.


def test_eligibility_without_a_pull_request(world: World) -> None:
    in_dev(world)
    located = world.locate("1.0.0", "origin/ml")
    report = check_version(world.session(), located, world.transition("staging"))
    assert blocking(report) == {"unit-tests", "data-validation"}
    assert report.notes == ("it needs the approval of 1 ml-lead (ben, lena)",)


def test_every_environment_in_its_turn(world: World) -> None:
    in_dev(world)
    located = world.locate("1.0.0", "origin/ml")
    report = check_version(world.session(), located, world.transition("production"))
    assert "provenance" in blocking(report)


def test_every_document_of_a_tree(world: World) -> None:
    files = {**submission(), f"models/{MODEL}/notes.txt": "hello\n"}
    head = world.commit(files, "feature/odd", "ml")
    tree = world.session().repository.tree(head)
    report = check_tree(world.session(), tree, head)
    assert blocking(report) == {"placement"}


@pytest.mark.parametrize(
    ("branch", "target"),
    [
        ("feature/x", "ml"),
        ("ml", "develop"),
        ("develop", "main"),
        (f"promote/{MODEL}/1.0.0/production", "main"),
        (f"promote/{MODEL}/1.0.0/nowhere", None),
        ("main", None),
    ],
)
def test_where_a_branch_goes(world: World, branch: str, target: str | None) -> None:
    assert target_of(world.session(fetch=False), branch) == target


def test_a_conflict_is_told_as_one(world: World) -> None:
    in_dev(world)
    path = f"models/{MODEL}/release.yaml"
    start = world.builder.git("rev-parse", "origin/ml")
    ours = world.builder.commit({path: dump(release_data("1.0.1"))}, "ours", parent=start)
    theirs = world.builder.commit({path: dump(release_data("1.0.2"))}, "theirs", parent=start)
    report = check_change(world.session(), ours, theirs, target="ml", ask_reviews=False)
    assert blocking(report) == {"merge"}


def at(head: str) -> str:
    """The first version at a commit."""
    return f"{MODEL}@1.0.0^{head}"


def test_the_table_of_evidence_is_what_the_policy_asks_for(world: World) -> None:
    """Each entry of `EVIDENCE` is needed: without it its gate blocks."""
    kinds = {kind for rows in EVIDENCE.values() for kind, _, _ in rows}
    asked = {g.evidence for g in world.session(fetch=False).policy.gates if g.evidence}
    assert kinds == asked


def test_an_author_without_an_account_blocks_unless_the_policy_says_otherwise(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    stranger = {"name": "x", "email": "x@nowhere.example"}
    commits = [{"sha": head, "author": None, "commit": {"author": stranger, "message": "x"}}]
    pull = world.pull("ml", head, ["ben", "lena"], commits=commits)
    session = world.session()
    report = check_change(session, "ml", head, pull_request=pull)
    assert blocking(report) == {"approvals"}
    kinder = replace(session, policy=replace(session.policy, accept_unknown_authors=True))
    assert blocking(check_change(kinder, "ml", head, pull_request=pull)) == set()


def test_requested_changes_block_whatever_is_asked_for(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    pull = world.pull("ml", head, ["ben", "lena"])
    world.pulls[-1]["reviews"][1]["state"] = "CHANGES_REQUESTED"
    pull = world.pull_requests()[-1]
    report = check_change(world.session(), "ml", head, pull_request=pull)
    assert blocking(report) == {"approvals"}


def test_a_change_of_the_rules_needs_platform(world: World) -> None:
    change = {"policies/strategies.yaml": world.show("origin/main", "policies/strategies.yaml")}
    head = world.commit({**change, "docs/new.md": "hello\n"}, "rules", "main")
    assert blocking(judged(world, head, base="main", reviewers=("ben",))) == {"approvals"}
    assert blocking(judged(world, head, base="main", reviewers=("pat",))) == set()


def test_what_moves_no_version_is_approved_all_the_same(world: World) -> None:
    in_dev(world)
    path = f"models/{MODEL}/versions/1.0.9.yaml"
    head = world.commit({path: dump(version_data("1.0.9"))}, "feature/quiet", "ml")
    assert blocking(judged(world, head, reviewers=("pat",))) == {"approvals"}
    assert blocking(judged(world, head, reviewers=("ben",))) == set()


def test_a_local_copy_of_a_branch_is_not_what_a_change_goes_into(world: World) -> None:
    in_dev(world)
    world.builder.git("checkout", "-q", "-f", "-B", "ml", "origin/main")  # as it was before
    head = world.submit("1.0.1")
    world.evidence("1.0.1", "dev", head)
    report = check_change(world.session(), "ml", head, ask_reviews=False)
    assert report.base == world.builder.git("rev-parse", "origin/ml")


def test_the_rules_are_not_handed_on_to_another_branch(world: World) -> None:
    """Somebody pushes a policy that names a branch of his own as the default one."""
    text = world.show("origin/main", "policies/lifecycle.yaml")
    evil = text.replace("default_branch: main", "default_branch: feature/evil")
    world.builder.git("checkout", "-q", "-f", "-B", "main", "origin/main")
    world.builder.commit({"policies/lifecycle.yaml": evil}, "main")
    world.builder.git("push", "-q", "origin", "main")
    with pytest.raises(ModelctlError, match="name feature/evil as the default branch"):
        world.session()


def test_the_default_branch_is_the_remotes_own(world: World) -> None:
    """A branch that is called main means nothing where the default is another one."""
    git = world.builder.git
    git("push", "-q", "origin", "origin/main:refs/heads/trunk")
    git("fetch", "-q", "origin")
    git("remote", "set-head", "origin", "trunk")
    with pytest.raises(ModelctlError, match="the rules of trunk name main"):
        world.session()
    git("remote", "set-head", "origin", "--delete")
    with pytest.raises(ModelctlError, match="doesn't know the default branch"):
        world.session()


def test_a_commit_that_is_not_here_proves_nothing(world: World) -> None:
    """As in a shallow clone, or where a branch was rewritten."""
    session, transition = world.session(), world.transition("staging")
    assert _on_source(session, transition)("1" * 40) is False
    assert _on_source(session, None)(world.builder.git("rev-parse", "main")) is False
    assert _file_at(session)("1" * 40, "policies/roles.yaml") is None
    assert _file_at(session)(session.policy.commit, "policies/roles.yaml") is not None
    assert _file_at(session)(session.policy.commit, "nowhere.yaml") is None
