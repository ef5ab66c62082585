"""Merges, deploys, and questions to what is served."""

from __future__ import annotations

import json

import httpx

from demo.cases import Case
from demo.evidence import endpoint
from demo.failure import DemoError
from demo.hub import Pull
from demo.people import QUINN
from demo.stage import ALL, Excerpt, Stage


def merge(stage: Stage, *pulls: Pull, then: str = "") -> None:
    """Somebody merges, and the jobs see it; what happens `then` is told with it."""
    for pull in pulls:
        stage.hub.merge(pull, QUINN)
    stage.fetch()
    numbers = " and ".join(f"#{pull.number}" for pull in pulls)
    stage.screen.say(f"{QUINN.login} merges {numbers}. {then}".rstrip())


def deploy(stage: Stage, environment: str, show: Excerpt = ALL) -> None:
    """The deploy that a merge starts."""
    stage.types(stage.job("deploy"), deploy_command(stage, environment), show)


def deploy_command(stage: Stage, environment: str) -> str:
    """All environments at once, as the workflow does it, unless the ports that modelctl takes by
    itself are in use."""
    if stage.ports == stage.usual_ports:
        return "modelctl deploy --all --github"
    return f"modelctl deploy {environment} --github{port_option(stage, environment)}"


def port_option(stage: Stage, environment: str) -> str:
    """` --local-port N` where the port isn't the one that modelctl takes by itself."""
    if stage.ports == stage.usual_ports:
        return ""
    return f" --local-port {stage.ports[environment]}"


def ask(stage: Stage, case: Case, environment: str, version: str) -> None:
    """A prediction over HTTP; it must be this version that answers.

    Raises:
        DemoError: it doesn't.
    """
    address = f"{endpoint(stage, case, environment)}/invocations"
    sample = json.loads((stage.sandbox.data / f"{case.dataset}-sample.json").read_text())
    try:
        answer = httpx.post(address, json=sample, trust_env=False, timeout=10)
    except httpx.HTTPError as error:
        raise DemoError(f"{address} doesn't answer: {error}") from error
    served = answer.headers.get("X-Model-Version")
    said = f"HTTP {answer.status_code}  X-Model-Version: {served}\n{answer.text.strip()}"
    stage.screen.say(f"POST {address}  ({len(sample['dataframe_split']['data'])} rows)")
    stage.screen.printed(said)
    if answer.status_code != httpx.codes.OK or served != version:
        raise DemoError(f"{address} should be answered by {version}", said)
