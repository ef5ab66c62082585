"""Who has the word on a transition: people, the gates, or the gates with people who may object.

`manual`: every gate passes and the transition's approvals are given. `automated`: the gates alone
decide; the transition's approvals aren't asked for, and waivers don't count. `hybrid`: the gates
decide without waiting for anybody, but people can override them: whoever holds a role can hold it
by requesting changes, and waivers count. In every mode requested changes hold it, and the approvals
of the contract, of the rules and of gates that ask for reviews are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MANUAL, HYBRID, AUTOMATED = "manual", "hybrid", "automated"
DECISIONS = (AUTOMATED, HYBRID, MANUAL)
"""Every mode; those that leave more to people come later."""

DEFAULT = "default"
"""The key of what holds for every tier that isn't named."""


def strictest(modes: Iterable[str]) -> str:
    """The mode that leaves most to people; `manual` where there is none at all."""
    return max(modes, key=DECISIONS.index, default=MANUAL)


def of_tiers(modes: Mapping[str, str], tiers: Iterable[str]) -> str:
    """The mode for a model of these tiers: what it is, and what it would be."""
    return strictest(modes.get(tier, modes.get(DEFAULT, MANUAL)) for tier in tiers)
