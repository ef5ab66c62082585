"""Promotions carry what the source environment was deployed from; rollbacks what served before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from modelctl.domain.flow import Flow, FlowKind, Move, judge_flow
from modelctl.domain.history import ROLLBACK
from modelctl.domain.names import model_path, release_path, version_path
from modelctl.domain.provenance import rollback_proof
from modelctl.domain.verdict import Finding
from support.proposals import (
    MODEL,
    PRODUCTION,
    World,
    model_files,
    model_yaml,
    problems,
    release_yaml,
    version_yaml,
)
from support.trees import Content, blob_oid

OLD = model_files("1.0.0")
NEW = {**model_files("1.0.0", "1.1.0"), **model_yaml(note="better")}
COMMIT = "d" * 40
OTHER = "risk-scorer"


def _promotion(old: Mapping[str, Content], new: Mapping[str, Content]) -> dict[str, Content | None]:
    """The edits that make `old` into `new`."""
    return {path: content for path, content in new.items() if old.get(path) != content}


def _judge(world: World, edits: dict[str, Content | None], before: Any = OLD) -> Flow:
    return judge_flow(world.proposal(PRODUCTION.to_branch, before, edits))


def _served(**details: Any) -> World:
    """Staging was deployed with the new version, from one commit of its branch."""
    world = World()
    world.deploy("staging", "1.1.0", NEW, commit=COMMIT, **details)
    return world


def _provenance(flow: Flow) -> list[Finding]:
    return [f for f in flow.findings if f.gate == "provenance" and f.outcome.blocks]


def test_a_promotion_of_what_the_source_was_deployed_from() -> None:
    flow = _judge(_served(), _promotion(OLD, NEW))
    assert problems(flow.findings) == []
    assert flow.kind is FlowKind.PROMOTION
    assert flow.moves == (
        Move(model=MODEL, version="1.1.0", from_version="1.0.0", kind=FlowKind.PROMOTION),
    )


def test_the_first_branch_has_no_source() -> None:
    flow = judge_flow(World().proposal("ml", OLD, _promotion(OLD, NEW)))
    assert "provenance" not in {finding.gate for finding in flow.findings}


DRIFTS: dict[str, dict[str, Content | None]] = {
    "another model.yaml": dict(model_yaml(note="worse, but cheaper")),
    "model.yaml left out": {model_path(MODEL): OLD[model_path(MODEL)]},
    "another strategy": dict(release_yaml("1.1.0", production="immediate")),
    "a stowaway": dict(version_yaml("1.2.0")),
}


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_nothing_else_comes_with_it(drift: dict[str, Content | None]) -> None:
    edits = {**_promotion(OLD, NEW), **drift}
    (finding,) = _provenance(_judge(_served(), edits))
    (path,) = drift
    assert finding.message == (
        f"{path} is not as staging was deployed with it, from commit {COMMIT[:12]} of develop"
    )
    here, there = drift[path], NEW.get(path)
    assert isinstance(here, bytes)
    shown = blob_oid(there)[:12] if isinstance(there, bytes) else "none"
    assert finding.values == {"here": blob_oid(here)[:12], "develop": shown, "ledger": shown}
    assert finding.mend == (
        f"cut promote/{MODEL}/1.1.0/production from main and copy models/{MODEL} "
        f"from commit {COMMIT}"
    )
    assert finding.command == f"git checkout {COMMIT} -- models/{MODEL}"


def test_a_version_that_was_not_released_comes_along_unchanged() -> None:
    source = {**NEW, **version_yaml("2.0.0-rc.1")}
    world = World()
    world.deploy("staging", "1.1.0", source)
    assert problems(_judge(world, _promotion(OLD, source)).findings) == []
    changed = {**source, **version_yaml("2.0.0-rc.1", note="other")}
    (finding,) = _provenance(_judge(world, _promotion(OLD, changed)))
    assert finding.location is not None
    assert finding.location.file == version_path(MODEL, "2.0.0-rc.1")


def test_a_model_yaml_of_an_earlier_deployment_of_the_same_version() -> None:
    """Any deployment of the version proves its files; the newest need not be the one."""
    world = _served()
    world.deploy("staging", "1.1.0", {**NEW, **model_yaml(note="newer")})
    assert problems(_judge(world, _promotion(OLD, NEW)).findings) == []
    mixture = {**NEW, **model_yaml(note="neither")}
    (finding,) = _provenance(_judge(world, _promotion(OLD, mixture)))
    assert "01cccccccccc" in finding.message  # of two that come equally near the newest is named


def test_the_nearest_deployment_is_compared() -> None:
    world = _served()
    far = {**NEW, **model_yaml(note="far"), **release_yaml("1.1.0", staging="canary")}
    world.deploy("staging", "1.1.0", far)
    edits = _promotion(OLD, {**NEW, **version_yaml("1.2.0")})
    (finding,) = _provenance(_judge(world, edits))
    assert COMMIT[:12] in finding.message


def test_files_of_two_deployments_do_not_mix() -> None:
    world = _served()
    world.deploy(
        "staging", "1.1.0", {**NEW, **model_yaml(note="2"), **release_yaml("1.1.0", dev="x")}
    )
    mixture = {**NEW, **release_yaml("1.1.0", dev="x")}
    assert len(_provenance(_judge(world, _promotion(OLD, mixture)))) == 1


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_a_deployment_elsewhere_proves_nothing(environment: str) -> None:
    world = World()
    world.deploy(environment, "1.1.0", NEW)
    (finding,) = _provenance(_judge(world, _promotion(OLD, NEW)))
    assert finding.message == f"{MODEL}@1.1.0 was never deployed to staging"
    assert finding.mend == "merge it into develop and wait for its deploy to staging"


def test_another_manifest_of_the_same_number() -> None:
    world = World()
    world.deploy("staging", "1.1.0", {**NEW, **version_yaml("1.1.0", note="x")}, commit=COMMIT)
    (finding,) = _provenance(_judge(world, _promotion(OLD, NEW)))
    assert finding.message == f"staging was deployed with another manifest of {MODEL}@1.1.0"
    assert COMMIT in (finding.mend or "")


def test_a_commit_that_is_not_on_the_source_branch() -> None:
    world = _served()
    world.on_branch.clear()
    (finding,) = _provenance(_judge(world, _promotion(OLD, NEW)))
    assert finding.message == (
        f"staging was deployed with {MODEL}@1.1.0 from commit {COMMIT[:12]}, "
        "which is not on develop"
    )


def test_a_ledger_that_says_otherwise_than_the_commit() -> None:
    world = _served(files={model_path(MODEL): "f" * 40})
    (finding,) = _provenance(_judge(world, _promotion(OLD, NEW)))
    assert finding.values["ledger"] == "f" * 12
    assert finding.values["here"] == finding.values["develop"]


def test_a_ledger_that_did_not_record_the_files() -> None:
    assert problems(_judge(_served(files={}), _promotion(OLD, NEW)).findings) == []


def test_a_version_that_was_rolled_back_in_the_source() -> None:
    world = _served()
    world.quarantine("staging", "1.1.0")
    (finding,) = _provenance(_judge(world, _promotion(OLD, NEW)))
    assert finding.message == f"{MODEL}@1.1.0 was rolled back in staging: errors over 5 %"


def test_the_commit_of_a_rollback_must_hold_the_files_too() -> None:
    """A rollback of the environment names the commit whose release still said otherwise."""
    world = World()
    world.deploy("staging", "1.0.0", NEW, kind=ROLLBACK, files={})
    back = {**NEW, **release_yaml("1.0.0")}
    before = model_files("0.9.0", "1.0.0", release="0.9.0")
    (finding,) = _provenance(_judge(world, _promotion(before, back), before))
    assert finding.location is not None
    assert finding.location.file == release_path(MODEL)


@pytest.mark.parametrize("unreadable", [(), (MODEL,)])
def test_nothing_released_is_nothing_to_promote(unreadable: tuple[str, ...]) -> None:
    files = {**NEW} if unreadable else {p: c for p, c in NEW.items() if "release" not in p}
    flow = judge_flow(_served().proposal("main", {}, dict(files), unreadable=unreadable))
    assert (
        f"{MODEL} has no release that can be read, so nothing shows where its files come from"
        in (problems(flow.findings, "provenance"))
    )


def test_a_whole_branch_is_judged_model_by_model() -> None:
    scorer = model_files("3.0.0", model=OTHER)
    world = _served()
    edits = {**_promotion(OLD, NEW), **scorer}
    (finding,) = _provenance(_judge(world, edits))
    assert finding.message == f"{OTHER}@3.0.0 was never deployed to staging"
    world.deploy("staging", "3.0.0", scorer, model=OTHER)
    flow = _judge(world, edits)
    assert problems(flow.findings) == []
    assert [(move.model, move.version) for move in flow.moves] == [
        (OTHER, "3.0.0"),
        (MODEL, "1.1.0"),
    ]


def test_an_older_version_can_be_promoted_where_the_source_serves_it() -> None:
    """Only first branches have to prove that they go back; later ones follow their source."""
    source = {**NEW, **release_yaml("1.0.0")}
    world = World()
    world.deploy("staging", "1.0.0", source)
    flow = _judge(world, dict(release_yaml("1.0.0")), NEW)
    assert problems(flow.findings) == []
    assert [(move.version, move.kind) for move in flow.moves] == [("1.0.0", FlowKind.PROMOTION)]


BACK = dict(release_yaml("1.0.0"))
ABOUT = model_yaml(note="better")


def _rolled_out() -> World:
    """Production was deployed with 1.0.0 and then with 1.1.0."""
    world = _served()
    world.deploy("production", "1.0.0", {**OLD, **ABOUT})
    world.deploy("production", "1.1.0", NEW)
    return world


def test_a_rollback_is_proved_by_the_ledger_alone() -> None:
    flow = _judge(_rolled_out(), BACK, NEW)
    assert problems(flow.findings) == []
    assert flow.kind is FlowKind.ROLLBACK
    assert flow.moves == (
        Move(model=MODEL, version="1.0.0", from_version="1.1.0", kind=FlowKind.ROLLBACK),
    )


def test_a_rollback_may_bring_the_strategies_of_then() -> None:
    world, then = _rolled_out(), {**OLD, **ABOUT, **release_yaml("1.0.0", production="canary")}
    canary = dict(release_yaml("1.0.0", production="canary"))
    assert _judge(world, canary, NEW).kind is FlowKind.PROMOTION
    world.deploy("production", "1.0.0", then)
    assert _judge(world, canary, NEW).kind is FlowKind.ROLLBACK


def test_a_rollback_brings_model_yaml_of_then() -> None:
    """What came with a later version was never judged with this one."""
    world = _served()
    world.deploy("production", "1.0.0", OLD)
    world.deploy("production", "1.1.0", NEW)
    pointer_alone = _judge(world, BACK, NEW)
    assert pointer_alone.kind is FlowKind.PROMOTION
    assert _provenance(pointer_alone)
    flow = _judge(world, {**BACK, **model_yaml()}, NEW)
    assert (flow.kind, problems(flow.findings)) == (FlowKind.ROLLBACK, [])


NO_ROLLBACKS: dict[str, tuple[World, dict[str, Content | None]]] = {
    "model.yaml too": (_rolled_out(), {**BACK, **model_yaml(note="x")}),
    "a version too": (_rolled_out(), {**BACK, **version_yaml("1.3.0")}),
    "another strategy": (_rolled_out(), dict(release_yaml("1.0.0", production="immediate"))),
    "never deployed": (_served(), BACK),
    "the same version": (_rolled_out(), dict(release_yaml("1.1.0", production="immediate"))),
}


def test_a_first_release_is_no_rollback() -> None:
    """Whatever was deployed before, there is nothing to go back from."""
    before = {path: content for path, content in NEW.items() if "release" not in path}
    flow = _judge(_rolled_out(), BACK, before)
    assert flow.kind is FlowKind.PROMOTION
    assert _provenance(flow)


def test_a_release_that_can_not_be_read_is_no_rollback() -> None:
    flow = judge_flow(_rolled_out().proposal("main", NEW, BACK, unreadable=[MODEL]))
    assert flow.kind is FlowKind.PROMOTION
    assert _provenance(flow)


def test_a_branch_without_an_environment_has_no_rollback() -> None:
    proposal = _rolled_out().proposal("main", NEW, BACK)
    assert rollback_proof(proposal, MODEL)
    assert rollback_proof(replace(proposal, transition=None), MODEL) is None


def test_a_comment_in_the_pointer_is_no_rollback() -> None:
    same = {release_path(MODEL): bytes(NEW[release_path(MODEL)]) + b"# hello\n"}  # type: ignore[arg-type]
    flow = _judge(_rolled_out(), dict(same), NEW)
    assert flow.kind is FlowKind.PROMOTION
    assert _provenance(flow)


def test_a_version_that_the_source_no_longer_has_is_immutability_s_to_tell() -> None:
    before = {**OLD, **version_yaml("0.9.0")}
    edits = {**_promotion(OLD, NEW), version_path(MODEL, "0.9.0"): None}
    flow = _judge(_served(), edits, before)
    assert problems(flow.findings) == [f"{MODEL}@0.9.0 was merged and can't be removed"]


@pytest.mark.parametrize(("world", "edits"), NO_ROLLBACKS.values(), ids=NO_ROLLBACKS)
def test_what_is_no_rollback_needs_provenance(
    world: World, edits: dict[str, Content | None]
) -> None:
    flow = _judge(world, edits, NEW)
    assert flow.kind is FlowKind.PROMOTION
    assert _provenance(flow)


def test_a_quarantined_version_is_no_way_back() -> None:
    world = _rolled_out()
    world.quarantine("production", "1.0.0")
    flow = _judge(world, BACK, NEW)
    assert flow.kind is FlowKind.PROMOTION
    assert _provenance(flow)
    elsewhere = _rolled_out()
    elsewhere.quarantine("staging", "1.0.0")
    elsewhere.quarantine("production", "1.1.0")
    assert _judge(elsewhere, BACK, NEW).kind is FlowKind.ROLLBACK


def test_a_rollback_beside_a_promotion() -> None:
    scorer = model_files("3.0.0", model=OTHER)
    world = _rolled_out()
    world.deploy("staging", "3.0.0", scorer, model=OTHER)
    flow = _judge(world, {**BACK, **scorer}, NEW)
    assert problems(flow.findings) == []
    assert flow.kind is FlowKind.PROMOTION
    assert {move.model: move.kind for move in flow.moves} == {
        MODEL: FlowKind.ROLLBACK,
        OTHER: FlowKind.PROMOTION,
    }


def _model(versions: Mapping[str, str], note: str, strategy: str) -> dict[str, Content]:
    """A model with a note in each manifest, pointing at the first version."""
    files = dict(model_yaml(note=note))
    for version, text in versions.items():
        files |= version_yaml(version, note=text)
    return files | release_yaml(next(iter(versions)), staging=strategy)


_notes = st.sampled_from(["one", "two"])
_models = st.builds(
    _model,
    st.dictionaries(st.sampled_from(["1.0.0", "1.1.0"]), _notes, min_size=1),
    _notes,
    _notes,
)


@settings(deadline=None)
@given(st.lists(st.tuples(_models, st.sampled_from(["dev", "staging"])), max_size=3), _models)
def test_only_what_some_source_commit_holds_passes(
    deployed: list[tuple[dict[str, Content], str]], promoted: dict[str, Content]
) -> None:
    """Into an empty branch: nothing objects exactly if staging was deployed from such files."""
    world = World()
    for files, environment in deployed:
        world.deploy(environment, _pointed(files), files)
    flow = judge_flow(world.proposal("main", {}, dict(promoted)))
    proved = any(
        environment == "staging" and promoted.items() <= files.items()
        for files, environment in deployed
        if _pointed(files) == _pointed(promoted)
    )
    assert (not problems(flow.findings, "provenance")) == proved


@settings(deadline=None)
@given(_models, _models)
def test_what_is_deployed_from_passes_as_a_whole(
    before: dict[str, Content], source: dict[str, Content]
) -> None:
    """From any state of the branch that keeps to what was merged before."""
    manifests = {path for path in before if "/versions/" in path}
    if any(source.get(path) != before[path] for path in manifests):
        return
    world = World()
    world.deploy("staging", _pointed(source), source)
    flow = judge_flow(world.proposal("main", before, _promotion(before, source)))
    assert problems(flow.findings) == []


def _pointed(files: Mapping[str, Content]) -> str:
    content = files[release_path(MODEL)]
    assert isinstance(content, bytes)
    return content.decode().split('"')[1]
