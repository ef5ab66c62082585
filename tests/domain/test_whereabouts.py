"""Where versions stand, and that nothing which is needed ever expires, whatever happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings, strategies as st

from modelctl.domain.endings import Ending
from modelctl.domain.history import (
    ARCHIVAL,
    DEPRECATION,
    END_KINDS,
    REINSTATEMENT,
    REJECTION,
    RETIREMENT,
    Deployment,
    Quarantine,
)
from modelctl.domain.keeping import Kept, kept
from modelctl.domain.policy import Lifecycle
from modelctl.domain.retention import Retention, RetentionRule
from modelctl.domain.whereabouts import Whereabouts, stage_of, standing
from support.judging import STEPS
from support.keys import MODEL, NOW

ENDS = {
    "deprecated": "Deprecated",
    "rejected": "Rejected",
    "archived": "Archived",
    "retired": "Retired",
}
LIFECYCLE = Lifecycle(
    default_branch="main", initial_stage="Development", stages=(), transitions=STEPS, ends=ENDS
)
RULES = Retention(
    rules=(
        RetentionRule(stage="Dev", keep=timedelta(days=14), then="archive"),
        RetentionRule(stage="Staging", keep=timedelta(days=14), then="archive"),
        RetentionRule(stage="Production", keep=timedelta(days=14), then="archive"),
        RetentionRule(stage="Archived", keep=timedelta(days=365), then="retire"),
        RetentionRule(stage="Rejected", keep=timedelta(days=90), then="retire"),
    )
)
DAY = timedelta(days=1)


def deployed(version: str, environment: str, day: int, seq: int = 0) -> Deployment:
    return Deployment(
        model=MODEL,
        version=version,
        digest=version * 8,
        environment=environment,
        commit="c" * 40,
        at=NOW + day * DAY,
        seq=seq or day,
    )


def quarantined(version: str, environment: str) -> Quarantine:
    return Quarantine(model=MODEL, version=version, environment=environment, reason="", at=NOW)


def ending(version: str, kind: str, day: int) -> Ending:
    return Ending(
        model=MODEL,
        version=version,
        digest=version * 8,
        kind=kind,
        reason="old",
        by="ada",
        at=NOW + day * DAY,
    )


def known(*history: Deployment, **changes: Any) -> Whereabouts:
    versions = dict.fromkeys(("1.0.0", "1.1.0", "1.2.0", "1.3.0"), "d")
    return replace(Whereabouts(model=MODEL, versions=versions, history=history), **changes)


# Stages


def test_the_stage_is_where_it_serves_then_how_far_it_came_then_how_it_ended() -> None:
    there = known(merged={"1.3.0"})
    assert stage_of(LIFECYCLE, there, "1.2.0") == "Development"
    assert stage_of(LIFECYCLE, there, "1.3.0") == "Dev"
    history = (
        deployed("1.0.0", "dev", 1),
        deployed("1.0.0", "staging", 2),
        deployed("1.1.0", "dev", 3),
    )
    assert stage_of(LIFECYCLE, known(*history), "1.0.0") == "Staging"
    assert stage_of(LIFECYCLE, known(*history), "1.1.0") == "Dev"
    history = (*history, deployed("1.1.0", "staging", 4), deployed("1.0.0", "dev", 5))
    assert stage_of(LIFECYCLE, known(*history), "1.0.0") == "Dev"
    ended = known(*history, endings=(ending("1.0.0", ARCHIVAL, 6),))
    assert stage_of(LIFECYCLE, ended, "1.0.0") == "Archived"


def test_an_end_without_a_stage_is_called_by_its_name() -> None:
    bare = replace(LIFECYCLE, ends={})
    there = known(endings=(ending("1.0.0", REJECTION, 1),))
    assert stage_of(bare, there, "1.0.0") == "rejected"


# What keeps a version


def test_what_serves_is_kept_by_either_word() -> None:
    assert known(deployed("1.0.0", "dev", 1)).guards("1.0.0") == ("it serves in dev",)
    there = known(serving={"dev": {"1.0.0", "1.1.0"}})
    assert there.guards("1.1.0") == ("it serves in dev",)
    assert there.guards("1.2.0") == ()
    assert not there.serves("1.0.0", "nowhere")


def test_what_is_pointed_at_pinned_or_in_the_dark_is_kept() -> None:
    there = known(released={"ml": "1.0.0", "develop": "1.1.0"})
    assert there.guards("1.0.0") == ("ml releases it",)
    assert there.guards("1.2.0", {f"{MODEL}@1.2.0"}) == ("it is pinned",)
    dark = known(unreadable=("nobody can tell",))
    assert dark.guards("1.3.0") == ("nobody can tell",)


def test_the_rollback_target_is_the_last_good_one_before() -> None:
    history = (
        deployed("1.0.0", "dev", 1),
        deployed("1.1.0", "dev", 2),
        deployed("1.2.0", "dev", 3),
    )
    assert known(*history).targets("dev") == {"1.1.0"}
    assert known(*history).targets("staging") == frozenset()
    held = known(*history, quarantines=(quarantined("1.1.0", "dev"),))
    assert held.targets("dev") == {"1.0.0"}
    elsewhere = known(*history, quarantines=(quarantined("1.1.0", "staging"),))
    assert elsewhere.targets("dev") == {"1.1.0"}
    archived = known(*history, endings=(ending("1.1.0", ARCHIVAL, 4),))
    assert archived.targets("dev") == {"1.0.0", "1.1.0"}
    deprecated = known(*history, endings=(ending("1.1.0", DEPRECATION, 4),))
    assert deprecated.targets("dev") == {"1.1.0"}
    assert known(history[0]).targets("dev") == frozenset()
    assert known(serving={"dev": {"1.0.0"}}).targets("dev") == frozenset()


def test_what_came_after_what_runs_now_is_no_rollback_target() -> None:
    """`modelctl rollback` doesn't go there, so nothing says that it could."""
    history = (
        deployed("1.0.0", "dev", 1),
        deployed("1.1.0", "dev", 2),
        deployed("1.2.0", "dev", 3),
        deployed("1.1.0", "dev", 4),
    )
    assert known(*history).targets("dev") == {"1.0.0"}
    assert known(*history).guards("1.2.0") == ()


