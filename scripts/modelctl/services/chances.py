"""Numbers by chance, the same for the same seed: how many of so many, and how many in a while.

Not for secrets. The exact ways are slow for large numbers; from a dozen on the normal curve is as
good as chance itself.
"""

from __future__ import annotations

import math
from random import Random

_FEW = 12.0


def seeded(*parts: object) -> Random:
    """A generator whose numbers depend on `parts` alone, on every machine."""
    return Random("/".join(map(str, parts)))  # noqa: S311 - a simulation, no secret


def poisson(chance: Random, mean: float) -> int:
    """How many events, where `mean` are expected."""
    if mean > _FEW:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    if mean <= 0.0:
        return 0
    count, left = 0, math.exp(-mean)
    product = chance.random()
    while product > left:
        product *= chance.random()
        count += 1
    return count


def binomial(chance: Random, trials: float, share: float) -> float:
    """How many of `trials`, each by a chance of `share`. A fraction of a trial is left out."""
    if share >= 1.0:
        return trials
    whole = int(trials)
    if whole <= 0 or share <= 0.0:
        return 0.0
    if share > 0.5:
        return float(whole) - binomial(chance, whole, 1.0 - share)
    mean = whole * share
    if mean > _FEW:
        drawn = round(chance.gauss(mean, math.sqrt(mean * (1.0 - share))))
        return float(min(max(drawn, 0), whole))
    return float(_skipping(chance, whole, math.log1p(-share)))


def _skipping(chance: Random, trials: int, log_miss: float) -> int:
    """Exactly, by how many misses lie between one hit and the next."""
    hits, position = 0, 0
    while True:
        position += int(math.log(1.0 - chance.random()) / log_miss) + 1
        if position > trials:
            return hits
        hits += 1
