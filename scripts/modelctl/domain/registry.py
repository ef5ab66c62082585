"""What a model registry should say, what it says, and the changes that lead from one to the other.

Git is the only writer: the plan puts back whatever was changed by hand in the aliases, tags and
descriptions that are ours, and leaves everything else alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

VERSION_TAG = "modelctl.version"
PREFIX = "modelctl."
DIGEST_TAG = "modelctl.digest"
_LONGEST = 5000


class Action(StrEnum):
    """What is done to the registry."""

    CREATE_MODEL = "create model"
    DESCRIBE_MODEL = "describe model"
    CREATE_VERSION = "create version"
    DESCRIBE_VERSION = "describe version"
    SET_TAG = "set tag"
    DELETE_TAG = "delete tag"
    SET_ALIAS = "set alias"
    DELETE_ALIAS = "delete alias"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedVersion:
    """A version as the registry should show it. `source` is the root of its artifacts."""

    version: str
    digest: str
    source: str
    run_id: str | None = None
    stage: str | None = None
    commit: str | None = None
    approvers: tuple[str, ...] = ()
    description: str = ""

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that say where it comes from and where it stands."""
        values = {
            VERSION_TAG: self.version,
            DIGEST_TAG: self.digest,
            f"{PREFIX}stage": self.stage,
            f"{PREFIX}commit": self.commit,
            f"{PREFIX}approvers": ", ".join(self.approvers),
        }
        return {key: value for key, value in values.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What the registry should say about one model.

    `aliases` maps each alias that is ours to one of `versions`, or to None where nothing is served.
    Versions that it doesn't name are left as they are, and so is a description that is None.
    """

    model: str
    versions: tuple[ProjectedVersion, ...]
    aliases: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """A version in the registry under its own running `number`."""

    number: str
    source: str
    tags: Mapping[str, str]
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryState:
    """What the registry says about one model. `aliases` maps each to a number."""

    model: str
    exists: bool = True
    description: str = ""
    versions: tuple[RegisteredVersion, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def served(self) -> Mapping[str, str | None]:
        """Each alias with the semantic version that it points at, None for one that isn't ours."""
        known = {one.number: one.tags.get(VERSION_TAG) for one in self.versions}
        return {alias: known.get(number) for alias, number in self.aliases.items()}

    def entries_of(self, version: str, digest: str) -> tuple[str, ...]:
        """The numbers of the entries that our tags show to be this very manifest."""
        ours = {VERSION_TAG: version, DIGEST_TAG: digest}
        return tuple(o.number for o in self.versions if ours.items() <= dict(o.tags).items())

    def find(self, version: str, source: str) -> RegisteredVersion | None:
        """The oldest entry that is this version of these artifacts, or None."""
        fitting = [
            one
            for one in self.versions
            if one.tags.get(VERSION_TAG) == version and one.source == source
        ]
        return min(fitting, key=lambda one: int(one.number), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step. `version` is semantic; `number` stands for an entry that is none of ours.

    `name` is the tag or the alias; `before` is shown to people, `after` is written.
    """

    action: Action
    version: str | None = None
    number: str | None = None
    name: str = ""
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        if self.action in (Action.SET_ALIAS, Action.DELETE_ALIAS):
            return f"alias {self.name}: {self.before or 'none'} → {self.version or 'none'}"
        where = f"version {self.version}" if self.version else f"entry {self.number}"
        if self.action in (Action.SET_TAG, Action.DELETE_TAG):
            return f"{where}: tag {self.name} {self.before or 'none'} → {self.after or 'none'}"
        return str(self.action) + (f" {self.version}" if self.version else "")


def shortened(text: str) -> str:
    """A description as far as the registry's database holds it."""
    return text[:_LONGEST]


def registrable(source: str) -> bool:
    """Whether the registry can hold artifacts with this root: a plain folder is not its own."""
    return source.startswith(("models:/", "runs:/"))


def plan(desired: Projection, actual: RegistryState) -> tuple[Change, ...]:
    """The changes that make the registry say what git says; none when it does.

    A version whose artifacts lie in a plain folder can't be registered, so no alias may say that
    another one is served in its place.
    """
    versions = tuple(one for one in desired.versions if registrable(one.source))
    if not versions and not actual.exists:
        return ()
    changes = list(_model(desired, actual))
    for one in versions:
        changes += _version(one, actual)
    changes += _strays(versions, actual)
    changes += _aliases(desired, {one.version: one for one in versions}, actual)
    return tuple(changes)


def _model(desired: Projection, actual: RegistryState) -> Iterator[Change]:
    description = shortened(desired.description or "")
    if not actual.exists:
        yield Change(action=Action.CREATE_MODEL, after=description)
    elif desired.description is not None and actual.description != description:
        yield Change(action=Action.DESCRIBE_MODEL, before=actual.description, after=description)


def _version(desired: ProjectedVersion, actual: RegistryState) -> Iterator[Change]:
    version, description = desired.version, shortened(desired.description)
    known = actual.find(version, desired.source)
    if known is None:
        yield Change(action=Action.CREATE_VERSION, version=version, after=desired.source)
        return
    if known.description != description:
        yield Change(
            action=Action.DESCRIBE_VERSION,
            version=version,
            before=known.description,
            after=description,
        )
    for name, value in desired.tags.items():
        if (before := known.tags.get(name)) != value:
            yield Change(
                action=Action.SET_TAG, version=version, name=name, before=before, after=value
            )
    for name in sorted(_ours(known) - set(desired.tags)):
        yield Change(action=Action.DELETE_TAG, version=version, name=name, before=known.tags[name])


def _strays(versions: tuple[ProjectedVersion, ...], actual: RegistryState) -> Iterator[Change]:
    """Entries that claim to be one of the versions and aren't lose our tags."""
    sources = {one.version: one.source for one in versions}
    for one in actual.versions:
        version = one.tags.get(VERSION_TAG, "")
        if version in sources and one != actual.find(version, sources[version]):
            for name in sorted(_ours(one)):
                yield Change(
                    action=Action.DELETE_TAG,
                    number=one.number,
                    name=name,
                    before=one.tags[name],
                )


def _aliases(
    desired: Projection, versions: Mapping[str, ProjectedVersion], actual: RegistryState
) -> Iterator[Change]:
    for alias, version in desired.aliases.items():
        number = actual.aliases.get(alias)
        before = actual.served.get(alias) or (f"entry {number}" if number else None)
        one = versions.get(version or "")
        known = actual.find(one.version, one.source) if one else None
        if one is None and number is not None:
            yield Change(action=Action.DELETE_ALIAS, name=alias, before=before)
        elif one is not None and (known is None or known.number != number):
            yield Change(action=Action.SET_ALIAS, name=alias, version=version, before=before)


def _ours(version: RegisteredVersion) -> set[str]:
    return {name for name in version.tags if name.startswith(PREFIX)}
