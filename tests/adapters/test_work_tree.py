"""Files of the work tree are written whole or not at all, and never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.adapters.work_tree import WorkTree
from modelctl.errors import ModelctlError


def everything(top: Path) -> dict[str, str]:
    return {p.relative_to(top).as_posix(): p.read_text() for p in top.rglob("*") if p.is_file()}


def test_files_are_created_and_replaced(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("1")
    WorkTree(tmp_path).write({"a/b/new": "é\n"}, {"old": "2"})
    assert everything(tmp_path) == {"a/b/new": "é\n", "old": "2"}


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("1")
    with pytest.raises(ModelctlError, match="there already"):
        WorkTree(tmp_path).write({"first": "x", "kept": "y"}, {})
    assert everything(tmp_path) == {"kept": "1"}


def test_when_one_file_cannot_be_written_none_is_left(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelctlError, match="can't be written"):
        WorkTree(tmp_path).write({"new": "x"}, {"folder": "y"})
    assert everything(tmp_path) == {}


def test_what_is_not_there_reads_as_nothing(tmp_path: Path) -> None:
    tree = WorkTree(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    assert tree.read("file") == b"x"
    assert tree.read("none") is None
    assert tree.read("file/below") is None
    assert tree.names("none") == ()
    assert tree.names("") == ("file",)
    with pytest.raises(ModelctlError, match="can't be read"):
        tree.read("")
