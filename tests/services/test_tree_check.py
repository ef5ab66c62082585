"""Every document of a tree: what each version says, in one process or several, kept or fresh."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from semver import Version

from modelctl.adapters import own_code
from modelctl.adapters.cache import Cache
from modelctl.adapters.documents import dump
from modelctl.domain.compatibility import previous
from modelctl.domain.manifest import version_from
from modelctl.domain.verdict import Finding, Outcome, Report
from modelctl.services import tree_check
from modelctl.services.checking import check_change, check_version
from modelctl.services.model_check import _Before
from modelctl.services.tree_check import check_tree
from support.journey import bring
from support.repos import Files
from support.world import MODEL, World, model_data, release_data, version_data

OTHER = {
    "inputs": [{"name": "radius", "type": "double"}],
    "outputs": [{"name": "prediction", "type": "long"}],
}

NUMBERS = (
    *("0.1.0", "0.2.0-a", "0.2.0", "1.0.0-a", "1.0.0-b", "1.0.0", "1.0.0+x", "1.0.0+y"),
    *("1.1.0-rc.1+x", "1.1.0-rc.1+y", "1.1.0", "2.0.0-rc.1", "10.0.0"),
)


def manifest(version: str, *without: str, **changes: Any) -> str:
    """A version's manifest without some of its fields."""
    data = version_data(version, **changes)
    data["lineage"]["run"]["id"] = "run-1"
    return dump({key: value for key, value in data.items() if key not in without})


def model_files(name: str, *versions: str, **changes: object) -> dict[str, str]:
    """A model with these versions, the last one released."""
    folder = f"models/{name}"
    texts = {
        f"{folder}/versions/{version}.yaml": manifest(version, model=name) for version in versions
    }
    return {
        f"{folder}/model.yaml": dump(model_data(name=name, **changes)),
        f"{folder}/release.yaml": dump(release_data(versions[-1], model=name)),
        **texts,
    }


def checked(world: World, ref: str = "x", **options: object) -> Report:
    session = world.session(fetch=False)
    commit = session.repository.resolve(ref)
    return check_tree(session, session.repository.tree(commit), commit, **options)


def written(world: World, files: Files) -> None:
    world.commit(files, "x", "ml")


def findings(report: Report, model: str = MODEL) -> tuple[Finding, ...]:
    [verdict] = [v for v in report.verdicts if v.subject.model == model]
    return verdict.findings


def kept(world: World) -> Path:
    return world.session(fetch=False).repository.private_folder / "passed"


def test_what_passes_says_by_which_gates(world: World) -> None:
    written(world, model_files(MODEL, "1.0.0", "1.0.1"))
    said = {finding.gate: finding.message for finding in findings(checked(world))}
    assert said["documents"] == "4 documents are valid"
    assert said["metadata"] == said["version-bump"] == "2 versions pass"
    assert said["serving"] == "the released version passes"
    assert {"quality", "soak", "claims"}.isdisjoint(said)


def test_every_version_is_held_to_the_static_gates(world: World) -> None:
    files = model_files(MODEL, "1.0.0", "1.0.1", "1.0.2")
    files[f"models/{MODEL}/versions/1.0.1.yaml"] = manifest("1.0.1", "explainability", "features")
    written(world, files)
    found = findings(checked(world))
    assert {finding.gate for finding in found} == {"metadata"}
    assert {f.location.file for f in found if f.location} == {f"models/{MODEL}/versions/1.0.1.yaml"}


def test_each_version_follows_the_one_before_it(world: World) -> None:
    files = model_files(MODEL, "1.9.0", "1.10.0-rc.1", "1.10.0", "2.0.0", "2.0.0+b")
    for version in ("1.10.0-rc.1", "1.10.0"):
        data = version_data(version, signature=OTHER)
        files[f"models/{MODEL}/versions/{version}.yaml"] = dump(data)
    written(world, files)
    steps = [f.message.partition(" is ")[0] for f in findings(checked(world))]
    # A pre-release hides nothing: 1.10.0 is compared with 1.9.0. Equal numbers follow the same one.
    assert steps == ["1.9.0 → 1.10.0-rc.1", "1.9.0 → 1.10.0"]