# Since when


def test_retention_counts_from_when_another_took_its_place() -> None:
    history = (
        deployed("1.0.0", "dev", 1),
        deployed("1.0.0", "dev", 2),
        deployed("1.1.0", "dev", 3),
        deployed("1.0.0", "staging", 4),
        deployed("1.2.0", "staging", 5),
    )
    old = standing(LIFECYCLE, known(*history), "1.0.0")
    assert (old.name, old.idle, old.since) == (f"{MODEL}@1.0.0", NOW + 5 * DAY, NOW + 5 * DAY)
    serves = standing(LIFECYCLE, known(*history), "1.1.0")
    assert (serves.idle, serves.since) == (None, NOW + 3 * DAY)
    never = standing(LIFECYCLE, known(*history), "1.3.0")
    assert (never.idle, never.since, never.digest) == (None, None, "d")
    back = known(*history, deployed("1.0.0", "dev", 6), deployed("1.1.0", "dev", 7))
    assert standing(LIFECYCLE, back, "1.0.0").idle == NOW + 7 * DAY


def test_what_runs_before_the_ledger_tells_has_no_date() -> None:
    there = known(deployed("1.0.0", "dev", 1), serving={"dev": {"1.1.0"}})
    assert standing(LIFECYCLE, there, "1.1.0").since is None


