"""A chapter: an honest better version, all the way to production without a dropped request."""

from __future__ import annotations

from demo import evidence, proposals
from demo.cases import TUMOR, Trained
from demo.deploys import ask, deploy, merge
from demo.failure import DemoError
from demo.first_versions import await_soak
from demo.forge import PullRequest
from demo.people import PAT, Person
from demo.stage import HEADLINE, RESULT, Excerpt, Stage
from demo.traffic import Caller

BETTER = "1.1.0"
_BRANCH = f"feature/{TUMOR.model}-{BETTER}"


def improve(stage: Stage, trained: Trained) -> None:
    """The same way again, told faster."""
    with stage.screen.chapter(
        "A better version",
        "Scaled inputs and a logistic regression make the tumour model better by every measure. "
        "It takes the same way.",
    ):
        _to_dev(stage, trained)
        _to_staging(stage)
        _to_production(stage)


def _to_dev(stage: Stage, trained: Trained) -> None:
    who = stage.person(TUMOR.author)
    proposals.branch(stage, stage.screen, who, _BRANCH)
    new = (
        f"modelctl new {TUMOR.model} --run-id {trained.run} --bump minor "
        "--changelog 'Logistic regression on scaled inputs.'"
    )
    stage.types(who, new, Excerpt(first=3))
    proposals.push(stage, stage.screen, who, f"{TUMOR.model} {BETTER}")
    pull = _open(stage, _BRANCH, "ml")
    stage.together(
        lambda voice: evidence.evaluate(stage, voice, TUMOR, BETTER, _BRANCH, RESULT),
        lambda voice: evidence.examine(stage, voice, TUMOR, BETTER, _BRANCH, trained),
    )
    _bring_in(stage, pull, "dev", TUMOR.colleague)


def _to_staging(stage: Stage) -> None:
    branch = proposals.promotion(stage, stage.screen, TUMOR, BETTER, "staging")
    _bring_in(stage, _open(stage, branch, "develop"), "staging", TUMOR.lead)
    evidence.try_out(stage, TUMOR, BETTER)


def _to_production(stage: Stage) -> None:
    branch = proposals.promotion(stage, stage.screen, TUMOR, BETTER, "production")
    pull = _open(stage, branch, "main")
    await_soak(stage)
    _approve(stage, pull, TUMOR.lead, PAT)
    merge(stage, pull)
    stage.screen.say("What will change in the cluster, rendered by Kustomize:")
    render = f"modelctl render production --model {TUMOR.model} --diff"
    stage.types(stage.job("deployer"), render, Excerpt(first=24))
    stage.screen.say("While it is deployed, a caller keeps asking production.")
    _switch(stage, pull)
    ask(stage, TUMOR, "production", BETTER)


def _open(stage: Stage, branch: str, base: str) -> PullRequest:
    return proposals.open_pull(stage, TUMOR.author, branch, base, f"{TUMOR.model} {BETTER}")


def _bring_in(stage: Stage, pull: PullRequest, environment: str, *reviewers: Person) -> None:
    _approve(stage, pull, *reviewers)
    merge(stage, pull)
    deploy(stage, environment, pull, show=RESULT)


def _approve(stage: Stage, pull: PullRequest, *reviewers: Person) -> None:
    stage.forge.approve(pull, *reviewers)
    stage.screen.say(proposals.told(pull, *reviewers))
    stage.judged(stage.job("ci"), proposals.check_command(pull), HEADLINE)


def _switch(stage: Stage, pull: PullRequest) -> None:
    """The deploy to production, with a caller who would notice a dropped request.

    Raises:
        DemoError: one was dropped, or the new version never answered.
    """
    address = f"{evidence.endpoint(stage, TUMOR, 'production')}/invocations"
    caller = Caller(address, stage.sandbox.data / f"{TUMOR.dataset}-sample.json")
    with caller.asking():
        deploy(stage, "production", pull)
    shares = ", then ".join(f"{n} times by {version}" for version, n in caller.answered.items())
    stage.screen.say(
        f"The caller asked {caller.asked} times: {len(caller.failures)} requests were dropped, and "
        f"it was answered {shares}."
    )
    if caller.failures:
        raise DemoError("requests were dropped", "\n".join(caller.failures[:5]))
    if BETTER not in caller.answered:
        raise DemoError(f"the caller was never answered by {BETTER}")
