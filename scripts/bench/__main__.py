"""`python -m bench`: measures, and exits with 0 only if everything is fast enough."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.lab import BUILD, Lab
from bench.measure import Measure, Result
from bench.measures import MEASURES
from bench.repos.store import Store
from bench.screen import Screen

EXIT_PASS, EXIT_TOO_SLOW, EXIT_USAGE, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
RESULTS = BUILD / "bench.json"


def main(
    argv: Sequence[str] | None = None,
    *,
    measures: Sequence[Measure] = MEASURES,
    results: Path = RESULTS,
) -> int:
    """Take the measures that are asked for; the exit code."""
    options = _parse(argv, [measure.name for measure in measures])
    screen = Screen()
    if options.list:
        screen.listing(measures)
        return EXIT_PASS
    chosen = [one for one in measures if not options.only or one.name in options.only]
    try:
        found = _take(chosen, screen)
    except BenchError as error:
        screen.failed(error.message, error.detail)
        return EXIT_FAILED
    except KeyboardInterrupt:
        screen.failed("interrupted")
        return EXIT_INTERRUPTED
    screen.table(found)
    _write(found, results)
    return EXIT_PASS if all(result.ok for result in found) else EXIT_TOO_SLOW


def _take(measures: Sequence[Measure], screen: Screen) -> list[Result]:
    found = []
    with screen.progress(len(measures)) as progress:
        lab = Lab(store=Store(BUILD / "bench", progress.say), say=progress.say)
        for measure in measures:
            progress.begin(measure.name)
            result = Result(measure=measure, pairs=tuple(measure.take(lab)))
            progress.end(result)
            found.append(result)
    return found


def _parse(argv: Sequence[str] | None, names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description="Measure modelctl against its peers, and against itself."
    )
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help="this measure; repeatable"
    )
    parser.add_argument("--list", action="store_true", help="list the measures and their limits")
    return parser.parse_args(argv)


def _write(found: Sequence[Result], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [result.as_data() for result in found]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
