"""A repository on a forge, with somebody who may do anything there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from forge.server import Forge
    from forge.values import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The repository acme/models, whose default branch has one commit, and `root`, its admin."""

    forge: Forge
    root: httpx.Client
    bare: Path
    sha: str

    @property
    def repository(self) -> Repository:
        """What the forge keeps of it."""
        return self.forge.state.repository("acme/models")

    def client(self, login: str, role: str | None = "write") -> httpx.Client:
        """Somebody else."""
        from support.forges import client

        return client(self.forge, self.forge.add_user(login, role=role))

    def do(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        """Ask as root for a path below the repository; returns the JSON, None for no body."""
        sent = {"json": body} if body else {}
        answer = self.root.request(method, f"/repos/acme/models{path}", **sent)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def commit(self, branch: str, files: dict[str, str]) -> str:
        """Put a commit with those files on a branch, from the default branch if it is new."""
        import pygit2

        git = pygit2.Repository(str(self.bare))
        ref = f"refs/heads/{branch}"
        known = git.references.get(ref)
        parent = git.get(str(known.target) if known is not None else self.sha)
        index = pygit2.Index()
        index.read_tree(parent.tree)
        for path, text in files.items():
            index.add(pygit2.IndexEntry(path, git.create_blob(text.encode()), 0o100644))
        who = pygit2.Signature("Ada", "ada@example.com", 1_795_000_000, 0)
        made = git.create_commit(None, who, who, "change", index.write_tree(git), [parent.id])
        git.references.create(ref, made, force=True)
        return str(made)


@pytest.fixture
def place(forge: Forge, shared: Path) -> Iterator[Place]:
    """Judged, like the forge that it is on."""
    import pygit2

    from support.forges import client

    bare = forge.add_repository("acme", "models", from_bare=shared)
    sha = str(pygit2.Repository(str(bare)).references["refs/heads/main"].target)
    with client(forge, forge.add_user("root", role="admin")) as root:
        yield Place(forge=forge, root=root, bare=bare, sha=sha)