@given(st.sets(st.sampled_from(NUMBERS), min_size=1).map(sorted))
def test_the_version_before_is_that_of_the_bump_gate(numbers: list[str]) -> None:
    data = {number: version_from(version_data(number)) for number in numbers}
    before = _Before()
    for version in sorted(map(Version.parse, numbers)):
        expected = previous(version, map(Version.parse, numbers))
        found = [one.version for one in before.of(version)]
        assert found == ([] if expected is None else [expected])
        before.add(data[str(version)])


def test_a_first_release_may_follow_a_pre_release(world: World) -> None:
    files = model_files(MODEL, "0.1.0-rc.1", "0.1.0")
    files[f"models/{MODEL}/versions/0.1.0-rc.1.yaml"] = dump(
        version_data("0.1.0-rc.1", signature=OTHER)
    )
    written(world, files)
    assert [f.outcome for f in findings(checked(world)) if f.outcome.blocks] == []


def test_versions_that_are_equal_are_all_judged(world: World) -> None:
    """By Semantic Versioning they are the same; as documents they are not."""
    files = model_files(MODEL, "1.0.0", "1.0.0+a", "1.0.0+b")
    for version in ("1.0.0", "1.0.0+a", "1.0.0+b"):
        files[f"models/{MODEL}/versions/{version}.yaml"] = manifest(version, "latency")
    written(world, files)
    found = [f for f in findings(checked(world)) if f.gate == "metadata"]
    assert len(found) == 3


def test_without_the_model_only_documents_are_judged(world: World) -> None:
    files: dict[str, str | None] = {**model_files(MODEL, "1.0.0")}
    files[f"models/{MODEL}/model.yaml"] = None
    written(world, files)
    assert [f.message for f in findings(checked(world))] == [
        f"models/{MODEL}/model.yaml is missing"
    ]


def test_a_version_that_cannot_be_read_hides_no_other(world: World) -> None:
    files = model_files(MODEL, "1.0.0", "1.0.1", "1.0.2")
    files[f"models/{MODEL}/versions/1.0.0.yaml"] = "no: [yaml\n"
    files[f"models/{MODEL}/versions/1.0.2.yaml"] = dump(version_data("1.0.2", changelog=""))
    written(world, files)
    found = findings(checked(world))
    assert [f.location.file.rsplit("/")[-1] for f in found if f.location] == [
        "1.0.0.yaml",
        "1.0.2.yaml",
    ]


MANY = [f"tumor-model-{number:02}" for number in range(12)]


