"""Which statements count, and why the others don't."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.evidence import (
    CLOCK_SKEW,
    OFFLINE,
    Need,
    Signed,
    Statement,
    TrustedKey,
    human,
    is_kind,
    kind_of,
    outlived,
    predicate_type,
    select,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DIGEST, OTHER = "a" * 64, "b" * 64
KEY = TrustedKey(
    name="evaluator",
    keyid="1" * 64,
    public="",
    owner="ml-platform",
    valid_from=NOW - 100 * DAY,
    valid_until=NOW + 100 * DAY,
    kinds=("evaluation",),
    environments=(OFFLINE,),
)
NEED = Need(kind="evaluation", environments=(OFFLINE,), max_age=7 * DAY)


def _statement(**details: Any) -> Statement:
    known = {
        "kind": "evaluation",
        "subject": "models/a-b/versions/1.0.0.yaml",
        "digest": DIGEST,
        "made_at": NOW - DAY,
        "environment": OFFLINE,
        "predicate": {"passed": True},
    }
    return Statement(**(known | details))


def _signed(*keys: TrustedKey, seq: int = 1, problem: str | None = None, **details: Any) -> Signed:
    return Signed(
        statement=_statement(**details),
        envelope_digest="",
        keys=keys or (KEY,),
        place="",
        seq=seq,
        problem=problem,
    )


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("unit-tests", True),
        ("a", True),
        ("0-x", True),
        ("k" * 63, True),
        ("", False),
        ("k" * 64, False),
        ("-a", False),
        ("a-", False),
        ("Unit", False),
        ("unit tests", False),
        ("../a", False),
        ("a\n", False),
    ],
)
def test_names_of_kinds(text: str, is_one: bool) -> None:
    assert is_kind(text) is is_one


def test_kinds_and_their_uris() -> None:
    assert kind_of(predicate_type("evaluation")) == "evaluation"
    for foreign in ("https://slsa.dev/provenance/v1", predicate_type(""), "evaluation"):
        assert kind_of(foreign) is None
    assert kind_of("https://modelctl.dev/statement/evaluation/v2") is None


@pytest.mark.parametrize(
    ("predicate", "passed"),
    [({"passed": True}, True), ({"passed": False}, False), ({}, None), ({"passed": "yes"}, None)],
)
def test_the_producers_own_result(predicate: dict[str, Any], passed: bool | None) -> None:
    assert _statement(predicate=predicate).passed is passed


def test_what_counts() -> None:
    signed = _signed()
    selection = select([signed], NEED, DIGEST, NOW)
    assert (selection.chosen, selection.rejected) == (signed, ())


EARLIER = NOW - 3 * DAY
REJECTED = {
    "forged": (_signed(problem="the signature is wrong"), "the signature is wrong"),
    "unreadable": (replace(_signed(), statement=None), "it can't be read"),
    "unsigned": (replace(_signed(), keys=()), "no trusted key signed it"),
    "another manifest": (
        _signed(digest=OTHER),
        f"it is about another manifest ({OTHER[:12]}…)",
    ),
    "another environment": (
        _signed(environment="dev"),
        "it was measured in dev, not in offline",
    ),
    "from the future": (
        _signed(made_at=NOW + CLOCK_SKEW + timedelta(seconds=1)),
        "it claims to be made in the future (2026-11-20 12:05 UTC)",
    ),
    "too old": (
        _signed(made_at=NOW - 7 * DAY - timedelta(seconds=1)),
        "it is older than 7 d (2026-11-13 11:59 UTC)",
    ),
    "by a revoked key": (
        _signed(replace(KEY, revoked_at=NOW - DAY)),
        "key evaluator was revoked on 2026-11-19",
    ),
    "by an expired key": (
        _signed(replace(KEY, valid_until=NOW)),
        "key evaluator expired on 2026-11-20",
    ),
    "by a key of the future": (
        _signed(replace(KEY, valid_from=NOW + DAY)),
        "key evaluator is not valid before 2026-11-21",
    ),
    "before the key was valid": (
        _signed(replace(KEY, valid_from=NOW - timedelta(hours=1))),
        "key evaluator was not valid on 2026-11-19",
    ),
    "by a key for other kinds": (
        _signed(replace(KEY, kinds=("tests", "load-test"))),
        "key evaluator may not sign evaluation statements",
    ),
    "by a key for other environments": (
        _signed(replace(KEY, environments=("dev",))),
        "key evaluator may not speak for environment offline",
    ),
}


@pytest.mark.parametrize("case", REJECTED.values(), ids=REJECTED)
def test_what_does_not_count_says_why(case: tuple[Signed, str]) -> None:
    signed, reason = case
    selection = select([signed], NEED, DIGEST, NOW)
    assert selection.chosen is None
    assert [(r.signed, r.reason) for r in selection.rejected] == [(signed, reason)]


@pytest.mark.parametrize("made_at", [NOW - 7 * DAY, NOW, NOW + CLOCK_SKEW])
def test_the_edges_of_time_still_count(made_at: datetime) -> None:
    assert select([_signed(made_at=made_at)], NEED, DIGEST, NOW).chosen


def test_without_a_limit_of_age_old_evidence_counts() -> None:
    old = _signed(made_at=NOW - 90 * DAY)
    assert select([old], NEED, DIGEST, NOW).chosen is None
    assert select([old], NEED.ageless(), DIGEST, NOW).chosen is old


def test_keys_for_everything() -> None:
    anything = replace(KEY, kinds=("*",), environments=("*",))
    assert select([_signed(anything)], NEED, DIGEST, NOW).chosen


def test_one_good_key_of_several_is_enough() -> None:
    signed = _signed(replace(KEY, revoked_at=NOW), KEY)
    assert select([signed], NEED, DIGEST, NOW).chosen is signed


def test_other_kinds_are_not_even_mentioned() -> None:
    selection = select([_signed(kind="tests")], NEED, DIGEST, NOW)
    assert (selection.chosen, selection.rejected) == (None, ())


def test_several_environments_are_named() -> None:
    need = replace(NEED, environments=("dev", "staging"))
    (rejected,) = select([_signed()], need, DIGEST, NOW).rejected
    assert rejected.reason == "it was measured in offline, not in dev or staging"


def test_a_newer_failed_run_outweighs_an_older_pass() -> None:
    old, new = _signed(), _signed(made_at=NOW, predicate={"passed": False})
    for order in ([old, new], [new, old]):
        selection = select(order, NEED, DIGEST, NOW)
        assert selection.chosen is new
        assert [(r.signed, r.reason) for r in selection.rejected] == [
            (old, "superseded by a newer one")
        ]


def test_of_the_same_instant_the_later_entry_counts() -> None:
    first, second = _signed(seq=4), _signed(seq=5)
    assert select([second, first], NEED, DIGEST, NOW).chosen is second


def test_history_outlives_its_key() -> None:
    statement = _statement()
    expired = replace(KEY, valid_until=NOW - timedelta(hours=1))
    assert expired.objection(statement, NOW)
    assert expired.past_objection(statement) is None
    revoked_later = replace(KEY, revoked_at=NOW)
    assert revoked_later.objection(statement, NOW)
    assert revoked_later.past_objection(statement) is None
    revoked_before = replace(KEY, revoked_at=NOW - 2 * DAY)
    assert revoked_before.past_objection(statement) == "key evaluator was not valid on 2026-11-19"
    assert replace(KEY, kinds=("tests",)).past_objection(statement)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=90), "90 s"),
        (timedelta(minutes=15), "15 min"),
        (timedelta(minutes=90), "90 min"),
        (timedelta(hours=24), "24 h"),
        (timedelta(hours=36), "36 h"),
        (timedelta(days=7), "7 d"),
        (timedelta(days=2, minutes=1), "2881 min"),
    ],
)
def test_spans_as_people_say_them(span: timedelta, text: str) -> None:
    assert human(span) == text


_signeds = st.builds(
    _signed,
    seq=st.integers(min_value=1, max_value=9),
    problem=st.none() | st.just("broken"),
    kind=st.sampled_from(["evaluation", "evaluation", "tests"]),
    digest=st.sampled_from([DIGEST, DIGEST, OTHER]),
    made_at=st.integers(min_value=-200, max_value=10).map(lambda h: NOW + timedelta(hours=h)),
    environment=st.sampled_from([OFFLINE, OFFLINE, "dev"]),
)


@given(st.lists(_signeds))
def test_every_statement_of_the_kind_is_chosen_or_told(signeds: list[Signed]) -> None:
    selection = select(signeds, NEED, DIGEST, NOW)
    told = [r.signed for r in selection.rejected] + [s for s in [selection.chosen] if s]
    ours = [s for s in signeds if s.statement and s.statement.kind == "evaluation"]
    assert sorted(map(id, told)) == sorted(map(id, ours))


@given(st.lists(_signeds))
def test_nothing_that_counts_is_newer_than_the_chosen_one(signeds: list[Signed]) -> None:
    chosen = select(signeds, NEED, DIGEST, NOW).chosen
    alone = [s for s in signeds if select([s], NEED, DIGEST, NOW).chosen]
    assert (chosen is None) == (not alone)
    if chosen is not None and chosen.statement is not None:
        newest = max(s.statement.made_at for s in alone if s.statement)
        assert chosen.statement.made_at == newest


# What a key said after its end


def later(days: int, *keys: TrustedKey, **details: Any) -> Signed:
    """A statement that was made so many days from now, in the place of that number or another."""
    known = {"seq": 10 + days, **details}
    return _signed(*keys, made_at=NOW + timedelta(days=days), **known)


ENDED = replace(KEY, name="ended", revoked_at=NOW + timedelta(days=3))


@pytest.mark.parametrize(
    ("signed", "witness", "is_outlived"),
    [
        (later(2, ENDED, seq=20), later(3), True),
        (later(2, ENDED, seq=20), later(2), False),  # not made after the key's end
        (later(2, ENDED, seq=12), later(3), False),  # it stood there before
        (later(2, seq=20), later(3), False),  # the key is good
        (later(2, ENDED, KEY, seq=20), later(3), False),  # one of them is
        (later(4, ENDED, seq=20), later(3), False),  # no key says so anyway
        (later(2, ENDED, seq=20), later(3, problem="forged"), False),
        (later(2, ENDED, seq=20), replace(later(3), statement=None), False),
        (later(2, ENDED, seq=20), replace(later(3), keys=()), False),
    ],
)
def test_the_place_on_the_ledger_tells_that_a_date_is_false(
    signed: Signed, witness: Signed, is_outlived: bool
) -> None:
    assert outlived(signed, witness) is is_outlived
