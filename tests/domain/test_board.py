"""The board's own logic: what follows an environment, and which entries are sound."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modelctl.domain.board import Board, LedgerRow

BOARD = Board(
    repository="acme/models",
    at=datetime(2026, 11, 20, tzinfo=UTC),
    environments=("dev", "staging", "production"),
    rows=(),
)


@pytest.mark.parametrize(
    ("environment", "following"),
    [(None, "dev"), ("dev", "staging"), ("staging", "production"), ("production", None)],
)
def test_what_follows_an_environment(environment: str | None, following: str | None) -> None:
    assert BOARD.after(environment) == following


def test_an_entry_with_a_problem_is_not_sound() -> None:
    assert LedgerRow(model="m", seq=1, kind="evaluation").ok
    assert not LedgerRow(model="m", seq=1, kind="evaluation", problem="no trusted key").ok
