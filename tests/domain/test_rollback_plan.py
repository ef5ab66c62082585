"""Where an emergency goes back to, and when it must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modelctl.domain.history import Deployment, Quarantine
from modelctl.domain.rollback import Past
from modelctl.domain.rollback_plan import SERVES, choose, way_back

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def deployed(*versions: str, environment: str = "production") -> list[Deployment]:
    """One each hour, the last one two hours ago."""
    start = NOW - HOUR * (len(versions) + 1)
    return [
        Deployment(
            model="m",
            version=version,
            digest=f"d{version}",
            environment=environment,
            commit="c",
            at=start + HOUR * index,
            seq=index + 1,
        )
        for index, version in enumerate(versions)
    ]


def past(history: list[Deployment], *held: str) -> Past:
    return Past(
        environment="production",
        released=history[-1].version if history else None,
        history=history,
        digests={one.version: one.digest for one in history},
        quarantines=[
            Quarantine(model="m", version=v, environment="production", reason="slow", at=NOW)
            for v in held
        ],
        says=SERVES,
    )


@pytest.mark.parametrize(
    ("ran", "back"),
    [
        ((), None),
        (("1",), None),
        (("1", "2"), None),
        (("1", "1"), None),
        (("1", "2", "1"), 2),
        (("1", "2", "1", "1"), 2),
        (("1", "2", "1", "3"), None),
    ],
)
def test_what_runs_by_a_way_back(ran: tuple[str, ...], back: int | None) -> None:
    history = [*deployed("9", environment="dev"), *deployed(*ran)]
    found = way_back([*history, *deployed("9", environment="dev")], "production")
    assert (found and found.seq) == (None if back is None else back + 1)


def test_the_last_good_one_comes_first() -> None:
    found = choose(past(deployed("1", "2", "3")), now=NOW, rest=HOUR)
    assert [one.version for one in found.found] == ["2", "1"]
    assert found.problem is None
    held = choose(past(deployed("1", "2", "3"), "2"), now=NOW, rest=HOUR)
    assert [one.version for one in held.found] == ["1"]


def test_with_none_it_says_what_ran() -> None:
    found = choose(past(deployed("1", "2"), "1"), now=NOW, rest=HOUR)
    assert found.problem == "production has no version to go back to"
    assert found.mend == "it ran 2 (it is what serves now), 1 (it was rolled back there: slow)"
    none = choose(past([]), now=NOW, rest=HOUR)
    assert none.mend == "only one version ever ran there: promote one that mends it"


def test_so_soon_after_a_way_back_a_person_has_to_say_so() -> None:
    history = past(deployed("1", "2", "3", "2"), "3")
    soon = choose(history, now=NOW, rest=3 * HOUR)
    assert (soon.found, soon.is_again) == ((), True)
    assert soon.problem == "production went back to 2 only 2 h ago"
    assert [t.version for t in choose(history, now=NOW, rest=HOUR).found] == ["1"]
    again = choose(history, now=NOW, rest=3 * HOUR, again=True)
    assert [t.version for t in again.found] == ["1"]


def test_a_version_that_a_person_names() -> None:
    history = past(deployed("1", "2", "3"), "1")
    assert [t.version for t in choose(history, now=NOW, rest=HOUR, to="2").found] == ["2"]
    never = choose(history, now=NOW, rest=HOUR, to="4")
    assert (never.found, never.problem) == ((), "production never ran 4")
    held = choose(history, now=NOW, rest=HOUR, to="1", again=True)
    assert held.problem == "production can't go back to 1: it was rolled back there: slow"


def test_forth_again_takes_a_person_and_a_quarantine_that_was_lifted() -> None:
    history = deployed("1", "2", "1")
    refused = choose(past(history), now=NOW, rest=HOUR, to="2")
    assert refused.problem is not None
    assert "promote it instead" in refused.problem
    allowed = choose(past(history), now=NOW, rest=HOUR, to="2", again=True)
    assert [t.version for t in allowed.found] == ["2"]
    held = choose(past(history, "2"), now=NOW, rest=HOUR, to="2", again=True)
    assert held.found == ()
