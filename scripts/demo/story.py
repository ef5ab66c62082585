"""The order of the chapters."""

from __future__ import annotations

from collections.abc import Mapping

from demo import closing, first_versions, improvement, refusals, rules, takeover, training
from demo.cases import Trained
from demo.people import PAT
from demo.stage import BLOCKED, Excerpt, Stage

_APPLIED = Excerpt(last=7)
LATER = ("tumor-shy", "diabetes-ten", "tumor-logistic", "diabetes-guessing")


def play(stage: Stage) -> None:
    """From an empty folder to a better version in production."""
    _adopt(stage)
    first = first_versions.train(stage)
    pulls = first_versions.propose(stage, first)
    first_versions.to_dev(stage, first, pulls)
    first_versions.to_staging(stage)
    first_versions.to_production(stage)
    later = _train_on(stage)
    refusals.refuse(stage, later)
    improvement.improve(stage, later)
    takeover.take_over(stage)
    closing.close(stage)


def _adopt(stage: Stage) -> None:
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
        stage.screen.say("Branch rules, environments and labels are files too:")
        stage.types(pat, "modelctl github apply --yes", _APPLIED, code=BLOCKED)
        stage.screen.say("What only a person can enter are the keys of the Apps. Then all is well:")
        rules.fill(stage)
        stage.types(pat, "modelctl doctor")


def _train_on(stage: Stage) -> Mapping[str, Trained]:
    with stage.screen.chapter(
        "Training goes on",
        "Four more runs: one is worse, one wants other inputs, two are better by every measure.",
    ):
        return training.train(stage, stage.screen, *LATER)
