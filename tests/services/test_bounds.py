"""What is refused for its size alone, before anything in it is read."""

from __future__ import annotations

from modelctl.domain.names import version_path
from modelctl.domain.verdict import Outcome
from modelctl.services.bounds import MAX_BYTES, MAX_DOCUMENTS, too_much
from support.trees import Content, MemoryTree, changes

MODEL = "tumor-classifier"


def refused(files: dict[str, Content], before: dict[str, Content] | None = None) -> str | None:
    """What is said of a change to these files."""
    old, new = MemoryTree(before or {}), MemoryTree(files)
    finding = too_much(new, changes(old, new))
    assert finding is None or finding.outcome is Outcome.FAIL
    return None if finding is None else finding.message


def versions(count: int, data: bytes = b"a: 1\n") -> dict[str, Content]:
    return {version_path(MODEL, f"1.0.{n}"): data for n in range(count)}


def test_as_many_documents_as_are_allowed_are_judged() -> None:
    assert refused(versions(MAX_DOCUMENTS)) is None
    message = refused(versions(MAX_DOCUMENTS + 1))
    assert message == "too many documents to judge at once: 3,001 > 3,000"


def test_what_is_no_document_does_not_count() -> None:
    assert refused({f"models/{n}.txt": b"x" for n in range(MAX_DOCUMENTS + 1)}) is None
    assert refused({f"docs/{n}.md": b"x" for n in range(MAX_DOCUMENTS + 1)}) is None


def test_removed_documents_have_no_bytes() -> None:
    huge = {version_path(MODEL, "1.0.0"): b"x" * (MAX_BYTES + 1)}
    assert refused({}, before=huge) is None


def test_as_many_bytes_as_are_allowed_are_judged() -> None:
    half = b"x" * (MAX_BYTES // 2)
    assert refused(versions(2, half)) is None
    message = refused({**versions(2, half), version_path(MODEL, "2.0.0"): half + b"y"})
    assert message is not None
    assert "too many bytes to judge at once: 12,582,913 > 8,388,608" in message
    assert f"{version_path(MODEL, '2.0.0')} has 4,194,305" in message
