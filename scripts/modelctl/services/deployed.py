"""What a deploy of an environment came to: for those who tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from modelctl.services.deciding import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What a deploy did. `state` is the commit of the environment's branch, None before any.

    `tags` are the names of those that are new; `left` says what another run has to do, `warnings`
    what none can. `unaccounted` is what lay in the state that no deploy decided: it was taken out,
    and never signed. `problems` says what isn't in force (see `acting.Apply`).
    """

    environment: str
    decisions: tuple[Decision, ...]
    state: str | None
    recorded: int
    tags: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    unaccounted: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
