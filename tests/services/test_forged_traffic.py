"""Somebody without a key pushes the state branch while traffic moves: nobody puts it into force."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pygit2
import pytest

from modelctl.adapters.signing import sign
from modelctl.commands.effects import Applier, Means
from modelctl.domain.history import ROLLOUT
from modelctl.domain.policy import Transition
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.acting import Effects
from modelctl.services.cluster import namespaces
from modelctl.services.deploying import deploy
from modelctl.services.going_back import WENT_BACK, Cause, go_back
from modelctl.services.guarding import Guard
from modelctl.services.monitoring import served_in
from modelctl.services.rollout_ticks import tick
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import state_tree
from support.deploys import run
from support.journey import bring, publish
from support.rollouts import Recording, arrive, shares, start, under_way
from support.ways_back import Figures, Traffic, back, held, ran, sound
from support.world import MODEL, World

MANIFESTS = f"{MODEL}/manifests.yaml"
RECORD = f"{MODEL}/release.json"
EVIL = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "evil"}})


@pytest.fixture
def twice(served: World) -> World:
    """1.1.0 serves in dev, where 1.0.0 did before."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


def here(world: World, path: str) -> str:
    """A file of the state of dev."""
    return (state_tree(world.session(), "dev").read(path) or b"").decode()


class Applied:
    """What was applied, each time: the manifests of the model, and which models were named. While
    the first of it is applied, files are pushed."""

    def __init__(self, world: World, pushed: Mapping[str, str | None] | None = None):
        self.world, self.pushed = world, pushed
        self.order: list[tuple[str, Collection[str] | None]] = []

    def __call__(
        self, session: Session, transition: Transition, tree: Tree, models: Collection[str] | None
    ) -> Mapping[str, str]:
        self.order.append(((tree.read(MANIFESTS) or b"").decode(), models))
        if self.pushed is not None:
            pushed, self.pushed = self.pushed, None
            publish(self.world, "env/dev", pushed)
        return {}


def test_manifests_that_somebody_pushed_are_put_back_and_told(served: World) -> None:
    """The record beside them is as it was."""
    start(served)
    publish(served, "env/dev", {MANIFESTS: f"{here(served, MANIFESTS)}---\n{EVIL}\n"})
    served.later(minutes=30)
    applied = Applied(served)
    effects = Effects(signer=served.deployer.signer, apply=applied, source={"dev": Recording()})
    done = tick(served.session(), served.transition("dev"), effects)
    assert applied.order
    assert not any("evil" in text for text, _ in applied.order)
    assert "evil" not in here(served, MANIFESTS)
    assert MANIFESTS in (done.looked[0].problem or "")


def test_a_deploy_tells_of_manifests_that_somebody_altered(twice: World) -> None:
    text = here(twice, MANIFESTS)
    publish(twice, "env/dev", {MANIFESTS: text.replace("models:/m-1", "models:/m-evil")})
    twice.later(minutes=5)
    done = run(twice, "dev")
    assert done.unaccounted == (MANIFESTS,)
    assert here(twice, MANIFESTS) == text
    assert run(twice, "dev").unaccounted == ()


def test_manifests_of_other_overlays_are_nobody_s_forgery(twice: World) -> None:
    path = "kustomize/overlays/dev/kustomization.yaml"
    text = twice.show("origin/main", path)
    publish(twice, "main", {path: text.replace("models-dev", "models-elsewhere")})
    done = run(twice, "dev")
    assert done.unaccounted == ()
    assert "models-elsewhere" in here(twice, RECORD)


@pytest.mark.parametrize("pushed", [f"evil/{name}" for name in ("release.json", "x/y")])
def test_what_is_pushed_while_a_deploy_applies_is_not_put_into_force(
    served: World, pushed: str
) -> None:
    arrive(served, "1.1.0", "immediate")
    applied = Applied(served, {pushed: "{}", MANIFESTS: f"---\n{EVIL}\n"})
    effects = Effects(signer=served.deployer.signer, apply=applied)
    done = deploy(served.session(), served.transition("dev"), served.merged(), effects)
    assert not any("evil" in text for text, _ in applied.order)
    assert "evil" in done.problems
    assert MODEL in done.problems


