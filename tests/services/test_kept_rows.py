"""Rows that are kept: the same board, whatever became of the file that keeps them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modelctl.adapters.signing import sign
from modelctl.domain.board import Row
from modelctl.domain.evidence import Statement
from modelctl.services import board as boards
from modelctl.services.board import board
from modelctl.services.kept_rows import KeptRows
from modelctl.services.session import MACHINE
from support.journey import bring, publish
from support.world import MODEL, World


def rows(world: World) -> tuple[Row, ...]:
    return board(world.session(), judged=False).rows


def kept(world: World) -> Path:
    return world.session(fetch=False).repository.private_folder / "rows"


def test_what_is_kept_is_the_row_itself(served: World) -> None:
    first = rows(served)
    assert kept(served).read_text().count("\n") == 1
    assert rows(served) == first


def test_a_row_is_taken_and_not_worked_out_again(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rows(served)
    monkeypatch.setattr(boards, "_row", pytest.fail)
    assert rows(served) == first


def test_what_changes_is_worked_out_again(served: World) -> None:
    before = rows(served)
    served.later(hours=30)
    bring(served, "staging")
    after = rows(served)
    assert after != before
    kept(served).unlink()
    assert rows(served) == after


def flip(text: str) -> str:
    return text[:80] + ("A" if text[80] != "A" else "B") + text[81:]


@pytest.mark.parametrize(
    "damage",
    [flip, lambda text: text[:60], lambda _: "", lambda _: "é\0nonsense\n", lambda t: t * 3],
    ids=["flipped", "cut", "empty", "foreign", "thrice"],
)
def test_a_damaged_file_is_only_slower(served: World, damage: Callable[[str], str]) -> None:
    first = rows(served)
    kept(served).write_text(damage(kept(served).read_text()))
    assert rows(served) == first


@pytest.mark.parametrize("value", [b"[]", b"{}", b"x", b'{"model": 1}', b'{"cells": {"a": 1}}'])
def test_a_value_that_is_none_of_ours_is_passed_over(served: World, value: bytes) -> None:
    session = served.session()
    kept_rows = KeptRows(session)
    key = kept_rows.key(MODEL, ["a"])
    kept_rows._cache.put_many([], {key: value})
    assert kept_rows.known({MODEL: key}) == {}


def test_the_row_of_another_model_is_passed_over(served: World) -> None:
    first = rows(served)
    text = kept(served).read_text()
    session = served.session()
    kept_rows = KeptRows(session)
    key = text.split()[0]
    assert kept_rows.known({MODEL: key})[MODEL] == first[0]
    assert kept_rows.known({"churn-predictor": key}) == {}


def test_what_is_only_on_the_ledger_counts(served: World) -> None:
    assert not rows(served)[0].cells["dev"].flags
    served.later(minutes=1)
    located = served.locate("1.0.0", "origin/ml")
    statement = Statement(
        kind="quarantine",
        subject=located.path,
        digest=located.digest,
        made_at=served.now,
        environment="dev",
        predicate={"reason": "too many errors"},
    )
    envelope = sign(statement, served.deployer.signer)
    served.session().ledger.append(MODEL, [envelope], author=MACHINE, at=served.now)
    [flag] = rows(served)[0].cells["dev"].flags
    assert flag.detail == "too many errors"


def test_what_is_only_in_the_state_counts(served: World) -> None:
    assert set(rows(served)[0].cells) == {"dev"}
    publish(served, "env/dev", {f"{MODEL}/release.json": None})
    assert not rows(served)[0].cells
