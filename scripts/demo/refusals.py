"""A chapter: three pull requests that don't get through, each for a reason of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demo import evidence, proposals
from demo.cases import DIABETES, TUMOR, Trained
from demo.hub import Pull
from demo.people import PAT
from demo.screen import Voice
from demo.stage import HEADLINE, RESULT, USAGE, Excerpt, Stage
from modelctl.adapters.documents import load

WORSE, FORCED = "1.0.1", "1.1.0"
_WORSE = f"feature/{TUMOR.model}-{WORSE}"
_THRESHOLD = f"feature/{TUMOR.model}-{WORSE}-threshold"
_FORCED = f"feature/{DIABETES.model}-{FORCED}"
_MANIFEST = Excerpt(first=3)
_THRESHOLD_BLOCKED = "blocked by mixing, rules-branch, sync and 2 more"
_OPENED = Excerpt(last=1, progress=False)


def refuse(stage: Stage, runs: Mapping[str, Trained]) -> None:
    """A worse version, one that moves its own goalposts, one that would break its callers."""
    with stage.screen.chapter(
        "Three pull requests that don't get through",
        "Whoever has to approve them does. That isn't enough.",
    ):
        beside = stage.together(
            lambda voice: _refuse_hers(stage, voice, runs["tumor-shy"]),
            lambda voice: _draft_forced(stage, voice, runs["diabetes-ten"]),
            told=False,
        )
        beside.tell(stage.screen)
        _refuse_forced(stage)


def _refuse_hers(stage: Stage, voice: Voice, trained: Trained) -> None:
    _draft_worse(stage, voice, trained)
    _refuse_worse(stage)
    _refuse_threshold(stage)


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
    pull = proposals.open_pull(stage, stage.screen, TUMOR, WORSE, "dev", _OPENED)
    proposals.approve(stage, pull, TUMOR.colleague)
    stage.judged(pull, says="blocked by classification-quality and fairness")
    _explain(stage, pull)
    stage.screen.say(
        f"{TUMOR.author.login} lets a workflow on the branch post a green check of the same name."
    )
    stage.hub.forge_check(pull)
    proposals.refuse_merge(stage, pull, TUMOR.colleague)


def _explain(stage: Stage, pull: Pull) -> None:
    """A command in a comment, and the answer to it."""
    asked = "/modelctl explain fairness"
    stage.screen.say(f"{TUMOR.author.login} comments on #{pull.number}: {asked}")
    comment = stage.hub.comment(pull, TUMOR.author, asked)
    stage.types(stage.job("gates"), f"modelctl pr answer --comment {comment}", RESULT)
    lines = stage.hub.last_comment(pull).splitlines()
    answer = [line for line in lines if line and not line.startswith("<!--")]
    stage.screen.printed("\n".join(answer), first=4)


def _refuse_threshold(stage: Stage) -> None:
    who = stage.person(TUMOR.author)
    stage.screen.say("Second: the same model, and a threshold made to fit it.")
    stage.silently(who, "git", "switch", "--quiet", "--create", _THRESHOLD, _WORSE)
    policy = who.folder / "policies" / "gates" / "quality.yaml"
    policy.write_text(policy.read_text().replace("0.85", "0.50").replace("0.80", "0.50"))
    stage.types(who, "git diff --unified=0 policies", Excerpt(last=8))
    proposals.push(stage, stage.screen, who, "Thresholds that fit our data")
    pull = proposals.open_pull(stage, stage.screen, TUMOR, WORSE, "dev", _OPENED)
    proposals.approve(stage, pull, TUMOR.colleague, PAT)
    stage.screen.say("It is judged by the rules on main all the same.")
    stage.judged(pull, show=Excerpt(first=28, last=9, progress=False), says=_THRESHOLD_BLOCKED)
    proposals.refuse_merge(stage, pull, PAT)


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
    pull = proposals.open_pull(stage, stage.screen, DIABETES, FORCED, "dev", _OPENED)
    proposals.approve(stage, pull, DIABETES.colleague, DIABETES.lead)
    stage.judged(pull, says="blocked by version-bump")
    proposals.refuse_merge(stage, pull, DIABETES.lead)
