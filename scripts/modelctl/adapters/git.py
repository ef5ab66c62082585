"""Git: objects are read and written in process (pygit2), the git command carries them about.

Nothing is ever checked out, and no work tree or index is touched.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count
from pathlib import Path

import pygit2

from modelctl.adapters import git_history, git_objects, git_refs, git_tags, git_transport
from modelctl.adapters.git_cli import condensed, run
from modelctl.adapters.git_history import MergeConflict
from modelctl.adapters.git_objects import Author, Edits, GitTree, blob_oid, commit_value
from modelctl.adapters.git_tags import Published
from modelctl.domain.tags import Tag
from modelctl.domain.tree import Change, Commit, Tree
from modelctl.errors import ConflictError, DependencyError, ModelctlError

__all__ = ["Author", "Draft", "Edits", "GitTree", "MergeConflict", "Repository", "blob_oid"]

_CACHED = 64 << 20  # bytes of objects that libgit2 keeps, whatever the size of the repository

PATIENCE = 120.0
"""Seconds for which a branch is tried, not tries: a busy machine loses a hundred in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A commit that is to be written on top of a branch. `at` is seconds since the epoch."""

    edits: Edits
    message: str
    author: Author
    at: int


class Repository:
    """One git repository. Commits and trees are named by their full hexadecimal ids."""

    __slots__ = ("_directory", "_opened", "_repo")

    def __init__(self, repo: pygit2.Repository):
        self._repo = repo
        # A guard asks for a few of them again and again.
        self._opened = lru_cache(maxsize=8)(partial(git_objects.opened, repo))
        self._directory = Path(repo.workdir or repo.path)

    def __repr__(self) -> str:
        return f"Repository({str(self._directory)!r})"

    @classmethod
    def discover(cls, directory: Path) -> Repository:
        """The repository that `directory` lies in.

        Raises:
            ModelctlError: there is none, or one that can't be read in process.
        """
        try:
            found = pygit2.discover_repository(str(directory))
            repo = pygit2.Repository(found) if found else None
        except (KeyError, pygit2.GitError) as error:
            raise ModelctlError(
                f"the git repository of {directory} can't be read: {error}",
                mend=f"git config --global --add safe.directory {directory}, if you trust it",
            ) from None
        if repo is None:
            raise ModelctlError(
                f"{directory} is not in a git repository", mend="cd into a clone, or git init"
            )
        _refuse_treeless(repo)
        pygit2.settings.cache_max_size(_CACHED)
        return cls(repo)

    @property
    def directory(self) -> Path:
        """The top of the work tree; of a bare repository the repository itself."""
        return self._directory

    @property
    def private_folder(self) -> Path:
        """Where this clone keeps what is nobody else's: below `.git`, never in the work tree."""
        return Path(self._repo.path, "modelctl")

    @property
    def bare(self) -> bool:
        """Whether it has no work tree."""
        return bool(self._repo.is_bare)

    @property
    def remote(self) -> str | None:
        """The remote that branches are shared through: `origin`, else the only one there is."""
        return git_refs.remote_name(self._repo)

    @property
    def remote_url(self) -> str | None:
        """The address of that remote as it is configured, or None. It may hold credentials."""
        remote = self.remote
        return self._repo.remotes[remote].url if remote else None

    @property
    def default_branch(self) -> str | None:
        """The remote's default branch, as far as this clone knows; None without a remote."""
        remote = self.remote
        return git_refs.default_branch(self._repo, remote) if remote else None

    def resolve(self, ref: str) -> str:
        """The commit that `ref` means: an id, a local branch, a branch of the remote, a tag.

        Raises:
            ModelctlError: it means none; the mend suggests names that are near.
        """
        return git_refs.resolve(self._repo, ref)

    def remote_first(self, branch: str) -> str | None:
        """The tip of a branch that everybody shares: as last seen on the remote, else locally.

        None if it is nowhere. Machine branches and the trusted branch are asked for by this.
        """
        remote = self.remote
        seen = git_refs.tip(self._repo, git_refs.branch_ref(branch, remote)) if remote else None
        return seen or git_refs.tip(self._repo, git_refs.branch_ref(branch))

    def heads(self) -> tuple[str, ...]:
        """The tips of all branches, here and as last seen on remotes, each once."""
        return git_refs.heads(self._repo)

    def branches(self) -> Mapping[str, str]:
        """The tip of every branch by its name, `main` here and `origin/main` on a remote."""
        return git_refs.branches(self._repo)

    def tree(self, oid: str | None) -> GitTree:
        """The tree of a commit, or the tree with that id; of None the empty tree."""
        oid = str(self._repo.TreeBuilder().write()) if oid is None else oid
        return self._opened(oid)

    def changes(self, before: Tree, after: Tree) -> tuple[Change, ...]:
        """What differs between two trees, sorted by path; equal subtrees are never opened."""
        return git_objects.changes(self._repo, before.oid, after.oid)

    def merged(self, base: str, head: str) -> str:
        """The tree that a merge of commit `head` into commit `base` would hold.

        Raises:
            MergeConflict: a person has to decide.
            ModelctlError: the two share no history.
        """
        return git_history.merged(self._repo, base, head)

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits, or None."""
        return git_history.merge_base(self._repo, one, other)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether commit `descendant` is `ancestor` or follows it."""
        return git_history.is_ancestor(self._repo, ancestor, descendant)

    def commit(self, sha: str) -> Commit:
        """The commit with this id.

        Raises:
            ModelctlError: there is none here.
        """
        return commit_value(git_objects.commit_at(self._repo, sha))

    def first_parents(self, ref: str) -> Iterator[Commit]:
        """The commit that `ref` means and its first parents, newest first."""
        return git_history.first_parents(self._repo, self.resolve(ref))

    def ancestry(self, ref: str) -> Iterator[Commit]:
        """The commit that `ref` means and everything that led to it, merged histories too."""
        return git_history.ancestry(self._repo, self.resolve(ref))

    def commits_between(self, base: str, head: str) -> Iterator[Commit]:
        """The commits that `head` has and `base` hasn't, children before parents."""
        return git_history.commits_between(self._repo, base, head)

    def last_change(self, ref: str, path: str) -> Commit | None:
        """The first-parent commit of `ref` that last changed the file or folder at `path`."""
        return git_history.last_change(self._repo, self.resolve(ref), path)

    def working_tree(self) -> str:
        """The tree that `git add --all` and a commit would make now; the index stays as it is.

        Raises:
            ModelctlError: the repository is bare, or a file can't be read.
        """
        if self.bare:
            raise ModelctlError(f"{self._directory} has no work tree", mend="name a commit instead")
        with tempfile.TemporaryDirectory(prefix="modelctl-") as folder:
            index = Path(folder, "index")
            own = Path(self._repo.path, "index")
            if own.exists():
                shutil.copyfile(own, index)
            self._in_index(index, "-c", "core.fsmonitor=false", "add", "--all", "--", ".")
            return self._in_index(index, "write-tree")

    def current_branch(self) -> str | None:
        """The branch that is checked out, None when HEAD is detached."""
        if self._repo.head_is_detached:
            return None
        return str(self._repo.references["HEAD"].target).removeprefix("refs/heads/")

    def snapshot(self, message: str, *, author: Author, at: int) -> str:
        """A commit of the work tree as it is, on top of HEAD, which no branch points to."""
        repo, tree = self._repo, self.working_tree()
        who = pygit2.Signature(author.name, author.email, at, 0)
        parents = [] if repo.head_is_unborn else [self.resolve("HEAD")]
        return str(repo.create_commit(None, who, who, message, pygit2.Oid(hex=tree), parents))

    def _in_index(self, index: Path, *args: str) -> str:
        done = run(*args, directory=self._directory, env={"GIT_INDEX_FILE": str(index)})
        if done.code != 0:
            raise ModelctlError(f"git can't read the work tree: {condensed(done.err)}")
        return done.text

    def write_commit(
        self,
        base: str | None,
        edits: Edits,
        *,
        message: str,
        author: Author,
        at: int,
        parents: Sequence[str] | None = None,
    ) -> str:
        """Write a commit of the tree that `edits` make of `base` (None: of nothing) and return its
        id; no branch moves. It follows `base`, unless `parents` say otherwise.

        The same arguments give the same id. `at` is seconds since the epoch.
        """
        start = git_objects.commit_at(self._repo, base) if base is not None else None
        tree = git_objects.edited(self._repo, start.tree if start else None, edits)
        who = pygit2.Signature(author.name, author.email, at, 0)
        own = [str(start.id)] if start else []
        follows = [pygit2.Oid(hex=sha) for sha in (own if parents is None else parents)]
        return str(self._repo.create_commit(None, who, who, f"{message.strip()}\n", tree, follows))

    def fetch(self, remote: str, refspecs: Sequence[str], *, prune: bool = False) -> None:
        """Fetch `refspecs` from `remote`; with `prune` what they brought once and is gone there is
        taken away before.

        Raises:
            InTheWay: what is seen now has no room beside what was seen before.
            DependencyError: it can't be reached, or has not got one of them.
        """
        git_transport.fetch(self._directory, remote, refspecs, prune=prune)

    def latest(self, branch: str, *, only_adds: bool = False) -> str | None:
        """The tip of a machine's branch on the remote, fetched now; without a remote the local one.

        None if there is no such branch yet. With `only_adds` its commits may only add files.

        Raises:
            ModelctlError: it was deleted or rewritten on the remote since it was last seen, be it
                by a merge, or a commit altered or deleted a file; it stays as it was last seen.
            DependencyError: the remote can't be reached.
        """
        remote = self.remote
        known = git_refs.tip(self._repo, git_refs.branch_ref(branch, remote))
        return self._follow(remote, branch, known, only_adds) if remote else known

    def bring(self, remote: str, branches: Mapping[str, bool]) -> None:
        """Fetch machines' branches, given with whether each only adds: those that were seen before
        at once, if nothing is wrong with any, else in their order: what tells of others first."""
        known = {b: git_refs.tip(self._repo, git_refs.branch_ref(b, remote)) for b in branches}
        seen = [branch for branch, tip in known.items() if tip]
        together = bool(seen) and git_transport.fetch_seen(self._directory, remote, seen)
        with ExitStack() as each:  # one that is refused keeps no other from being looked at
            for branch, only_adds in reversed(tuple(branches.items())):
                look = self._accepted if together and known[branch] else self._follow
                each.callback(look, remote, branch, known[branch], only_adds)

    def _follow(self, remote: str, branch: str, known: str | None, only_adds: bool) -> str | None:
        there = git_transport.fetch_branch(self._directory, remote, branch, known is not None)
        return self._accepted(remote, branch, known, only_adds) if there else None

    def _accepted(self, remote: str, branch: str, known: str | None, only_adds: bool) -> str | None:
        """The tip of a machine's branch that was just fetched, when it follows what was known."""
        ref = git_refs.branch_ref(branch, remote)
        tip = git_refs.tip(self._repo, ref)
        problem = self._refusal(known, tip, only_adds) if known and tip else None
        if problem is not None and tip is not None:
            git_transport.move(self._directory, ref, known or "", tip)
            raise git_transport.refused(branch, remote, problem)
        return tip

    def _refusal(self, old: str, new: str, only_adds: bool) -> str | None:
        """What is wrong with the commits by which a machine's branch went from one to the other."""
        commits = git_history.appended(self._repo, old, new)
        if commits is None:
            return f"{new[:12]} does not follow {old[:12]} step by step: a merge rewrites history"
        for commit in commits if only_adds else ():
            before = self.tree(commit.parents[0] if commit.parents else None)
            for change in self.changes(before, self.tree(commit.tree)):
                if not change.added:
                    did = "deleted" if change.removed else "altered"
                    return f"commit {commit.sha[:12]} {did} {change.path}"
        return None

    def publish(self, branch: str, new: str, expected: str | None) -> bool:
        """Move `branch` from `expected` (None: it isn't there yet) to its descendant `new`.

        On the remote where there is one, else here. False if somebody else was faster. Afterwards
        the remote-tracking reference is up to date.

        Raises:
            ModelctlError: `new` does not follow `expected`, or the branch is checked out here.
            DependencyError: the remote can't be reached, or refuses.
        """
        if expected is not None and not self.is_ancestor(expected, new):
            raise ModelctlError(f"{new} does not follow {expected}: {branch} is never rewound")
        remote = self.remote
        ref = git_refs.branch_ref(branch, remote)
        if remote is None:
            if git_refs.checked_out(self._repo, branch):
                raise ModelctlError(f"{branch} is checked out here", mend="git switch to another")
            return git_transport.move(self._directory, ref, new, expected)
        if not git_transport.push(self._directory, remote, branch, new, expected):
            return False
        git_transport.follow(self._directory, ref, new, lambda: self._beyond(ref, new))
        return True

    def _beyond(self, ref: str, new: str) -> str | None:
        """Where `ref` is; `new` itself if it is there or further already."""
        tip = git_refs.tip(self._repo, ref)
        return new if tip is not None and self.is_ancestor(new, tip) else tip

    def tag(self, name: str) -> Tag | None:
        """The tag of this name in this clone, or None."""
        return git_tags.read(self._repo, name)

    def publish_tags(self, tags: Iterable[Tag], *, author: Author) -> Published:
        """Write annotated tags, on the remote where there is one, and here; none is ever moved.

        Raises:
            DependencyError: the remote can't be reached; run it again.
        """
        return git_tags.publish(self._repo, self.remote, tags, author)

    def update_branch(
        self,
        branch: str,
        build: Callable[[str | None], Draft | None],
        *,
        patience: float = PATIENCE,
        only_adds: bool = False,
    ) -> str | None:
        """Write one commit on top of `branch`, however many others write to it too.

        `build` is given the newest tip (None: no branch yet) and says what to write on it; it is
        asked again when somebody else was faster. None, or edits that change nothing, write
        nothing. Returns the tip afterwards.

        Raises:
            ConflictError: others were faster for `patience` seconds.
            DependencyError, ModelctlError: as `latest` and `publish`.
        """
        until = time.monotonic() + patience
        for attempt in count():
            tip = self.latest(branch, only_adds=only_adds)
            draft = build(tip)
            if draft is None:
                return tip
            new = self._draft(tip, draft)
            if new is None or self.publish(branch, new, tip):
                return new or tip
            if time.monotonic() > until:
                break
            git_transport.pause(attempt)
        raise ConflictError(
            f"{branch} was changed by others for {patience:g} seconds without a break",
            mend="run it again; if nobody else writes, remove the .lock file that is left in .git",
        )

    def _draft(self, tip: str | None, draft: Draft) -> str | None:
        """The commit that `draft` makes, None if it changes nothing."""
        new = self.write_commit(
            tip, draft.edits, message=draft.message, author=draft.author, at=draft.at
        )
        return None if self.tree(new).oid == self.tree(tip).oid else new


def _refuse_treeless(repo: pygit2.Repository) -> None:
    """In a clone without all trees a path that isn't here looks like one that doesn't exist."""
    for entry in repo.config:
        if entry.name.endswith(".partialclonefilter") and (entry.value or "").startswith("tree:"):
            raise DependencyError(
                "this clone was made without trees, so its content can't be judged",
                mend="git fetch --refetch --filter=blob:none, or clone without --filter",
            )
