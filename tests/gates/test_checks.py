"""The built-in checks: each blocks for its own reason, and passes without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.adapters.schema import schema
from modelctl.domain.candidate import Candidate, Facts, Served
from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment, Quarantine
from modelctl.domain.manifest import version_from
from modelctl.domain.policy import ApprovalRule, Policy
from modelctl.domain.rules import Scope
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates import CHECKS, judge
from modelctl.gates.approvals import contract_changes, merged, owners, required_approvals
from support.judging import DIGEST, candidate, facts, gate, policy, signed
from support.keys import NOW
from support.world import MODEL, version_data

PASS, FAIL, UNDECIDED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def run(
    check: str, one: Candidate, known: Facts, rules: Policy | None = None, **options: Any
) -> list[Finding]:
    """What a check finds."""
    asked = gate(check=check, options=options, evidence="evaluation")
    return list(CHECKS[check](asked, one, rules or policy(), known))


def outcomes(found: list[Finding]) -> list[Outcome]:
    """Their outcomes."""
    return [finding.outcome for finding in found]


# the ledger


def test_a_damaged_ledger_leaves_everything_undecided() -> None:
    assert judge(candidate(), policy(), facts()).findings == ()
    known = replace(facts(), damage="entry 2 is not there")
    [finding] = judge(candidate(), policy(), known).findings
    assert (finding.gate, finding.outcome) == ("ledger", UNDECIDED)
    assert finding.message == f"the ledger of {MODEL} is damaged: entry 2 is not there"
    assert "modelctl ledger verify" in finding.mend


# metadata


@pytest.mark.parametrize(
    ("manifest", "outcome"),
    [({}, PASS), ({"explainability": ""}, UNDECIDED), ({"tags": {}}, UNDECIDED)],
)
def test_what_the_policy_wants_to_know_is_there(manifest: dict[str, Any], outcome: Outcome) -> None:
    require = ["explainability", "lineage.training_data"]
    require += ["tags"] if "tags" in manifest else []
    found = run("metadata", candidate(manifest=manifest), facts(), require=require)
    assert outcomes(found) == [outcome]


def test_a_path_through_something_else_is_missing() -> None:
    found = run("metadata", candidate(), facts(), require=["changelog.text"])
    assert outcomes(found) == [UNDECIDED]


def test_an_owner_must_be_a_team() -> None:
    [finding] = run("metadata", candidate(model={"owner": "nobody"}), facts())
    assert finding.outcome is FAIL
    assert finding.location is not None
    assert finding.location.file.endswith("model.yaml")


# artifacts


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"MLmodel": "c" * 64}, [PASS]),
        ({"MLmodel": "0" * 64}, [FAIL]),
        ({"MLmodel": "c" * 64, "extra.bin": "0" * 64}, [FAIL]),
        ({"other": "c" * 64}, [FAIL, FAIL]),
        ({}, [UNDECIDED]),
        ("nothing", [UNDECIDED]),
    ],
)
def test_artifacts_are_those_that_were_measured(seen: Any, expected: list[Outcome]) -> None:
    assert outcomes(run("artifacts", candidate(), facts(signed(artifacts=seen)))) == expected


def test_artifacts_that_nobody_read_are_undecided() -> None:
    assert outcomes(run("artifacts", candidate(), facts())) == [UNDECIDED]


def test_formats_that_run_code_are_refused() -> None:
    files = [{"path": "model.pkl", "sha256": "c" * 64, "size": 1}]
    one = candidate(manifest={"artifacts": {"root": "models:/m-1", "files": files}})
    known = facts(signed(artifacts={"model.pkl": "c" * 64}))
    assert outcomes(run("artifacts", one, known, forbid=[".pkl"])) == [FAIL, PASS]
    assert outcomes(run("artifacts", one, known)) == [PASS]


@pytest.mark.parametrize("path", ["model.PKL", "deep/Model.Pkl"])
def test_a_suffix_in_other_letters_hides_nothing(path: str) -> None:
    files = [{"path": path, "sha256": "c" * 64, "size": 1}]
    one = candidate(manifest={"artifacts": {"root": "models:/m-1", "files": files}})
    known = facts(signed(artifacts={path: "c" * 64}))
    assert outcomes(run("artifacts", one, known, forbid=[".pkl"])) == [FAIL, PASS]


@pytest.mark.parametrize("check", ["artifacts", "features", "claims"])
def test_evidence_that_does_not_count_says_why(check: str) -> None:
    [finding] = [
        f for f in run(check, candidate(), facts(signed("3" * 64, seq=4))) if f.outcome is UNDECIDED
    ]
    reason = finding.values["entry 4 on the ledger"]
    assert reason == "it is about another manifest (333333333333…)"
    assert finding.mend
    assert finding.command == f"make {MODEL}@1.0.0 in dev"


# features


def test_features_are_those_of_the_registered_view() -> None:
    assert outcomes(run("features", candidate(), facts(signed()))) == [PASS, PASS]


def test_another_hash_is_another_view() -> None:
    features = {"set": "tumor-features", "version": "1.0.0", "hash": "sha256:" + "0" * 64}
    found = run("features", candidate(manifest={"features": features}), facts(signed()))
    assert outcomes(found) == [FAIL, PASS]


def test_features_that_nobody_registered_are_undecided() -> None:
    found = run("features", candidate(model={"data_contract": {}}), facts(signed()))
    assert outcomes(found)[0] is UNDECIDED


def test_features_that_the_manifest_leaves_out_are_undecided() -> None:
    data = {key: value for key, value in version_data().items() if key != "features"}
    one = candidate()
    bare = version_from(data)
    found = run("features", replace(one, version=bare), facts(signed()))
    assert outcomes(found)[0] is UNDECIDED


@pytest.mark.parametrize(
    ("statements", "outcome"),
    [((signed(signature={"digest": "sha256:" + "0" * 64}),), FAIL), ((), UNDECIDED)],
)
def test_the_signature_is_the_one_that_was_loaded(statements: Any, outcome: Outcome) -> None:
    assert outcomes(run("features", candidate(), facts(*statements)))[1] is outcome


def test_evidence_that_names_no_signature_is_undecided() -> None:
    assert outcomes(run("features", candidate(), facts(signed(signature={}))))[1] is UNDECIDED


# claims


@pytest.mark.parametrize(
    ("value", "outcome"), [(0.93, PASS), (0.9345, PASS), (0.95, FAIL), (0.90, FAIL)]
)
def test_a_claim_agrees_with_the_measurement(value: float, outcome: Outcome) -> None:
    metric = {**version_data()["metrics"][0], "value": value}
    one = candidate(manifest={"metrics": [metric]})
    assert outcomes(run("claims", one, facts(signed()), tolerance=0.005)) == [outcome]


def test_a_claim_on_other_data_says_nothing() -> None:
    metric = {"name": "f1_score", "value": 0.1, "dataset_digest": "sha256:" + "0" * 64}
    one = candidate(manifest={"metrics": [metric]})
    assert outcomes(run("claims", one, facts(signed()))) == [PASS]


def test_claims_that_nobody_measured_are_undecided() -> None:
    assert outcomes(run("claims", candidate(), facts())) == [UNDECIDED]


# fairness

LIMIT = {"metric": "accuracy", "minimum": 0.80}


def fair(statements: Any = (), **changes: Any) -> list[Finding]:
    """What the fairness check finds about a model with one protected column."""
    options = {**LIMIT, **changes.pop("options", {})}
    return run("fairness", candidate(**changes), facts(*statements), **options)


@pytest.mark.parametrize(
    ("small", "large", "expected"),
    [
        (0.80, 0.9, [PASS]),
        (0.7999, 0.9, [FAIL]),
        (0.1, 0.2, [FAIL, FAIL]),
        (None, 0.9, [UNDECIDED]),
    ],
)
def test_each_group_is_served_well(
    small: float | None, large: float, expected: list[Outcome]
) -> None:
    groups = {"size_band": {"small": {"accuracy": small, "n": 40}, "large": {"accuracy": large}}}
    assert outcomes(fair([signed(groups=groups)])) == expected


def test_a_finding_names_the_group_and_its_size() -> None:
    groups = {"size_band": {"small": {"accuracy": 0.5, "n": 40.0}, "large": {"accuracy": 0.9}}}
    [finding] = fair([signed(groups=groups)])
    assert finding.message == "accuracy is too low for size_band = small"
    assert finding.values == {"accuracy": "0.5", "needs": "≥ 0.8", "samples": "40"}


@pytest.mark.parametrize("groups", [{}, {"size_band": {}}, {"other": {"a": {"accuracy": 1.0}}}])
def test_a_column_that_was_not_measured_is_undecided(groups: Any) -> None:
    assert outcomes(fair([signed(groups=groups)])) == [UNDECIDED]


def test_no_evidence_is_undecided() -> None:
    assert outcomes(fair()) == [UNDECIDED]


@pytest.mark.parametrize(("allowed", "outcome"), [(False, UNDECIDED), (True, PASS)])
def test_a_group_that_is_too_small_is_undecided(allowed: bool, outcome: Outcome) -> None:
    labels = {"small_groups": "size_band = tiny"}
    found = fair([signed(labels=labels)], options={"allow_small": allowed})
    assert outcomes(found) == [outcome]


def test_a_model_without_protected_groups_has_none_to_look_at() -> None:
    assert outcomes(fair(model={"data_contract": {}})) == [PASS]


# quarantine and soak


@pytest.mark.parametrize(
    ("version", "environment", "outcome"),
    [("1.0.0", "dev", FAIL), ("1.0.1", "dev", PASS), ("1.0.0", "staging", PASS)],
)
def test_a_quarantined_version_does_not_come_back(
    version: str, environment: str, outcome: Outcome
) -> None:
    held = Quarantine(
        model=MODEL, version=version, environment=environment, reason="5 % errors", at=NOW
    )
    assert outcomes(run("quarantine", candidate(), facts(quarantines=(held,)))) == [outcome]


def came(version: str, artifacts: Any, kind: str = "rollout") -> Signed:
    """A statement that a version came to dev with these artifacts."""
    one = signed("9" * 64, kind=kind, environment="dev", artifacts=artifacts)
    assert one.statement is not None
    subject = f"models/{MODEL}/versions/{version}.yaml"
    key = replace(one.keys[0], kinds=frozenset({"rollout", "deployment"}))
    return replace(one, statement=replace(one.statement, subject=subject), keys=(key,))


SAME = {"MLmodel": "c" * 64}


@pytest.mark.parametrize("kind", ["rollout", "deployment"])
def test_the_same_artifacts_do_not_come_back_under_another_number(kind: str) -> None:
    held = Quarantine(model=MODEL, version="0.9.0", environment="dev", reason="5 % errors", at=NOW)
    known = facts(came("0.9.0", SAME, kind), came("0.9.0", SAME, kind), quarantines=(held,))
    [found] = run("quarantine", candidate(), known)
    assert found.outcome is FAIL
    assert "1.0.0 has the very artifacts of 0.9.0, which is quarantined in dev" in found.message
    assert found.because == "5 % errors"


MODEL_FILES = {"MLmodel": "1" * 64, "model.skops": "2" * 64, "code/steps.py": "3" * 64}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"README.md": "0" * 64}, FAIL),
        ({"model.skops": None, "weights/model2.skops": "2" * 64}, FAIL),
        ({"MLmodel": "9" * 64, "requirements.txt": "8" * 64}, FAIL),
        ({"MLmodel": None}, FAIL),
        ({"model.skops": "9" * 64}, PASS),
        ({"code/steps.py": "9" * 64}, PASS),
        ({"code/steps.py": None}, PASS),
    ],
)
def test_a_model_in_quarantine_is_known_by_its_files_whatever_they_are_called(
    changes: Mapping[str, str | None], outcome: Outcome
) -> None:
    held = Quarantine(model=MODEL, version="0.9.0", environment="dev", reason="x", at=NOW)
    known = facts(came("0.9.0", MODEL_FILES), quarantines=(held,))
    files = [
        {"path": path, "sha256": digest, "size": 1}
        for path, digest in {**MODEL_FILES, **changes}.items()
        if digest
    ]
    again = candidate(manifest={"artifacts": {"root": "models:/m-2", "files": files}})
    assert outcomes(run("quarantine", again, known)) == [outcome]


@pytest.mark.parametrize(
    ("version", "artifacts"),
    [("0.9.0", {"MLmodel": "b" * 64}), ("0.8.0", SAME), ("0.9.0", {}), ("0.9.0", None)],
)
def test_other_artifacts_than_those_in_quarantine_pass(version: str, artifacts: Any) -> None:
    held = Quarantine(model=MODEL, version="0.9.0", environment="dev", reason="x", at=NOW)
    known = facts(came(version, artifacts), quarantines=(held,))
    assert outcomes(run("quarantine", candidate(), known)) == [PASS]
    elsewhere = facts(came("0.9.0", SAME), quarantines=(replace(held, environment="staging"),))
    assert outcomes(run("quarantine", candidate(), elsewhere)) == [PASS]


@pytest.mark.parametrize(
    ("before", "outcome"),
    [
        ({}, PASS),
        ({"digest": "7" * 64}, FAIL),
        ({"environment": "staging"}, FAIL),
        ({"at": NOW + timedelta(hours=1)}, FAIL),
    ],
)
def test_what_served_before_a_quarantine_is_no_new_name_for_it(
    before: dict[str, Any], outcome: Outcome
) -> None:
    held = Quarantine(model=MODEL, version="0.9.0", environment="dev", reason="x", at=NOW)
    served = replace(deployment(5), **before)
    known = facts(came("0.9.0", SAME), quarantines=(held,), history=(served,))
    assert outcomes(run("quarantine", candidate(), known)) == [outcome]


@pytest.mark.parametrize(("waivable_by", "lifts"), [(("platform",), True), ((), False)])
def test_how_a_quarantine_is_lifted_is_told_where_it_can_be(
    waivable_by: tuple[str, ...], lifts: bool
) -> None:
    held = Quarantine(model=MODEL, version="1.0.0", environment="dev", reason="x", at=NOW)
    asked = gate(name="held", check="quarantine", waivable_by=waivable_by, evidence=None)
    [found] = CHECKS["quarantine"](asked, candidate(), policy(), facts(quarantines=(held,)))
    mend = "promote a new version that mends it"
    assert found.mend == (f"{mend}, or lift it by a waiver of held" if lifts else mend)


def deployment(hours: float, *, digest: str = DIGEST, environment: str = "dev") -> Deployment:
    """A deployment so many hours ago."""
    return Deployment(
        model=MODEL, version="1.0.0", digest=digest, environment=environment, commit="a" * 40,
        at=NOW - timedelta(hours=hours),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("history", "outcome"),
    [
        ((deployment(24),), PASS),
        ((deployment(23),), Outcome.PENDING),
        ((deployment(30), deployment(1)), PASS),  # deployed again, never away
        ((deployment(30), deployment(9, digest="9" * 64), deployment(1)), Outcome.PENDING),
        ((deployment(30), deployment(1, digest="9" * 64)), UNDECIDED),
        ((deployment(30, environment="production"),), UNDECIDED),
        ((), UNDECIDED),
    ],
)
def test_a_version_soaks_where_it_serves(history: tuple[Deployment, ...], outcome: Outcome) -> None:
    found = run("soak", candidate(to="staging"), facts(history=history), minimum="24h")
    assert outcomes(found) == [outcome]


def test_a_pending_soak_says_when_it_ends() -> None:
    history = (deployment(23),)
    [finding] = run("soak", candidate(to="staging"), facts(history=history), minimum="24h")
    assert finding.until == NOW + timedelta(hours=1)


def test_the_first_environment_has_nowhere_to_soak_in() -> None:
    assert outcomes(run("soak", candidate(to="dev"), facts(), minimum="24h")) == [PASS]


# version bump


def test_the_first_version_needs_no_bump() -> None:
    assert outcomes(run("version-bump", candidate(), facts())) == [PASS]


@pytest.mark.parametrize(
    ("number", "output", "outcome"),
    [
        ("0.9.0", "long", PASS),  # an older line, and callers see no difference
        ("0.9.0", "string", FAIL),
        ("1.0.0-rc.1", "string", FAIL),
        ("1.0.0+2", "long", FAIL),
        ("1.0.0+2", "string", FAIL),
    ],
)
def test_a_number_that_is_not_higher_changes_nothing(
    number: str, output: str, outcome: Outcome
) -> None:
    signature = {**version_data()["signature"], "outputs": [{"name": "prediction", "type": output}]}
    served = version_from(version_data("1.0.0"))
    one = candidate(predecessors=(served,))
    new = version_from(version_data(number, signature=signature))
    assert outcomes(run("version-bump", replace(one, version=new), facts())) == [outcome]


def test_the_same_version_is_no_predecessor_of_itself() -> None:
    served = version_from(version_data("1.0.0"))
    assert outcomes(run("version-bump", candidate(predecessors=(served,)), facts())) == [PASS]


@pytest.mark.parametrize(("number", "outcome"), [("1.0.1", FAIL), ("1.1.0", FAIL), ("2.0.0", PASS)])
def test_an_input_that_goes_needs_a_major_version(number: str, outcome: Outcome) -> None:
    wider = {**version_data()["signature"]}
    wider["inputs"] = [*wider["inputs"], {"name": "age", "type": "long"}]
    before = version_from(version_data("1.0.0", signature=wider))
    one = candidate(predecessors=(before,))
    [finding] = run(
        "version-bump", replace(one, version=version_from(version_data(number))), facts()
    )
    assert finding.outcome is outcome
    assert finding.mend == ("call it 2.0.0" if outcome is FAIL else None)


# serving


@pytest.mark.parametrize(
    ("serving", "strategy", "said"),
    [
        ({"target": "local"}, "blue-green", None),
        ({"target": "kserve", "gateway": True}, "immediate", None),
        ({"target": "kserve"}, "canary", "nothing splits its traffic"),
        ({"target": "argo-rollouts"}, "shadow", "nothing splits its traffic"),
        ({"target": "kserve", "mode": "knative"}, "shadow", "Knative mode has no shadow"),
        ({"target": "kserve", "mode": "knative"}, "ab-test", "Knative mode has no ab-test"),
        ({"target": "kserve", "mode": "knative"}, "canary", None),
        ({"target": "gateway-api", "gateway": True}, "canary", None),
        ({"target": "local", "mode": "knative"}, "blue-green", "only kserve does"),
        ({"target": "local"}, "unheard-of", "no strategy unheard-of"),
    ],
)
def test_what_the_target_would_ignore_is_refused(
    serving: dict[str, Any], strategy: str, said: str | None
) -> None:
    one = candidate(model={"serving": serving}, release={"strategies": {"dev": strategy}})
    found = run("serving", one, facts())
    blocked = [finding for finding in found if finding.outcome is FAIL]
    assert bool(blocked) == bool(said)
    assert all(
        finding.location.file.endswith("release.yaml") for finding in blocked if finding.location
    )
    assert said is None or any(said in finding.message for finding in blocked)


@pytest.mark.parametrize(
    ("target", "root", "outcome"),
    [
        ("local", "file:models/tumor", PASS),
        ("gateway-api", "models:/m-1", PASS),
        ("gateway-api", "runs:/run/model", FAIL),
        ("gateway-api", "models:/tumor@champion", FAIL),
        ("gateway-api", "file:models/tumor", FAIL),
        ("kserve", "artifacts/tumor", FAIL),
    ],
)
def test_artifacts_that_no_pod_can_reach_are_refused(
    target: str, root: str, outcome: Outcome
) -> None:
    artifacts = {**version_data()["artifacts"], "root": root}
    one = candidate(model={"serving": {"target": target}}, manifest={"artifacts": artifacts})
    assert outcomes(run("serving", one, facts())) == [outcome]


@pytest.mark.parametrize(
    ("name", "served", "outcome"),
    [
        (f"a-{'b' * 42}", "1.2.0-r27284", FAIL),
        (f"a-{'b' * 42}", "1.2.0-r47868", PASS),
        (f"a-{'b' * 42}", "1.2.0", PASS),
        ("m-a", "1.2.0-r27284", PASS),
    ],
)
def test_a_version_whose_objects_are_named_as_those_of_what_serves_is_refused(
    name: str, served: str, outcome: Outcome
) -> None:
    one = candidate(model={"name": name}, manifest={"version": "1.2.0-r47868"})
    known = facts(served=Served(version=served, digest="1" * 64))
    assert outcomes(run("serving", one, known)) == [outcome]


def test_steps_that_nobody_would_take_are_refused() -> None:
    release = {"strategies": {"dev": "canary"}}
    before = candidate(model={"serving": {"target": "kserve", "gateway": True}}).model
    one = candidate(model={"serving": {"target": "local"}}, release=release, model_before=before)
    known = facts(served=Served(version="0.9.0", digest="9" * 64))
    [finding] = run("serving", one, known)
    assert (finding.outcome, finding.mend is None) == (FAIL, False)
    assert "would take over at once" in finding.message
    same = facts(served=Served(version="1.0.0", digest=one.digest))
    for other, seen in (
        (one, facts()),
        (one, same),
        (replace(one, is_rollback=True), known),
        (replace(one, model_before=None), known),
        (replace(one, model_before=one.model), known),
    ):
        assert outcomes(run("serving", other, seen)) == [PASS]


def test_a_tier_without_a_default_is_refused_at_the_model() -> None:
    [finding] = run("serving", candidate(model={"tier": "critical"}), facts())
    assert finding.outcome is FAIL
    assert finding.location is not None
    assert finding.location.file.endswith("model.yaml")


def test_a_strategy_for_no_environment_is_refused() -> None:
    one = candidate(release={"strategies": {"prod": "blue-green"}})
    assert outcomes(run("serving", one, facts())) == [FAIL]


def test_a_version_that_was_asked_about_by_name_has_no_release() -> None:
    one = candidate(release_document=None)
    assert outcomes(run("serving", replace(one, release=None), facts())) == [PASS]


# approvals


def test_a_new_model_touches_its_whole_contract() -> None:
    assert "tier" in contract_changes(None, candidate().model)
    assert contract_changes(candidate().model, candidate().model) == ()
    changed = candidate(model={"tier": "critical"}).model
    assert contract_changes(candidate().model, changed) == ("tier",)


def test_each_role_is_asked_once_at_its_highest_count() -> None:
    rules = [ApprovalRule(role="a"), ApprovalRule(role="b"), ApprovalRule(role="a", count=2)]
    assert merged(rules) == (ApprovalRule(role="a", count=2), ApprovalRule(role="b", count=1))


def test_both_owners_are_asked() -> None:
    one, other = candidate().model, candidate(model={"owner": "metabolic"}).model
    assert owners([(one, other), (None, one)]) == ("oncology", "metabolic")


def test_gates_that_ask_for_reviews_add_to_the_step() -> None:
    reviews = gate(
        check="reviews",
        evidence=None,
        scope=Scope(tiers=("critical",)),
        options={"approvals": [{"role": "security", "count": 2}, {"role": "business"}]},
    )
    rules = policy(gates=(gate("evidence.passed"), reviews))
    model = candidate().model
    plain = required_approvals(rules, [candidate(model_before=model)])
    assert plain == (ApprovalRule(role="ml-lead"),)
    critical = candidate(model={"tier": "critical"})
    assert required_approvals(rules, [critical]) == (
        ApprovalRule(role="ml-lead"),
        ApprovalRule(role="security", count=2),
        ApprovalRule(role="business"),
    )
    # Lowering the tier in the same change doesn't take the reviews away.
    lowered = candidate(model_before=critical.model)
    assert ApprovalRule(role="business") in required_approvals(rules, [lowered])


# judging


def test_only_gates_that_apply_judge() -> None:
    rules = policy(
        gates=(
            gate("evidence.passed", name="mine"),
            gate("evidence.passed", name="others", scope=Scope(tasks=("regression",))),
            gate(check="reviews", name="reviews", evidence=None),
        )
    )
    verdict = judge(candidate(), rules, facts(signed()))
    assert {finding.gate for finding in verdict.findings} == {"mine"}


def test_a_way_back_is_judged_by_the_gates_that_say_so() -> None:
    rules = policy(
        gates=(
            gate("evidence.passed", name="quality"),
            gate(check="quarantine", name="quarantine", on_rollback=True),
        )
    )
    verdict = judge(candidate(is_rollback=True), rules, facts())
    assert {finding.gate for finding in verdict.findings} == {"quarantine"}


def test_a_gate_without_an_opinion_is_inconclusive() -> None:
    verdict = judge(candidate(), policy(gates=(gate(name="mute", evidence=None),)), facts())
    assert outcomes(list(verdict.findings)) == [UNDECIDED]


def test_every_check_that_a_policy_may_name_is_there() -> None:
    named = schema("gates")["$defs"]["gate"]["properties"]["check"]["enum"]
    assert set(named) == {*CHECKS, "reviews"} - {"rules"}
