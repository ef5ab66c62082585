"""A chapter: three pull requests that don't get through, each for a reason of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demo import evidence, proposals
from demo.cases import DIABETES, TUMOR, Trained
from demo.people import PAT
from demo.screen import Voice
from demo.stage import HEADLINE, RESULT, USAGE, Excerpt, Stage
from modelctl.adapters.documents import load

WORSE, FORCED = "1.0.1", "1.1.0"
_WORSE = f"feature/{TUMOR.model}-{WORSE}"
_THRESHOLD = f"feature/{TUMOR.model}-{WORSE}-threshold"
_FORCED = f"feature/{DIABETES.model}-{FORCED}"
_QUALITY = {"classification-quality", "fairness"}
_MANIFEST = Excerpt(first=3)


def refuse(stage: Stage, runs: Mapping[str, Trained]) -> None:
    """A worse version, one that moves its own goalposts, one that would break its callers."""
    with stage.screen.chapter(
        "Three pull requests that don't get through",
        "Whoever has to approve them does. That isn't enough.",
    ):
        beside = stage.together(
            lambda voice: _draft_worse(stage, voice, runs["tumor-shy"]),
            lambda voice: _draft_forced(stage, voice, runs["diabetes-ten"]),
            told=False,
        )
        _refuse_worse(stage)
        _refuse_threshold(stage)
        beside.tell(stage.screen)
        _refuse_forced(stage)


def _draft_worse(stage: Stage, voice: Voice, trained: Trained) -> None:
    who = stage.person(TUMOR.author)
    voice.say(f"First: {who.name}'s new tumour model is far too cautious.")
    proposals.branch(stage, voice, who, _WORSE)
    new = f"modelctl new {TUMOR.model} --run-id {trained.run}"
    stage.types(who, new, _MANIFEST, voice=voice)
    proposals.push(stage, voice, who, f"{TUMOR.model} {WORSE}")
    stage.silently(stage.job("ci"), "git", "fetch", "--quiet", "origin", _WORSE)
    evidence.evaluate(stage, voice, TUMOR, WORSE, _WORSE, RESULT)
    evidence.scan(stage, voice, TUMOR, WORSE, _WORSE)


def _refuse_worse(stage: Stage) -> None:
    title = f"{TUMOR.model} {WORSE}: retrained"
    pull = proposals.open_pull(stage, TUMOR.author, _WORSE, "ml", title)
    stage.forge.approve(pull, TUMOR.colleague)
    stage.screen.say(proposals.told(pull, TUMOR.colleague))
    stage.judged(stage.job("ci"), proposals.check_command(pull), blocked_by=_QUALITY)


def _refuse_threshold(stage: Stage) -> None:
    who = stage.person(TUMOR.author)
    stage.screen.say("Second: the same model, and a threshold made to fit it.")
    stage.silently(who, "git", "switch", "--quiet", "--create", _THRESHOLD, _WORSE)
    policy = who.folder / "policies" / "gates" / "quality.yaml"
    policy.write_text(policy.read_text().replace("0.85", "0.50").replace("0.80", "0.50"))
    stage.types(who, "git diff --unified=0 policies", Excerpt(last=8))
    proposals.push(stage, stage.screen, who, "Thresholds that fit our data")
    title = f"{TUMOR.model} {WORSE}, with new thresholds"
    pull = proposals.open_pull(stage, TUMOR.author, _THRESHOLD, "ml", title)
    reviewers = (TUMOR.colleague, PAT)
    stage.forge.approve(pull, *reviewers)
    stage.screen.say(
        f"{proposals.told(pull, *reviewers)} It is judged by the rules on main all the same."
    )
    blocked_by = {"mixing", "rules-branch", "sync", *_QUALITY}
    show = Excerpt(first=28, last=7)
    stage.judged(stage.job("ci"), proposals.check_command(pull), show, blocked_by=blocked_by)


def _draft_forced(stage: Stage, voice: Voice, trained: Trained) -> None:
    who = stage.person(DIABETES.author)
    voice.say(
        f"Third: {who.name}'s new diabetes model is better, but its callers must send two more "
        "blood values. He would like to call it a minor version."
    )
    proposals.branch(stage, voice, who, _FORCED)
    new = f"modelctl new {DIABETES.model} --run-id {trained.run}"
    stage.types(who, f"{new} --bump minor", voice=voice, code=USAGE)
    stage.types(who, new, _MANIFEST, voice=voice)
    _rename(stage, voice)
    proposals.push(stage, voice, who, f"{DIABETES.model} {FORCED}")
    stage.silently(stage.job("ci"), "git", "fetch", "--quiet", "origin", _FORCED)
    evidence.evaluate(stage, voice, DIABETES, FORCED, _FORCED, HEADLINE)
    evidence.scan(stage, voice, DIABETES, FORCED, _FORCED)


def _rename(stage: Stage, voice: Voice) -> None:
    """By hand: the file is called a minor version, and the new features are registered."""
    who = stage.person(DIABETES.author)
    folder, versions = proposals.model_folder(who, DIABETES), f"models/{DIABETES.model}/versions"
    voice.say("He renames it by hand, and registers the new features in model.yaml.")
    stage.types(who, f"mv {versions}/2.0.0.yaml {versions}/{FORCED}.yaml", voice=voice)
    manifest = folder / "versions" / f"{FORCED}.yaml"
    for file in (manifest, folder / "release.yaml"):
        file.write_text(file.read_text().replace('version: "2.0.0"', f'version: "{FORCED}"'))
    features = load(manifest.read_bytes(), manifest.name).data["features"]

    def register(data: Mapping[str, Any]) -> Mapping[str, Any]:
        view = {"name": features["set"], **{k: features[k] for k in ("version", "hash")}}
        return {**data, "data_contract": {**data["data_contract"], "feature_view": view}}

    proposals.edit_model(who, DIABETES, register)


def _refuse_forced(stage: Stage) -> None:
    title = f"{DIABETES.model} {FORCED}: two more inputs"
    pull = proposals.open_pull(stage, DIABETES.author, _FORCED, "ml", title)
    reviewers = (DIABETES.colleague, DIABETES.lead)
    stage.forge.approve(pull, *reviewers)
    stage.screen.say(proposals.told(pull, *reviewers))
    stage.judged(stage.job("ci"), proposals.check_command(pull), blocked_by={"version-bump"})
