"""A model's history as people tell it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.names import version_path
from modelctl.domain.timeline import Event, Result, What, timeline
from support.keys import DIGEST, MODEL, NOW, person, statement

CI = person("ci")
ENVIRONMENTS = ("dev", "production")


def said(kind: str, version: str, environment: str, minutes: int, **predicate: Any) -> Statement:
    return statement(
        kind=kind,
        subject=version_path(MODEL, version),
        digest=version.ljust(64, "0"),
        environment=environment,
        made_at=NOW + timedelta(minutes=minutes),
        predicate=predicate,
    )


def deployed(version: str, environment: str, minutes: int, **more: Any) -> Statement:
    told = {"commit": "c" * 40, "approvers": ["ben"], "pull_request": 7, "strategy": "canary"}
    return said("deployment", version, environment, minutes, **{**told, **more})


def signed(*statements: Statement) -> list[Signed]:
    return [
        Signed(statement=one, envelope_digest=DIGEST, keys=(CI.trusted,), place=f"e{n}", seq=n)
        for n, one in enumerate(statements, 1)
    ]


def told(*statements: Statement, **options: Any) -> list[tuple[What, str | None, str | None]]:
    shown = timeline(MODEL, signed(*statements), ENVIRONMENTS, NOW, **options)
    return [(event.what, event.environment, event.version) for event in shown.events]


def events(*statements: Statement) -> tuple[Event, ...]:
    return timeline(MODEL, signed(*statements), ENVIRONMENTS, NOW).events


def test_a_model_without_a_history() -> None:
    empty = timeline(MODEL, (), ENVIRONMENTS, NOW)
    assert (empty.now, empty.events, empty.older) == ((), (), 0)


def test_what_happened_newest_first() -> None:
    assert told(
        said("evaluation", "1.0.0", "offline", 0, passed=True),
        deployed("1.0.0", "dev", 1),
        said("load-test", "1.0.0", "dev", 2, passed=False),
        deployed("1.0.0", "production", 3),
        said("quarantine", "1.0.0", "production", 4, reason="it was slow"),
        said("deprecation", "1.0.0", "production", 5, reason="use another", by="pat"),
    ) == [
        (What.DEPRECATION, None, "1.0.0"),
        (What.QUARANTINE, "production", "1.0.0"),
        (What.DEPLOYMENT, "production", "1.0.0"),
        (What.EVIDENCE, "dev", "1.0.0"),
        (What.DEPLOYMENT, "dev", "1.0.0"),
        (What.EVIDENCE, "offline", "1.0.0"),
        (What.SUBMISSION, None, "1.0.0"),
    ]


def test_how_a_version_came() -> None:
    found = events(
        deployed("1.0.0", "dev", 0),
        deployed("1.1.0", "dev", 1),
        deployed("1.1.0", "dev", 2, strategy="blue-green"),
        deployed("1.0.0", "dev", 3),
        deployed("1.1.0", "dev", 4),
        said("rollback", "1.2.0", "dev", 5, commit="c" * 40, reason="errors"),
    )
    moves = [event for event in found if event.what is not What.SUBMISSION]
    assert [(event.what, event.version, event.was) for event in moves] == [
        (What.ROLLBACK, "1.2.0", "1.1.0"),
        (What.DEPLOYMENT, "1.1.0", "1.0.0"),
        (What.ROLLBACK, "1.0.0", "1.1.0"),
        (What.AGAIN, "1.1.0", "1.1.0"),
        (What.DEPLOYMENT, "1.1.0", "1.0.0"),
        (What.DEPLOYMENT, "1.0.0", None),
    ]
    assert moves[0].until is None
    assert moves[0].detail == "errors"
    assert [event.until for event in moves[1:]] == [event.at for event in moves[:-1]]


def test_a_way_back_that_nobody_asked_for_tells_its_figures() -> None:
    by_itself = {"reason": "more than 5 % fail", "trigger": "errors", "commit": "c" * 40}
    figures = {"live.error_rate": "0.2"}
    [event, _] = events(said("rollback", "1.0.0", "dev", 0, values=figures, **by_itself))
    assert event.detail == "errors: more than 5 % fail (live.error_rate is 0.2)"
    [event, _] = events(said("rollback", "1.0.0", "dev", 0, **by_itself))
    assert event.detail == "errors: more than 5 % fail"


def test_a_deployment_tells_by_whose_word_and_what_was_waived() -> None:
    waived = {"gate": "soak", "file": "w.yaml", "approved_by": "pat", "expires": "x", "reason": "r"}
    [event, _] = events(deployed("1.0.0", "dev", 0, waivers=[waived]))
    assert (event.by, event.pull_request, event.strategy) == (("ben",), 7, "canary")
    assert [one.gate for one in event.waivers] == ["soak"]


def test_evidence_about_one_version_in_a_row_is_one_event() -> None:
    found = events(
        said("evaluation", "1.0.0", "offline", 0, passed=True),
        said("security-scan", "1.0.0", "offline", 1, passed=False),
        said("unit-tests", "1.0.0", "dev", 2, passed=True),
        said("notes", "1.1.0", "offline", 3),
    )
    measured = [event for event in found if event.what is What.EVIDENCE]
    assert [(event.version, event.seq, event.results) for event in measured] == [
        ("1.1.0", 4, (Result(kind="notes", environment="offline", passed=None),)),
        ("1.0.0", 3, (Result(kind="unit-tests", environment="dev", passed=True),)),
        (
            "1.0.0",
            2,
            (
                Result(kind="evaluation", environment="offline", passed=True),
                Result(kind="security-scan", environment="offline", passed=False),
            ),
        ),
    ]


def test_what_can_not_be_believed_is_told() -> None:
    good = signed(deployed("1.0.0", "dev", 0))[0]
    unread = Signed(statement=None, envelope_digest="", keys=(), place="x", seq=2, problem="broken")
    early = Signed(
        statement=deployed("1.1.0", "dev", 1),
        envelope_digest=DIGEST,
        keys=(CI.limited(valid_from=NOW + timedelta(days=1)),),
        place="y",
        seq=3,
    )
    shown = timeline(MODEL, [good, unread, early], ENVIRONMENTS, NOW)
    assert [(e.what, e.kind, e.environment, e.detail) for e in shown.events[:2]] == [
        (What.UNPROVED, "deployment", "dev", disbelieved(3, "its key might not say so")),
        (What.UNPROVED, "unknown", None, disbelieved(2, "it was altered or forged")),
    ]
    assert [now.version for now in shown.now] == ["1.0.0"]


def disbelieved(seq: int, why: str) -> str:
    return f"entry {seq} can't be believed: {why}; modelctl ledger verify"


def test_an_entry_that_can_not_be_believed_is_left_out_of_no_environment() -> None:
    place = f"models/{MODEL}/0000/00000002-deployment-0123456789ab.json"
    good, other, measured, repeated = signed(
        deployed("1.0.0", "dev", 0),
        deployed("1.1.0", "dev", 1),
        said("evaluation", "1.0.0", "offline", 2),
        deployed("1.0.0", "dev", 3),
    )
    unread = replace(good, statement=None, problem="broken", place=place, seq=2)
    altered = replace(other, problem="the signature is not good", seq=3)
    forged = replace(measured, problem="it is not signed", seq=4)
    again = replace(repeated, problem="it repeats the statement of e1", seq=5)
    shown = timeline(
        MODEL, [good, unread, altered, forged, again], ENVIRONMENTS, NOW, only="production"
    )
    assert [(e.seq, e.kind, e.version, e.detail) for e in shown.events] == [
        (5, "deployment", "1.0.0", disbelieved(5, "it repeats the statement of e1")),
        (3, "deployment", "1.1.0", disbelieved(3, "it was altered or forged")),
        (2, "deployment", None, disbelieved(2, "it was altered or forged")),
    ]


def test_the_end_of_a_life_is_nowhere_and_shown_where_the_version_was() -> None:
    history = (
        deployed("1.0.0", "production", 0),
        said("rejection", "1.0.1", "production", 1, reason="worse", by="pat"),
        said("deprecation", "1.0.0", "production", 2, by="lena", replaced_by="1.1.0"),
        said("reinstatement", "1.0.0", "production", 3, by="lena", replaced_by=""),
        said("archival", "1.0.0", "production", 4),
        said("retirement", "1.0.0", "production", 5),
    )
    found = events(*history)
    assert [(e.what, e.environment, e.use) for e in found if e.what is not What.SUBMISSION] == [
        (What.RETIREMENT, None, None),
        (What.ARCHIVAL, None, None),
        (What.REINSTATEMENT, None, None),
        (What.DEPRECATION, None, "1.1.0"),
        (What.REJECTION, None, None),
        (What.DEPLOYMENT, "production", None),
    ]
    there = [version for _, _, version in told(*history, only="production")]
    assert there == ["1.0.0"] * 5
    assert told(*history, only="dev") == []


def test_a_deployment_that_names_no_commit_moved_nothing() -> None:
    assert told(said("deployment", "1.0.0", "dev", 0))[0] == (What.DEPLOYMENT, "dev", "1.0.0")


def test_one_environment_and_the_newest_alone() -> None:
    history = (
        said("evaluation", "1.0.0", "offline", 0),
        deployed("1.0.0", "dev", 1),
        deployed("1.0.0", "production", 2),
        deployed("1.1.0", "production", 3),
    )
    assert told(*history, only="production") == [
        (What.DEPLOYMENT, "production", "1.1.0"),
        (What.DEPLOYMENT, "production", "1.0.0"),
    ]
    shown = timeline(MODEL, signed(*history), ENVIRONMENTS, NOW, only="production", limit=1)
    assert (len(shown.events), shown.older) == (1, 1)
    assert [(n.environment, n.version, n.by) for n in shown.now] == [
        ("production", "1.1.0", ("ben",))
    ]


def test_a_statement_about_the_model_itself_has_no_version() -> None:
    about = statement(kind="review", subject=f"models/{MODEL}/model.yaml", predicate={})
    elsewhere = statement(kind="review", subject="README.md", predicate={})
    found = events(about, elsewhere)
    assert [(event.what, event.version) for event in found] == [(What.EVIDENCE, None)]
    assert len(found[0].results) == 2
