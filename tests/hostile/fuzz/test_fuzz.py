"""Input that nobody thought of: what must hold for any bytes, held for many.

What a fuzzer finds is kept in `corpus/TARGET/`, one file a case, and tried first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from hostile.cases import SOUND, document, names, read
from hostile.fuzz.targets import SEEDS, TARGETS
from hostile.stage import Stage, in_process
from support.world import MODEL, PROJECT, World, submission

CORPUS = Path(__file__).with_name("corpus")
KEPT = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
SECONDS = 5
WORDS = [
    "a", "b", "owner", "no", "1", "-1", "1.0.0", "1e400", ".nan", "~", "null", "true", '"x"', "'y'",
    ": ", ":", "- ", "-", "? ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ", ", "&x ",
    "*x", "!t ",
    "<<: ", "|\n", ">-\n", "# c", "---\n", "...\n", "%YAML 1.1\n", "\t", "\r\n", "\x00", "\ufeff",
    '"\\u202e"', "é", "\u2028", "@", "`", '"', "'", "\\",
]  # fmt: skip

yaml_like = st.lists(st.sampled_from(WORDS), max_size=30).map(lambda words: "".join(words).encode())
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["name", "version"]), inner)
    ),
    max_leaves=12,
)


@st.composite
def mutated(draw: Any, texts: list[bytes]) -> bytes:
    """A sound text in which pieces were cut out, doubled, swapped or replaced."""
    data = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(
            st.sampled_from([b"", data[start:end] * 2, data[end : end + 9]])
            | st.sampled_from(WORDS).map(str.encode)
            | st.binary(max_size=4)
        )
        data = data[:start] + piece + data[end:]
    return bytes(data)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_stays_mended(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=200))
def test_any_bytes(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_sound_input_with_a_fault(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(mutated(list(SEEDS[name]))))


@given(data=yaml_like)
@settings(max_examples=300)
def test_anything_like_yaml_is_a_document_or_an_error(data: bytes) -> None:
    TARGETS["loader"](data)


@pytest.mark.parametrize(
    "name", [n for n in names("documents") if "generate" not in read("documents", n)]
)
def test_the_hostile_documents_keep_the_loader_s_word(name: str) -> None:
    TARGETS["loader"](document(read("documents", name)))


@given(kind=st.integers(0, 255), value=st.dictionaries(st.text(max_size=8), plain, max_size=6))
@settings(max_examples=200)
def test_the_validators_agree(kind: int, value: dict[str, Any]) -> None:
    TARGETS["schema"](bytes([kind]) + json.dumps(value).encode())


@given(fault=mutated([text.encode() for text in SOUND.values()]), kind=st.integers(0, 255))
def test_the_validators_agree_on_faults(fault: bytes, kind: int) -> None:
    import yaml

    try:
        value = yaml.load(fault, yaml.BaseLoader)
    except (yaml.YAMLError, ValueError):
        return
    TARGETS["schema"](bytes([kind]) + json.dumps(value).encode())


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(directory=tmp_path_factory.mktemp("fuzz"))


def check(world: World, files: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> int:
    """The exit code of a pull request with these files; anything else than a verdict fails."""
    head = world.builder.commit({**files}, "fuzz", parent="origin/ml")
    ends = ["--base", "origin/ml", "--head", head]
    outcome = in_process(world, ["check", *ends, "--no-reviews", "--format", "json"], capsys)
    assert outcome.code in {0, 1}, outcome.error
    json.loads(outcome.out)
    return outcome.code


FILES = {path: str(text).encode() for path, text in submission().items()}
MANIFEST = f"models/{MODEL}/versions/1.0.0.yaml"
FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FEW
@given(path=st.sampled_from(sorted(FILES)), data=st.data())
def test_a_fault_in_a_submission_is_judged(
    stage: Stage, capsys: pytest.CaptureFixture[str], path: str, data: st.DataObject
) -> None:
    """Whatever changes, there is a verdict; and no manifest but the measured one passes."""
    world = stage.world({}, stage.directory)
    fault = data.draw(mutated([FILES[path]]))
    code = check(world, {**FILES, path: fault}, capsys)
    assert code == 1 or path != MANIFEST or fault == FILES[path]


@FEW
@given(data=st.data())
def test_a_fault_in_a_merged_version_is_blocked(
    stage: Stage, capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    world = stage.world({"served": "dev"}, stage.directory)
    there = world.builder.git("cat-file", "blob", f"origin/ml:{MANIFEST}").encode() + b"\n"
    fault = data.draw(mutated([there]).filter(lambda text: text != there))
    assert check(world, {MANIFEST: fault}, capsys) == 1


def test_a_sound_submission_passes(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(stage.world({}, stage.directory), FILES, capsys) == 0


def test_a_guided_fuzzer_finds_nothing_soon(tmp_path: Path) -> None:
    """atheris for some seconds, from fixed seeds; `make fuzz` runs it for longer."""
    pytest.importorskip("atheris", reason="atheris has no wheel for this Python")
    path = os.pathsep.join([str(PROJECT / "scripts"), str(PROJECT / "tests")])
    done = subprocess.run(
        [sys.executable, "-m", "hostile.fuzz.guided", "all", str(SECONDS), str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(tmp_path.glob("*crash*")), done.stderr[-3000:]
