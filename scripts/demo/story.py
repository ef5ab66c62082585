"""The order of the chapters."""

from __future__ import annotations

from demo import closing, first_versions, improvement, refusals, rules, takeover, training
from demo.cases import Trained
from demo.people import PAT
from demo.screen import Later
from demo.stage import BLOCKED, Excerpt, Stage

_APPLIED = Excerpt(last=7)
LATER = ("tumor-shy", "diabetes-ten", "tumor-logistic", "diabetes-guessing")


def play(stage: Stage) -> None:
    """From an empty folder to a better version in production."""
    prepared = _adopt(stage)
    first = first_versions.train(stage, prepared)
    pulls = first_versions.propose(stage, first)
    first_versions.to_dev(stage, first, pulls)
    first_versions.to_staging(stage)
    later: dict[str, Trained] = {}
    trained = first_versions.to_production(
        stage, lambda voice: later.update(training.train(stage, voice, *LATER))
    )
    _tell(stage, trained)
    refusals.refuse(stage, later)
    improvement.improve(stage, later)
    takeover.take_over(stage)
    closing.close(stage)


def _adopt(stage: Stage) -> Later:
    """The rules are adopted and enforced. Who has them goes on to the datasets, told later."""
    with stage.screen.chapter(
        "A repository and its rules",
        "A small forge on this machine stands for GitHub: it answers the same API, enforces branch "
        "rules as GitHub does, and is used by the same commands. People have tokens, jobs act as "
        "GitHub Apps, and the prompts say who types. The rules are those that this project ships.",
    ):
        pat = stage.person(PAT)
        rules.copy(stage)
        stage.types(pat, rules.init_command(stage), Excerpt(first=4, last=2))
        stage.screen.say(
            f"{PAT.login} adds who leads which team. Only time is scaled: a version serves in "
            f"staging for {rules.SOAK_SECONDS} s instead of 24 h, and a rollout's steps last "
            "seconds and dozens of requests, not hours and thousands."
        )
        rules.fit(stage)
        stage.types(pat, "modelctl policy lint")
        rules.share(stage)
        return stage.together(
            lambda voice: _enforce(stage),
            lambda voice: training.prepare(stage, voice),
            told=False,
        )


def _enforce(stage: Stage) -> None:
    pat = stage.person(PAT)
    stage.screen.say("Branch rules, environments and labels are files too:")
    stage.types(pat, "modelctl github apply --yes", _APPLIED, code=BLOCKED)
    stage.screen.say("What only a person can enter are the keys of the Apps. Then all is well:")
    rules.fill(stage)
    stage.types(pat, "modelctl doctor")


def _tell(stage: Stage, trained: Later) -> None:
    with stage.screen.chapter(
        "Training goes on",
        "Four more runs were made meanwhile: one is worse, one wants other inputs, two are better "
        "by every measure.",
    ):
        trained.tell(stage.screen)
