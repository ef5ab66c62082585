"""The freeze gate: pending until it opens, failing where it doesn't by itself."""

from __future__ import annotations

from datetime import timedelta

from modelctl.domain.candidate import Candidate
from modelctl.domain.document import Location
from modelctl.domain.freezes import Emergency, Freezes, Window
from modelctl.domain.recurrence import Recurrence
from modelctl.domain.rules import Scope
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates import judge
from modelctl.gates.freeze import check_freeze
from support.judging import candidate, facts, gate, policy
from support.keys import NOW

PLACE = Location(file="policies/freezes.yaml", line=4, column=3, path="windows.year-end")
HERE = Scope(environments=("dev",))


def window(hours: int, *, name: str = "year-end", kind: str = "deny", daily: int = 1) -> Window:
    """A window that began just before NOW, and recurs in so many days."""
    begun = NOW - timedelta(hours=1)
    return Window(
        name=name,
        kind=kind,
        recurrence=Recurrence(
            rrule=f"FREQ=DAILY;INTERVAL={daily}",
            start=f"{begun:%Y-%m-%dT%H:%M:%S}",
            timezone="UTC",
            duration=timedelta(hours=hours),
        ),
        reason="Holidays",
        scope=HERE,
        location=PLACE,
    )


def emergency(until: int | None) -> Emergency:
    ends = NOW + timedelta(hours=until) if until is not None else None
    return Emergency(
        reason="Outage", scope=HERE, since=NOW - timedelta(hours=1), until=ends, location=PLACE
    )


def run(
    *windows: Window, emergencies: tuple[Emergency, ...] = (), to: str = "dev"
) -> list[Finding]:
    rules = policy(freezes=Freezes(windows=windows, emergencies=emergencies))
    asked = gate(check="freeze", evidence=None)
    return list(check_freeze(asked, candidate(to=to), rules, facts()))


def test_without_a_freeze_it_passes() -> None:
    [finding] = run()
    assert (finding.outcome, finding.message) == (
        Outcome.PASS,
        "nothing is frozen on the way to dev",
    )


def test_a_freeze_of_something_else_passes() -> None:
    assert [f.outcome for f in run(window(3), to="staging")] == [Outcome.PASS]


def test_inside_a_window_it_is_pending_until_that_opens() -> None:
    [finding] = run(window(3))
    end = NOW + timedelta(hours=2)
    assert (finding.outcome, finding.until) == (Outcome.PENDING, end)
    assert finding.message == f"frozen by the window year-end until {end:%Y-%m-%d %H:%M} UTC"
    assert (finding.because, finding.policy) == ("Holidays", PLACE)


def test_windows_that_overlap_open_together() -> None:
    found = run(window(3), window(5, name="more"))
    end = NOW + timedelta(hours=4)
    assert [f.until for f in found] == [end, end]
    assert found[0].message.endswith(", and others hold it for longer")
    assert "others" not in found[1].message


def test_an_emergency_with_an_end_is_pending() -> None:
    [finding] = run(emergencies=(emergency(2),))
    assert (finding.outcome, finding.until) == (Outcome.PENDING, NOW + timedelta(hours=2))


def test_an_emergency_without_an_end_fails_and_says_where_to_lift_it() -> None:
    [finding] = run(emergencies=(emergency(None),))
    assert (finding.outcome, finding.until) == (Outcome.FAIL, None)
    assert finding.mend == "lift it: remove policies/freezes.yaml:4 or give it an `until`"


def test_what_is_frozen_for_good_fails_with_every_reason() -> None:
    first, second = run(window(3), emergencies=(emergency(None),))
    assert [first.outcome, second.outcome] == [Outcome.FAIL, Outcome.FAIL]
    assert second.message.endswith("UTC, and then by what follows it")
    assert second.mend is not None
    assert "change the window at policies/freezes.yaml:4" in second.mend


def test_an_allowing_window_holds_outside_of_it() -> None:
    assert [f.outcome for f in run(window(3, kind="allow"))] == [Outcome.PASS]
    later = window(1, kind="allow", daily=3)
    [finding] = run(later)
    assert finding.outcome is Outcome.PENDING
    assert finding.until == NOW + timedelta(days=3) - timedelta(hours=1)


def test_a_rollback_is_never_frozen() -> None:
    rules = policy(
        freezes=Freezes(emergencies=(emergency(None),)),
        gates=(gate(check="freeze", evidence=None, name="freeze"),),
    )
    back: Candidate = candidate(is_rollback=True)
    assert judge(back, rules, facts()).findings == ()
    assert judge(candidate(), rules, facts()).outcome is Outcome.FAIL