@pytest.fixture
def several(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A dozen models, one of which has no place for a file; few enough for several processes."""
    monkeypatch.setattr(tree_check, "_PART", 6)
    monkeypatch.setattr(tree_check, "_ALONE", 0)
    files: dict[str, str] = {}
    for name in MANY:
        files |= model_files(name, "1.0.0", "1.0.1")
    files[f"models/{MANY[3]}/notes.txt"] = "hello\n"
    written(world, files)
    return world


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_any_number_of_processes_gives_the_same_report(
    several: World, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_check, "cores", lambda: processes)
    report = checked(several)
    assert [v.subject.model for v in report.verdicts] == MANY
    blocked = [v.subject.model for v in report.verdicts if v.outcome.blocks]
    assert blocked == [MANY[3]]
    assert all(len(v.findings) > 1 for v in report.verdicts if not v.outcome.blocks)


def test_progress_goes_up_to_the_last_model(several: World) -> None:
    steps: list[tuple[int, int]] = []
    checked(several, progress=lambda done, all_: steps.append((done, all_)))
    assert steps == [(done, len(MANY)) for done in range(len(MANY) + 1)]
    steps.clear()
    checked(several, progress=lambda done, all_: steps.append((done, all_)))
    assert steps == [(len(MANY) - 1, len(MANY)), (len(MANY), len(MANY))]


def same(first: Report, second: Report) -> bool:
    return replace(first, at=None) == replace(second, at=None)


def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that are looked at from now on, in this process."""
    looked: list[str] = []
    original = tree_check.judge_model

    def noted(tree, policy, model, now):  # type: ignore[no-untyped-def]
        looked.append(model)
        return original(tree, policy, model, now)

    monkeypatch.setattr(tree_check, "judge_model", noted)
    monkeypatch.setattr(tree_check, "cores", lambda: 1)
    return looked


def test_what_passed_is_not_looked_at_again(
    several: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checked(several)
    looked = judged(monkeypatch)
    assert same(checked(several), first)
    assert looked == [MANY[3]]


def swapped(path: Path) -> None:
    parts = [line.split(" ") for line in path.read_text().splitlines()]
    values = [rest for _, *rest in parts]
    rows = zip(parts, [*values[1:], values[0]], strict=True)
    path.write_text("".join(f"{key} {' '.join(rest)}\n" for (key, *_), rest in rows))


HARM: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "the folder deleted": lambda path: shutil.rmtree(path.parent),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:700]),
    "a bit flipped": lambda path: path.write_bytes(
        b"".join(bytes([*b[:80], b[80] ^ 4, *b[81:]]) for b in path.read_bytes().splitlines(True))
    ),
    "rows swapped between keys": swapped,
    "filled with something else": lambda path: path.write_text("hello\n" * 100),
    "a folder in its place": lambda path: (path.unlink(), path.mkdir(), (path / "x").touch()),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_damaged_cache_is_only_slower(
    several: World, harm: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checked(several)
    harm(kept(several))
    looked = judged(monkeypatch)
    assert same(checked(several), first)
    assert len(looked) > 1
    assert same(checked(several), first)


@pytest.mark.parametrize("lie", [b"no JSON", b"[]", b"3", b'[["gate"]]', b"[null]", b"\xff"])
def test_a_value_that_is_none_of_ours_is_passed_over(
    several: World, lie: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checked(several)
    keys = [line.partition(" ")[0] for line in kept(several).read_text().splitlines()]
    Cache(kept(several)).put_many((), dict.fromkeys(keys, lie))
    looked = judged(monkeypatch)
    assert same(checked(several), first)
    assert looked == MANY


def test_another_version_of_the_code_looks_for_itself(
    several: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checked(several)
    looked = judged(monkeypatch)
    monkeypatch.setattr(tree_check, "code_identity", lambda: own_code.code_identity()[::-1])
    assert same(checked(several), first)
    assert looked == MANY


def test_other_rules_look_for_themselves(several: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(v.outcome.blocks for v in checked(several).verdicts) == 1
    path = "policies/gates/integrity.yaml"
    text = several.show("origin/main", path).replace("[changelog,", "[tags, changelog,")
    several.builder.git("checkout", "--quiet", "-B", "main", "origin/main")
    sha = several.builder.commit({path: text}, "main")
    several.builder.git("push", "--quiet", "origin", f"{sha}:main")
    several.builder.git("fetch", "--quiet", "origin")
    looked = judged(monkeypatch)
    assert all(v.outcome.blocks for v in checked(several).verdicts)
    assert looked == MANY


def test_a_changed_version_is_looked_at_and_its_neighbours_are_not(
    several: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(several)
    data = version_data("1.0.1", model=MANY[7], changelog="")
    written(several, {f"models/{MANY[7]}/versions/1.0.1.yaml": dump(data)})
    looked = judged(monkeypatch)
    report = checked(several)
    assert looked == [MANY[3], MANY[7]]
    assert {v.subject.model for v in report.verdicts if v.outcome.blocks} == {MANY[3], MANY[7]}


def test_no_change_and_no_deploy_is_judged_by_what_was_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Cache, keys: object) -> None:
        raise AssertionError("it was asked for what is kept")

    monkeypatch.setattr(Cache, "get_many", refuse)
    bring(world, "dev")  # a pull request is judged, merged and deployed
    session = world.session()
    assert check_change(session, "ml", "feature/1.0.0", ask_reviews=False).outcome is Outcome.PASS
    located = world.locate("1.0.0", "origin/ml")
    step = world.transition("staging")
    assert {f.gate for f in findings(check_version(session, located, step))} > {"documents"}
    with pytest.raises(AssertionError, match="asked for what is kept"):
        check_tree(session, session.repository.tree(located.commit), None)


def test_a_renamed_model_is_looked_at(several: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same folder under another name is another model, whose documents name the wrong one."""
    checked(several)
    files = {f"models/tumor-renamed/{path.partition('/')[2].partition('/')[2]}": text
             for path, text in model_files(MANY[0], "1.0.0", "1.0.1").items()}  # fmt: skip
    written(several, files)
    looked = judged(monkeypatch)
    report = checked(several)
    assert looked == [MANY[3], "tumor-renamed"]
    assert all(f.outcome is Outcome.FAIL for f in findings(report, "tumor-renamed"))
