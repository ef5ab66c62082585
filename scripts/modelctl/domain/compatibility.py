"""The difference between two signatures, and the smallest version bump that tells the truth.

What needs which bump (Semantic Versioning 2.0.0, seen from the callers of a model):

- MAJOR: an input that was removed, retyped, reshaped or is newly required, and any change of an
  output. Wider types are retyped too: a tracker may cast `integer` to `long` for a data frame
  (MLflow casts int → long, float → double and int → double, and refuses the rest), but clients
  generated from the signature, tensors and feature stores don't.
- MINOR: a new optional input, and an input that became optional: every old request still works,
  but a request written for the new version doesn't work with the old one.
- PATCH: nothing changed.

Named columns are matched by name, whatever their order. Columns and tensors without a name are
matched by their position, so their order counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from semver import Version

from modelctl.domain.manifest import Field, Signature


class Bump(StrEnum):
    """How far a version number must move."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"

    @property
    def size(self) -> int:
        """0 for a patch, 1 for a minor, 2 for a major bump."""
        return list(Bump).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One column that differs. `label` is its name, or its position where it has none.

    `before` is None for an added column, `after` for a removed one.
    """

    label: str
    before: Field | None
    after: Field | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldsDiff:
    """What differs between the inputs, or the outputs, of two signatures.

    A column that is there on both sides can stand in several lists, for it can be retyped and
    reshaped at once.
    """

    added: tuple[FieldChange, ...] = ()
    removed: tuple[FieldChange, ...] = ()
    retyped: tuple[FieldChange, ...] = ()
    reshaped: tuple[FieldChange, ...] = ()
    newly_required: tuple[FieldChange, ...] = ()
    newly_optional: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureDiff:
    """What differs between two signatures."""

    inputs: FieldsDiff
    outputs: FieldsDiff


class NeededBump(NamedTuple):
    """The smallest bump that a difference allows, and the plain reasons that ask for it."""

    bump: Bump
    reasons: tuple[str, ...]


def difference(before: Signature, after: Signature) -> SignatureDiff:
    """What changed from `before` to `after`; descriptions and the order of named columns don't."""
    if before == after:  # as it is from most versions to the next
        return SignatureDiff(inputs=FieldsDiff(), outputs=FieldsDiff())
    return SignatureDiff(
        inputs=_fields_diff(before.inputs, after.inputs),
        outputs=_fields_diff(before.outputs, after.outputs),
    )


def smallest_bump(diff: SignatureDiff) -> NeededBump:
    """The smallest bump that `diff` allows, with the changes that ask for it."""
    asked = [*_input_reasons(diff.inputs), *_output_reasons(diff.outputs)]
    bump = max((bump for bump, _ in asked), key=lambda b: b.size, default=Bump.PATCH)
    reasons = tuple(reason for needed, reason in asked if needed is bump)
    return NeededBump(bump, reasons or ("the signature is unchanged",))


def allowed(before: Version, after: Version, bump: Bump) -> bool:
    """Whether `after` may follow `before` when the change between them needs `bump`.

    Numbers may be skipped, since versions that were refused elsewhere have used them up. A
    pre-release promises nothing (SemVer, rule 9), so whatever is higher may follow it. Below 1.0.0
    anything may break (rule 4): there a minor bump is enough for a breaking change, and a new
    optional input still needs one. Versions that differ only in build metadata are equal, so
    neither may follow the other.
    """
    if after <= before:
        return False
    if before.prerelease:
        return True
    if before.major == 0 and bump is Bump.MAJOR:
        bump = Bump.MINOR
    return _step(before, after).size >= bump.size


def propose(before: Version, bump: Bump) -> Version:
    """The lowest release that may follow `before`; for a pre-release its own release."""
    if before.prerelease:
        return before.finalize_version()
    if bump is Bump.MAJOR and before.major > 0:
        return before.bump_major()
    return before.bump_patch() if bump is Bump.PATCH else before.bump_minor()


def latest(versions: Iterable[Version]) -> Version | None:
    """The highest release; the highest pre-release where nothing was released; None for none."""
    known = sorted(versions)
    chosen = [version for version in known if not version.prerelease] or known
    return chosen[-1] if chosen else None


