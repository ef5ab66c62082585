"""A merged version stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from modelctl.domain.flow import judge_flow
from modelctl.domain.names import model_path, version_path
from modelctl.domain.verdict import Finding
from support.proposals import (
    DEV,
    MODEL,
    World,
    model_files,
    model_yaml,
    problems,
    release_yaml,
    version_yaml,
)
from support.trees import Content

BASE = model_files("1.0.0", "1.1.0")
V1, V2 = version_path(MODEL, "1.0.0"), version_path(MODEL, "1.1.0")


def _findings(edits: dict[str, Content | None], world: World | None = None) -> tuple[Finding, ...]:
    flow = judge_flow((world or World()).proposal("ml", BASE, edits))
    return tuple(f for f in flow.findings if f.gate == "immutability")


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({V1: b"other"}, f"{MODEL}@1.0.0 was merged and can't change any more"),
        ({V1: (BASE[V1], 0o100755)}, f"{MODEL}@1.0.0 was merged and can't change any more"),
        ({V1: None}, f"{MODEL}@1.0.0 was merged and can't be removed"),
        (
            {V1: None, version_path(MODEL, "1.0.1"): BASE[V1]},
            f"{MODEL}@1.0.0 was merged and can't be moved to {version_path(MODEL, '1.0.1')}",
        ),
        (
            {V1: None, version_path("other-model", "1.0.0"): BASE[V1]},
            f"{MODEL}@1.0.0 was merged and can't be moved to "
            f"{version_path('other-model', '1.0.0')}",
        ),
        (
            {V1: None, f"models/{MODEL}/old/1.0.0.yaml": BASE[V1]},
            f"{MODEL}@1.0.0 was merged and can't be moved to models/{MODEL}/old/1.0.0.yaml",
        ),
        (
            {V1: None, "archive/1.0.0.yaml": BASE[V1]},
            f"{MODEL}@1.0.0 was merged and can't be moved to archive/1.0.0.yaml",
        ),
        (
            {model_path(MODEL): None},
            f"{model_path(MODEL)} is removed, but {MODEL} is part of history",
        ),
    ],
)
def test_what_was_merged_stays(edits: dict[str, Content | None], message: str) -> None:
    (finding,) = _findings(edits)
    assert finding.message == message
    path = next(iter(edits))
    assert finding.location is not None
    assert finding.location.file == path
    assert finding.command == f"git checkout ml -- {path}"


def test_two_versions_that_swap_places() -> None:
    found = problems(_findings({V1: BASE[V2], V2: BASE[V1]}))
    assert found == [
        f"{MODEL}@1.0.0 was merged and can't change any more",
        f"{MODEL}@1.1.0 was merged and can't change any more",
    ]


def test_a_folder_of_versions_that_becomes_a_link() -> None:
    found = problems(_findings({f"models/{MODEL}/versions": (b"../other/versions", 0o120000)}))
    assert found == [
        f"{MODEL}@1.0.0 was merged and can't be removed",
        f"{MODEL}@1.1.0 was merged and can't be removed",
    ]


@pytest.mark.parametrize(
    "edits",
    [
        dict(version_yaml("1.2.0")),
        dict(release_yaml("1.0.0")),
        dict(model_yaml(note="another description")),
        {**model_files("1.0.0", model="new-model")},
    ],
    ids=["a new version", "a release", "model.yaml", "a new model"],
)
def test_what_may_change(edits: dict[str, Content | None]) -> None:
    (finding,) = _findings(edits)
    assert finding.message == "every merged version stays as it is"
    assert not finding.outcome.blocks


def test_a_version_number_that_was_deployed_is_used_up() -> None:
    world = World()
    world.deploy("production", "1.2.0", {**BASE, **version_yaml("1.2.0", note="hotfix")})
    assert problems(_findings(dict(version_yaml("1.2.0", note="mine")), world)) == [
        f"{MODEL}@1.2.0 was deployed to production with another manifest"
    ]
    assert problems(_findings(dict(version_yaml("1.2.0", note="hotfix")), world)) == []
    assert problems(_findings(dict(version_yaml("1.3.0")), world)) == []


_VERSIONS = ["1.0.0", "1.1.0", "2.0.0-rc.1"]
_PATHS = [
    *(version_path(model, v) for model in (MODEL, "risk-scorer") for v in _VERSIONS),
    *(model_path(model) for model in (MODEL, "risk-scorer")),
    f"models/{MODEL}/release.yaml",
    "policies/x.yaml",
]
_states = st.dictionaries(
    st.sampled_from([path for path in _PATHS if "release" not in path]),
    st.sampled_from([b"one", b"two", (b"one", 0o100755)]),
)
_edits = st.dictionaries(
    st.sampled_from([path for path in _PATHS if "release" not in path]),
    st.none() | st.sampled_from([b"one", b"two", (b"two", 0o120000)]),
)


@settings(deadline=None)
@given(_states, st.lists(_edits, max_size=4))
def test_no_sequence_of_allowed_changes_ever_changes_a_merged_version(
    start: dict[str, Content], steps: list[dict[str, Content | None]]
) -> None:
    """Each change is merged only if nothing objects; then what was there is there still."""
    merged = dict(start)
    for edits in steps:
        proposal = World().proposal(DEV.to_branch, merged, edits)
        if any(f.outcome.blocks for f in judge_flow(proposal).findings):
            continue
        after = {entry.path: entry for entry in proposal.after.walk()}
        for entry in proposal.before.walk("models"):
            if "/versions/" in entry.path:
                assert after.get(entry.path) == entry
            assert entry.path in after
        merged = {
            path: (proposal.after.read(path) or b"", entry.mode)
            for path, entry in after.items()
            if path.startswith("models/")
        }


@settings(deadline=None)
@given(_states, _edits)
def test_whatever_happens_to_a_merged_version_is_told(
    start: dict[str, Content], edits: dict[str, Content | None]
) -> None:
    proposal = World().proposal(DEV.to_branch, start, edits)
    told = {
        finding.location.file
        for finding in judge_flow(proposal).findings
        if finding.gate == "immutability" and finding.location is not None
    }
    touched = {c.path for c in proposal.changes if "/versions/" in c.path and not c.added}
    removed = {c.path for c in proposal.changes if c.path.endswith("model.yaml") and c.removed}
    assert told == touched | removed
