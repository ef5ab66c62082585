"""Release pointers."""

from __future__ import annotations

import pytest

from modelctl.domain.flow import Flow, FlowKind, Move, judge_flow
from modelctl.domain.names import release_path
from modelctl.domain.verdict import Outcome
from support.proposals import (
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
POINTER = release_path(MODEL)


def _judge(edits: dict[str, Content | None], world: World | None = None) -> Flow:
    return judge_flow((world or World()).proposal("ml", BASE, edits))


def test_a_release_of_a_new_version() -> None:
    flow = _judge({**version_yaml("1.2.0"), **release_yaml("1.2.0")})
    assert problems(flow.findings) == []
    assert flow.moves == (
        Move(model=MODEL, version="1.2.0", from_version="1.1.0", kind=FlowKind.SUBMISSION),
    )
    assert [file.version for file in flow.added] == ["1.2.0"]


def test_a_version_that_is_not_released_moves_nothing() -> None:
    flow = _judge(dict(version_yaml("1.2.0")))
    assert (flow.kind, flow.moves) == (FlowKind.SUBMISSION, ())
    assert [file.version for file in flow.added] == ["1.2.0"]


def test_another_strategy_or_contract_moves_the_same_version() -> None:
    for edits in (release_yaml("1.1.0", dev="canary"), model_yaml(note="changed")):
        flow = _judge(dict(edits))
        assert problems(flow.findings) == []
        assert [(m.version, m.from_version) for m in flow.moves] == [("1.1.0", "1.1.0")]


def test_a_first_release() -> None:
    flow = _judge(dict(model_files("1.0.0", model="risk-scorer")))
    assert [(m.model, m.from_version) for m in flow.moves] == [("risk-scorer", None)]
    unreleased = {**model_yaml("risk-scorer"), **version_yaml("1.0.0", "risk-scorer")}
    flow = _judge(dict(unreleased))
    assert (problems(flow.findings), flow.moves) == ([], ())


@pytest.mark.parametrize(
    ("model", "there"),
    [(MODEL, "1.0.0, 1.1.0"), ("risk-scorer", "none is there yet")],
)
def test_a_release_of_a_version_that_is_not_there(model: str, there: str) -> None:
    flow = _judge({**model_yaml(model, "new"), **release_yaml("3.0.0", model)})
    (finding,) = (f for f in flow.findings if f.gate == "release")
    assert finding.message == f"{model} releases 3.0.0, which has no manifest"
    assert finding.mend == f"add models/{model}/versions/3.0.0.yaml, or release one of: {there}"


def test_a_pointer_can_not_be_taken_away() -> None:
    flow = _judge({POINTER: None})
    assert problems(flow.findings) == [
        f"{POINTER} is removed, so nothing would say what {MODEL} should serve"
    ]
    assert flow.moves == ()


def test_a_pointer_that_can_not_be_read_is_inconclusive() -> None:
    flow = judge_flow(World().proposal("ml", BASE, dict(release_yaml("1.0.0")), unreadable=[MODEL]))
    (finding,) = (f for f in flow.findings if f.gate == "release")
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert flow.moves == ()


BACK = dict(release_yaml("1.0.0"))


def test_going_back_without_a_past_is_no_rollback() -> None:
    flow = _judge(BACK)
    (finding,) = (f for f in flow.findings if f.outcome.blocks)
    assert finding.message == (
        f"{MODEL} goes back to 1.0.0, and this is no rollback that the ledger proves"
    )
    assert finding.mend is not None
    assert finding.mend.startswith("go back to a version that dev was deployed with")
    assert flow.kind is FlowKind.SUBMISSION


def test_going_back_to_what_was_deployed_there() -> None:
    world = World()
    world.deploy("dev", "1.0.0", BASE)
    flow = _judge(BACK, world)
    assert problems(flow.findings) == []
    assert flow.kind is FlowKind.ROLLBACK
    assert flow.moves == (
        Move(model=MODEL, version="1.0.0", from_version="1.1.0", kind=FlowKind.ROLLBACK),
    )


def test_going_back_to_what_is_quarantined() -> None:
    world = World()
    world.deploy("dev", "1.0.0", BASE)
    world.quarantine("dev", "1.0.0")
    assert problems(_judge(BACK, world).findings)


def test_going_back_may_not_carry_anything_else() -> None:
    world = World()
    world.deploy("dev", "1.0.0", BASE)
    assert problems(_judge({**BACK, **model_yaml(note="new")}, world).findings)


def test_a_new_version_of_an_older_line_is_no_way_back() -> None:
    flow = _judge({**version_yaml("1.0.1"), **release_yaml("1.0.1")})
    assert problems(flow.findings) == []
    assert [(m.version, m.kind) for m in flow.moves] == [("1.0.1", FlowKind.SUBMISSION)]