def test_what_is_pushed_during_a_way_back_is_not_put_into_force(twice: World) -> None:
    """The very bytes that lay there before, which a key has signed once."""
    bad: dict[str, str | None] = {path: here(twice, path) for path in (MANIFESTS, RECORD)}
    traffic, plain = Traffic(), Traffic.apply

    def apply(
        session: Session, transition: Transition, tree: Tree, models: Collection[str] | None
    ) -> Mapping[str, str]:
        found = plain(traffic, session, transition, tree, models)
        if len(traffic.order) == 1:
            publish(twice, "env/dev", bad)
        return found

    effects = Effects(signer=twice.deployer.signer, apply=apply)
    cause = Cause(trigger="errors", reason="more than 5 % fail")
    done = go_back(
        twice.session(), twice.transition("dev"), MODEL, cause=cause, effects=effects, intact=sound
    )
    assert traffic.where == {MODEL: [("1.0.0", 100)]}
    assert shares(twice) == [("stable", "1.0.0", 100)]
    entries = twice.session().ledger.entries(MODEL, ["rollback"])
    told = entries[-1].signed.statement
    assert told is not None
    assert told.predicate["in_force"] is False  # it was somebody else's for a moment
    assert done.incident is not None
    assert not done.incident.verified


def test_what_another_job_signed_meanwhile_is_put_into_force(served: World) -> None:
    """A deploy overtakes another one: whichever applies last leaves the newer state in force."""
    arrive(served, "1.1.0", "immediate")
    session, merged = served.session(), served.merged()
    applied: list[str] = []

    def apply(
        session: Session, transition: Transition, tree: Tree, models: Collection[str] | None
    ) -> Mapping[str, str]:
        if not applied:
            applied.append("first")
            arrive(served, "1.2.0", "immediate")
            served.later(minutes=1)
            run(served, "dev")
        applied.append("1.2.0" if "1.2.0" in (tree.read(RECORD) or b"").decode() else "1.1.0")
        return {}

    effects = Effects(signer=served.deployer.signer, apply=apply)
    deploy(session, served.transition("dev"), merged, effects)
    assert applied[-1] == "1.2.0"


def test_junk_on_the_state_branch_keeps_nothing_from_going_back(
    twice: World, tmp_path: Path
) -> None:
    publish(twice, "env/dev", {"junk/release.json": "x"})
    applier = Applier(means=Means(root=tmp_path / "local"))
    figures = Figures()
    effects = Effects(signer=twice.deployer.signer, apply=applier, source={"dev": figures})
    guard = Guard([twice.transition("dev")], effects, intact=sound)
    session = twice.session()
    for _ in range(5):
        twice.later(seconds=1)
        figures.say(twice.now, 990)
        guard.look(session.at(twice.now))
    assert ran(twice)[-1] == "1.0.0"
    assert [version for version, _, _ in held(twice)] == ["1.1.0"]


@pytest.mark.parametrize("text", ["x", "[]", '{"metadata": 1}'])
def test_junk_on_the_state_branch_names_no_namespace_and_no_model(twice: World, text: str) -> None:
    publish(twice, "env/dev", {"junk/release.json": text})
    tree = state_tree(twice.session(), "dev")
    assert namespaces(tree) == ("models-dev",)
    assert namespaces(tree, ["junk"]) == ()
    assert [one.request.model for one in served_in(tree, "dev")] == [MODEL]


def bomb(world: World, folder: str) -> None:
    """A few objects of the state that stand for a billion files."""
    git = world.builder.git
    git("fetch", "--quiet", "origin")
    repo = pygit2.Repository(str(world.directory))
    inner, mode = repo.create_blob(b"x"), 0o100644
    for _ in range(9):
        builder = repo.TreeBuilder()
        for name in range(10):
            builder.insert(str(name), inner, mode)
        inner, mode = builder.write(), 0o040000
    tip = repo.revparse_single("origin/env/dev").peel(pygit2.Commit)
    *above, last = folder.split("/")
    builder = repo.TreeBuilder(repo[tip.tree["/".join(above)].id] if above else tip.tree)
    builder.insert(last, inner, mode)
    top = builder.write()
    if above:
        builder = repo.TreeBuilder(tip.tree)
        builder.insert(above[0], top, 0o040000)
        top = builder.write()
    who = pygit2.Signature("x", "x@example.com", tip.commit_time, 0)
    sha = repo.create_commit(None, who, who, "x", top, [tip.id])
    git("push", "--quiet", "origin", f"{sha}:refs/heads/env/dev")


