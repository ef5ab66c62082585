"""What a pull request proposes, as the rules of the flow see it: two trees and what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from types import MappingProxyType

from modelctl.domain.endings import RETIRED, Ending, ended
from modelctl.domain.history import Deployment, Quarantine
from modelctl.domain.manifest import Release
from modelctl.domain.names import MODELS, ModelFile, classify, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.tree import Change, Tree

KnownFile = tuple[Change, ModelFile]
_NO_HISTORY: Mapping[str, Sequence[Deployment]] = MappingProxyType({})


def _unguarded(model: str, version: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowInput:
    """A change of `branch` from the tree `before` to the merged result `after`.

    `transition` is the one that leads to `branch`, None where no environment follows it. `trusted`
    is the tree of the default branch. The releases are those of the touched models that could be
    read, before and after. `history` has each model's deployments, oldest first.
    `source_files(commit, path)` is the object id of a file at a commit, None where there is none;
    `on_source_branch(commit)` says whether the branch of the source environment contains it.
    `endings` tell which versions have ended, in the order of the ledger; `guards(model, version)`
    says why one must stay all the same.
    """

    branch: str
    default_branch: str
    transition: Transition | None
    before: Tree
    after: Tree
    changes: tuple[Change, ...]
    trusted: Tree
    releases_before: Mapping[str, Release]
    releases_after: Mapping[str, Release]
    source_files: Callable[[str, str], str | None]
    on_source_branch: Callable[[str], bool]
    history: Mapping[str, Sequence[Deployment]] = field(default_factory=lambda: _NO_HISTORY)
    quarantines: tuple[Quarantine, ...] = ()
    endings: tuple[Ending, ...] = ()
    guards: Callable[[str, str], tuple[str, ...]] = _unguarded
    _known: Mapping[str, tuple[KnownFile, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Sorted once: a promotion of a whole branch asks for each of a thousand models.
        known: dict[str, list[KnownFile]] = {}
        for change in self.changes:
            file = classify(change.path)
            if file is not None:
                known.setdefault(file.model, []).append((change, file))
        grouped = {model: tuple(files) for model, files in sorted(known.items())}
        object.__setattr__(self, "_known", MappingProxyType(grouped))

    @property
    def model_changes(self) -> tuple[Change, ...]:
        """What changes below `models/`."""
        return tuple(change for change in self.changes if is_model_path(change.path))

    @property
    def rule_changes(self) -> tuple[Change, ...]:
        """What changes anywhere else."""
        return tuple(change for change in self.changes if not is_model_path(change.path))

    @property
    def models(self) -> tuple[str, ...]:
        """The models of which a known file changes, sorted."""
        return tuple(self._known)

    def known_files(self) -> Iterator[KnownFile]:
        """Each change of a file that may lie below `models/`, and what it is."""
        return chain.from_iterable(self._known.values())

    def paths_of(self, model: str) -> frozenset[str]:
        """The known files of `model` that change."""
        return frozenset(change.path for change, _ in self._known.get(model, ()))

    def digest(self, model: str, version: str) -> str | None:
        """The sha256 of a version's manifest in the merged result, None if it isn't there."""
        data = self.after.read(version_path(model, version))
        return None if data is None else sha256(data).hexdigest()

    def oid(self, path: str) -> str | None:
        """The object id of a file in the merged result, or None."""
        entry = self.after.entry(path)
        return entry.oid if entry else None

    def deployed(self, model: str, version: str, environment: str) -> tuple[Deployment, ...]:
        """The deployments of this very manifest to `environment`, newest first."""
        digest = self.digest(model, version)
        return tuple(
            d
            for d in reversed(self.history.get(model, ()))
            if (d.environment, d.version, d.digest) == (environment, version, digest)
        )

    def quarantine(self, model: str, version: str, environment: str) -> Quarantine | None:
        """The quarantine of a version in an environment, if it is in one."""
        where = (model, version, environment)
        held = (q for q in self.quarantines if (q.model, q.version, q.environment) == where)
        return next(held, None)

    def ending(self, model: str, version: str) -> Ending | None:
        """How a version has ended, if it has."""
        return ended([ending for ending in self.endings if ending.model == model], version)

    def retired(self, change: Change, file: ModelFile) -> bool:
        """Whether a change does nothing but take away the manifest of a retired version."""
        if file.version is None or change.after is not None:
            return False
        ending, data = self.ending(file.model, file.version), self.before.read(change.path)
        if ending is None or ending.end != RETIRED or data is None:
            return False
        return ending.digest == sha256(data).hexdigest()

    def retirements(self, model: str) -> frozenset[str]:
        """The manifests of retired versions of `model` that the change takes away."""
        known = self._known.get(model, ())
        return frozenset(change.path for change, file in known if self.retired(change, file))


ABOUT_MODELS = f"{MODELS}/README.md"
"""What tells people about the folder: the one file there that belongs to the rules."""


def is_model_path(path: str) -> bool:
    """Whether `path` is, or lies below, `models` on any file system, in any case of letters."""
    return path.partition("/")[0].lower() == MODELS and path != ABOUT_MODELS


def shown(path: str) -> str:
    """A path as it can be printed: what is invisible, or looks like a Latin letter, is escaped."""
    return path if path.isascii() and path.isprintable() else ascii(path)[1:-1]
