"""Which versions have been kept long enough, and which must stay whatever the calendar says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from semver import Version

from modelctl.domain.endings import REJECTED, RETIRED, refusal
from modelctl.domain.evidence import human
from modelctl.domain.policy import Lifecycle
from modelctl.domain.retention import KINDS, Retention, RetentionRule
from modelctl.domain.whereabouts import Standing, Whereabouts, standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A version, the rule that will end it, and when that is due (UTC).

    `rule` is None where none fits its stage, `expires` where nothing tells from when to count.
    """

    standing: Standing
    rule: RetentionRule | None = None
    expires: datetime | None = None

    def due(self, now: datetime) -> bool:
        """Whether its time is over and nothing speaks against its end."""
        over = self.expires is not None and self.expires <= now
        return over and not self.standing.guards

    @property
    def kind(self) -> str:
        """The kind of statement that ends it; empty without a rule."""
        return KINDS[self.rule.then] if self.rule else ""

    def predicate(self, by: str) -> Mapping[str, Any]:
        """What the statement says: from policy and history alone, so that two jobs say the same."""
        keep, since = (self.rule.keep if self.rule else None), self.standing.idle
        kept = f"{human(keep)} in {self.standing.stage}" if keep else self.standing.stage
        since_when = f", since {since:%Y-%m-%d}" if since else ""
        return {
            "version": self.standing.version,
            "reason": f"kept for {kept}{since_when}",
            "by": by,
            "replaced_by": None,
        }


def kept(lifecycle: Lifecycle, retention: Retention, known: Whereabouts) -> tuple[Kept, ...]:
    """Every version of a model, lowest first, with when it ends and what keeps it."""
    newest = _newest(retention, known)
    found = []
    for version in sorted(known.versions, key=Version.parse):
        one = standing(lifecycle, known, version, retention.pins)
        if version in newest:
            last = f"it is one of the newest {retention.keep_last}"
            one = replace(one, guards=(*one.guards, last))
        found.append(_kept(retention, one))
    return tuple(found)


def _kept(retention: Retention, one: Standing) -> Kept:
    rule = retention.rule_for(one.stage)
    if rule is None or refusal(KINDS[rule.then], one.ending) is not None:
        return Kept(standing=one)
    return Kept(standing=one, rule=rule, expires=one.idle + rule.keep if one.idle else None)


def _newest(retention: Retention, known: Whereabouts) -> Collection[str]:
    """The newest versions that the policy keeps; what is out of use takes no place among them."""
    ends = {version: known.ending(version) for version in known.versions}
    alive = [v for v, end in ends.items() if end is None or end.end not in (REJECTED, RETIRED)]
    alive.sort(key=Version.parse)
    return frozenset(alive[len(alive) - min(retention.keep_last, len(alive)) :])