@pytest.mark.parametrize("folder", ["bomb", f"{MODEL}/bomb", ".monitoring"])
def test_a_tree_made_to_exhaust_memory_holds_no_way_back_and_no_deploy(
    twice: World, folder: str
) -> None:
    bomb(twice, folder)
    back(twice, "dev")
    assert ran(twice)[-1] == "1.0.0"
    twice.later(minutes=5)
    run(twice, "dev")
    tree = state_tree(twice.session(), "dev")
    assert tree.subtree(folder) is None or folder == ".monitoring"


def test_figures_are_asked_for_where_the_signed_state_has_the_model(served: World) -> None:
    start(served)
    record = json.loads(here(served, RECORD))
    record["metadata"]["namespace"] = "mallory"
    publish(served, "env/dev", {RECORD: json.dumps(record)})
    source = Recording()
    effects = Effects(signer=served.deployer.signer, source={"dev": source})
    served.later(minutes=5)
    tick(served.session(), served.transition("dev"), effects)
    assert [one.namespace for one in source.asked] == ["models-dev"]
    assert under_way(served).namespace == "models-dev"


def test_so_are_those_of_what_serves(twice: World) -> None:
    record = json.loads(here(twice, RECORD))
    record["metadata"]["namespace"] = "mallory"
    publish(twice, "env/dev", {RECORD: json.dumps(record)})
    figures = Figures()
    effects = Effects(signer=twice.deployer.signer, source={"dev": figures})
    Guard([twice.transition("dev")], effects).look(twice.session())
    assert [one.namespace for asked in figures.asked for one in asked] == ["models-dev"]


def test_a_key_that_may_not_sign_moves_nothing(twice: World) -> None:
    traffic = Traffic()
    effects = replace(traffic.effects(twice), signer=twice.ci.signer)
    cause = Cause(trigger="errors", reason="more than 5 % fail")
    session, transition = twice.session(), twice.transition("dev")
    with pytest.raises(ModelctlError, match="may not"):
        go_back(session, transition, MODEL, cause=cause, effects=effects, intact=sound)
    with pytest.raises(ModelctlError, match="may not"):
        tick(session, transition, effects)
    tick(session, transition, effects, dry_run=True)
    assert traffic.where == {}
    assert shares(twice) == [("stable", "1.1.0", 100)]


def test_an_event_that_nobody_can_read_is_told_with_its_entry(twice: World) -> None:
    """It holds that model alone: the others are looked at in the same pass."""
    start(twice, "1.2.0")
    session = twice.session()
    told = session.ledger.entries(MODEL, [ROLLOUT])[-1].signed.statement
    assert told is not None
    odd = {**told.predicate, "event": "paused", "state": {"phase": "running"}}
    envelope = sign(replace(told, predicate=odd), twice.deployer.signer)
    (entry,) = session.ledger.append(MODEL, [envelope], author=MACHINE, at=twice.now)
    done = tick(twice.session(), twice.transition("dev"), Traffic().effects(twice))
    assert [f"entry {entry.seq} of the ledger" in left for left in done.left] == [True]


@pytest.mark.parametrize("branch", ["env/dev", "ledger"])
def test_what_holds_a_clone_that_saw_it_holds_no_new_one(
    twice: World, tmp_path: Path, branch: str
) -> None:
    """A merge of the state, and an entry that was altered: the way back is begun anew elsewhere."""
    others = twice.copy_clone(tmp_path / "others")
    if branch == "ledger":
        publish(others, branch, {"models/other-model/x.json": "{}"})
        twice.session()
        publish(others, branch, {"models/other-model/x.json": "[]"})
    else:
        git = others.builder.git
        tip, tree = git("rev-parse", f"origin/{branch}"), f"origin/{branch}^{{tree}}"
        other = git("commit-tree", tree, "-m", "x")
        merge = git("commit-tree", tree, "-p", tip, "-p", other, "-m", "x")
        git("push", "--quiet", "origin", f"{merge}:refs/heads/{branch}")
    with pytest.raises(ModelctlError, match=branch):
        back(twice, "dev")
    assert back(twice.copy_clone(tmp_path / "new"), "dev").outcome == WENT_BACK
