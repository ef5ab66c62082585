"""Whose approval counts, table by table, and what holds for every pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.approvals import ApprovalState, approval_findings, approvals
from modelctl.domain.document import Location
from modelctl.domain.policy import ApprovalRule, Role
from modelctl.domain.reviews import PullRequest, Review, User
from modelctl.domain.verdict import Outcome

HEAD, OLD = "a" * 40, "b" * 40
START = datetime(2026, 11, 20, 10, tzinfo=UTC)

ADA, LENA, MAX, TOM, PIA, EVE = (
    User(id=index, login=login)
    for index, login in enumerate(("ada", "lena", "max", "tom", "pia", "eve"), start=1)
)
ROLES = {
    "ml-team": Role(name="ml-team", description="", members=frozenset({"ada", "lena", "max"})),
    "ml-lead": Role(
        name="ml-lead",
        description="",
        team="ml-leads",
        members_by_owner={"oncology": frozenset({"lena", "max"}), "risk": frozenset({"pia"})},
    ),
    "platform": Role(name="platform", description="", members=frozenset({"tom", "max"})),
    "business": Role(name="business", description="", members=frozenset({"bo"})),
}
LEAD = (ApprovalRule(role="ml-lead"),)
BOTH = (ApprovalRule(role="platform"), ApprovalRule(role="ml-lead"))


def _review(
    user: User | None,
    state: str = "APPROVED",
    *,
    at: int | None = 0,
    commit: str | None = HEAD,
    number: int = 0,
) -> Review:
    time = None if at is None else START + timedelta(minutes=at)
    return Review(user=user, state=state, commit=commit, at=time, id=number)


def _pull(*reviews: Review, **details: object) -> PullRequest:
    pull = PullRequest(number=7, author=ADA, base="main", head=HEAD, reviews=reviews)
    return replace(pull, **details)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What some reviews come to when one ML Lead of oncology is asked for."""

    pull: PullRequest
    satisfied: bool = False
    reasons: Mapping[str, str] = field(default_factory=dict)
    blocking: tuple[str, ...] = ()


