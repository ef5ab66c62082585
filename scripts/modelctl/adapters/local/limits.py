"""How long each step may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All in seconds.

    `lock`: wait for another command that changes the same environment. `start`: a server loads its
    model. `answer`: a server that served before answers again. `switch`: the router takes over new
    routes. `settle`: requests that the router accepted before that reach their server. `drain`: a
    server finishes its last requests before it is killed.
    """

    lock: float = 60
    start: float = 90
    answer: float = 5
    switch: float = 10
    settle: float = 1
    drain: float = 30
