"""Work spread over the processor's cores: in order, and never a part of it for the whole."""

from __future__ import annotations

import copyreg
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from modelctl.errors import DependencyError, ModelctlError

_T = TypeVar("_T")
_R = TypeVar("_R")
_MOST = 8
"""More processes than this would take more memory than anybody expects of a check."""

_BETWEEN_LOOKS = 1.0

_work: Callable[[Any], Any] | None = None
"""In a worker: what it does with each item."""


def _frozen(plain: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(plain)


# Our values are full of frozen mappings, and pickle doesn't know them.
copyreg.pickle(MappingProxyType, lambda mapping: (_frozen, (dict(mapping),)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """An error of ours on its way to the process that tells it."""

    kind: type[ModelctlError]
    message: str
    mend: str | None
    location: str | None

    def error(self) -> ModelctlError:
        return self.kind(self.message, mend=self.mend, location=self.location)


def cores() -> int:
    """How many cores this process may use; 1 where processes can't share what was read."""
    if sys.platform != "linux":
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST)


def spread(
    prepare: Callable[[], Callable[[_T], _R]], parts: Sequence[Sequence[_T]], processes: int
) -> Iterator[_R]:
    """What the work gives for each item of each part, in their order.

    `prepare` makes the work, once in each process: there it opens what processes can't share. What
    it refers to is shared with them as it is now.

    Raises:
        ModelctlError, DependencyError: what the work raised first.
        DependencyError: a process was killed.
    """
    if processes <= 1 or len(parts) <= 1:
        work = prepare()
        for part in parts:
            yield from map(work, part)
        return
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(
        min(processes, len(parts)), context, initializer=_begin, initargs=(prepare, os.getpid())
    )
    try:
        for done in pool.map(_do, parts):
            if isinstance(done, _Failure):
                raise done.error()
            yield from done
    except BrokenProcessPool:
        raise DependencyError(
            "a process that judged a part of it was killed, so nothing was decided",
            mend="run it again; if it ran out of memory, on fewer cores: taskset -c 0 modelctl …",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(prepare: Callable[[], Callable[[Any], Any]], parent: int) -> None:
    """Ctrl-C ends a worker at once and without a word, and so does the end of its parent."""
    global _work  # noqa: PLW0603 - a worker does one thing in its life
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _work = prepare()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_BETWEEN_LOOKS)
    os._exit(1)


def _do(part: Sequence[Any]) -> list[Any] | _Failure:
    assert _work is not None  # noqa: S101 - `_begin` ran before
    try:
        return [_work(item) for item in part]
    except ModelctlError as error:
        kind = DependencyError if isinstance(error, DependencyError) else ModelctlError
        return _Failure(kind=kind, message=error.message, mend=error.mend, location=error.location)