def test_a_word_about_the_end_counts_from_the_end_of_its_day() -> None:
    history = (deployed("1.0.0", "dev", 1), deployed("1.1.0", "dev", 2))
    there = known(*history, endings=(ending("1.0.0", ARCHIVAL, 10),))
    one = standing(LIFECYCLE, there, "1.0.0")
    assert one.since == NOW + 10 * DAY
    assert one.idle == (NOW + 11 * DAY).replace(hour=0)
    again = known(*history, endings=(*there.endings, ending("1.0.0", REINSTATEMENT, 20)))
    back = standing(LIFECYCLE, again, "1.0.0")
    assert (back.ending, back.idle) == (None, (NOW + 21 * DAY).replace(hour=0))


# What expires


def only(rows: tuple[Kept, ...], version: str) -> Kept:
    [found] = [one for one in rows if one.standing.version == version]
    return found


HISTORY = (
    deployed("1.0.0", "dev", 1),
    deployed("1.1.0", "dev", 2),
    deployed("1.2.0", "dev", 3),
)


def test_a_version_expires_by_the_rule_of_its_stage() -> None:
    old = only(kept(LIFECYCLE, RULES, known(*HISTORY)), "1.0.0")
    assert (old.kind, old.expires) == (ARCHIVAL, NOW + 16 * DAY)
    assert not old.due(NOW + 15 * DAY)
    assert old.due(NOW + 16 * DAY)
    assert old.predicate("job") == {
        "version": "1.0.0",
        "reason": "kept for 14 d in Dev, since 2026-11-22",
        "by": "job",
        "replaced_by": None,
    }


def test_what_is_needed_is_never_due() -> None:
    rows = kept(LIFECYCLE, RULES, known(*HISTORY))
    for version in ("1.1.0", "1.2.0"):
        assert not only(rows, version).due(NOW + 9999 * DAY)


def test_the_newest_stay() -> None:
    rows = kept(LIFECYCLE, replace(RULES, keep_last=4), known(*HISTORY))
    assert only(rows, "1.0.0").standing.guards == ("it is one of the newest 4",)
    rejected = known(*HISTORY, endings=(ending("1.3.0", REJECTION, 4),))
    rows = kept(LIFECYCLE, replace(RULES, keep_last=2), rejected)
    assert not only(rows, "1.0.0").standing.guards
    assert not only(rows, "1.3.0").standing.guards
    assert only(rows, "1.1.0").standing.guards[-1] == "it is one of the newest 2"


def test_without_a_rule_or_a_date_nothing_expires() -> None:
    never = only(kept(LIFECYCLE, Retention(), known(*HISTORY)), "1.0.0")
    assert (never.rule, never.kind, never.due(NOW + 9999 * DAY)) == (None, "", False)
    assert never.predicate("job")["reason"] == "kept for Dev, since 2026-11-22"
    fresh = only(kept(LIFECYCLE, RULES, known(merged={"1.3.0"})), "1.3.0")
    assert fresh.rule is not None
    assert (fresh.expires, fresh.due(NOW + 9999 * DAY)) == (None, False)
    assert fresh.predicate("job")["reason"] == "kept for 14 d in Dev"


def test_a_rule_that_is_out_of_order_ends_nothing() -> None:
    """The policy's reader refuses it; were it there all the same, nothing would follow."""
    odd = Retention(rules=(RetentionRule(stage="Dev", keep=DAY, then="retire"),))
    assert only(kept(LIFECYCLE, odd, known(*HISTORY)), "1.0.0").rule is None


# Whatever happened

VERSIONS = ("1.0.0", "1.1.0", "1.2.0", "2.0.0-rc.1")
PLACES = ("dev", "staging", "production")
_event = st.one_of(
    st.tuples(st.just("deploy"), st.sampled_from(VERSIONS), st.sampled_from(PLACES)),
    st.tuples(st.just("quarantine"), st.sampled_from(VERSIONS), st.sampled_from(PLACES)),
    st.tuples(st.just("end"), st.sampled_from(VERSIONS), st.sampled_from(sorted(END_KINDS))),
)
_known = st.dictionaries(st.sampled_from(PLACES), st.sets(st.sampled_from(VERSIONS), max_size=2))


