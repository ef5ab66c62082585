"""What of a change is to be measured, and which results are believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.strict_json import canonical
from modelctl.domain.manifest import Model
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model
from modelctl.services.measuring import (
    MAX_BYTES,
    Measurement,
    held_out_file,
    lacking,
    read_predicate,
    result_bytes,
    results,
)
from support.world import CLEAN, MODEL, World, evaluation


def asked(world: World, head: str, target: str = "ml") -> list[str]:
    found = lacking(world.session(), target, head).measurements
    return [f"{one.kind} of {one.located.name}" for one in found]


@pytest.fixture
def measurement(world: World) -> Measurement:
    head = world.submit()
    return lacking(world.session(), "ml", head).measurements[0]


def test_what_the_gates_ask_for_and_nobody_measured_is_lacking(world: World) -> None:
    head = world.submit()
    scan, whole = f"security-scan of {MODEL}@1.0.0", f"evaluation of {MODEL}@1.0.0"
    assert asked(world, head) == [scan, whole]
    world.record("security-scan", "offline", CLEAN, pointer=f"{MODEL}@1.0.0^{head}")
    assert asked(world, head) == [whole]
    world.record("evaluation", "offline", evaluation(), pointer=f"{MODEL}@1.0.0^{head}")
    assert asked(world, head) == []


def test_other_kinds_and_other_changes_are_not_measured(world: World) -> None:
    text = world.show("origin/main", "policies/gates/timing.yaml")
    assert asked(world, world.commit({"policies/gates/timing.yaml": f"{text}#\n"}, "x", "main"),
                 "main") == []  # fmt: skip


def test_what_cannot_be_judged_is_told(world: World) -> None:
    world.commit({f"models/{MODEL}/model.yaml": "a\n"}, "one", "main")
    head = world.commit({f"models/{MODEL}/model.yaml": "b\n"}, "two", "main")
    world.builder.git("push", "--quiet", "--force", "origin", "one:ml")
    found = lacking(world.session(), "ml", head)
    assert found.measurements == ()
    assert [finding.gate for finding in found.findings] == ["merge"]


def test_a_result_is_read_back_as_it_was_measured(measurement: Measurement) -> None:
    data = result_bytes(measurement.located, measurement.kind, "offline", CLEAN)
    assert read_predicate(data, measurement) == CLEAN
    assert measurement.file == f"security-scan.{MODEL}@1.0.0.json"


def changed(measurement: Measurement, **changes: Any) -> bytes:
    data = result_bytes(measurement.located, measurement.kind, "offline", CLEAN)
    return canonical({**json.loads(data), **changes})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": "other-model@1.0.0"}, f"is about another version than {MODEL}@1.0.0"),
        ({"digest": "0" * 64}, "is about another digest than "),
        ({"kind": "evaluation"}, "is about another kind than security-scan"),
        ({"environment": "production"}, "is about another environment than offline"),
        ({"more": 1}, "no result: its fields must be "),
        ({"predicate": {}}, "no result: `passed` must be true or false"),
        ({"predicate": []}, "no result: `passed` must be true or false"),
        ({"predicate": {"passed": True, "made_at": "2030-01-01"}}, "setting made_at, which"),
    ],
)
def test_a_result_about_something_else_is_not_signed(
    measurement: Measurement, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ModelctlError, match=problem.replace("?", ".")):
        read_predicate(changed(measurement, **changes), measurement)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"{", "it is not JSON"),
        (b"[]", "its fields"),
        (b'{"a":1,"a":2}', "no result"),
        (b" " * (MAX_BYTES + 1), "larger than 256 KiB"),
    ],
)
def test_a_malformed_result_is_refused(measurement: Measurement, data: bytes, problem: str) -> None:
    with pytest.raises(ModelctlError, match=problem):
        read_predicate(data, measurement)


def test_results_are_taken_from_the_place_of_their_own(
    measurement: Measurement, tmp_path: Path
) -> None:
    name = measurement.file.removesuffix(".json")
    assert results(tmp_path / "none", [measurement]) == ()
    (tmp_path / "evaluation.other@1.0.0").mkdir()
    (tmp_path / "evaluation.other@1.0.0" / measurement.file).write_bytes(b"forged")
    assert results(tmp_path, [measurement]) == ()
    (tmp_path / measurement.file).write_bytes(b"alone")
    assert results(tmp_path, [measurement]) == ((measurement, b"alone"),)
    (tmp_path / name).mkdir()
    (tmp_path / name / measurement.file).write_bytes(b"own")
    assert results(tmp_path, [measurement]) == ((measurement, b"own"),)
    (tmp_path / name / measurement.file).unlink()
    (tmp_path / measurement.file).unlink()
    (tmp_path / measurement.file).symlink_to("/etc/passwd")
    assert results(tmp_path, [measurement]) == ()


@pytest.fixture
def model(world: World) -> Callable[..., Model]:
    def build(**changes: Any) -> Model:
        head = world.submit(branch=f"feature/{len(changes)}", model=changes)
        found = read_model(world.session().repository.tree(head), MODEL)
        assert found is not None
        return found

    return build


def test_held_out_data_is_found_by_its_name(model: Callable[..., Model], tmp_path: Path) -> None:
    one = tmp_path / "whatever.csv"
    assert held_out_file(one, model()) == one
    with pytest.raises(ModelctlError, match="has no file of the dataset tumor-holdout") as error:
        held_out_file(tmp_path, model())
    assert error.value.mend == "put it there as tumor-holdout.parquet or tumor-holdout.csv"
    (tmp_path / "tumor-holdout.csv").touch()
    assert held_out_file(tmp_path, model()) == tmp_path / "tumor-holdout.csv"


def test_a_contract_without_data_has_nothing_to_be_measured_on(
    model: Callable[..., Model], tmp_path: Path
) -> None:
    with pytest.raises(ModelctlError, match="names no evaluation data"):
        held_out_file(tmp_path, model(data_contract={}))
