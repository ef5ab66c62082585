"""The order in which a life ends, and that nothing out of order brings a version back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.endings import (
    ARCHIVED,
    DEPRECATED,
    FINAL,
    REJECTED,
    RETIRED,
    Ending,
    ended,
    endings,
    refusal,
)
from modelctl.domain.evidence import Signed
from modelctl.domain.history import (
    ARCHIVAL,
    DEPRECATION,
    END_KINDS,
    REINSTATEMENT,
    REJECTION,
    RETIREMENT,
)
from support.judging import policy
from support.keys import DIGEST, MODEL, NOW, person, statement

KEY = person("registrar")
PRODUCTION = "production"


def ending(kind: str, **changes: object) -> Ending:
    one = Ending(
        model=MODEL, version="1.0.0", digest=DIGEST, kind=kind, reason="old", by="ada", at=NOW
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def state(*kinds: str) -> str | None:
    now = ended([ending(kind, seq=i) for i, kind in enumerate(kinds)], "1.0.0")
    return now.end if now else None


@pytest.mark.parametrize(
    ("kinds", "end"),
    [
        ((), None),
        ((DEPRECATION,), DEPRECATED),
        ((REJECTION,), REJECTED),
        ((ARCHIVAL,), ARCHIVED),
        ((DEPRECATION, ARCHIVAL), ARCHIVED),
        ((DEPRECATION, ARCHIVAL, RETIREMENT), RETIRED),
        ((REJECTION, RETIREMENT), RETIRED),
        ((RETIREMENT,), None),
        ((DEPRECATION, RETIREMENT), DEPRECATED),
        ((ARCHIVAL, DEPRECATION), ARCHIVED),
        ((ARCHIVAL, REJECTION), ARCHIVED),
        ((DEPRECATION, REINSTATEMENT), None),
        ((ARCHIVAL, REINSTATEMENT), None),
        ((REJECTION, REINSTATEMENT, ARCHIVAL), ARCHIVED),
        ((ARCHIVAL, RETIREMENT, REINSTATEMENT), RETIRED),
        ((REINSTATEMENT,), None),
    ],
)
def test_what_does_not_follow_changes_nothing(kinds: tuple[str, ...], end: str | None) -> None:
    assert state(*kinds) == end


def test_the_first_of_two_that_say_the_same_counts() -> None:
    told = [ending(ARCHIVAL, reason="first", seq=1), ending(ARCHIVAL, reason="second", seq=2)]
    now = ended(told, "1.0.0")
    assert now is not None
    assert now.reason == "first"
    assert ended(told, "1.1.0") is None


@given(st.lists(st.sampled_from(sorted(END_KINDS))))
def test_a_statement_counts_exactly_when_it_is_not_refused(kinds: list[str]) -> None:
    """The fold over the ledger and the commands agree on the order."""
    for index, kind in enumerate(kinds):
        before, after = state(*kinds[:index]), state(*kinds[: index + 1])
        now = ended([ending(k, seq=i) for i, k in enumerate(kinds[:index])], "1.0.0")
        if refusal(kind, now) is not None:
            assert after == before
        else:
            assert after != before


@given(st.lists(st.sampled_from(sorted(END_KINDS))))
def test_what_is_retired_stays_so(kinds: list[str]) -> None:
    assert state(ARCHIVAL, RETIREMENT, *kinds) == RETIRED


def test_statements_become_endings() -> None:
    told = statement(
        kind=ARCHIVAL,
        environment=PRODUCTION,
        predicate={"reason": "old", "by": "ada", "replaced_by": "1.1.0"},
    )
    bare = replace(told, predicate={"replaced_by": 7}, kind=DEPRECATION)
    signed = [
        Signed(statement=told, envelope_digest="1", keys=(KEY.trusted,), place="a", seq=2),
        Signed(statement=bare, envelope_digest="2", keys=(KEY.trusted,), place="b", seq=1),
        Signed(
            statement=told,
            envelope_digest="3",
            keys=(KEY.limited(kinds=("evaluation",)),),
            place="c",
            seq=3,
        ),
        Signed(
            statement=told, envelope_digest="4", keys=(KEY.trusted,), place="d", problem="forged"
        ),
    ]
    first, second = endings(signed, PRODUCTION)
    assert first == ending(DEPRECATION, reason="", by="", seq=1)
    assert second == ending(ARCHIVAL, replaced_by="1.1.0", seq=2)


def test_what_an_earlier_environment_says_of_the_end_counts_nowhere() -> None:
    """Else the deploy key of dev alone could reinstate what was rejected for every environment."""
    keys = (KEY.limited(environments=("dev",)),)
    told = statement(kind=REINSTATEMENT, environment="dev", predicate={"by": "ada"})
    signed = Signed(statement=told, envelope_digest="1", keys=keys, place="a", seq=1)
    assert [one.kind for one in endings([signed], "dev")] == [REINSTATEMENT]
    assert policy().lifecycle.last == PRODUCTION
    assert endings([signed], policy().lifecycle.last) == ()


def test_an_ending_is_a_sentence() -> None:
    assert str(ending(ARCHIVAL)) == "archived on 2026-11-20 by ada: old"
    instead = ending(DEPRECATION, replaced_by="1.1.0")
    assert str(instead) == "deprecated on 2026-11-20 by ada: old, use 1.1.0"
    assert str(ending(REINSTATEMENT)).startswith("reinstated on")
    assert ending(REINSTATEMENT).end is None


@given(st.datetimes(timezones=st.just(UTC), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001
def test_retention_counts_from_the_end_of_the_day(at: datetime) -> None:
    begins = ending(ARCHIVAL, at=at).counts_from
    assert timedelta(0) < begins - at <= timedelta(days=1)
    assert (begins.hour, begins.minute, begins.second, begins.microsecond) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "now", "message"),
    [
        (RETIREMENT, None, "it is not archived"),
        (RETIREMENT, DEPRECATION, "it is not archived"),
        (DEPRECATION, ARCHIVAL, "it was archived on 2026-11-20 by ada: old"),
        (REINSTATEMENT, None, "it hasn't ended"),
        (REINSTATEMENT, RETIREMENT, "it was retired on 2026-11-20 by ada: old"),
        (RETIREMENT, RETIREMENT, "it was retired on 2026-11-20 by ada: old"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(kind: str, now: str | None, message: str) -> None:
    refused = refusal(kind, ending(now) if now else None)
    assert refused is not None
    assert refused[0] == message
    assert refused[1]


def test_what_may_follow_is_not_refused() -> None:
    assert refusal(ARCHIVAL, ending(DEPRECATION)) is None
    assert refusal(RETIREMENT, ending(REJECTION)) is None
    assert {REJECTED, ARCHIVED, RETIRED} == FINAL
