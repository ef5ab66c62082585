"""Evidence about a version: measured by real tools, signed by the CI's key, put on the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from demo.cases import CASES, Case, Trained
from demo.failure import DemoError
from demo.screen import Voice
from demo.stage import ALL, HEADLINE, RESULT, Excerpt, Stage
from modelctl.probes.results import read_result

TRIED_OUT_IN = "staging"
ATTEMPTS = 8
"""How often load is put on a version again before a busy machine is taken for a slow model."""

LEAST_SHARE = 0.9
"""How much of the throughput of what serves the policy asks for."""


def evaluate(
    stage: Stage, voice: Voice, case: Case, version: str, branch: str, show: Excerpt = ALL
) -> None:
    """The model is run on what was held out."""
    command = (
        f"modelctl evidence evaluate {case.model}@{version} --ref {branch} "
        f"--data ../data/{case.dataset}-holdout.parquet"
    )
    stage.types(stage.job("ci"), command, show, voice=voice)


def scan(stage: Stage, voice: Voice, case: Case, version: str, branch: str) -> None:
    """The files of the model are searched for code."""
    command = f"modelctl evidence scan {case.model}@{version} --ref {branch}"
    stage.types(stage.job("ci"), command, HEADLINE, voice=voice)


def examine(
    stage: Stage, voice: Voice, case: Case, version: str, branch: str, trained: Trained
) -> None:
    """The model's own tests, the validation of its training data, and a scan of its files."""
    ci, result = stage.job("ci"), f"../results/{case.model}-{version}-unit.xml"
    where = {"MODEL_URI": trained.uri, "DATA": f"../data/{case.dataset}-holdout.parquet"}
    tests = f"pytest training/test_model.py --junitxml {result}"
    stage.types(ci, tests, Excerpt(last=1), voice=voice, env=where)
    record = f"modelctl evidence record {case.model}@{version} --ref {branch} --kind"
    stage.types(ci, f"{record} unit-tests --result {result}", HEADLINE, voice=voice)
    data = f"../results/{case.dataset}-data.json"
    stage.types(ci, f"{record} data-validation --result {data}", HEADLINE, voice=voice)
    scan(stage, voice, case, version, branch)


def try_out(stage: Stage, versions: Mapping[str, str]) -> None:
    """What staging serves, a version by model: end-to-end tests over HTTP, then load on both at
    once; on a busy machine again on one alone.

    Raises:
        DemoError: it doesn't keep its promise, however often that is tried.
    """
    kept: dict[str, bool] = {}

    def try_one(case: Case, voice: Voice) -> None:
        version = versions[case.model]
        _ask_over_http(stage, case, version, voice)
        kept[case.model] = _put_load_on(stage, case, version, voice)

    first, *others = (partial(try_one, case) for case in CASES)
    stage.together(first, *others)
    for case in CASES:
        if not kept[case.model]:
            _try_again(stage, case, versions[case.model])


def _ask_over_http(stage: Stage, case: Case, version: str, voice: Voice) -> None:
    ci, result = stage.job("ci"), f"../results/{case.model}-{version}-e2e.xml"
    where = {
        "ENDPOINT": endpoint(stage, case, TRIED_OUT_IN),
        "VERSION": version,
        "SAMPLE": f"../data/{case.dataset}-sample.json",
    }
    tests = f"pytest training/test_endpoint.py --junitxml {result}"
    stage.types(ci, tests, Excerpt(last=1), env=where, voice=voice)
    record = f"{_record(case, version)} --kind e2e-tests --result {result}"
    stage.types(ci, record, HEADLINE, voice=voice)


def _try_again(stage: Stage, case: Case, version: str) -> None:
    """Load on this model alone, until it keeps its promise."""
    broken = f"Under this load {case.model} breaks its promise: this machine is busy."
    for _ in range(ATTEMPTS):
        stage.screen.say(f"{broken} Once more, on it alone.")
        if _put_load_on(stage, case, version, stage.screen):
            return
    stage.screen.say(f"{broken} That was the last try.")
    raise DemoError(
        f"this machine is too busy to put load on {case.model}: "
        "end what else uses the processor, then: make demo"
    )


def endpoint(stage: Stage, case: Case, environment: str) -> str:
    """Where an environment serves a model."""
    return f"http://127.0.0.1:{stage.ports[environment]}/{case.model}"


def _put_load_on(stage: Stage, case: Case, version: str, voice: Voice) -> bool:
    """Measure under load, and record what was measured, good or bad; whether it was good."""
    ci, result = stage.job("ci"), f"../results/{case.model}-{version}-load"
    load = (
        f"locust -f training/locustfile.py --host {endpoint(stage, case, TRIED_OUT_IN)} "
        f"--sample ../data/{case.dataset}-sample.json --headless --users 16 --spawn-rate 16 "
        f"--run-time 60s --only-summary --loglevel ERROR --json-file {result}"
    )
    stage.types(ci, load, None, voice=voice)
    kind = f"--kind load-test --result {result}.json"
    stage.types(ci, f"{_record(case, version)} {kind}", RESULT, voice=voice)
    file = stage.sandbox.results / f"{case.model}-{version}-load.json"
    served = [f for f in file.parent.glob(f"{case.model}-*-load.json") if f != file]
    before = max((_throughput(_read(f)) for f in served), default=0.0)
    return _keeps_promise(case, _read(file), before)


def _read(file: Path) -> dict[str, object]:
    return read_result(file.read_bytes(), file.name)


def _throughput(measured: dict[str, object]) -> float:
    throughput = measured["throughput_rps"]
    assert isinstance(throughput, float)
    return throughput


def _keeps_promise(case: Case, measured: dict[str, object], before: float = 0.0) -> bool:
    """Whether it is as fast as was promised, and as what serves: see policies/gates."""
    latency, throughput = measured["latency"], _throughput(measured)
    assert isinstance(latency, dict)
    least = max(case.sla["throughput_rps"], before * LEAST_SHARE)
    return throughput >= least and all(
        latency[f"{percentile}_ms"] <= case.sla[f"latency_{percentile}_ms"]
        for percentile in ("p95", "p99")
    )


def _record(case: Case, version: str) -> str:
    return f"modelctl evidence record {case.model}@{version} --environment {TRIED_OUT_IN}"
