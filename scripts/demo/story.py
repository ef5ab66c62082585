"""The order of the chapters."""

from __future__ import annotations

from collections.abc import Mapping

from demo import closing, first_versions, improvement, refusals, rules, training
from demo.cases import Trained
from demo.people import PAT
from demo.stage import HEADLINE, Stage

LATER = ("tumor-shy", "diabetes-ten", "tumor-logistic")


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
    improvement.improve(stage, later["tumor-logistic"])
    closing.close(stage)


def _adopt(stage: Stage) -> None:
    with stage.screen.chapter(
        "A repository and its rules",
        "A bare repository stands for GitHub; people and jobs have clones of it, and the prompts "
        "say who types. The rules are those that this project ships, with people, teams and keys. "
        "Only time is scaled: instead of 24 h a version has to serve in staging for "
        f"{rules.SOAK_SECONDS} s.",
    ):
        pat = stage.person(PAT)
        rules.adopt(stage)
        ci = " ".join(f"--kind {kind}" for kind in rules.CI_KINDS)
        jobs = " ".join(f"--kind {kind}" for kind in rules.DEPLOYER_KINDS)
        keygen = "modelctl evidence keygen"
        stage.types(
            pat,
            f"{keygen} ci --owner platform {ci} --environment offline --environment staging "
            "--private ../keys/ci.pem",
            HEADLINE,
        )
        stage.types(
            pat,
            f"{keygen} deployer --owner platform {jobs} --environment dev --environment staging "
            "--environment production --private ../keys/deployer.pem",
            HEADLINE,
        )
        rules.fit(stage)
        stage.types(pat, "modelctl policy lint")
        rules.share(stage)


def _train_on(stage: Stage) -> Mapping[str, Trained]:
    with stage.screen.chapter(
        "Training goes on",
        "Three more runs: one worse, one with other inputs, one better.",
    ):
        return training.train(stage, stage.screen, *LATER)
