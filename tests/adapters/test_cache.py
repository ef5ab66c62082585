"""What is kept between runs: found again as it was, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from modelctl.adapters.cache import Cache

ROWS = {sha256(name.encode()).hexdigest(): name.encode() * 3 for name in ("one", "two", "three")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".git" / "modelctl" / "kept"


def test_what_is_put_is_got(path: Path) -> None:
    assert Cache(path).get_many(ROWS) == {}
    Cache(path).put_many((), ROWS)
    assert Cache(path).get_many(ROWS) == ROWS
    assert Cache(path).get_many([*ROWS][:1]) == {key: ROWS[key] for key in [*ROWS][:1]}
    assert Cache(path).get_many(["0" * 64]) == {}


def test_any_bytes_can_be_a_value(path: Path) -> None:
    rows = {"a": b"", "b": bytes(range(256)), "c": b"\n \n"}
    Cache(path).put_many((), rows)
    assert Cache(path).get_many(rows) == rows


def test_new_values_come_beside_those_that_are_there(path: Path) -> None:
    Cache(path).put_many((), {"a": b"1", "b": b"1"})
    Cache(path).put_many((), {"b": b"2", "c": b"2"})
    assert Cache(path).get_many("abc") == {"a": b"1", "b": b"2", "c": b"2"}


def swap_values(text: str) -> str:
    """Each key with the value of the next, checksums and all."""
    parts = [line.partition(" ") for line in text.splitlines()]
    values = [rest for _, _, rest in parts]
    shifted = zip(parts, [*values[1:], values[0]], strict=True)
    return "".join(f"{key} {rest}\n" for (key, _, _), rest in shifted)


DAMAGE: dict[str, Callable[[str], str]] = {
    "emptied": lambda text: "",
    "rows swapped between keys": swap_values,
    "no lines": lambda text: "x" * 500,
    "lines of something else": lambda text: "a b c\n\n  \nd\n" * 5,
    "values without checksums": lambda text: "".join(
        f"{line.rpartition(' ')[0]}\n" for line in text.splitlines()
    ),
    "binary": lambda text: "\0\udcff\udcfe" * 200,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_passed_over(path: Path, damage: Callable[[str], str]) -> None:
    Cache(path).put_many((), ROWS)
    path.write_bytes(damage(path.read_text()).encode(errors="surrogateescape"))
    assert Cache(path).get_many(ROWS) == {}
    Cache(path).put_many((), ROWS)
    assert Cache(path).get_many(ROWS) == ROWS


def test_every_bit_that_flips_costs_no_more_than_its_row(path: Path) -> None:
    Cache(path).put_many((), ROWS)
    data = path.read_bytes()
    for position in range(len(data)):
        flipped = bytes([*data[:position], data[position] ^ 1, *data[position + 1 :]])
        path.write_bytes(flipped)
        found = Cache(path).get_many(ROWS)
        assert found.items() <= ROWS.items()
        assert len(found) >= len(ROWS) - 2  # two, where the line end between them is hit


def test_a_file_that_was_cut_keeps_the_rows_before_the_cut(path: Path) -> None:
    Cache(path).put_many((), ROWS)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert Cache(path).get_many(ROWS).items() <= ROWS.items()


@pytest.mark.parametrize("in_the_way", ["folder", "file above", "link to nowhere"])
def test_where_it_cannot_be_written_it_is_as_good_as_none(path: Path, in_the_way: str) -> None:
    if in_the_way == "folder":
        path.mkdir(parents=True)
        (path / "x").touch()
    elif in_the_way == "file above":
        path.parent.parent.mkdir(parents=True)
        path.parent.touch()
    else:
        path.parent.parent.mkdir(parents=True)
        path.parent.symlink_to("nowhere/at/all")
    Cache(path).put_many((), ROWS)
    assert Cache(path).get_many(ROWS) == {}


def test_it_leaves_no_drafts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(path).put_many((), ROWS)

    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    Cache(path).put_many((), {"other": b"1"})
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert Cache(path).get_many(ROWS) == ROWS


def test_what_was_of_no_use_for_longest_goes_first(path: Path) -> None:
    cache = Cache(path, largest=1000)
    rows = {f"{n:064}": b"x" * 30 for n in range(20)}
    for key, value in rows.items():
        cache.put_many([f"{0:064}"], {key: value})
    kept = sorted(int(key) for key in cache.get_many(rows))
    assert path.stat().st_size <= 1000
    assert kept == [0, *range(20 - len(kept) + 1, 20)]


def test_a_file_that_is_far_too_large_is_not_read(path: Path) -> None:
    Cache(path).put_many((), ROWS)
    assert Cache(path, largest=path.stat().st_size // 3).get_many(ROWS) == {}


def test_of_several_that_write_at_once_none_breaks_it(path: Path) -> None:
    def write(number: int) -> None:
        for turn in range(10):
            Cache(path).put_many((), {f"{number}-{turn}": b"x" * 1000})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    keys = [f"{number}-{turn}" for number in range(4) for turn in range(10)]
    found = Cache(path).get_many(keys)
    assert found
    assert set(found.values()) == {b"x" * 1000}
    assert [file.name for file in path.parent.iterdir()] == [path.name]
