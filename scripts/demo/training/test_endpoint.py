"""How a served model must answer over HTTP. ENDPOINT is its address, VERSION what should answer,
SAMPLE a request."""

from __future__ import annotations

import copy
import json
import math
import os
from pathlib import Path
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def endpoint() -> Any:
    with httpx.Client(base_url=os.environ["ENDPOINT"], trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def sample() -> Any:
    return copy.deepcopy(json.loads(Path(os.environ["SAMPLE"]).read_text()))


def test_it_is_there(endpoint: Any) -> None:
    assert endpoint.get("/ping").status_code == 200


def test_the_right_version_answers(endpoint: Any, sample: Any) -> None:
    answer = endpoint.post("/invocations", json=sample)
    assert answer.headers["X-Model-Version"] == os.environ["VERSION"]


def test_every_row_gets_an_answer(endpoint: Any, sample: Any) -> None:
    answers = endpoint.post("/invocations", json=sample).json()["predictions"]
    assert len(answers) == len(sample["dataframe_split"]["data"])
    assert all(math.isfinite(answer) for answer in answers)


def test_the_same_question_gets_the_same_answer(endpoint: Any, sample: Any) -> None:
    first, second = (endpoint.post("/invocations", json=sample).json() for _ in range(2))
    assert first == second


def test_a_missing_column_is_refused(endpoint: Any, sample: Any) -> None:
    table = sample["dataframe_split"]
    table["columns"].pop()
    table["data"] = [row[:-1] for row in table["data"]]
    assert endpoint.post("/invocations", json=sample).status_code == 400


def test_what_is_no_json_is_refused(endpoint: Any) -> None:
    headers = {"Content-Type": "application/json"}
    answer = endpoint.post("/invocations", content=b"{", headers=headers)
    assert answer.status_code == 400