def happened(events: list[tuple[str, str, str]]) -> dict[str, Any]:
    """The histories of some events, one a day."""
    history, held, told = [], [], []
    for day, (what, version, where) in enumerate(events, start=1):
        if what == "deploy":
            history.append(deployed(version, where, day))
        elif what == "quarantine":
            held.append(quarantined(version, where))
        else:
            told.append(ending(version, where, day))
    return {"history": tuple(history), "quarantines": tuple(held), "endings": tuple(told)}


def needed(there: Whereabouts, pins: set[str]) -> set[str]:
    """What must stay, told as plainly as it can be: served, released, pinned, and in each
    environment the last version that came before the present one and isn't quarantined there."""
    found = {version for versions in there.serving.values() for version in versions}
    found |= set(there.released.values())
    found |= {pin.partition("@")[2] for pin in pins}
    for place in PLACES:
        served = [d.version for d in there.history if d.environment == place]
        held = {q.version for q in there.quarantines if q.environment == place}
        found |= set(served[-1:])
        came = {v: served.index(v) for v in served}
        before = [v for v in served if came[v] < came[served[-1]] and v not in held]
        found |= set(before[-1:])
    return found


@settings(deadline=None, max_examples=300)
@given(
    st.lists(_event, max_size=25),
    _known,
    st.dictionaries(st.sampled_from(["ml", "develop", "main"]), st.sampled_from(VERSIONS)),
    st.sets(st.sampled_from([f"{MODEL}@{v}" for v in VERSIONS]), max_size=1),
    st.integers(0, 3),
    st.integers(0, 2000),
)
def test_nothing_that_is_needed_is_ever_due(
    events: list[tuple[str, str, str]],
    serving: dict[str, set[str]],
    released: dict[str, str],
    pins: set[str],
    keep_last: int,
    days: int,
) -> None:
    there = Whereabouts(
        model=MODEL,
        versions=dict.fromkeys(VERSIONS, "d"),
        serving=serving,
        released=released,
        **happened(events),
    )
    rules = replace(RULES, pins=frozenset(pins), keep_last=keep_last)
    now: datetime = NOW + days * DAY
    due = {one.standing.version for one in kept(LIFECYCLE, rules, there) if one.due(now)}
    assert not due & needed(there, pins)
    for version in VERSIONS:  # and nobody may end by hand what is needed either
        assert bool(there.guards(version, pins)) >= (version in needed(there, pins))


def test_what_is_kept_warm_must_stay_and_serves_nobody() -> None:
    versions = dict.fromkeys(VERSIONS, "d")
    there = Whereabouts(model=MODEL, versions=versions, warm={"dev": frozenset(VERSIONS[:1])})
    assert there.guards(VERSIONS[0]) == ("it is kept warm in dev",)
    assert not there.serves(VERSIONS[0], "dev")
    assert there.guards(VERSIONS[1]) == ()


@settings(deadline=None)
@given(st.lists(_event, max_size=25), st.integers(0, 800))
def test_what_is_due_ends_once(events: list[tuple[str, str, str]], days: int) -> None:
    """Recorded, it isn't due again; archived, it is retired no sooner than the policy says."""
    there = known(versions=dict.fromkeys(VERSIONS, "d"), **happened(events))
    now = NOW + days * DAY
    due = [one for one in kept(LIFECYCLE, RULES, there) if one.due(now)]
    told = tuple(ending(one.standing.version, one.kind, days) for one in due)
    after = kept(LIFECYCLE, RULES, replace(there, endings=(*there.endings, *told)))
    assert not [one for one in after if one.due(now)]
    for one in due:
        follows = only(after, one.standing.version)
        assert follows.standing.ending is not None
        if one.kind == ARCHIVAL:
            assert not follows.due(now + 365 * DAY)
        else:
            assert (one.kind, follows.rule) == (RETIREMENT, None)