def previous(version: Version, versions: Iterable[Version]) -> Version | None:
    """The version that `version` must be compatible with, or None for the first one.

    It is the highest release below it, and a pre-release only where nothing was released: else a
    breaking change could hide behind one, as 1.0.0 → 1.1.0-rc.1 → 1.1.0.
    """
    return latest(other for other in versions if other < version)


def _step(before: Version, after: Version) -> Bump:
    """The leftmost number in which a higher version differs."""
    if after.major != before.major:
        return Bump.MAJOR
    return Bump.MINOR if after.minor != before.minor else Bump.PATCH


_Key = tuple[str, int]


def _keyed(fields: Iterable[Field]) -> Mapping[_Key, Field]:
    """The columns by name and by how many of that name came before: 0 but for unnamed ones."""
    keyed: dict[_Key, Field] = {}
    seen: dict[str, int] = {}
    for field in fields:
        seen[field.name] = seen.get(field.name, -1) + 1
        keyed[field.name, seen[field.name]] = field
    return keyed


def _label(key: _Key) -> str:
    name, index = key
    if not name:
        return f"#{index + 1}"
    return f"{name} ({index + 1})" if index else name


def _fields_diff(before: Iterable[Field], after: Iterable[Field]) -> FieldsDiff:
    old, new = _keyed(before), _keyed(after)
    both = [
        FieldChange(label=_label(key), before=field, after=new[key])
        for key, field in old.items()
        if key in new
    ]
    return FieldsDiff(
        added=tuple(_added(key, field) for key, field in new.items() if key not in old),
        removed=tuple(_removed(key, field) for key, field in old.items() if key not in new),
        retyped=tuple(change for change in both if _differ(change, "type")),
        reshaped=tuple(change for change in both if _differ(change, "shape")),
        newly_required=tuple(c for c in both if _differ(c, "required") and _required(c)),
        newly_optional=tuple(c for c in both if _differ(c, "required") and not _required(c)),
    )


def _added(key: _Key, field: Field) -> FieldChange:
    return FieldChange(label=_label(key), before=None, after=field)


def _removed(key: _Key, field: Field) -> FieldChange:
    return FieldChange(label=_label(key), before=field, after=None)


def _differ(change: FieldChange, attribute: str) -> bool:
    return bool(getattr(change.before, attribute) != getattr(change.after, attribute))


def _required(change: FieldChange) -> bool:
    return change.after is not None and change.after.required


def _input_reasons(diff: FieldsDiff) -> Iterator[tuple[Bump, str]]:
    for reason in _breaking_reasons("input", diff):
        yield Bump.MAJOR, reason
    for change in diff.added:
        if _required(change):
            yield Bump.MAJOR, f"required input {change.label} was added"
        else:
            yield Bump.MINOR, f"optional input {change.label} was added"
    for change in diff.newly_optional:
        yield Bump.MINOR, f"input {change.label} is optional now"


def _output_reasons(diff: FieldsDiff) -> Iterator[tuple[Bump, str]]:
    for reason in _breaking_reasons("output", diff):
        yield Bump.MAJOR, reason
    for change in diff.added:
        yield Bump.MAJOR, f"output {change.label} was added"
    for change in diff.newly_optional:
        yield Bump.MAJOR, f"output {change.label} is optional now"


def _breaking_reasons(side: str, diff: FieldsDiff) -> Iterator[str]:
    """The changes that break a caller on either side of the model."""
    for change in diff.removed:
        yield f"{side} {change.label} was removed"
    for change in diff.retyped:
        yield f"{side} {change.label} changed its type {_from_to(change, 'type')}"
    for change in diff.reshaped:
        yield f"{side} {change.label} changed its shape {_from_to(change, 'shape')}"
    for change in diff.newly_required:
        yield f"{side} {change.label} is required now"


def _from_to(change: FieldChange, attribute: str) -> str:
    before, after = getattr(change.before, attribute), getattr(change.after, attribute)
    return f"from {_shown(before)} to {_shown(after)}"


def _shown(value: str | tuple[int, ...] | None) -> str:
    """A type as it is, a shape as `[-1, 28]`."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else str(list(value))
