"""A version as part of the name of an object in a cluster."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

LONGEST_NAME: Final = 44
"""Of a model's objects. The shortest room that this leaves a version and a controller is 19
characters (`-v10-2-3-predictor`), for a Service's name may have 63."""

SHORTEST_HASH: Final = 7
LONGEST_HASH: Final = 16

_SERVICE: Final = 63
_AROUND: Final = len("-v" + "-predictor")
_PLAIN = re.compile(r"\d+\.\d+\.\d+")


def version_slug(name: str, version: str, *, fresh: bool = False) -> str:
    """A version as part of a name that begins with `name`: `v1-2-0`, or `v` and as much of a hash
    as has room, where that doesn't fit. A `fresh` copy of what serves begins with `b` instead, for
    it runs beside the pods of the same version.

    A hash can be that of two versions, so whoever lets two run at once compares them.
    """
    fits = _PLAIN.fullmatch(version) and len(version) <= SHORTEST_HASH
    room = max(SHORTEST_HASH, min(LONGEST_HASH, _SERVICE - _AROUND - len(name)))
    short = version.replace(".", "-") if fits else sha256(version.encode()).hexdigest()[:room]
    return f"{'b' if fresh else 'v'}{short}"
