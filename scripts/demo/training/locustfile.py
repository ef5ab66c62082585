"""Load on a served model: single predictions, and one malformed request in ten.

    locust -f training/locustfile.py --host ADDRESS --sample FILE --headless --json-file RESULT

Ends by itself after enough answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, constant_throughput, events, task

ENOUGH = 1010
"""Valid requests, so that percentiles of the slowest hundredth rest on some."""


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    """`--sample`: a request with some rows."""
    parser.add_argument("--sample", required=True, include_in_web_ui=False)


@events.test_start.add_listener
def read_sample(environment: Any, **_: Any) -> None:
    """One request for each row of the sample, and the same without its last column."""
    table = json.loads(Path(environment.parsed_options.sample).read_text())["dataframe_split"]
    columns, rows = table["columns"], table["data"]
    Caller.valid = [_request(columns, row) for row in rows]
    Caller.malformed = [_request(columns[:-1], row[:-1]) for row in rows]


@events.request.add_listener
def end_when_enough(name: str, **_: Any) -> None:
    """Stop once there are enough valid answers."""
    if name == "predict":
        Caller.answers += 1
        if Caller.answers == ENOUGH:
            # Not from here: it ends the callers, of which this is one.
            gevent.spawn(Caller.environment.runner.quit)


@events.init.add_listener
def keep(environment: Any, **_: Any) -> None:
    """The environment, for `end_when_enough`."""
    Caller.environment = environment


class Caller(FastHttpUser):
    """A caller that asks about one row at a time, eight times a second if it is answered as fast.

    Sixteen of them ask for less than half of what an idle machine of two cores answers, so that two
    models can be asked at once, and as often on a machine that is busy and answers later: two load
    tests differ by little.
    """

    wait_time = constant_throughput(8)
    valid: list[dict[str, Any]]
    malformed: list[dict[str, Any]]
    environment: Any
    answers = 0

    @task(9)
    def predict(self) -> None:
        """A valid request; any status but 200 is a failure."""
        body = self.valid[Caller.answers % len(self.valid)]
        self.client.post("/invocations", json=body, name="predict")

    @task(1)
    def malformed_request(self) -> None:
        """A request without a column: it must be refused, so a refusal is the success."""
        body = self.malformed[Caller.answers % len(self.malformed)]
        with self.client.post(
            "/invocations", json=body, name="malformed", catch_response=True
        ) as answer:
            if answer.status_code == 400:
                answer.success()
            else:
                answer.failure(f"answered with {answer.status_code}")


def _request(columns: list[str], row: list[Any]) -> dict[str, Any]:
    return {"dataframe_split": {"columns": columns, "data": [row]}}
