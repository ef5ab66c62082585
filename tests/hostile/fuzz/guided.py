"""Fuzzes a target with atheris, which looks for input that reaches new code. `all` is every target,
which the first byte of the input chooses.

    python -m hostile.fuzz.guided TARGET SECONDS [FOLDER]

Keeps what it learns in FOLDER, and writes what breaks a target there as `crash-*`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["modelctl", "yaml"]):
    from hostile.fuzz.targets import SEEDS, TARGETS

ALL = "all"
MEGABYTES, LONGEST = 2000, 4096
"""What is instrumented takes half a gigabyte before it is given anything, and grows by learning."""


def everything(data: bytes) -> None:
    """The target that the first byte chooses."""
    if data:
        list(TARGETS.values())[data[0] % len(TARGETS)](data[1:])


def seeds(name: str) -> list[bytes]:
    """Where to begin."""
    if name != ALL:
        return list(SEEDS[name])
    return [bytes([n]) + seed for n, one in enumerate(TARGETS) for seed in SEEDS[one]]


def fuzz(name: str, seconds: int, folder: Path) -> None:
    """Runs until the time is over, or something breaks."""
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={LONGEST}",
        "-timeout=10",
        "-seed=1",
        "-verbosity=0",
        f"-artifact_prefix={folder}/{name}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS.get(name, everything))
    atheris.Fuzz()


if __name__ == "__main__":
    where = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(tempfile.mkdtemp(prefix="fuzz-"))
    fuzz(sys.argv[1], int(sys.argv[2]), where)
