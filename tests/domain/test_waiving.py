"""Whether a waiver counts: every way of being wrong, alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.domain.policy import Policy, Role
from modelctl.domain.rules import Scope
from modelctl.domain.waivers import WaiverLimits
from modelctl.domain.waiving import AUTOMATED, Case, about, ended, in_force, made_by, objections
from support.judging import STEPS, gate, policy
from support.keys import NOW
from support.waivers import waiver
from support.world import MODEL

DEV, STAGING, _ = STEPS
ROLES = {
    "ml-lead": Role(
        name="ml-lead",
        description="leads",
        members_by_owner={
            "oncology": frozenset({"lena", "ben", "ada"}),
            "metabolic": frozenset({"max", "ben"}),
        },
    ),
    "platform": Role(name="platform", description="runs", members=frozenset({"pat"})),
}


def rules(**changes: Any) -> Policy:
    """A policy in which ML Leads may waive fairness."""
    fairness = gate(name="fairness", waivable_by=("ml-lead",))
    return policy(gates=(fairness, gate(name="size")), roles=ROLES, **changes)


def case(**changes: Any) -> Case:
    """What `waiver()` is for."""
    found = Case(
        model=MODEL,
        version="1.0.0",
        digest="1" * 64,
        created_by="eve@example.com",
        owners=("oncology",),
        transition=DEV,
    )
    return replace(found, **changes)


def against(
    *, one: Any = None, known: Policy | None = None, of: Case | None = None, **changes: Any
) -> list[tuple[str, str]]:
    """What is held against a waiver: the field, and the message."""
    found = objections(one or waiver(**changes), known or rules(), of or case(), NOW)
    return [(objection.key, objection.message) for objection in found]


def test_a_waiver_that_is_right_counts() -> None:
    assert against() == []
    assert against(environments=("dev",)) == []
    assert against(environments=("staging",), of=case(transition=None)) == []
    assert against(created_at=NOW) == []


LONG = WaiverLimits(longest=timedelta(days=10))


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"gate": "size"}, "gate", "size can't be waived"),
        ({"gate": "unheard-of"}, "gate", "unheard-of can't be waived"),
        ({"digest": "2" * 64}, "digest", "another manifest of tumor-classifier@1.0.0 (2222"),
        ({"environments": ("staging", "production")}, "environments", "for staging and production"),
        ({"expires": NOW}, "expires", "it expired on 2026-11-20 10:00 UTC"),
        ({"created_at": NOW + timedelta(seconds=1)}, "created_at", "it begins on 2026-11-20"),
        ({"expires": NOW + timedelta(days=40)}, "expires", "longer than 30 d"),
        ({"approved_by": "ada"}, "approved_by", "ada asked for it, so ada can't approve it"),
        ({"approved_by": "ADA"}, "approved_by", "ADA asked for it"),
        ({"approved_by": "pat"}, "approved_by", "pat is not ml-lead for the models of oncology"),
        ({"approved_by": "max"}, "approved_by", "max is not ml-lead for the models of oncology"),
    ],
)
def test_one_thing_wrong_is_one_objection(changes: dict[str, Any], key: str, said: str) -> None:
    [(found, message)] = against(**changes)
    assert found == key
    assert said in message


def test_the_longest_that_it_may_last_is_policy() -> None:
    begins = NOW - timedelta(days=1)
    at_the_limit, beyond = begins + timedelta(days=10), begins + timedelta(days=10, seconds=1)
    assert against(known=rules(waiver_limits=LONG), created_at=begins, expires=at_the_limit) == []
    [(key, message)] = against(known=rules(waiver_limits=LONG), created_at=begins, expires=beyond)
    assert (key, "longer than 10 d" in message) == ("expires", True)


def test_a_waiver_that_ends_before_it_begins_says_so() -> None:
    found = against(created_at=NOW + timedelta(days=2), expires=NOW + timedelta(days=1))
    assert [key for key, _ in found] == ["expires", "created_at"]
    assert "before it begins" in found[0][1]


@pytest.mark.parametrize("by", ["lena", "lena@example.com", "1+lena@users.noreply.github.com"])
def test_who_made_the_version_waives_nothing_for_it(by: str) -> None:
    [(key, message)] = against(of=case(created_by=by))
    assert key == "approved_by"
    assert message.startswith("lena made tumor-classifier@1.0.0")


@pytest.mark.parametrize(
    ("login", "by", "same"),
    [
        ("ada", "ada", True),
        ("Ada", "@ada", True),
        ("ada", "Ada Lovelace <ada@example.com>", True),
        ("ada", "ada+work@example.com", True),
        ("ada", "adam@example.com", False),
        ("example.com", "ada@example.com", False),
        ("ada", "", False),
    ],
)
def test_an_address_names_a_login_by_what_stands_before_the_at(
    login: str, by: str, same: bool
) -> None:
    assert made_by(login, by) is same


@pytest.mark.parametrize("name", ["lena", "LENA", "lena@example.com"])
def test_who_brings_the_version_waives_nothing_for_it(name: str) -> None:
    """`created_by` is free text; whose pull request it is the forge says."""
    found = against(of=case(created_by="training-pipeline", brought_by=("ada", name)))
    said = "lena brings tumor-classifier@1.0.0, so lena can't waive a gate for it"
    assert found == [("approved_by", said)]
    assert against(of=case(brought_by=("ada",))) == []


def test_the_approver_must_hold_the_role_for_the_owner_before_and_after() -> None:
    both = case(owners=("oncology", "metabolic"))
    assert [key for key, _ in against(of=both)] == ["approved_by"]
    assert against(of=both, approved_by="ben") == []


def test_a_model_without_an_owner_asks_for_a_role_of_everybody() -> None:
    known = replace(rules(), gates=(gate(name="fairness", waivable_by=("platform",)),))
    assert against(known=known, of=case(owners=()), approved_by="pat") == []
    [(_, message)] = against(known=known, of=case(owners=()))
    assert message == "lena is not platform"


def test_a_role_that_nobody_holds_is_told() -> None:
    nobody = {"ml-lead": Role(name="ml-lead", description="leads")}
    found = list(objections(waiver(), replace(rules(), roles=nobody), case(), NOW))
    assert [(o.key, o.mend) for o in found] == [("approved_by", "give the role to somebody")]
    unheard = list(objections(waiver(), replace(rules(), roles={}), case(), NOW))
    assert [o.key for o in unheard] == ["approved_by"]


def test_where_the_gates_alone_decide_no_waiver_counts() -> None:
    automated = replace(STAGING, decision=AUTOMATED)
    steps = (DEV, automated)
    known = rules(lifecycle=replace(policy().lifecycle, transitions=steps))
    assert against(known=known) == []
    [(key, message)] = against(known=known, of=case(transition=automated))
    assert key == "gate"
    assert message.startswith("the way to staging is decided by the gates alone")
    anywhere = case(transition=None)
    assert against(known=known, of=anywhere) == []
    [(key, _)] = against(known=known, of=anywhere, environments=("staging",))
    assert key == "environments"


def test_who_has_the_word_may_depend_on_the_tier() -> None:
    step = replace(DEV, decisions={"experimental": AUTOMATED, "default": "manual"})
    known = rules(lifecycle=replace(policy().lifecycle, transitions=(step,)))
    anywhere = case(transition=None)
    assert against(known=known, of=replace(anywhere, tiers=("standard",))) == []
    assert against(known=known, of=replace(anywhere, tiers=("experimental", "standard"))) == []
    [(key, _)] = against(known=known, of=replace(anywhere, tiers=("experimental",)))
    assert key == "gate"


def test_what_came_about_later_is_not_covered() -> None:
    since = NOW - timedelta(days=1)
    [(key, message)] = against(of=case(since=since))
    assert key == "created_at"
    assert "older than what it would lift" in message
    assert against(of=case(since=since - timedelta(seconds=1))) == []


def test_everything_wrong_is_told_at_once() -> None:
    found = against(gate="size", digest="2" * 64, expires=NOW, approved_by="ada")
    assert [key for key, _ in found] == ["gate", "digest", "expires", "approved_by"]


def test_a_waiver_ends_at_its_last_instant() -> None:
    assert ended(waiver(expires=NOW + timedelta(seconds=1)), NOW) is None
    assert ended(waiver(expires=NOW), NOW) is not None


def test_only_what_names_gate_model_and_version_is_about_it() -> None:
    one = waiver()
    others = [waiver(gate="size"), waiver(model="x-y"), waiver(version="1.0.1")]
    assert about([*others, one], "fairness", case()) == (one,)


def test_in_force_are_those_that_count() -> None:
    good, over = waiver(), waiver(file="policies/waivers/b.yaml", expires=NOW)
    known = rules(waivers=(over, good, waiver(gate="size")))
    assert in_force(known, case(), NOW) == (good,)


LOAD = gate(name="fairness", waivable_by=("ml-lead",), scope=Scope(environments=("production",)))
ANY = {"task": "classification", "tier": "standard", "target": "local", "model": MODEL}


def test_a_waiver_that_can_never_matter_does_not_count() -> None:
    known = policy(gates=(LOAD,), roles=ROLES)
    for scopes in ((), (ANY,)):
        here = case(transition=None, scopes=scopes)
        [(key, said)] = against(known=known, of=here, environments=("dev", "staging"))
        assert key == "environments"
        assert said == (
            f"fairness doesn't judge {MODEL} on the way to dev or staging; it does for production"
        )
        assert against(known=known, of=here) == []
        assert against(known=known, of=here, environments=("production",)) == []


def test_a_waiver_of_a_gate_for_other_models_does_not_count() -> None:
    other = gate(name="fairness", waivable_by=("ml-lead",), scope=Scope(tasks=("regression",)))
    known = policy(gates=(other,), roles=ROLES)
    found = against(known=known, of=case(transition=None, scopes=(ANY,)))
    assert found == [("gate", f"fairness doesn't judge {MODEL}")]
    # What the model was before is judged, too.
    both = case(transition=None, scopes=({**ANY, "task": "regression"}, ANY))
    assert against(known=known, of=both) == []
