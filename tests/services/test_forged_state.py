"""The state branch is anybody's word: who may push it, without a key, wins nothing by it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from modelctl.adapters.documents import dump
from modelctl.adapters.signing import sign
from modelctl.domain.history import deployments
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Tree
from modelctl.errors import ConflictError, DependencyError
from modelctl.services.accounted import accounted
from modelctl.services.acting import Effects
from modelctl.services.checking import check_change
from modelctl.services.deciding import decide
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.intent import fresh_request, read_intent
from modelctl.services.rendering import render
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import read_state
from modelctl.services.writing import write_state
from support.deploys import run
from support.journey import bring, publish
from support.world import (
    FILES,
    MODEL,
    TESTS,
    World,
    blocking,
    release_data,
    submission,
    version_data,
)

EVIL = "models:/m-evil"


@pytest.fixture
def dev(world: World) -> World:
    """1.0.0 runs in dev."""
    bring(world, "dev")
    world.later(minutes=1)
    return world


def forge(world: World, one: RenderRequest) -> None:
    """Pushes a record with its manifests to dev's branch, as a deploy would render them."""
    files = render(world.session(), [one])[one.model]
    publish(world, "env/dev", {f"{one.model}/{name}": text for name, text in files.items()})


def signed(world: World) -> list[tuple[str, tuple[str, ...]]]:
    """Version and approvers of what was signed as deployed."""
    return [(d.version, d.approvers) for d in deployments(world.session().signed(MODEL))]


def deployed(world: World) -> tuple[Deployed, Tree]:
    """A deploy, and the tree that it put into force."""
    applied: list[Tree] = []

    def apply(_: Session, __: Transition, tree: Tree, ___: object) -> dict[str, str]:
        applied.append(tree)
        return {}

    done = deploy(
        world.session(),
        world.transition("dev"),
        world.merged(),
        Effects(signer=world.deployer.signer, apply=apply),
    )
    return done, applied[-1]


def pushed(world: World) -> RenderRequest:
    """1.1.0 is pushed straight to the branch; the record of it with approvers that never were."""
    root = {"artifacts": {"root": EVIL, "files": FILES}}
    commit = publish(world, "ml", submission("1.1.0", manifest=root))
    session, transition = world.session(), world.transition("dev")
    intent = read_intent(session.repository.tree(commit), MODEL, transition, session.policy)
    return fresh_request(intent, "dev", commit=commit, approvers=("ben", "lena"), pull_request=7)


def test_a_forged_record_of_what_was_pushed_is_judged_and_put_back(dev: World) -> None:
    before = signed(dev)
    forge(dev, pushed(dev))
    dev.later(minutes=1)
    done, applied = deployed(dev)
    assert [d.blocked for d in done.decisions] == [True]
    assert read_state(dev.session(), "dev")[MODEL].storage_uri == "models:/m-1"
    assert EVIL not in str(applied.read(f"{MODEL}/manifests.yaml"))
    assert (done.recorded, signed(dev)) == (0, before)
    [told] = done.unaccounted
    assert told.startswith(f"{MODEL}@1.1.0 of commit ")
    assert told.endswith(", approved by ben, lena")


def test_a_forged_record_of_what_never_ran_is_taken_out(world: World) -> None:
    """Nothing was ever deployed, so there is nothing to go back to."""
    bring_branch(world)
    one = pushed(world)
    forge(world, one)
    world.record("unit-tests", "offline", TESTS, pointer=f"{MODEL}@{one.version}^origin/ml")
    done, applied = deployed(world)
    assert [(d.blocked, d.request) for d in done.decisions] == [(True, None)]
    assert (applied.names(""), done.recorded, len(done.unaccounted)) == ((), 0, 1)


def bring_branch(world: World) -> None:
    """An empty state branch, that others may push to."""
    tree = world.builder.git("mktree", stdin=b"")
    commit = world.builder.git("commit-tree", tree, "-m", "state")
    world.builder.git("push", "--quiet", "origin", f"{commit}:refs/heads/env/dev")


def test_a_forged_record_gives_no_way_back(dev: World) -> None:
    """A record of a version that was never released doesn't become history by an honest deploy."""
    path = f"models/{MODEL}/versions/1.0.5.yaml"
    text = dump(version_data("1.0.5", artifacts={"root": EVIL, "files": FILES}))
    commit = dev.merge("ml", dev.commit({path: text}, "feature/x", "ml"), ["ben"])
    now = read_state(dev.session(), "dev")[MODEL]
    digest = sha256(dev.show("origin/ml", path).encode()).hexdigest()
    forge(dev, replace(now, version="1.0.5", digest=digest, commit=commit, backends=()))
    dev.later(minutes=1)
    bring(dev, "dev", "1.1.0")
    assert [version for version, _ in signed(dev)] == ["1.0.0", "1.1.0"]
    dev.later(minutes=1)
    pointer = {f"models/{MODEL}/release.yaml": dump(release_data("1.0.5"))}
    back = dev.commit(pointer, "feature/back", "ml")
    report = check_change(dev.session(), "ml", back, pull_request=dev.pull("ml", back, ["ben"]))
    assert blocking(report)


