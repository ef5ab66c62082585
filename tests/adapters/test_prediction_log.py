"""Predictions as lines of JSON: what is kept, of what, how much, and that nobody waits for it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters import prediction_log
from modelctl.adapters.prediction_log import (
    Exchange,
    Recorder,
    inputs_of,
    log_file,
    read,
    to_line,
    wanted,
    wanted_file,
)
from modelctl.domain.agreement import Comparing, Prediction
from modelctl.errors import ModelctlError

BODY = b'{"dataframe_records": [{"age": "old", "x": 1}, {"age": "young", "x": 2}]}'
MODEL = "churn-predictor"


def exchange(
    body: bytes = BODY, answer: str = '{"predictions": [0, 1]}', **fields: Any
) -> Exchange:
    given = {"at": 1_763_632_800.5, "id": None, "body": body, "answer": answer.encode()}
    return Exchange(**{**given, **fields})


def want(folder: Path, rows: Any) -> None:
    wanted_file(folder).parent.mkdir(parents=True, exist_ok=True)
    wanted_file(folder).write_text(json.dumps(rows))


def until(file: Path, lines: int) -> None:
    deadline = time.monotonic() + 10
    while not file.exists() or len(read(file)) < lines:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def called(one: Prediction) -> str:
    """The caller's id of a request."""
    return one.request.partition(".")[0]


def test_a_line_says_when_what_and_which_version() -> None:
    data = json.loads(to_line(exchange(), "2.0.0", ["age"]))
    assert data == {
        "time": "2025-11-20T10:00:00.500Z",
        "request": sha256(BODY).hexdigest(),
        "version": "2.0.0",
        "inputs": {"age": ["old", "young"]},
        "outputs": [0, 1],
    }
    named = json.loads(to_line(exchange(id="abc"), "2.0.0", []))["request"]
    assert named == f"abc.{sha256(BODY).hexdigest()}"


def test_one_id_of_a_caller_pairs_no_different_questions() -> None:
    def asked(body: bytes, id_: str | None) -> str:
        found: str = json.loads(to_line(exchange(body, id=id_), "2.0.0", []))["request"]
        return found

    assert asked(b"a", "same") != asked(b"b", "same")
    assert asked(b"a", "same") == asked(b"a", "same")
    assert asked(b"a", "same") != asked(b"a", "other")
    assert asked(b"a", None) == sha256(b"a").hexdigest()


@pytest.mark.parametrize(
    ("answer", "outputs"),
    [("[1, 2]", [1, 2]), ("3", [3]), ('{"a": 1}', [{"a": 1}]), ('{"predictions": "x"}', ["x"])],
)
def test_answers_of_every_shape_are_rows(answer: str, outputs: list[Any]) -> None:
    assert json.loads(to_line(exchange(answer=answer), "2.0.0", []))["outputs"] == outputs


@pytest.mark.parametrize(
    ("body", "ages"),
    [
        ({"dataframe_split": {"columns": ["x", "age"], "data": [[1, "a"], [2, "b"]]}}, ["a", "b"]),
        ({"dataframe_records": [{"age": "a"}, {"x": 2}]}, ["a", None]),
        ({"instances": [{"age": "a", "x": 1}]}, ["a"]),
        ({"inputs": {"age": ["a", "b"], "x": [1, 2]}}, ["a", "b"]),
        ({"inputs": {"age": "a"}}, ["a"]),
        ({"instances": [[1, 2]]}, None),
        ({"inputs": [[1, 2]]}, None),
        ([1], None),
    ],
)
def test_columns_are_found_in_every_form_of_a_request(body: Any, ages: Any) -> None:
    found = inputs_of(json.dumps(body).encode(), ["age", "nothing"])
    assert found == ({"age": ages} if ages else {})


def test_what_is_no_json_has_no_columns() -> None:
    assert inputs_of(b"age,x\nold,1\n", ["age"]) == {}


def test_what_is_wanted_is_written_and_read_again(tmp_path: Path) -> None:
    want(tmp_path, {MODEL: {"slices": ["age"], "tolerance": None}})
    assert wanted(tmp_path) == {MODEL: Comparing(slices=("age",))}
    recorder = Recorder(tmp_path, model=MODEL, version="2.0.0", service=f"{MODEL}-2.0.0")
    assert recorder.on()
    recorder.offer(exchange())
    recorder.offer(exchange(answer="no json"))
    recorder.offer(exchange(id="second", at=1_763_632_802.0))
    file = log_file(tmp_path, f"{MODEL}-2.0.0")
    until(file, 2)
    first, second = read(file)
    assert (first.version, first.outputs) == ("2.0.0", (0, 1))
    assert first.inputs == {"age": ("old", "young")}
    assert read(file, since=datetime(2025, 11, 20, 10, 0, 1, tzinfo=UTC)) == [second]
    assert read(file, at_most=1) == [second]


