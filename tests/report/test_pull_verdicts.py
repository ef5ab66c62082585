"""One check run for several pull requests: the best into one branch, the worst of the branches."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modelctl.domain.pulls import CheckOutput, CheckState, PullSummary
from modelctl.domain.reviews import User
from modelctl.report.pull_verdicts import joint

GOOD, WAITS, BAD = CheckState.SUCCESS, CheckState.WAITING, CheckState.FAILURE
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def verdict(number: int, base: str, state: CheckState) -> tuple[PullSummary, CheckOutput]:
    pull = PullSummary(
        number=number,
        title="",
        body="",
        author=User(id=1, login="ada"),
        base=base,
        branch="feature",
        head="a" * 40,
        url="",
        is_open=True,
        is_merged=False,
        is_draft=False,
        is_fork=False,
        labels=(),
        requested=(),
        requested_teams=(),
        created_at=NOW,
        updated_at=NOW,
    )
    return pull, CheckOutput(state=state, title=f"{state.name}", summary="Why.")


def said(*given: tuple[int, str, CheckState]) -> CheckOutput:
    return joint([verdict(*one) for one in given])


def test_one_speaks_for_itself() -> None:
    assert said((1, "ml", WAITS)) == verdict(1, "ml", WAITS)[1]


@pytest.mark.parametrize(
    ("given", "state", "number"),
    [
        ([(1, "ml", GOOD), (2, "ml", BAD)], GOOD, 1),
        ([(1, "ml", WAITS), (2, "ml", BAD), (3, "ml", GOOD)], GOOD, 3),
        ([(1, "ml", WAITS), (2, "ml", WAITS)], WAITS, 1),
        ([(1, "ml", GOOD), (2, "main", WAITS)], WAITS, 2),
        ([(1, "ml", WAITS), (2, "main", BAD), (3, "main", GOOD)], WAITS, 1),
        ([(1, "ml", GOOD), (2, "ml", BAD), (3, "main", BAD), (4, "main", WAITS)], WAITS, 4),
    ],
)
def test_the_best_of_a_branch_and_the_worst_of_the_branches(
    given: list[tuple[int, str, CheckState]], state: CheckState, number: int
) -> None:
    for order in (given, given[::-1]):
        found = said(*order)
        assert found.state is state
        assert found.title == f"{state.name} (#{number})"
        assert all(f"#{one}" in found.summary for one, _, _ in given)


def test_it_says_which_were_not_looked_at() -> None:
    found = joint([verdict(1, "ml", GOOD), verdict(2, "ml", WAITS)], range(3, 63))
    assert "#52 and 10 more" in found.summary
    assert "#53" not in found.summary


def test_it_says_which_to_close() -> None:
    twin = said((1, "ml", GOOD), (2, "ml", WAITS)).summary
    assert "**Mend:** close #2: another one brings the same into the same branch." in twin
    assert "Mend" not in said((1, "ml", GOOD), (2, "main", GOOD)).summary
    both = said((1, "ml", GOOD), (2, "ml", WAITS), (3, "main", BAD)).summary
    assert "close #2: another one" in both
    assert "close #3 if the commit is not to go into `main`" in both


def test_a_great_many_are_not_all_listed() -> None:
    many = said(*((number, "ml", WAITS) for number in range(1, 121)))
    assert "… and 70 more." in many.summary
    assert "and 69 more: another one" in many.summary
    assert len(many.summary) < 10_000