def test_forged_approvers_are_put_back(dev: World) -> None:
    now = read_state(dev.session(), "dev")[MODEL]
    forge(dev, replace(now, approvers=("eve",)))
    done = run(dev, "dev")
    assert len(done.unaccounted) == 1
    assert read_state(dev.session(), "dev")[MODEL] == now
    assert not any(d.blocked or d.moves for d in done.decisions)


def test_a_model_that_no_branch_has_is_not_put_into_force(dev: World) -> None:
    now = read_state(dev.session(), "dev")[MODEL]
    forge(dev, replace(now, model="evil-model", version="9.9.9", digest="e" * 64))
    done, applied = deployed(dev)
    assert (applied.names(""), done.recorded) == ((MODEL,), 0)
    assert dev.session().signed("evil-model") == ()
    [told] = done.unaccounted
    assert told.startswith("evil-model@9.9.9 of commit ")


def test_files_that_no_deploy_wrote_are_not_put_into_force(dev: World) -> None:
    stray = ("zz/manifests.yaml", f"{MODEL}/extra.yaml", "README.md", "two\nlines")
    publish(dev, "env/dev", dict.fromkeys(stray, "kind: Pod\n"))
    done, applied = deployed(dev)
    files = [entry.path for entry in applied.walk()]
    assert files == [f"{MODEL}/manifests.yaml", f"{MODEL}/release.json"]
    assert done.unaccounted == ("README.md", f"{MODEL}/extra.yaml", "'two\\nlines'", "zz/")
    again, _ = deployed(dev)
    assert (again.unaccounted, again.state) == ((), done.state)


def test_what_ran_before_is_no_state_of_today(dev: World) -> None:
    """An old state that was true once is pushed again: it may be a way back whose job was killed,
    so nothing is signed and nobody is at ease."""
    old = read_state(dev.session(), "dev")[MODEL]
    bring(dev, "dev", "1.1.0")
    forge(dev, old)
    done = run(dev, "dev")
    assert (list(done.problems), done.recorded) == ([MODEL], 0)
    assert [version for version, _ in signed(dev)] == ["1.0.0", "1.1.0"]


def test_a_model_that_left_the_branch_runs_on_as_it_was_signed(dev: World) -> None:
    files = dev.builder.git("ls-tree", "-r", "--name-only", "origin/ml", f"models/{MODEL}")
    publish(dev, "ml", dict.fromkeys(files.splitlines()))
    now = read_state(dev.session(), "dev")[MODEL]
    forge(dev, replace(now, storage_uri=EVIL, backends=()))
    done, applied = deployed(dev)
    assert (done.decisions, len(done.unaccounted)) == ((), 1)
    assert applied.names("") == (MODEL,)
    assert read_state(dev.session(), "dev")[MODEL] == now


def test_a_run_that_is_too_old_to_tell_writes_nothing(dev: World, tmp_path: Path) -> None:
    """Another deploy has put a newer commit of the branch into the state, and not yet signed it."""
    other = dev.copy_clone(tmp_path / "stale")
    stale, transition = other.session(), dev.transition("dev")
    old = decide(stale, transition, dev.merged())
    rendered = render(stale, [d.request for d in old if d.request])
    head = dev.submit("1.1.0")
    dev.evidence("1.1.0", "dev", head)
    dev.merge("ml", head, ["ben"])
    fresh, session = dev.merged(), dev.session()
    newer = decide(session, transition, fresh)
    texts = render(session, [d.request for d in newer if d.request])
    write_state(session, transition, newer, texts)
    with pytest.raises(ConflictError, match="newer than what this run has judged"):
        write_state(stale, transition, old, rendered)
    assert read_state(dev.session(), "dev")[MODEL].version == "1.1.0"


def test_without_its_history_nothing_that_runs_is_touched(dev: World, tmp_path: Path) -> None:
    running = dev.builder.git("ls-remote", "origin", "refs/heads/env/dev")
    dev.builder.git("push", "--quiet", "--delete", "origin", "ledger")
    other = dev.copy_clone(tmp_path / "other")
    with pytest.raises(DependencyError, match=r"no branch ledger: nothing shows what may go on"):
        deployed(other)
    assert dev.builder.git("ls-remote", "origin", "refs/heads/env/dev") == running


def test_a_statement_that_says_more_than_its_commit_accounts_for_nothing(dev: World) -> None:
    def running() -> RenderRequest | None:
        session = dev.session()
        return accounted(session, MODEL, session.signed(MODEL), "dev")

    assert running() is not None
    last = dev.session().ledger.latest(MODEL)
    assert last is not None
    assert last.signed.statement is not None
    dev.later(minutes=1)
    told = {**last.signed.statement.predicate, "approvers": ["eve"]}
    other = replace(last.signed.statement, made_at=dev.now, predicate=told)
    envelope = sign(other, dev.deployer.signer)
    dev.session().ledger.append(MODEL, [envelope], author=MACHINE, at=dev.now)
    assert running() is None
