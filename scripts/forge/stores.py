"""Where secrets and variables are kept: one for the repository and one for each environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from forge.values import now


@dataclass(slots=True, kw_only=True, eq=False)
class Named:
    """A secret (its value is not kept) or a variable."""

    name: str
    value: str = ""
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True, eq=False)
class Store:
    """By name in upper case, as GitHub has them."""

    secrets: dict[str, Named] = field(default_factory=dict)
    variables: dict[str, Named] = field(default_factory=dict)
