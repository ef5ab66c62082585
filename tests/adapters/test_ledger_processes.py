"""Many processes append at once, and some are killed: nothing is lost and the chain holds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelctl.adapters.git import Author, Repository
from modelctl.adapters.ledger import Ledger
from modelctl.adapters.signing import Signer, generate, sign
from support.keys import MODEL, NOW, statement, trusted
from support.repos import clone, git

JOB = Author(name="Job", email="job@example.com")
TESTS = Path(__file__).parents[1]
OTHER = "churn-predictor"

APPENDER = """
import sys
import time
from pathlib import Path
from support.keys import NOW, statement, trusted
from modelctl.adapters.git import Author, Repository
from modelctl.adapters.ledger import Ledger
from modelctl.adapters.signing import Signer, sign

directory, key, name, count, models = sys.argv[1:]
signer = Signer.from_file(Path(key))
ledger = Ledger(Repository.discover(Path(directory)), [trusted(signer)])
for n in range(int(count)):
    batch = {m: [sign(statement(m, predicate={"from": name, "n": n}), signer)]
             for m in models.split(",")}
    done = ledger.append_all(batch, author=Author(name=name, email="j@e"), at=NOW)
    print(n, *(entries[0].seq for entries in done.values()), flush=True)
    time.sleep(0.02)
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key in a file."""
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    path.write_bytes(generate().private)
    return path


def opened(directory: Path, key: Path) -> Ledger:
    return Ledger(Repository.discover(directory), [trusted(Signer.from_file(key))])


def appender(
    directory: Path, key: Path, name: str, count: int, *models: str
) -> subprocess.Popen[bytes]:
    """A process that appends `count` statements to each model, and says when each is there."""
    return subprocess.Popen(
        [sys.executable, "-c", APPENDER, directory, key, name, str(count), ",".join(models)],
        env={**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent / 'scripts'}"},
        stdout=subprocess.PIPE,
    )


def said(ledger: Ledger, model: str) -> list[tuple[str, int]]:
    """Who appended what, in the order of the ledger."""
    statements = [entry.signed.statement for entry in ledger.entries(model)]
    return [(s.predicate["from"], s.predicate["n"]) for s in statements if s is not None]


def test_sixteen_processes_that_append_at_once_lose_nothing(
    shared: Path, tmp_path: Path, key: Path
) -> None:
    writers = [
        appender(clone(shared, tmp_path / f"c{n}").directory, key, f"w{n}", 2, MODEL, OTHER)
        for n in range(16)
    ]
    for writer in writers:
        assert writer.communicate(timeout=300)[0].count(b"\n") == 2
        assert writer.returncode == 0
    ledger = opened(shared, key)
    for model in (MODEL, OTHER):
        found = said(ledger, model)
        assert sorted(found) == sorted((f"w{n}", i) for n in range(16) for i in range(2))
        assert [entry.seq for entry in ledger.entries(model)] == list(range(1, 33))
    assert ledger.verify() == ()
    assert git(shared, "rev-list", "--count", "ledger") == "32"


def test_a_process_that_is_killed_leaves_a_sound_ledger(
    shared: Path, tmp_path: Path, key: Path
) -> None:
    clones = [clone(shared, tmp_path / f"c{n}") for n in range(4)]
    writers = [appender(c.directory, key, f"w{n}", 10_000, MODEL) for n, c in enumerate(clones)]
    told: list[bytes] = []
    for n, writer in enumerate(writers):
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(0.013 * n)  # so that each is somewhere else in the middle of it
        writer.kill()
        told.append(first + writer.stdout.read())
        writer.stdout.close()
        writer.wait()
    for n, builder in enumerate(clones):
        ledger = opened(builder.directory, key)
        statement_again = statement(predicate={"from": f"again-{n}", "n": 0})
        again = sign(statement_again, Signer.from_file(key))
        ledger.append(MODEL, [again], author=JOB, at=NOW)
        assert ledger.verify() == ()
        kept = set(said(ledger, MODEL))
        acknowledged = [line.split()[0] for line in told[n].splitlines()]
        assert acknowledged
        assert {(f"w{n}", int(i)) for i in acknowledged} <= kept
        assert (f"again-{n}", 0) in kept
