"""A chapter: an honest better version, all the way to production without a dropped request."""

from __future__ import annotations

from demo import evidence, proposals
from demo.cases import TUMOR, Trained
from demo.deploys import ask, deploy, merge
from demo.failure import DemoError
from demo.first_versions import await_soak
from demo.hub import Pull
from demo.people import PAT, Person
from demo.stage import RESULT, Excerpt, Stage
from demo.traffic import Caller

BETTER = "1.1.0"
_LAST_DEPLOY = Excerpt(last=21)
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
    pull = proposals.open_pull(
        stage, stage.screen, TUMOR, BETTER, "dev", Excerpt(last=1, progress=False)
    )
    stage.together(
        lambda voice: evidence.evaluate(stage, voice, TUMOR, BETTER, _BRANCH, RESULT),
        lambda voice: evidence.examine(stage, voice, TUMOR, BETTER, _BRANCH, trained),
    )
    _bring_in(stage, pull, "dev", TUMOR.colleague)


def _to_staging(stage: Stage) -> None:
    pull = proposals.open_pull(stage, stage.screen, TUMOR, BETTER, "staging", RESULT)
    _bring_in(stage, pull, "staging", TUMOR.lead)
    evidence.try_out(stage, TUMOR, BETTER)


def _to_production(stage: Stage) -> None:
    pull = proposals.open_pull(stage, stage.screen, TUMOR, BETTER, "production", RESULT)
    await_soak(stage)
    _approve(stage, pull, TUMOR.lead, PAT)
    merge(stage, pull, then="What will change in the cluster, rendered by Kustomize:")
    render = f"modelctl render production --model {TUMOR.model} --diff"
    stage.types(stage.job("deploy"), render, Excerpt(first=24))
    stage.screen.say("While it is deployed, a caller keeps asking production.")
    _switch(stage)
    ask(stage, TUMOR, "production", BETTER)


def _bring_in(stage: Stage, pull: Pull, environment: str, *reviewers: Person) -> None:
    _approve(stage, pull, *reviewers)
    merge(stage, pull)
    deploy(stage, environment, show=RESULT)


def _approve(stage: Stage, pull: Pull, *reviewers: Person) -> None:
    proposals.approve(stage, pull, *reviewers)
    stage.judged(pull, again=True)


def _switch(stage: Stage) -> None:
    """The deploy to production, with a caller who would notice a dropped request.

    Raises:
        DemoError: one was dropped, or the new version never answered.
    """
    address = f"{evidence.endpoint(stage, TUMOR, 'production')}/invocations"
    caller = Caller(address, stage.sandbox.data / f"{TUMOR.dataset}-sample.json")
    with caller.asking():
        deploy(stage, "production", show=_LAST_DEPLOY)
    shares = ", then ".join(f"{n} times by {version}" for version, n in caller.answered.items())
    stage.screen.say(
        f"The caller asked {caller.asked} times: {len(caller.failures)} requests were dropped, and "
        f"it was answered {shares}."
    )
    if caller.failures:
        raise DemoError("requests were dropped", "\n".join(caller.failures[:5]))
    if BETTER not in caller.answered:
        raise DemoError(f"the caller was never answered by {BETTER}")
