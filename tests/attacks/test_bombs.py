"""A pull request of a few objects that stand for ten billion files."""

from __future__ import annotations

import pygit2

from forge.values import Trial
from support.attacks import check, said, standing
from support.hub import MACHINE, HubWorld
from support.repos import git
from support.world import MODEL

PATH = f"models/{MODEL}/model.yaml"


def bomb(hub: HubWorld, branch: str, start: str, text: str) -> str:
    """A commit that changes a file that its target changed too, beside the bomb."""
    repo = pygit2.Repository(str(hub.world.directory))
    tip = hub.world.builder.commit({PATH: text}, branch, parent=start)
    commit = repo[tip].peel(pygit2.Commit)
    folder, mode = repo.create_blob(b"x"), 0o100644
    for _ in range(10):
        builder = repo.TreeBuilder()
        for name in range(10):
            builder.insert(str(name), folder, mode)
        folder, mode = builder.write(), 0o040000
    top = repo.TreeBuilder(commit.tree)
    top.insert("bomb", folder, mode)
    who = pygit2.Signature("Ada", "ada@example.com", commit.commit_time, 0)
    head = repo.create_commit(None, who, who, "Change", top.write(), [commit.id])
    return str(head)


def arm(hub: HubWorld, number: int, head: str) -> None:
    """Makes it the head of a pull request. The forge isn't asked to merge it: it would die."""
    pull, bare = hub.pull(number), pygit2.Repository(str(hub.path))
    git(hub.world.directory, "push", "--quiet", str(hub.path), f"{head}:refs/heads/bomb")
    bare.references.create(f"refs/pull/{number}/head", pygit2.Oid(hex=head), force=True)
    base = str(bare.branches["ml"].target)
    pull.head = head
    pull.trial = Trial(
        base=base, head=head, commit=None, commits=(head,), additions=1, deletions=0, paths=(PATH,)
    )


def test_a_merge_that_is_left_to_git_expands_no_bomb(served: HubWorld) -> None:
    """Its target changed a file too that it changes, so git has to merge."""
    world = served.world
    start = world.builder.git("rev-parse", "origin/ml")
    text = world.show(start, PATH)
    world.builder.commit({PATH: f"{text}# theirs\n"}, "feature/b", parent=start)
    number = served.open("ml", "feature/b")
    served.push(MACHINE, "ml", world.builder.commit({PATH: f"# ours\n{text}"}, "m", parent=start))
    assert check(served, number).error is None
    arm(served, number, bomb(served, "bomb", start, f"{text}# theirs\n"))
    found = check(served, number)
    assert "200,000 files differ" in said(served, number) + str(found.error)
    assert standing(served, number) == "failure"
