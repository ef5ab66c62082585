"""Files that must be new: whole, once, with their final mode."""

from __future__ import annotations

import stat
from multiprocessing import get_context
from pathlib import Path

import pytest

from modelctl.adapters.files import write_new
from modelctl.errors import ModelctlError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("asked", "found"), [(0o600, 0o600), (0o644, 0o644)])
def test_a_new_file_has_its_bytes_and_its_mode(tmp_path: Path, asked: int, found: int) -> None:
    path = tmp_path / "a/b/key.pem"
    write_new(path, b"secret\n", mode=asked)
    assert (path.read_bytes(), mode(path)) == (b"secret\n", found)
    assert [p.name for p in path.parent.iterdir()] == ["key.pem"]


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"old")
    with pytest.raises(ModelctlError, match=r"key\.pem is there already") as caught:
        write_new(path, b"new")
    assert caught.value.mend == "edit or remove it, or choose another name"
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["key.pem"]


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelctlError, match="is there already"):
        write_new(path, b"new")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("below", "why"),
    [("file/key.pem", "File exists"), ("file/deep/key.pem", "Not a directory")],
)
def test_a_place_that_can_hold_no_file_is_told(tmp_path: Path, below: str, why: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ModelctlError, match=rf"key\.pem can't be written: {why}"):
        write_new(tmp_path / below, b"new")


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="can't be written: File name too long"):
        write_new(tmp_path / ("k" * 300), b"new")


def test_of_many_writers_at_once_one_wins_whole(tmp_path: Path) -> None:
    context = get_context("fork")
    with context.Pool(4) as pool:
        won = pool.starmap(_writes, [(tmp_path / "key.pem", n) for n in range(12)])
    assert sum(won) == 1
    assert (tmp_path / "key.pem").read_bytes() in {bytes([n]) * 9999 for n in range(12)}
    assert [p.name for p in tmp_path.iterdir()] == ["key.pem"]


def _writes(path: Path, number: int) -> bool:
    try:
        write_new(path, bytes([number]) * 9999)
    except ModelctlError:
        return False
    return True
