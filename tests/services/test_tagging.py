"""Tags: GTO reads from them what our own status says, and each is written once by whoever comes."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters import git_tags
from modelctl.adapters.documents import dump
from modelctl.services import tagging
from modelctl.services.board import board
from modelctl.services.deployed import Deployed
from modelctl.services.past import KINDS
from modelctl.services.tagging import tag_deployments
from support.deploys import run
from support.journey import bring
from support.repos import clone, git
from support.world import ENVIRONMENTS, MODEL, World, release_data, version_data


def gto(directory: Path, *args: str) -> Any:
    """What the real GTO prints as JSON."""
    command = [str(Path(sys.executable).parent / "gto"), *args, "--repo", str(directory), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def assigned(directory: Path) -> dict[str, str]:
    """Stage → version of the model, by `gto show`."""
    stages = gto(directory, "show")[MODEL]["stage"]
    return {stage: version.removeprefix("v") for stage, version in stages.items() if version}


def told(world: World) -> dict[str, str]:
    """Environment → version of the model, by `modelctl status`."""
    [row] = board(world.session(), [MODEL]).rows
    return {environment: cell.version for environment, cell in row.cells.items()}


def tags(directory: Path) -> dict[str, str]:
    """Name → object id of every tag of a repository."""
    lines = git(directory, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags")
    return dict(line.rsplit(" ", 1) for line in lines.splitlines())


def back(world: World, version: str) -> Deployed:
    """The pointer of the first branch back to an older version, merged and deployed."""
    pointer = {f"models/{MODEL}/release.yaml": dump(release_data(version))}
    head = world.commit(pointer, f"feature/back-{version}", "ml")
    world.merge("ml", head, ["ben"])
    return run(world, "dev")


def test_gto_tells_what_status_tells_after_deploys_and_a_way_back(world: World) -> None:
    for environment in ENVIRONMENTS:
        bring(world, environment)
        world.later(hours=30)
    bring(world, "dev", "1.1.0")
    world.later(hours=1)
    assert assigned(world.shared) == told(world) == {
        "dev": "1.1.0", "staging": "1.0.0", "production": "1.0.0"
    }  # fmt: skip
    back(world, "1.0.0")
    assert assigned(world.shared) == told(world) == dict.fromkeys(ENVIRONMENTS, "1.0.0")
    assert assigned(world.directory) == told(world)
    assert gto(world.shared, "show", f"{MODEL}@greatest")[0]["version"] == "v1.1.0"
    events = [
        (event["event"], event["version"], event["stage"], event["ref"])
        for event in gto(world.shared, "history", MODEL, "--ascending")
    ]
    assert events == [
        ("registration", "v1.0.0", None, f"{MODEL}@v1.0.0"),
        ("assignment", "v1.0.0", "dev", f"{MODEL}#dev#1"),
        ("assignment", "v1.0.0", "staging", f"{MODEL}#staging#1"),
        ("assignment", "v1.0.0", "production", f"{MODEL}#production#1"),
        ("registration", "v1.1.0", None, f"{MODEL}@v1.1.0"),
        ("assignment", "v1.1.0", "dev", f"{MODEL}#dev#2"),
        ("assignment", "v1.0.0", "dev", f"{MODEL}#dev#3"),
    ]
    message = gto(world.shared, "history", MODEL)[0]["message"]
    assert "Approved-by: ben" in message
    assert f"dev serves {MODEL} 1.0.0" in message


def test_a_tag_is_annotated_by_the_machine_and_names_its_entry(world: World) -> None:
    bring(world, "dev")
    text = world.builder.git("cat-file", "tag", f"refs/tags/{MODEL}#dev#1")
    [entry] = world.session().ledger.entries(MODEL, KINDS)
    assert f"tagger modelctl <modelctl@localhost> {int(world.now.timestamp())} +0000" in text
    assert f"Ledger: {entry.path} sha256:{entry.digest}" in text
    commit = world.builder.git("rev-parse", f"{MODEL}#dev#1^{{commit}}")
    assert commit == world.builder.git("rev-parse", f"{MODEL}@v1.0.0^{{commit}}")
    assert world.builder.git("show", f"{commit}:models/{MODEL}/versions/1.0.0.yaml")
    assert world.builder.git("fsck", "--strict", "--no-dangling") == ""


def test_a_second_deploy_writes_no_tag(world: World) -> None:
    bring(world, "dev")
    before = tags(world.shared)
    assert set(before) == {f"{MODEL}@v1.0.0", f"{MODEL}#dev#1"}
    world.later(hours=1)
    again = run(world, "dev")
    assert (again.tags, again.left) == ((), ())
    assert tags(world.shared) == before == tags(world.directory)


def test_another_job_writes_the_same_tags(world: World, tmp_path: Path) -> None:
    bring(world, "dev")
    written = tags(world.shared)
    for name in written:
        git(world.shared, "tag", "--delete", name)
    other = world.copy_clone(tmp_path / "other")
    other.later(hours=5)
    assert set(run(other, "dev").tags) == set(written)
    assert tags(world.shared) == written


def test_a_clone_without_tags_writes_none_again(world: World, tmp_path: Path) -> None:
    bring(world, "dev")
    bare = clone(world.shared, tmp_path / "untagged", "--no-tags")
    other = World(builder=bare, shared=world.shared, ci=world.ci, deployer=world.deployer,
                  now=world.now, pulls=world.pulls)  # fmt: skip
    assert tags(other.directory) == {}
    done = run(other, "dev")
    assert (done.tags, done.left) == ((), ())
    assert tags(other.directory) == tags(world.shared)


@pytest.mark.parametrize("step", ["publish", "name"])
def test_tags_of_a_deploy_that_was_killed_are_written_by_the_next(world: World, step: str) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    killed = multiprocessing.get_context("fork").Process(target=deploy_until, args=(world, step))
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    assert tags(world.directory) == {}
    assert bool(tags(world.shared)) is (step == "name")
    world.later(minutes=5)
    run(world, "dev")
    assert set(tags(world.shared)) == {f"{MODEL}@v1.0.0", f"{MODEL}#dev#1"}
    assert tags(world.directory) == tags(world.shared)
    assert assigned(world.shared) == {"dev": "1.0.0"}


def deploy_until(world: World, step: str) -> None:
    """A deploy that dies when its tags are to be published, or just after that."""
    push = git_tags._push

    def dying(*args: Any) -> Any:
        if step == "name":
            push(*args)
        os.kill(os.getpid(), signal.SIGKILL)

    git_tags._push = dying  # type: ignore[assignment]
    run(world, "dev")


def test_many_jobs_at_once_write_each_tag_once(world: World, tmp_path: Path) -> None:
    bring(world, "dev")
    written = tags(world.shared)
    for name in written:
        git(world.shared, "tag", "--delete", name)
    copies = [world.copy_clone(tmp_path / f"clone-{n}") for n in range(5)]
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=tag_all, args=(copy,)) for copy in copies]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert [job.exitcode for job in jobs] == [0] * len(jobs)
    assert tags(world.shared) == written


def tag_all(world: World) -> None:
    done = tag_deployments(world.session(), "dev", [MODEL])
    assert done.left == ()


@pytest.mark.parametrize("annotated", [True, False])
@pytest.mark.parametrize("where", ["here", "there"])
def test_a_tag_of_somebody_else_is_told_and_never_moved(
    world: World, where: str, annotated: bool
) -> None:
    taken = f"{MODEL}#dev#1"
    options = ("--annotate", "--message", "mine") if annotated else ()
    world.builder.git("tag", *options, taken, "origin/main")
    if where == "there":
        world.builder.git("push", "--quiet", "origin", f"refs/tags/{taken}")
        world.builder.git("tag", "--delete", taken)
    foreign = tags(world.shared if where == "there" else world.directory)[taken]
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    for _ in range(2):
        done = run(world, "dev")
        [warning] = done.warnings
        assert warning.startswith(f"tag {taken} isn't ours: it is there with other content")
        assert done.left == ()  # whoever may push tags keeps no deploy unfinished
    assert tags(world.shared).get(taken, foreign) == foreign
    assert f"{MODEL}@v1.0.0" in tags(world.shared)
    for directory in (world.shared, world.directory):  # git fetch brings tags along
        if taken in tags(directory):
            git(directory, "tag", "--delete", taken)
    assert run(world, "dev").tags == (taken,)
    done = run(world, "dev")
    assert (done.left, done.warnings) == ((), ())


def test_a_remote_that_refuses_tags_is_told(world: World) -> None:
    hook = world.shared / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/tags/*) echo no tags >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    bring(world, "dev")
    done = run(world, "dev")
    assert len(done.left) == 2
    assert "origin refuses it: [remote rejected] (hook declined)" in done.left[0]
    assert tags(world.directory) == {}
    hook.unlink()
    assert len(run(world, "dev").tags) == 2


def test_a_remote_that_went_away_is_told_and_nothing_is_named(world: World) -> None:
    bring(world, "dev")
    session = world.session()
    for name in tags(world.directory):
        world.builder.git("tag", "--delete", name)
    world.shared.rename(world.shared.with_name("gone"))
    done = tag_deployments(session, "dev", [MODEL])
    assert done.written == ()
    assert done.left[0].startswith("write the tags: 2 tags could not be written on origin")
    assert tags(world.directory) == {}


def test_without_a_remote_tags_are_local(world: World) -> None:
    bring(world, "dev")
    written = tags(world.directory)
    for name in written:
        world.builder.git("tag", "--delete", name)
    for branch in ("main", "ml", "ledger", "env/dev"):
        world.builder.git("update-ref", f"refs/heads/{branch}", f"origin/{branch}")
    world.builder.git("remote", "remove", "origin")
    done = tag_deployments(world.session(fetch=False), "dev", [MODEL])
    assert set(done.written) == set(written)
    assert tags(world.directory) == written


@pytest.mark.parametrize(
    ("version", "named", "never"),
    [("1.0.0-rc.1+build.5", True, ()), ("1.0.0-rc.lock", False, (f"{MODEL}@v1.0.0-rc.lock",))],
)
def test_pre_releases_are_versions_to_gto_too_if_git_takes_their_names(
    world: World, version: str, named: bool, never: tuple[str, ...]
) -> None:
    lineage = {**version_data()["lineage"], "run": {"id": "run-1"}}
    head = world.submit(version, branch="feature/pre", manifest={"lineage": lineage})
    world.evidence(version, "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    done = run(world, "dev")
    assert done.left == ()
    assert (f"{MODEL}@v{version}" in tags(world.shared)) is named
    assert tag_deployments(world.session(), "dev", [MODEL]).never == never
    if named:
        assert assigned(world.shared) == {"dev": version}


def test_the_history_is_read_only_where_a_tag_is_missing(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagging, "_planned", lambda *_: pytest.fail("the history was read"))
    assert tag_deployments(served.session(), "dev", [MODEL, "no-such"]) == tagging.Tags()


def test_the_last_of_many_assignments_is_found_by_name(world: World) -> None:
    start = world.builder.git("rev-parse", "origin/main")
    session = world.session()
    for number in range(1, 12):
        found = tagging._last_assignment(session, MODEL, "dev")
        assert (found.name if found else None) == (f"{MODEL}#dev#{number - 1}" if found else None)
        assert (found is None) is (number == 1)
        world.builder.git("tag", "-a", "-m", "x", f"{MODEL}#dev#{number}", start)
