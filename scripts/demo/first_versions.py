"""Chapters: the first versions of two models, from their runs to production."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from demo import evidence, proposals, training
from demo.cases import CASES, DIABETES, TUMOR, Case, Trained
from demo.deploys import ask, deploy, merge
from demo.hub import Pull
from demo.people import PAT, QUINN
from demo.rules import SOAK_SECONDS
from demo.screen import Later, Voice
from demo.stage import ALL, BLOCKED, RESULT, Excerpt, Part, Stage

FIRST = "1.0.0"
_FIRST_DEPLOY = Excerpt(first=13, last=7)
RECIPES = {TUMOR.model: "tumor-bayes", DIABETES.model: "diabetes-ridge"}


def train(stage: Stage, prepared: Later) -> Mapping[str, Trained]:
    """Both models are trained, and their data is validated meanwhile; that it was `prepared` is
    told before."""
    runs: dict[str, Trained] = {}

    def fit(voice: Voice) -> None:
        runs.update(training.train(stage, voice, *RECIPES.values()))

    with stage.screen.chapter(
        "Two models are trained",
        "One tells malignant from benign tumours, one foretells how diabetes progresses. Both "
        "datasets ship with scikit-learn; 30 % of the rows are held out. MLflow gets the runs, "
        "Great Expectations looks at the data.",
    ):
        prepared.tell(stage.screen)
        stage.together(fit, lambda voice: training.validate(stage, voice))
    return runs


def propose(stage: Stage, runs: Mapping[str, Trained]) -> Sequence[Pull]:
    """A manifest and a pull request for each."""

    def draft(case: Case, voice: Voice) -> None:
        trained = runs[RECIPES[case.model]]
        proposals.first_version(stage, voice, case, _feature(case), trained)

    with stage.screen.chapter(
        "From a run to a pull request",
        "`modelctl new` writes a version's manifest from its run: metrics, signature, lineage, "
        "and the sha256 of every file. What it says are claims; nobody believes them yet.",
    ):
        stage.together(
            lambda voice: draft(TUMOR, voice), lambda voice: draft(DIABETES, voice), brief=True
        )
        pulls = _promote(stage, "dev")
        stage.screen.say("Each pull request is judged as soon as it is there, by a workflow:")
        stage.judged(*pulls, says="blocked by")
        proposals.refuse_merge(stage, pulls[0], QUINN)
    return pulls


def to_dev(stage: Stage, runs: Mapping[str, Trained], pulls: Sequence[Pull]) -> None:
    """Evidence, reviews, merge, deploy."""

    def measure(case: Case, voice: Voice) -> None:
        show = ALL if case is TUMOR else RESULT
        evidence.evaluate(stage, voice, case, FIRST, _feature(case), show)
        trained = runs[RECIPES[case.model]]
        evidence.examine(stage, voice, case, FIRST, _feature(case), trained)

    with stage.screen.chapter(
        "Evidence, reviews, and the first deploy",
        "A job loads each model from its artifacts, which must be those of the manifest byte for "
        "byte, and measures it. What the job signs counts.",
    ):
        stage.together(
            lambda voice: measure(TUMOR, voice), lambda voice: measure(DIABETES, voice), brief=True
        )
        for case, pull in zip(CASES, pulls, strict=True):
            proposals.approve(stage, pull, case.colleague, case.lead)
        stage.screen.say("With the evidence and the reviews they are judged again:")
        stage.judged(pulls[0])
        stage.judged(pulls[1], again=True)
        merge(stage, *pulls, then="A merge starts the deploy:")
        deploy(stage, "dev", show=_FIRST_DEPLOY)


def to_staging(stage: Stage) -> None:
    """A promotion for each model, then tests over HTTP and load."""
    with stage.screen.chapter(
        "To staging",
        "A promotion is a pull request with one model's files, byte for byte as dev was deployed "
        "with them. The lead of the team that owns the model approves it.",
    ):
        pulls = _promote(stage, "staging")
        for case, pull in zip(CASES, pulls, strict=True):
            proposals.approve(stage, pull, case.lead)
        stage.judged(*pulls)
        merge(stage, *pulls)
        deploy(stage, "staging", show=RESULT)
        stage.screen.say("Could the tumour model go on to production now? Anybody may ask.")
        question = f"modelctl check {TUMOR.model}@{FIRST} --to production"
        stage.types(stage.job("ci"), question, code=BLOCKED)
        stage.screen.say("So both are tried out in staging, over HTTP and under load.")
        evidence.try_out(stage, {case.model: FIRST for case in CASES})


def to_production(stage: Stage, meanwhile: Part) -> Later:
    """Two people of two roles, and one review that doesn't count. What happens `meanwhile` is to be
    told later."""
    with stage.screen.chapter(
        "To production",
        "Production asks for the lead and for Platform, two different people.",
    ):
        return stage.together(lambda voice: _bring_to_production(stage), meanwhile, told=False)


def _bring_to_production(stage: Stage) -> None:
    pulls = _promote(stage, "production")
    await_soak(stage)
    _refuse_own_review(stage, pulls[0])
    proposals.approve(stage, pulls[0], PAT)
    proposals.approve(stage, pulls[1], DIABETES.lead, PAT)
    stage.judged(*pulls)
    merge(stage, *pulls)
    deploy(stage, "production", show=RESULT)
    for case in CASES:
        ask(stage, case, "production", FIRST)


def await_soak(stage: Stage) -> None:
    """Wait for what is left of the time that a version must have served in staging."""
    with stage.screen.working("it goes on soaking in staging …"):
        log = ("git", "log", "-1", "--format=%ct", "origin/env/staging")
        since = int(stage.silently(stage.job("ci"), *log))
        time.sleep(max(0.0, since + SOAK_SECONDS + 1 - time.time()))


def _refuse_own_review(stage: Stage, pull: Pull) -> None:
    author = TUMOR.author
    stage.screen.say(f"{author.login}, in a hurry, approves #{pull.number} too. The forge answers:")
    stage.screen.printed(stage.hub.refused_approval(pull, author))
    proposals.approve(stage, pull, TUMOR.lead)
    stage.judged(pull, says="waiting for 1 platform", again=True)
    proposals.refuse_merge(stage, pull, TUMOR.lead)


def _feature(case: Case) -> str:
    return f"feature/{case.model}-{FIRST}"


def _promote(stage: Stage, environment: str) -> Sequence[Pull]:
    """One pull request is seen to be opened, the other one isn't: it is the same."""
    voices: Mapping[str, Voice] = {TUMOR.model: stage.screen, DIABETES.model: Later()}
    pulls = [
        proposals.open_pull(stage, voices[case.model], case, FIRST, environment) for case in CASES
    ]
    stage.screen.say(f"{DIABETES.author.login} does the same for {DIABETES.model}.")
    return pulls
