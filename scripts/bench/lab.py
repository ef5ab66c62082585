"""What every measure needs: where things lie, the repositories, and a way to take turns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.measure import Pair
from bench.process import program
from bench.repos.store import Store

PROJECT = Path(__file__).resolve().parents[2]
BUILD = PROJECT / "build"
PEERS = BUILD / "peers" / "bin"
SCHEMAS = PROJECT / "scripts" / "modelctl" / "schemas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """The place where everything is measured. `say` shows what is going on."""

    store: Store
    say: Callable[[str], None]

    @property
    def modelctl(self) -> str:
        """The program that is measured."""
        return program("modelctl")

    def peer(self, name: str) -> str:
        """A program of the peers' own environment.

        Raises:
            BenchError: it isn't installed.
        """
        path = PEERS / name
        if not path.exists():
            raise BenchError(
                f"there is no {name} in {PEERS}", "run `make bench`, which installs it"
            )
        return str(path)

    def turns(
        self, count: int, ours: Callable[[], float], other: Callable[[], float]
    ) -> Iterator[Pair]:
        """So many turns of the two sides after one that doesn't count; who begins alternates, so
        that a machine that gets slower or faster meanwhile favours nobody."""
        for turn in range(count + 1):
            self.say(f"turn {turn} of {count}" if turn else "warming up")
            if turn % 2:
                first, second = ours(), other()
            else:
                second, first = other(), ours()
            if turn:
                yield Pair(ours=first, other=second)


def cores() -> Sequence[int]:
    """The processor cores that this process may use."""
    return sorted(os.sched_getaffinity(0))
