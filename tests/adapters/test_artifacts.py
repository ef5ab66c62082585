"""The files of a model: every difference is told, and nothing outside the folder is read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from modelctl.adapters.artifacts import fetch, measure, verify
from modelctl.errors import DependencyError, ModelctlError
from support.tracking import store, tumours


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "repo" / "artifacts" / "model"
    (place / "code").mkdir(parents=True)
    (place / "MLmodel").write_bytes(b"flavors: {}\n")
    (place / "code" / "a.py").write_bytes(b"")
    (place / "data.bin").write_bytes(bytes(range(256)))
    return place


def test_every_file_is_measured_in_the_order_of_the_paths(folder: Path) -> None:
    files = measure(folder)
    assert [file.path for file in files] == ["MLmodel", "code/a.py", "data.bin"]
    assert [file.size for file in files] == [12, 0, 256]
    assert files[2].sha256 == hashlib.sha256(bytes(range(256))).hexdigest()


def test_an_untouched_folder_verifies(folder: Path) -> None:
    assert verify(folder, measure(folder)) == ()


def test_every_difference_is_told(folder: Path) -> None:
    listed = measure(folder)
    (folder / "MLmodel").write_bytes(b"flavors: []\n")
    (folder / "data.bin").write_bytes(b"short")
    (folder / "code" / "a.py").unlink()
    (folder / "code" / "b.py").symlink_to("/etc/passwd")
    (folder / "extra").write_bytes(b"x")
    missing, linked, altered, size, extra = (
        "code/a.py is missing",
        "code/b.py is a symbolic link",
        "MLmodel was altered",
        "data.bin has 5 bytes, not 256",
        "extra is not listed",
    )
    problems = verify(folder, listed)
    assert len(problems) == 5
    assert problems[0].startswith(altered)
    assert problems[1:] == (missing, linked, size, extra)


def test_a_link_in_the_place_of_a_listed_file_is_not_read(folder: Path, tmp_path: Path) -> None:
    listed = measure(folder)
    same = tmp_path / "same"
    (folder / "data.bin").rename(same)
    (folder / "data.bin").symlink_to(same)
    assert verify(folder, listed) == ("data.bin is a symbolic link",)


@pytest.mark.parametrize("kind", ["file", "folder", "dangling", "pipe"])
def test_what_is_no_plain_file_is_refused(folder: Path, tmp_path: Path, kind: str) -> None:
    odd = folder / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        target = {"file": folder / "MLmodel", "folder": tmp_path, "dangling": tmp_path / "none"}
        odd.symlink_to(target[kind])
    with pytest.raises(ModelctlError, match=r"odd is (a symbolic link|no plain file)"):
        measure(folder)
    with pytest.raises(ModelctlError, match="not plain files"):
        fetch("artifacts/model", tmp_path / "into", repository=tmp_path / "repo")


def test_an_empty_folder_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="no files"):
        measure(tmp_path)


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="can't be read"):
        measure(tmp_path / "none")


def test_a_folder_of_the_repository_is_copied(folder: Path, tmp_path: Path) -> None:
    copy = fetch("artifacts/model", tmp_path / "into", repository=tmp_path / "repo")
    assert verify(copy, measure(folder)) == ()
    (folder / "MLmodel").write_bytes(b"changed afterwards")
    assert (copy / "MLmodel").read_bytes() == b"flavors: {}\n"


def test_a_file_address_needs_no_repository(folder: Path, tmp_path: Path) -> None:
    spaced = folder.rename(folder.with_name("my model"))
    copy = fetch(spaced.as_uri(), tmp_path / "into")
    assert [file.path for file in measure(copy)] == ["MLmodel", "code/a.py", "data.bin"]


@pytest.mark.parametrize("root", ["../outside", "artifacts/../../outside", "link"])
def test_nothing_outside_the_repository_is_fetched(folder: Path, tmp_path: Path, root: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("x")
    (tmp_path / "repo" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(ModelctlError, match="leaves the repository"):
        fetch(root, tmp_path / "into", repository=tmp_path / "repo")


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ("artifacts/none", "no folder artifacts/none"),
        ("file://host/folder", "names no folder here"),
        ("file:relative", "names no folder here"),
    ],
)
def test_a_root_that_leads_nowhere_says_so(
    folder: Path, tmp_path: Path, root: str, said: str
) -> None:
    with pytest.raises(ModelctlError, match=said):
        fetch(root, tmp_path / "into", repository=tmp_path / "repo")


def test_a_relative_root_needs_a_repository(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="none is known"):
        fetch("artifacts/model", tmp_path)


def test_artifacts_of_mlflow_need_its_address(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="no tracking server") as caught:
        fetch("models:/m-1", tmp_path)
    assert "MLFLOW_TRACKING_URI" in (caught.value.mend or "")


def test_artifacts_of_mlflow_are_downloaded(tmp_path: Path) -> None:
    folder = fetch(f"models:/{tumours().model_id}", tmp_path, tracking_uri=store())
    assert folder.is_relative_to(tmp_path)
    assert "MLmodel" in [file.path for file in measure(folder)]
