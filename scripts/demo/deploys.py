"""Merges, deploys, and questions to what is served."""

from __future__ import annotations

import json

import httpx

from demo.cases import Case
from demo.evidence import endpoint
from demo.failure import DemoError
from demo.forge import PullRequest
from demo.people import QUINN
from demo.stage import ALL, Excerpt, Stage


def merge(stage: Stage, *pulls: PullRequest) -> None:
    """Somebody merges, and the jobs see it."""
    for pull in pulls:
        stage.forge.merge(pull, QUINN)
    stage.fetch()


def deploy(stage: Stage, environment: str, *pulls: PullRequest, show: Excerpt = ALL) -> None:
    """The deploy that a merge starts."""
    reviews = "".join(f" --reviews ../pulls/{pull.file.name}" for pull in pulls)
    command = f"modelctl deploy {environment}{reviews}{port_option(stage, environment)}"
    stage.types(stage.job("deployer"), command, show)


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