CASES = {
    "approved": Case(pull=_pull(_review(LENA)), satisfied=True),
    "no review": Case(pull=_pull()),
    "in another case of letters": Case(
        pull=_pull(_review(replace(LENA, login="Lena"))), satisfied=True
    ),
    "dismissed": Case(pull=_pull(_review(LENA, "DISMISSED")), reasons={"lena": "was dismissed"}),
    "approved, then dismissed": Case(
        pull=_pull(_review(LENA), _review(LENA, "DISMISSED", at=1)),
        reasons={"lena": "was dismissed"},
    ),
    "the dismissal of an older review leaves a newer approval": Case(
        pull=_pull(_review(LENA, "DISMISSED", number=1), _review(LENA, at=1, number=2)),
        satisfied=True,
        reasons={"lena": "was dismissed"},
    ),
    "one review read before and after its dismissal": Case(
        pull=_pull(_review(LENA, "DISMISSED", number=4), _review(LENA, number=4)),
        reasons={"lena": "was dismissed"},
    ),
    "stale commit": Case(
        pull=_pull(_review(LENA, commit=OLD)),
        reasons={"lena": f"approved another commit ({OLD[:12]}), not the head"},
    ),
    "no commit": Case(
        pull=_pull(_review(LENA, commit=None)),
        reasons={"lena": "approved another commit (unknown), not the head"},
    ),
    "stale, then approved again": Case(
        pull=_pull(_review(LENA, commit=OLD), _review(LENA, at=1)),
        satisfied=True,
        reasons={"lena": "approved again later"},
    ),
    "approved, then an older commit": Case(
        pull=_pull(_review(LENA), _review(LENA, at=1, commit=OLD)),
        reasons={"lena": f"approved another commit ({OLD[:12]}), not the head"},
    ),
    "author": Case(
        pull=_pull(_review(LENA), author=LENA), reasons={"lena": "opened the pull request"}
    ),
    "author who was renamed": Case(
        pull=_pull(_review(LENA), author=replace(LENA, login="lena-old")),
        reasons={"lena": "opened the pull request"},
    ),
    "author known by login alone": Case(
        pull=_pull(_review(LENA), author=User(id=0, login="LENA")),
        reasons={"lena": "opened the pull request"},
    ),
    "co-author": Case(
        pull=_pull(_review(LENA), authors=(ADA, LENA)), reasons={"lena": "wrote a commit of it"}
    ),
    "bot by type": Case(
        pull=_pull(_review(replace(LENA, kind="Bot"))), reasons={"lena": "is a bot"}
    ),
    "bot by name": Case(
        pull=_pull(_review(User(id=9, login="lena[bot]"))), reasons={"lena[bot]": "is a bot"}
    ),
    "bot that requests changes": Case(
        pull=_pull(_review(LENA), _review(replace(MAX, kind="Bot"), "CHANGES_REQUESTED")),
        satisfied=True,
        reasons={"max": "is a bot"},
    ),
    "re-requested, but merged meanwhile": Case(
        pull=_pull(_review(LENA), requested=(LENA,), is_merged=True), satisfied=True
    ),
    "re-requested": Case(
        pull=_pull(_review(LENA), requested=(LENA,)), reasons={"lena": "was asked to look again"}
    ),
    "another one re-requested": Case(pull=_pull(_review(LENA), requested=(MAX,)), satisfied=True),
    "changes requested": Case(
        pull=_pull(_review(LENA), _review(MAX, "CHANGES_REQUESTED")), blocking=("max",)
    ),
    "changes requested for an older commit": Case(
        pull=_pull(_review(LENA), _review(MAX, "CHANGES_REQUESTED", commit=OLD)),
        blocking=("max",),
    ),
    "changes requested by another role": Case(
        pull=_pull(_review(LENA), _review(User(id=8, login="bo"), "CHANGES_REQUESTED")),
        blocking=("bo",),
    ),
    "changes requested without a role": Case(
        pull=_pull(_review(LENA), _review(EVE, "CHANGES_REQUESTED")),
        satisfied=True,
        reasons={"eve": "requested changes, but holds no role for this"},
    ),
    "changes requested, then approved": Case(
        pull=_pull(_review(LENA, "CHANGES_REQUESTED"), _review(LENA, at=1)),
        satisfied=True,
        reasons={"lena": "approved again later"},
    ),
    "changes requested, then dismissed": Case(
        pull=_pull(
            _review(MAX),
            _review(LENA, "CHANGES_REQUESTED"),
            _review(LENA, "DISMISSED", at=1),
        ),
        satisfied=True,
        reasons={"lena": "was dismissed"},
    ),
    "approved, then changes requested": Case(
        pull=_pull(_review(LENA), _review(LENA, "CHANGES_REQUESTED", at=1)),
        reasons={"lena": "requested changes later"},
        blocking=("lena",),
    ),
    "changes requested, then a comment": Case(
        pull=_pull(_review(LENA, "CHANGES_REQUESTED"), _review(LENA, "COMMENTED", at=1)),
        reasons={"lena": "only commented"},
        blocking=("lena",),
    ),
    "approved, then a comment": Case(
        pull=_pull(_review(LENA), _review(LENA, "COMMENTED", at=1, commit=OLD)),
        satisfied=True,
        reasons={"lena": "only commented"},
    ),
    "given in any order": Case(
        pull=_pull(_review(LENA, at=1), _review(LENA, "CHANGES_REQUESTED")),
        satisfied=True,
        reasons={"lena": "approved again later"},
    ),
    "at the same time, the later id": Case(
        pull=_pull(_review(LENA, "CHANGES_REQUESTED", number=5), _review(LENA, number=4)),
        reasons={"lena": "requested changes later"},
        blocking=("lena",),
    ),
    "an approval without a time is the oldest": Case(
        pull=_pull(_review(LENA, at=None), _review(LENA, "CHANGES_REQUESTED")),
        reasons={"lena": "requested changes later"},
        blocking=("lena",),
    ),
    "requested changes without a time are the newest": Case(
        pull=_pull(_review(LENA), _review(LENA, "CHANGES_REQUESTED", at=None)),
        reasons={"lena": "requested changes later"},
        blocking=("lena",),
    ),
    "pending": Case(
        pull=_pull(_review(LENA, "PENDING", at=None, commit=None)),
        reasons={"lena": "hasn't sent the review yet"},
    ),
    "a state that nobody knows": Case(
        pull=_pull(_review(LENA, "SHRUGGED")),
        reasons={"lena": "neither approved nor refused (SHRUGGED)"},
    ),
    "unknown user": Case(pull=_pull(_review(EVE)), reasons={"eve": "is in no role of the policy"}),
    "deleted account": Case(
        pull=_pull(_review(None)),
        reasons={"ghost": "the account is gone, so nobody knows who it was"},
    ),
    "a role that nobody asked for": Case(
        pull=_pull(_review(TOM)), reasons={"tom": "holds no role that is asked for here"}
    ),
    "scoped role of another team": Case(
        pull=_pull(_review(PIA)), reasons={"pia": "is ml-lead only for the models of risk"}
    ),
    "no active member": Case(
        pull=_pull(_review(LENA), active_teams={"ml-leads": frozenset({"max"})}),
        reasons={"lena": "is ml-lead in the policy, but no active member of team ml-leads"},
    ),
    "a team that isn't there": Case(
        pull=_pull(_review(LENA), active_teams={"ml-leads": frozenset()}),
        reasons={
            "lena": "is ml-lead in the policy, but team ml-leads is empty, "
            "or there is none of that name"
        },
    ),
    "an active member": Case(
        pull=_pull(_review(LENA), active_teams={"ml-leads": frozenset({"LENA"})}),
        satisfied=True,
    ),
    "active members of other teams say nothing": Case(
        pull=_pull(_review(LENA), active_teams={"platform": frozenset()}), satisfied=True
    ),
    "renamed login, same account": Case(
        pull=_pull(
            _review(LENA, "CHANGES_REQUESTED", number=1),
            _review(replace(LENA, login="lena-new"), at=1, number=2),
        ),
        reasons={"lena": "approved again later", "lena-new": "is in no role of the policy"},
    ),
    "duplicate": Case(pull=_pull(_review(LENA, number=4), _review(LENA, number=4)), satisfied=True),
    "the lists were cut": Case(pull=_pull(_review(LENA), complete=False)),
    "an address of no account": Case(
        pull=_pull(_review(LENA), unknown_authors=("who@example.com",))
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_ml_lead(case: Case) -> None:
    state = approvals(case.pull, LEAD, ROLES, ["oncology"])
    assert state.satisfied is case.satisfied
    assert {answer.login: answer.reason for answer in state.not_counted} == case.reasons
    assert state.blocking == case.blocking
    findings = approval_findings(state)
    assert all(f.outcome.blocks for f in findings) is not case.satisfied


def _both(*reviewers: User, owners: tuple[str | None, ...] = ("oncology",)) -> ApprovalState:
    return approvals(_pull(*map(_review, reviewers)), BOTH, ROLES, owners)


def test_two_people_fill_two_roles() -> None:
    state = _both(TOM, LENA)
    assert state.satisfied
    assert dict(state.chosen) == {"platform": ("tom",), "ml-lead": ("lena",)}
    assert state.approvers == ("lena", "tom")
    assert [(c.login, c.roles) for c in state.counted] == [
        ("tom", ("platform",)),
        ("lena", ("ml-lead",)),
    ]


def test_one_person_never_fills_two_roles() -> None:
    state = _both(MAX)
    assert not state.satisfied
    assert [c.roles for c in state.counted] == [("platform", "ml-lead")]
    assert [(m.role, m.count) for m in state.missing] == [("ml-lead", 1)]


def test_whoever_holds_both_roles_makes_room() -> None:
    for reviewers in permutations((MAX, LENA)):
        assert dict(_both(*reviewers).chosen) == {"platform": ("max",), "ml-lead": ("lena",)}
    for reviewers in permutations((MAX, TOM)):
        assert dict(_both(*reviewers).chosen) == {"platform": ("tom",), "ml-lead": ("max",)}


def test_candidates_are_those_who_would_fill_the_gap_by_moving_up_too() -> None:
    """With max as Platform an ML Lead is missing; tom helps as well, since max could move."""
    assert _both(MAX).missing[0].candidates == ("lena", "tom")


def test_candidates_leave_out_whoever_took_part() -> None:
    pull = _pull(author=LENA, authors=(TOM,))
    missing = approvals(pull, BOTH, ROLES, ["oncology"]).missing
    assert {m.role: m.candidates for m in missing} == {"platform": ("max",), "ml-lead": ("max",)}


def test_each_owner_needs_its_own() -> None:
    state = _both(TOM, LENA, owners=("oncology", "risk"))
    assert [(m.owner, m.role, m.candidates) for m in state.missing] == [
        ("risk", "ml-lead", ("pia",))
    ]
    whole = _both(TOM, LENA, PIA, owners=("oncology", "risk"))
    assert whole.satisfied
    assert dict(whole.chosen) == {"platform": ("tom",), "ml-lead": ("lena", "pia")}


def test_rules_of_the_repository_have_no_owner() -> None:
    rules = (ApprovalRule(role="platform"),)
    pull = _pull(_review(LENA))
    for owners in ([None], []):
        state = approvals(pull, rules, ROLES, owners)
        assert [(m.owner, m.candidates) for m in state.missing] == [(None, ("max", "tom"))]
    assert not approvals(pull, LEAD, ROLES, [None]).satisfied


def test_more_than_one_of_a_role() -> None:
    two = (ApprovalRule(role="ml-lead", count=2),)
    state = approvals(_pull(), two, ROLES, ["oncology"])
    assert [(m.role, m.count) for m in state.missing] == [("ml-lead", 2)]
    assert approvals(_pull(_review(LENA), _review(MAX)), two, ROLES, ["oncology"]).satisfied


def test_a_role_that_the_policy_does_not_have_is_filled_by_nobody() -> None:
    state = approvals(_pull(_review(LENA)), (ApprovalRule(role="king"),), ROLES, [None])
    assert not state.satisfied
    assert state.missing[0].candidates == ()


def test_nothing_is_needed_where_nothing_is_asked() -> None:
    assert approvals(_pull(), (), ROLES, ["oncology"]).satisfied
    blocked = approvals(_pull(_review(LENA, "CHANGES_REQUESTED")), (), ROLES, ["oncology"])
    assert blocked.blocking == ("lena",)


def test_unknown_authors_can_be_accepted() -> None:
    pull = _pull(_review(LENA), unknown_authors=("who@example.com",))
    assert approvals(pull, LEAD, ROLES, ["oncology"], accept_unknown_authors=True).satisfied
    cut = replace(pull, complete=False)
    assert not approvals(cut, LEAD, ROLES, ["oncology"], accept_unknown_authors=True).satisfied


RULE = Location(file="policies/lifecycle.yaml", line=12)


def _messages(state: ApprovalState) -> list[tuple[Outcome, str, str | None]]:
    found = approval_findings(state, policy=RULE)
    assert {(f.gate, f.policy) for f in found} == {("approvals", RULE)}
    return [(f.outcome, f.message, f.mend) for f in found]


def test_findings_of_what_is_there() -> None:
    assert _messages(_both(TOM, LENA)) == [
        (Outcome.PASS, "approved by tom (platform), lena (ml-lead)", None)
    ]
    nothing = approvals(_pull(), (), ROLES, ["oncology"])
    assert _messages(nothing) == [(Outcome.PASS, "no approval is asked for", None)]


@pytest.mark.parametrize(
    ("rule", "details", "message", "mend"),
    [
        (
            ApprovalRule(role="ml-lead"),
            {},
            "1 approval by ml-lead is missing for the models of oncology",
            "ask one of: lena, max (ml-lead)",
        ),
        (
            ApprovalRule(role="ml-team", count=2),
            {"author": EVE},
            "2 approvals by ml-team are missing for the models of oncology",
            "ask 2 of: ada, lena, max (ml-team)",
        ),
        (
            ApprovalRule(role="ml-lead", count=2),
            {},
            "2 approvals by ml-lead are missing for the models of oncology",
            "ask lena, max (ml-lead)",
        ),
        (
            ApprovalRule(role="ml-lead", count=2),
            {"author": LENA},
            "2 approvals by ml-lead are missing for the models of oncology",
            "ask max, and give the role ml-lead to more people: nobody else could approve this",
        ),
        (
            ApprovalRule(role="ml-lead"),
            {"authors": (LENA, MAX)},
            "1 approval by ml-lead is missing for the models of oncology",
            "give the role ml-lead to more people: nobody else could approve this",
        ),
    ],
)
def test_findings_of_what_is_missing(
    rule: ApprovalRule, details: dict[str, object], message: str, mend: str
) -> None:
    state = approvals(_pull(**details), (rule,), ROLES, ["oncology"])
    assert _messages(state) == [(Outcome.FAIL, message, mend)]


def test_a_missing_approval_says_which_reviews_did_not_count() -> None:
    state = approvals(_pull(_review(PIA), _review(EVE)), LEAD, ROLES, ["oncology"])
    assert approval_findings(state)[0].values == {
        "pia": "is ml-lead only for the models of risk",
        "eve": "is in no role of the policy",
    }


def test_missing_approvals_of_the_rules_name_no_team() -> None:
    state = approvals(_pull(), (ApprovalRule(role="platform"),), ROLES, [None])
    assert _messages(state)[0][1] == "1 approval by platform is missing"


def test_findings_of_what_speaks_against_it_come_together() -> None:
    pull = _pull(_review(MAX, "CHANGES_REQUESTED"), unknown_authors=("who@example.com",))
    outcomes = [f.outcome for f in approval_findings(approvals(pull, LEAD, ROLES, ["oncology"]))]
    assert outcomes == [Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.FAIL]


def test_a_cut_list_is_undecided_and_nothing_else() -> None:
    state = approvals(_pull(complete=False), LEAD, ROLES, ["oncology"])
    assert [f.outcome for f in approval_findings(state)] == [Outcome.INCONCLUSIVE]


PEOPLE = [User(id=n, login=f"user-{n}") for n in range(1, 6)]
_roles = st.fixed_dictionaries(
    {
        name: st.builds(
            Role,
            name=st.just(name),
            description=st.just(""),
            members=st.frozensets(st.sampled_from([p.login for p in PEOPLE])),
        )
        for name in ("one", "two", "three")
    }
)
_rules = st.lists(
    st.builds(
        ApprovalRule,
        role=st.sampled_from(["one", "two", "three"]),
        count=st.integers(min_value=1, max_value=2),
    ),
    min_size=1,
    max_size=3,
)
_reviews = st.lists(
    st.builds(
        Review,
        user=st.none() | st.sampled_from(PEOPLE),
        state=st.sampled_from(["APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED"]),
        commit=st.sampled_from([HEAD, HEAD, OLD]),
        at=st.integers(min_value=0, max_value=5).map(lambda n: START + timedelta(minutes=n)),
        id=st.integers(min_value=1, max_value=20),
    ),
    max_size=8,
)
_pulls = st.builds(
    PullRequest,
    number=st.just(1),
    author=st.sampled_from(PEOPLE),
    base=st.just("main"),
    head=st.just(HEAD),
    reviews=_reviews.map(tuple),
    authors=st.lists(st.sampled_from(PEOPLE), max_size=1).map(tuple),
)


def _by_brute_force(pull: PullRequest, rules: list[ApprovalRule], roles: dict[str, Role]) -> bool:
    """Whether some choice of different people out of those who count fills every place."""
    able = {c.login for c in approvals(pull, rules, roles, [None]).counted}
    places = [rule.role for rule in rules for _ in range(rule.count)]
    return any(
        all(login in roles[place].members for login, place in zip(chosen, places, strict=True))
        for chosen in permutations(sorted(able), len(places))
    )


@given(_pulls, _rules, _roles)
def test_the_matching_finds_a_choice_whenever_there_is_one(
    pull: PullRequest, rules: list[ApprovalRule], roles: dict[str, Role]
) -> None:
    state = approvals(pull, rules, roles, [None])
    assert (not state.missing) == _by_brute_force(pull, rules, roles)
    chosen = [login for logins in state.chosen.values() for login in logins]
    assert len(set(chosen)) == len(chosen)


@given(_pulls, _rules, _roles)
def test_every_review_is_heard_once(
    pull: PullRequest, rules: list[ApprovalRule], roles: dict[str, Role]
) -> None:
    state = approvals(pull, rules, roles, [None])
    heard = len(state.counted) + len(state.not_counted) + len(state.blocking)
    assert heard == len(set(pull.reviews))


@given(_pulls, _rules, _roles)
def test_who_took_part_never_counts(
    pull: PullRequest, rules: list[ApprovalRule], roles: dict[str, Role]
) -> None:
    state = approvals(pull, rules, roles, [None])
    involved = {user.login for user in (pull.author, *pull.authors)}
    assert not involved & {answer.login for answer in state.counted}
    assert not involved & {p for missing in state.missing for p in missing.candidates}


@given(_pulls, _rules, _roles)
def test_every_candidate_would_fill_a_gap(
    pull: PullRequest, rules: list[ApprovalRule], roles: dict[str, Role]
) -> None:
    def gaps(of: PullRequest) -> int:
        return sum(m.count for m in approvals(of, rules, roles, [None]).missing)

    by_login = {person.login: person for person in PEOPLE}
    everybody = set(by_login)
    named = {p for m in approvals(pull, rules, roles, [None]).missing for p in m.candidates}
    for login in everybody:
        approval = Review(
            user=by_login[login], state="APPROVED", commit=HEAD, at=START + timedelta(days=1), id=99
        )
        fewer = gaps(replace(pull, reviews=(*pull.reviews, approval))) < gaps(pull)
        assert fewer == (login in named)


@given(_pulls, _rules, _roles, st.randoms(use_true_random=False))
def test_the_order_of_the_lists_does_not_matter(
    pull: PullRequest, rules: list[ApprovalRule], roles: dict[str, Role], random: Random
) -> None:
    shuffled = list(pull.reviews)
    random.shuffle(shuffled)
    one = approvals(pull, rules, roles, [None])
    other = approvals(replace(pull, reviews=tuple(shuffled)), rules, roles, [None])
    assert (one.satisfied, one.chosen, one.missing) == (
        other.satisfied,
        other.chosen,
        other.missing,
    )


@given(_pulls, _rules, _roles)
def test_a_refusal_never_helps(
    pull: PullRequest, rules: list[ApprovalRule], roles: dict[str, Role]
) -> None:
    refusal = Review(
        user=PEOPLE[0],
        state="CHANGES_REQUESTED",
        commit=OLD,
        at=START + timedelta(days=1),
        id=99,
    )
    before = approvals(pull, rules, roles, [None])
    after = approvals(replace(pull, reviews=(*pull.reviews, refusal)), rules, roles, [None])
    assert before.satisfied or not after.satisfied
