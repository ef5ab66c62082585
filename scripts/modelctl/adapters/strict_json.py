"""JSON, strictly: what two readers could understand differently is refused, never guessed.

Refused are duplicate names, NaN and infinities, numbers that don't fit 64 bits, text that isn't
UTF-8, and deep nesting. What is written is canonical: the same data always gives the same bytes.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

MAX_DEPTH: Final = 32
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class Malformed(ValueError):  # noqa: N818 - it says what the data is
    """Data from outside that can't be believed; the message is a phrase that says what is wrong."""


def parse(data: bytes) -> Any:
    """The value that `data` holds.

    Raises:
        Malformed: it is not strict JSON.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_small,
        )
        _shallow(value, MAX_DEPTH)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is read, never written
    except Malformed:
        raise
    except UnicodeError:
        raise Malformed("it is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise Malformed(f"it is not JSON ({error.msg}, {place})") from None
    except RecursionError:
        raise Malformed(_TOO_DEEP) from None
    return value


def canonical(value: Any) -> bytes:
    """`value` as JSON with sorted names, one item a line, and a line end: made to be compared.

    Raises:
        ValueError: NaN, an infinity or a lone surrogate.
        TypeError: a value that isn't plain data.
    """
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


_TOO_DEEP = f"it is nested deeper than {MAX_DEPTH} levels"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("it has the same name twice in one object")
    return found


def _no_constant(text: str) -> float:
    raise Malformed(f"it holds {text}, which is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed("it holds a number that is too large")
    return number


def _small(text: str) -> int:
    if len(text) > len(str(_SMALLEST)) or not _SMALLEST <= int(text) <= _LARGEST:
        raise Malformed("it holds a whole number that does not fit into 64 bits")
    return int(text)


def _shallow(value: Any, levels: int) -> None:
    if not isinstance(value, dict | list):
        return
    if levels == 0:
        raise Malformed(_TOO_DEEP)
    for item in value.values() if isinstance(value, dict) else value:
        _shallow(item, levels - 1)
