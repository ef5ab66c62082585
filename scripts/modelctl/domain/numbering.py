"""Which number a new version gets, and why: from the signature's difference to the previous one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from semver import Version

from modelctl.domain.compatibility import (
    Bump,
    NeededBump,
    allowed,
    difference,
    propose,
    smallest_bump,
)
from modelctl.domain.manifest import ModelVersion, Signature
from modelctl.errors import ModelctlError

FIRST = Version(1, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """The number of a new version. `needed` is the smallest bump that the reasons allow; a first
    version has no previous one, so it needs none."""

    version: Version
    previous: Version | None = None
    needed: Bump | None = None
    reasons: tuple[str, ...] = ()

    @property
    def explanation(self) -> str:
        """Why it is this number, in a sentence."""
        if self.previous is None or self.needed is None:
            return f"{self.version} is the first version"
        because = "; ".join(self.reasons)
        return f"{self.previous} → {self.version}: {because}, which needs {_or_more(self.needed)}"


def choose(
    previous: ModelVersion | None,
    signature: Signature,
    *,
    bump: Bump | None = None,
    version: Version | None = None,
) -> Numbering:
    """The number that was asked for, by itself or as a bump, else the smallest that is allowed.

    Raises:
        ModelctlError: the signature's difference needs a larger bump than was asked for, or there
            is no previous version that could be bumped.
    """
    if previous is None:
        if bump is not None:
            raise ModelctlError(
                "there is no previous version to bump", mend=f"leave --bump out: it is {FIRST}"
            )
        return Numbering(version=version or FIRST)
    needed = smallest_bump(difference(previous.signature, signature))
    chosen = version or _bumped(previous.version, bump) or propose(previous.version, needed.bump)
    if not allowed(previous.version, chosen, needed.bump):
        raise _too_small(previous.version, chosen, needed)
    return Numbering(
        version=chosen, previous=previous.version, needed=needed.bump, reasons=needed.reasons
    )


def _bumped(before: Version, bump: Bump | None) -> Version | None:
    """A bump that was asked for is taken by its word, below 1.0.0 too."""
    if bump is None or before.prerelease:
        return None
    bumps: Mapping[Bump, Callable[[], Version]] = {
        Bump.MAJOR: before.bump_major,
        Bump.MINOR: before.bump_minor,
        Bump.PATCH: before.bump_patch,
    }
    return bumps[bump]()


def _too_small(before: Version, asked: Version, needed: NeededBump) -> ModelctlError:
    because = "; ".join(needed.reasons)
    return ModelctlError(
        f"{before} → {asked} is too small a bump: {because}, which needs {_or_more(needed.bump)}",
        mend=f"call it {propose(before, needed.bump)}: leave --bump and --version out",
    )


def _or_more(bump: Bump) -> str:
    return f"a {bump} bump" if bump is Bump.MAJOR else f"a {bump} bump or more"
