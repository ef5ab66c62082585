"""Checklists: read with their places, and ticked by facts alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.adapters.documents import dump, load
from modelctl.domain.candidate import Facts
from modelctl.domain.checklists import Checklists, State, Tick, Ticked, checklists_from
from modelctl.domain.document import Document
from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment, Quarantine
from modelctl.domain.policy import Role
from modelctl.domain.ticking import Known, tick_lists
from modelctl.domain.verdict import Finding, Outcome, Subject, Verdict
from support.judging import DIGEST, candidate, facts, signed
from support.keys import NOW
from support.world import MODEL


class _NoRules:
    """Checklists have no rules to compile."""

    def rule(self, document: Document, path: Any, facts: Mapping[str, str]) -> None:
        raise AssertionError


def lists(**rows: Any) -> Checklists:
    document = load(dump(rows).encode(), "policies/checklists.yaml")
    return checklists_from(document, _NoRules())


ROLES = {
    "ml-lead": Role(
        name="ml-lead", description="leads", members_by_owner={"oncology": frozenset({"lena"})}
    )
}


def known(
    *found: Finding, approved: Any = None, about: Facts | None = None, **changes: Any
) -> Known:
    return Known(
        candidate=candidate(to="staging", **changes),
        facts=about or facts(),
        verdict=Verdict(subject=Subject(), findings=found),
        roles=ROLES,
        approved=approved,
    )


def finding(gate: str, outcome: Outcome, message: str = "said", **more: Any) -> Finding:
    return Finding(gate=gate, outcome=outcome, message=message, **more)


def ticked(row: Mapping[str, Any], about: Known, name: str = "before") -> tuple[str, str] | None:
    """The state of one item, and why; None where it is left out."""
    found = tick_lists(lists(**{name: [{"text": "One", **row}]}), about).lists[name]
    return (found[0].tick.state.value, found[0].tick.why) if found else None


def deployed(
    *, hours: int = 5, digest: str = DIGEST, approvers: tuple[str, ...] = ()
) -> Deployment:
    return Deployment(
        model=MODEL, version="1.0.0", digest=digest, environment="staging", commit="a" * 40,
        at=NOW - timedelta(hours=hours), approvers=approvers,
    )  # fmt: skip


def test_an_item_keeps_where_it_stands_and_what_ticks_it() -> None:
    found = lists(
        before=[
            {"text": "Metrics", "gate": "quality", "applies": {"tasks": ["ranking"]}},
            {"text": "Load", "evidence": "load-test", "max_age": "30d", "environment": ["dev"]},
        ],
        after=[{"text": "Watched", "evidence": "drift"}, {"text": "Told", "by": "hand"}],
    )
    first, second = found.before
    assert (first.text, first.fact, first.name) == ("Metrics", "gate", "quality")
    assert (first.scope.tasks, first.location.line) == (("ranking",), 2)
    assert first.environments == ("offline", "source")
    assert (second.environments, second.max_age) == (("dev",), timedelta(days=30))
    assert [item.environments for item in found.after] == [("target",), ("target",)]
    assert [(item.fact, item.name) for item in found.after] == [
        ("evidence", "drift"),
        ("by", "hand"),
    ]
    assert found.rollback == ()


def test_an_empty_list_is_empty() -> None:
    assert lists() == Checklists()


def test_items_for_others_are_left_out() -> None:
    here, there = {"environments": ["staging"]}, {"environments": ["production"]}
    assert ticked({"by": "hand", "applies": here}, known()) == ("by-hand", "")
    assert ticked({"by": "hand", "applies": there}, known()) is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], None),
        ([finding("other", Outcome.FAIL)], None),
        ([finding("quality", Outcome.PASS)], ("done", "gate quality passes")),
        ([finding("quality", Outcome.WAIVED)], ("done", "gate quality passes by a waiver")),
        ([finding("quality", Outcome.FAIL, "too low")], ("open", "gate quality: too low")),
        ([finding("quality", Outcome.INCONCLUSIVE, "no evidence")],
         ("open", "gate quality: no evidence")),
        ([finding("quality", Outcome.PASS), finding("quality", Outcome.FAIL, "too low")],
         ("open", "gate quality: too low")),
        ([finding("quality", Outcome.PENDING, "soaking", until=NOW)],
         ("waiting", f"gate quality: soaking (until {NOW:%Y-%m-%d %H:%M} UTC)")),
    ],
)  # fmt: skip
def test_a_gate_ticks_by_the_worst_that_it_found(
    found: list[Finding], expected: tuple[str, str] | None
) -> None:
    assert ticked({"gate": "quality"}, known(*found)) == expected


LOAD = {"evidence": "load-test"}


@pytest.mark.parametrize(
    ("statements", "state", "why"),
    [
        ((), "open", "no load-test evidence of offline or dev counts"),
        ((signed(kind="load-test", environment="dev", passed=True),), "done", "load-test of "),
        ((signed(kind="load-test", environment="dev", passed=False),), "open", "load-test of "),
        ((signed(kind="load-test", environment="dev"),), "done", "load-test of "),
        ((signed(kind="load-test", environment="production"),), "open",
         "no load-test evidence of offline or dev counts: it was measured in production"),
        ((signed("9" * 64, kind="load-test", environment="dev"),), "open",
         "no load-test evidence of offline or dev counts"),
        ((replace(signed(kind="load-test", environment="dev"), keys=()),), "open",
         "no load-test evidence of offline or dev counts: no trusted key signed it"),
        ((signed(kind="evaluation"),), "open", "no load-test evidence"),
    ],
)  # fmt: skip
def test_evidence_ticks_where_it_counts(
    statements: tuple[Signed, ...], state: str, why: str
) -> None:
    found = ticked(LOAD, known(about=facts(*statements)))
    assert found is not None
    assert found[0] == state
    assert found[1].startswith(why)


def test_evidence_that_failed_or_is_too_old_does_not_tick() -> None:
    failed = signed(kind="load-test", environment="dev", passed=False)
    assert "failed" in (ticked(LOAD, known(about=facts(failed))) or ("", ""))[1]
    old = signed(kind="load-test", environment="dev", age=timedelta(days=8))
    assert ticked({**LOAD, "max_age": "9d"}, known(about=facts(old)))[0] == "done"  # type: ignore[index]
    assert ticked({**LOAD, "max_age": "7d"}, known(about=facts(old)))[0] == "open"  # type: ignore[index]


def test_nothing_after_a_promotion_is_ticked_before_it() -> None:
    waiting = ("waiting", "it isn't deployed to staging yet")
    there = signed(kind="drift", environment="staging")
    for row in ({"evidence": "drift"}, {"statement": "deployment"}, {"role": "ml-lead"}):
        assert ticked(row, known(about=facts(there)), "after") == waiting
    assert ticked({"by": "hand"}, known(), "after") == ("by-hand", "")
    other = facts(there, history=(deployed(digest="9" * 64),))
    assert ticked({"evidence": "drift"}, known(about=other), "after") == waiting


@pytest.mark.parametrize(("age", "state"), [(4, "done"), (6, "open")])
def test_evidence_after_a_promotion_is_of_the_time_since(age: int, state: str) -> None:
    seen = signed(kind="drift", environment="staging", age=timedelta(hours=age))
    about = facts(seen, history=(deployed(hours=5),))
    found = ticked({"evidence": "drift"}, known(about=about), "after")
    assert found is not None
    assert found[0] == state
    assert ("before it was deployed" in found[1]) is (state == "open")


def job(kind: str = "deployment", environment: str = "staging", digest: str = DIGEST) -> Signed:
    return signed(digest, kind=kind, environment=environment)


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        (job(), "done"),
        (job(kind="rollback"), "open"),
        (job(environment="dev"), "open"),
        (job(digest="9" * 64), "open"),
        (replace(job(), problem="bad signature"), "open"),
        (replace(job(), keys=()), "open"),
        (replace(job(), statement=None), "open"),
    ],
)
def test_a_statement_of_the_history_ticks_when_it_is_proved(statement: Signed, state: str) -> None:
    about = facts(statement, history=(deployed(),))
    found = ticked({"statement": "deployment"}, known(about=about), "after")
    assert found is not None
    assert found[0] == state


LEAD = {"role": "ml-lead"}


@pytest.mark.parametrize(
    ("approved", "expected"),
    [
        (None, ("open", "the reviews aren't given (--reviews FILE)")),
        ({}, ("open", "nobody approved as ml-lead yet")),
        ({"ml-lead": ()}, ("open", "nobody approved as ml-lead yet")),
        ({"ml-lead": ("max", "lena")}, ("done", "approved by lena, max")),
    ],
)
def test_an_approval_ticks_a_role(approved: Any, expected: tuple[str, str]) -> None:
    assert ticked(LEAD, known(approved=approved)) == expected


@pytest.mark.parametrize(
    ("approvers", "digest", "state"),
    [
        (("pat", "lena"), DIGEST, "done"),
        (("pat",), DIGEST, "open"),
        (("lena",), "9" * 64, "open"),
    ],
)
def test_what_is_deployed_was_approved_by_somebody(
    approvers: tuple[str, ...], digest: str, state: str
) -> None:
    about = facts(history=(deployed(approvers=approvers, digest=digest),))
    found = ticked(LEAD, known(about=about))
    assert found is not None
    assert found[0] == state
    assert ticked({"role": "unheard-of"}, known(about=about, approved={})) == (
        "open",
        "nobody approved as unheard-of yet",
    )


@pytest.mark.parametrize(
    ("version", "environment", "shown"),
    [("1.0.0", "staging", True), ("1.0.1", "staging", False), ("1.0.0", "dev", False)],
)
def test_the_list_of_a_rollback_is_shown_after_one(
    version: str, environment: str, shown: bool
) -> None:
    held = Quarantine(
        model=MODEL, version=version, environment=environment, reason="5 % errors", at=NOW
    )
    found = tick_lists(lists(), known(about=facts(quarantines=(held,))))
    assert list(found.lists) == ["before", "after", *(["rollback"] if shown else [])]
    assert (found.subject, found.environment) == (f"{MODEL}@1.0.0", "staging")


def test_on_the_first_step_the_source_is_a_held_out_dataset() -> None:
    about = replace(known(about=facts(signed())), candidate=candidate(to="dev"))
    assert (ticked({"evidence": "evaluation"}, about) or ("", ""))[0] == "done"


def test_what_is_done_is_counted() -> None:
    [item] = lists(before=[{"text": "One", "by": "hand"}]).before
    ticks = [Ticked(item=item, tick=Tick(state=state, why="")) for state in State]
    found = tick_lists(lists(), known())
    assert replace(found, lists={"before": tuple(ticks)}).done("before") == 1