@pytest.mark.parametrize("rows", [[], {MODEL: 1}, {MODEL: {}}, "x"])
def test_what_nobody_can_read_wants_nothing(tmp_path: Path, rows: Any) -> None:
    want(tmp_path, rows)
    assert wanted(tmp_path) == {}


def test_nothing_is_kept_unless_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "_LOOK_EVERY", 0.05)
    recorder = Recorder(tmp_path, model=MODEL, version="1.0.0", service="s")
    assert not recorder.on()
    want(tmp_path, {"other-model": {"slices": [], "tolerance": None}})
    time.sleep(0.06)
    assert not recorder.on()
    want(tmp_path, {MODEL: {"slices": [], "tolerance": None}})
    time.sleep(0.06)
    assert recorder.on()
    wanted_file(tmp_path).unlink()
    time.sleep(0.06)
    assert not recorder.on()


def test_somebody_may_want_it_always_or_never(tmp_path: Path) -> None:
    want(tmp_path, {MODEL: {"slices": [], "tolerance": None}})
    assert not Recorder(tmp_path, model=MODEL, version="1", service="s", always=False).on()
    assert Recorder(tmp_path, model="other-model", version="1", service="s", always=True).on()


def test_a_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "MAX_BYTES", 2000)
    recorder = Recorder(tmp_path, model=MODEL, version="2.0.0", service="s", always=True)
    file = log_file(tmp_path, "s")
    for n in range(100):
        recorder.offer(exchange(id=f"r{n}"))
    deadline = time.monotonic() + 10
    while not file.exists() or not read(file)[-1].request.startswith("r99."):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    sizes = [path.stat().st_size for path in file.parent.glob("*.jsonl")]
    assert len(sizes) == 2
    assert max(sizes) <= 2000
    assert [called(one) for one in read(file)][-2:] == ["r98", "r99"]


def test_offering_never_waits(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "file", model=MODEL, version="2", service="s", always=True)
    (tmp_path / "file").write_text("no folder can be made here")
    began = time.monotonic()
    for _ in range(5000):
        recorder.offer(exchange())
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("deep", ["body", "answer"])
def test_nothing_in_a_request_ends_the_writer(
    tmp_path: Path, deep: str, caplog: pytest.LogCaptureFixture
) -> None:
    want(tmp_path, {MODEL: {"slices": ["age"], "tolerance": None}})
    recorder = Recorder(tmp_path, model=MODEL, version="2", service="s", always=True)
    assert recorder.on()
    nested = "[" * 200_000
    recorder.offer(exchange(answer=nested) if deep == "answer" else exchange(nested.encode()))
    recorder.offer(exchange(id="next"))
    until(log_file(tmp_path, "s"), 1)
    assert [called(one) for one in read(log_file(tmp_path, "s"))] == ["next"]
    assert recorder.failed == 1
    assert "a prediction of churn-predictor is not kept (RecursionError)" in caplog.text
    assert "[[" not in caplog.text


def test_half_a_line_of_a_killed_server_is_left_behind(tmp_path: Path) -> None:
    file = log_file(tmp_path, "s")
    file.parent.mkdir()
    file.write_bytes(to_line(exchange(id="a"), "2.0.0", []) + b'{"time": "2026')
    assert [called(one) for one in read(file)] == ["a"]
    recorder = Recorder(tmp_path, model=MODEL, version="2.0.0", service="s", always=True)
    recorder.offer(exchange(id="b"))
    until(file, 2)
    assert [called(one) for one in read(file)] == ["a", "b"]


def test_a_line_that_is_no_prediction_is_told(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"time": "yesterday"}\n')
    with pytest.raises(ModelctlError, match="a line is no prediction") as caught:
        read(file)
    assert caught.value.location == str(file)


def test_a_log_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "nothing.jsonl") == []


def test_a_baseline_has_a_log_of_its_own(tmp_path: Path) -> None:
    names = {log_file(tmp_path, f"{MODEL}-1.0.0{own}").name for own in ("", ":baseline")}
    assert names == {f"{MODEL}-1.0.0.jsonl", f"{MODEL}-1.0.0~baseline.jsonl"}
