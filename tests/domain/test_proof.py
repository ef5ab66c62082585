"""What a deployment must have to be proved, and how each lack is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment
from modelctl.domain.policy import ApprovalRule, Role, Transition
from modelctl.domain.proof import Case, Part, Recorded, Rules, prove, unrecorded
from support.keys import DIGEST, MODEL, NOW, person, statement

CI = person("ci")
PATH = f"models/{MODEL}/versions/1.0.0.yaml"
OID, ENVELOPE, COMMIT, STATE = "1" * 40, "e" * 64, "c" * 40, "5" * 40
STEP = Transition(
    from_branch="ml",
    to_branch="develop",
    environment="staging",
    stage="Staging",
    approvals=(ApprovalRule(role="lead"), ApprovalRule(role="platform")),
    source="dev",
)
ROLES = {
    "lead": Role(
        name="lead", description="", members_by_owner={"oncology": frozenset({"ada", "Ben"})}
    ),
    "platform": Role(name="platform", description="", members=frozenset({"pat", "ada"})),
}


def deployment(environment: str = "staging", **changes: Any) -> Deployment:
    one = Deployment(
        model=MODEL,
        version="1.0.0",
        digest=DIGEST,
        environment=environment,
        commit=COMMIT,
        at=NOW,
        files={PATH: OID},
        approvers=("ben", "pat"),
        seq=9,
    )
    return replace(one, **changes)


def evidence(**changes: Any) -> Signed:
    told = replace(statement(), **{k: v for k, v in changes.items() if k in _STATEMENT})
    rest = {k: v for k, v in changes.items() if k not in _STATEMENT}
    one = Signed(
        statement=told, envelope_digest=ENVELOPE, keys=(CI.trusted,), place="entry 3", seq=3
    )
    return replace(one, **rest)


_STATEMENT = {"kind", "digest", "made_at"}


def case(**changes: Any) -> Case:
    """A deployment that is proved, changed as asked for."""
    return replace(
        Case(
            place="entry 9",
            deployment=deployment(),
            evidence=(ENVELOPE,),
            envelopes={ENVELOPE: evidence()},
            before=(deployment("dev", seq=5),),
            files={PATH: OID},
            digest=DIGEST,
            branch="develop",
            on_branch=True,
            rules=Rules(transition=STEP, roles=ROLES),
            owner="oncology",
            state_commit=STATE,
            recorded=Recorded(version="1.0.0", digest=DIGEST, commit=COMMIT),
        ),
        **changes,
    )


def told(**changes: Any) -> list[tuple[str, str]]:
    return [(p.part.value, p.message) for p in prove(case(**changes))]


def test_a_whole_proof_has_no_problems() -> None:
    assert prove(case()) == ()


def test_a_problem_says_where() -> None:
    [problem] = prove(case(on_branch=False))
    assert (problem.file, problem.part) == ("entry 9", Part.PATH)
    assert str(problem) == f"entry 9: commit {'c' * 12} is not in the history of develop"


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        (
            {"files": None, "digest": None},
            [f"commit {'c' * 12} is not here any more, and with it the manifest that was deployed"],
        ),
        ({"digest": None}, [f"there is no {PATH} at commit {'c' * 12}"]),
        ({"digest": "f" * 64}, [f"{PATH} at commit {'c' * 12} has another sha256 ({'f' * 12})"]),
        ({"deployment": deployment(files={})}, [f"it doesn't say which {PATH} was deployed"]),
        (
            {"files": {PATH: "2" * 40}},
            [f"{PATH} at commit {'c' * 12} is {'2' * 12}, not {'1' * 12} as stated"],
        ),
        (
            {"files": {PATH: OID, "models/x": "3" * 40}},
            [f"models/x at commit {'c' * 12} is {'3' * 12}, not missing as stated"],
        ),
    ],
)
def test_the_manifest(changes: dict[str, Any], messages: list[str]) -> None:
    assert told(**changes) == [("manifest", message) for message in messages]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, f"the evidence {'e' * 12} that it names is not on the ledger"),
        (evidence(statement=None), f"the evidence {'e' * 12} that it names is not on the ledger"),
        (evidence(problem="forged"), "the evidence in entry 3 is not to be believed: forged"),
        (
            evidence(keys=(CI.limited(kinds=("tests",)),)),
            "the evidence in entry 3 is not to be believed: its key may not sign it",
        ),
        (evidence(digest="f" * 64), "entry 3 is no evidence about this manifest"),
        (evidence(kind="deployment"), "entry 3 is no evidence about this manifest"),
        (evidence(seq=10), "the evidence in entry 3 was made after it"),
        (
            evidence(made_at=NOW + timedelta(seconds=1)),
            "the evidence in entry 3 was made after it",
        ),
    ],
)
def test_the_evidence(found: Signed | None, message: str) -> None:
    assert told(envelopes={ENVELOPE: found} if found else {}) == [("evidence", message)]


def test_evidence_of_the_same_second_counts() -> None:
    late = evidence(made_at=NOW + timedelta(milliseconds=999))
    assert told(envelopes={ENVELOPE: late}) == []


@pytest.mark.parametrize(
    ("approvers", "messages"),
    [
        (("BEN", "pat"), []),
        (("ada", "ben"), []),  # ada holds both roles, and ben one: two people
        (("ada",), ["no approval by platform is recorded for the models of oncology"]),
        (
            (),
            [
                "no approval by lead is recorded for the models of oncology",
                "no approval by platform is recorded for the models of oncology",
            ],
        ),
        (
            ("ben", "pat", "eve"),
            ["eve approved it, but held no role then for the models of oncology"],
        ),
    ],
)
def test_the_approvals(approvers: tuple[str, ...], messages: list[str]) -> None:
    found = told(deployment=deployment(approvers=approvers))
    assert found == [("approvals", message) for message in messages]


def test_who_wrote_it_does_not_approve_it() -> None:
    assert told(authors={"ben"}) == [
        ("approvals", "ben approved it, and wrote a commit of it"),
        ("approvals", "no approval by lead is recorded for the models of oncology"),
    ]


def test_a_role_that_the_rules_lack_is_filled_by_nobody() -> None:
    roles = {"platform": ROLES["platform"]}
    assert told(
        owner=None,
        rules=Rules(transition=STEP, roles=roles),
        deployment=deployment(approvers=("pat",)),
    ) == [("approvals", "no approval by lead is recorded")]


def test_rules_that_nobody_can_tell_prove_no_approval() -> None:
    assert told(rules="the rules are gone") == [("approvals", "the rules are gone")]
    assert told(rules="the rules are gone", on_branch=False)[1][0] == "path"


def test_what_gates_decide_needs_nobody() -> None:
    rules = Rules(transition=replace(STEP, decision="automated"), roles=ROLES)
    assert told(rules=rules, deployment=deployment(approvers=())) == []


def test_the_source_must_have_served_the_same_manifest_before() -> None:
    missing = [("path", f"dev never served {MODEL}@1.0.0 before")]
    assert told(before=()) == missing
    assert told(before=(deployment("dev", digest="f" * 64),)) == missing
    assert told(before=(deployment("production"),)) == missing
    assert told(before=(deployment("staging"),)) == []  # put back, or deployed in another way


def test_the_first_environment_has_no_source() -> None:
    rules = Rules(transition=replace(STEP, source=None), roles=ROLES)
    assert told(rules=rules, before=()) == []


def test_a_rollback_goes_back_to_what_was_there() -> None:
    back = deployment(kind="rollback", approvers=())
    assert told(deployment=back, before=(deployment("staging"),)) == []
    assert told(deployment=back) == [
        ("path", "it goes back to 1.0.0, which staging never served before")
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state_commit": None}, "it names no commit of the environment's branch"),
        (
            {"recorded": None},
            f"commit {'5' * 12} is not in the history of staging's branch with a record of it",
        ),
        (
            {"recorded": Recorded(version="1.1.0", digest=DIGEST, commit="d" * 40)},
            f"commit {'5' * 12} of staging's branch records 1.1.0 of commit {'d' * 12} instead",
        ),
    ],
)
def test_the_state(changes: dict[str, Any], message: str) -> None:
    assert told(**changes) == [("state", message)]


def test_what_runs_now_is_what_was_told_last() -> None:
    now = last = Recorded(version="1.0.0", digest=DIGEST, commit=COMMIT)
    assert unrecorded("staging", MODEL, None, None) is None
    assert unrecorded("staging", MODEL, now, last) is None
    runs = f"staging records {MODEL}@1.0.0 of commit {'c' * 12}"
    assert unrecorded("staging", MODEL, now, None) == (
        f"{runs}, but no deployment of it there is on the ledger"
    )
    older = Recorded(version="0.9.0", digest=DIGEST, commit=COMMIT)
    assert unrecorded("staging", MODEL, now, older) == (
        f"{runs}, but the ledger's last word is 0.9.0 of commit {'c' * 12}"
    )
    gone = unrecorded("staging", MODEL, None, last)
    assert gone == f"staging has no record of {MODEL}, but the ledger's last word is a deployment"
