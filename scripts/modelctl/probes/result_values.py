"""What the readers of result files share: strict JSON, and counts that are counts."""

from __future__ import annotations

import json
import math
from typing import Any

Predicate = dict[str, Any]


def read_json(data: bytes) -> Any:
    """The content of a JSON file without NaN and infinities.

    Raises:
        ValueError: it is no JSON, or holds a number that can't be compared.
    """

    def refuse(text: str) -> Any:
        raise ValueError(f"{text} is not a number that can be compared")

    def finite(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else refuse(text)

    return json.loads(data, parse_constant=refuse, parse_float=finite)


def count(value: Any) -> int:
    """A whole number that isn't negative.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value
