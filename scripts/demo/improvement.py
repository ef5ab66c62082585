"""A chapter: two better versions, it seems, on their way to staging; one of them in the shadow."""

from __future__ import annotations

from collections.abc import Mapping

from demo import evidence, proposals
from demo.cases import CASES, DIABETES, TUMOR, Case, Trained
from demo.deploys import deploy, merge
from demo.hub import Pull
from demo.people import Person
from demo.screen import Voice
from demo.stage import HEADLINE, RESULT, Excerpt, Stage
from demo.traffic import Caller

BETTER, FLAWED = "1.1.0", "1.0.1"
VERSIONS = {TUMOR.model: BETTER, DIABETES.model: FLAWED}
RECIPES = {TUMOR.model: "tumor-logistic", DIABETES.model: "diabetes-guessing"}
_BUMPS = {TUMOR.model: "minor", DIABETES.model: "patch"}
_CHANGES = {
    TUMOR.model: "Logistic regression on scaled inputs.",
    DIABETES.model: "Fills gaps from the nearest neighbours.",
}
_TRIED = {"staging": "shadow-week", "production": proposals.TAKES_OVER}
"""How the tumour model's new version takes over."""

_SHADOWED = 100
"""Requests that a version answers in the shadow."""


def improve(stage: Stage, trained: Mapping[str, Trained]) -> None:
    """The same way again for both, told faster."""
    with stage.screen.chapter(
        "Two better versions, it seems",
        "Both are better by every measure on the data that was held out. They take the same way.",
    ):
        _to_dev(stage, trained)
        _to_staging(stage)


def branch(case: Case) -> str:
    """Where a version is proposed."""
    return f"feature/{case.model}-{VERSIONS[case.model]}"


def _to_dev(stage: Stage, trained: Mapping[str, Trained]) -> None:
    def draft(case: Case, voice: Voice) -> None:
        who, version = stage.person(case.author), VERSIONS[case.model]
        run = trained[RECIPES[case.model]]
        proposals.branch(stage, voice, who, branch(case))
        new = (
            f"modelctl new {case.model} --run-id {run.run} --bump {_BUMPS[case.model]} "
            f"--changelog '{_CHANGES[case.model]}'"
        )
        stage.types(who, new, Excerpt(first=3), voice=voice)
        if case is TUMOR:
            voice.say(f"{who.name} would have staging ask it in the shadow first: release.yaml.")
            proposals.choose_strategies(who, case, _TRIED)
        proposals.push(stage, voice, who, f"{case.model} {version}")
        stage.silently(stage.job("ci"), "git", "fetch", "--quiet", "origin", branch(case))
        evidence.evaluate(stage, voice, case, version, branch(case), RESULT)
        evidence.examine(stage, voice, case, version, branch(case), run)

    stage.together(
        lambda voice: draft(TUMOR, voice), lambda voice: draft(DIABETES, voice), brief=True
    )
    pulls = _propose(stage, "dev")
    _bring_in(stage, pulls, "dev", {case.model: case.colleague for case in CASES})


def _to_staging(stage: Stage) -> None:
    pulls = _propose(stage, "staging")
    _bring_in(stage, pulls, "staging", {case.model: case.lead for case in CASES})
    _shadow(stage)
    evidence.try_out(stage, VERSIONS)


def _shadow(stage: Stage) -> None:
    """Each request to staging is asked of the new version as well, and the answers compared."""
    stage.screen.say(
        f"In staging {TUMOR.model} {BETTER} stands in the shadow: it gets a copy of each request, "
        "and nobody sees its answers but the comparison."
    )
    address = f"{evidence.endpoint(stage, TUMOR, 'staging')}/invocations"
    caller = Caller(address, stage.sandbox.data / f"{TUMOR.dataset}-holdout.json", in_turn=True)
    with caller.asking():
        caller.wait(_SHADOWED)
    job, where = stage.job("deploy"), f"{TUMOR.model} --env staging"
    stage.types(job, f"modelctl rollout compare {where}", RESULT)
    promote = f"--by {TUMOR.lead.login} --reason 'it agrees as often as 1.0.0 is right' --now"
    stage.types(job, f"modelctl rollout promote {where} {promote}", HEADLINE)


def _propose(stage: Stage, environment: str) -> list[Pull]:
    shown = Excerpt(last=1, progress=False)
    return [
        proposals.open_pull(stage, stage.screen, case, VERSIONS[case.model], environment, shown)
        for case in CASES
    ]


def _bring_in(
    stage: Stage, pulls: list[Pull], environment: str, reviewers: Mapping[str, Person]
) -> None:
    for case, pull in zip(CASES, pulls, strict=True):
        proposals.approve(stage, pull, reviewers[case.model])
    stage.judged(*pulls)
    merge(stage, *pulls)
    deploy(stage, environment, show=RESULT)
