"""What is too large to lie in the repository: hostile documents and pull requests, built in memory.

A case names one of these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from support.repos import File, Files
from support.world import MODEL, submission

VERSIONS = f"models/{MODEL}/versions"
MANIFEST = f"{VERSIONS}/1.0.0.yaml"


def padded(size: int) -> bytes:
    """The sound manifest with a comment that makes it exactly this long."""
    text = str(submission()[MANIFEST]).encode()
    return text + b"#" * (size - len(text) - 1) + b"\n"


def aliases(levels: int = 9, width: int = 9) -> bytes:
    """Each level names the one below nine times: 9^9 values when they are written out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


def merges(levels: int = 40) -> bytes:
    """Mappings that take over the one before them twice."""
    lines = ["m0: &m0 {a: 1}"]
    lines += [f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, levels)]
    return "\n".join(lines).encode()


def block_levels(levels: int) -> bytes:
    """A mapping in a mapping, each on a line of its own."""
    return "\n".join(" " * n + "a:" for n in range(levels)).encode()


DOCUMENTS: Final[Mapping[str, Callable[[], bytes]]] = {
    "100-megabytes": lambda: b"a" * 100_000_000,
    "100-megabytes-of-yaml": lambda: b"k: [1, 2, 3]\n" * 7_700_000,
    "one-byte-too-much": lambda: padded(256 * 1024 + 1),
    "as-large-as-may-be": lambda: padded(256 * 1024),
    "aliases": aliases,
    "merges": merges,
    "10000-flow-lists": lambda: b"a: " + b"[" * 10_000 + b"]" * 10_000,
    "10000-flow-mappings": lambda: b"a: " + b"{a: " * 10_000 + b"}" * 10_000,
    "10000-unclosed": lambda: b"[" * 10_000,
    "10000-dashes": lambda: b"a:\n" + b"- " * 10_000,
    "700-block-levels": lambda: block_levels(700),
    "10000-questions": lambda: b"? " * 10_000,
    "10000-directives": lambda: b"%TAG ! x:\n" * 10_000 + b"---\na: 1\n",
    "10000-documents": lambda: b"---\na: 1\n" * 10_000,
    "10000-keys-of-one-hash": lambda: b"".join(b'"%d": 1\n' % n for n in range(10_000)),
    "a-digit-quarter-million-times": lambda: b"a: " + b"9" * 250_000,
    "a-quote-that-never-ends": lambda: b"a: '" + b"x\n\n" * 80_000,
    "a-key-of-250000-characters": lambda: b"k" * 250_000 + b": 1",
    "20000-unknown-fields": lambda: b"".join(b"f%d: 1\n" % n for n in range(20_000)),
    "20000-near-misses": lambda: b"".join(b"ownr%d: 1\n" % n for n in range(20_000)),
    "20000-broken-entries": lambda: b"dependencies: [" + b"1," * 20_000 + b"]\n",
}


def many(count: int, path: str, content: str | File = "a: 1\n") -> Files:
    """The same content at many paths."""
    return {path.format(n): content for n in range(count)}


def models(count: int) -> Files:
    """A sound first version of many models."""
    return {
        path.replace(MODEL, f"tumor-{n}"): str(text).replace(MODEL, f"tumor-{n}")
        for n in range(count)
        for path, text in submission().items()
    }


def copies(data: Callable[[], bytes], *names: str) -> Files:
    """The same bytes at many paths."""
    content = data()
    return {f"{VERSIONS}/{name}.yaml": content for name in names}


_GATE = """\
gates:
  NAME:
    title: Good enough
    evidence: evaluation
    require:
      - rule: evidence.metrics.f1_score >= 0.85
        because: versions below that are of no use
"""
_LONG = "k: " + "x" * 250_000
CHANGES: Final[Mapping[str, Callable[[], Files]]] = {
    "10000-versions": lambda: many(10_000, VERSIONS + "/1.0.{}.yaml"),
    "10000-models": lambda: many(10_000, "models/tumor-{}/model.yaml"),
    "1000-sound-models": lambda: models(1_000),
    "10000-notes": lambda: many(10_000, "models/note-{}.txt"),
    "10000-links": lambda: many(
        10_000, "models/tumor-{}/link", File(mode="120000", data=b"/etc/passwd")
    ),
    "10000-rules": lambda: many(10_000, "policies/gates/g{}.yaml"),
    "10000-anywhere": lambda: many(10_000, "docs/{}.md"),
    "2900-that-are-no-yaml": lambda: many(2_900, VERSIONS + "/1.0.{}.yaml", "A: ["),
    "2000-levels-of-folders": lambda: {"models/" + "a/" * 2_000 + "x.yaml": "a: 1\n"},
    "100-megabytes": lambda: copies(DOCUMENTS["100-megabytes"], "2.0.0"),
    "40-manifests-of-a-megabyte": lambda: many(40, VERSIONS + "/2.0.{}.yaml", _LONG * 4),
    "100-megabytes-elsewhere": lambda: {"models/weights.bin": DOCUMENTS["100-megabytes"]()},
    "60-quarter-megabytes": lambda: many(60, VERSIONS + "/2.0.{}.yaml", _LONG),
    "30-quarter-megabytes": lambda: many(30, VERSIONS + "/2.0.{}.yaml", _LONG),
    "copy-of-1.0.0": lambda: {f"{VERSIONS}/1.1.0.yaml": submission()[MANIFEST]},
    "aliases": lambda: copies(DOCUMENTS["aliases"], "2.0.0"),
    "levels": lambda: copies(DOCUMENTS["10000-flow-lists"], "2.0.0"),
    "good-rules": lambda: {
        f"policies/gates/g{n}.yaml": _GATE.replace("NAME", f"g{n}") for n in range(5_000)
    },
    "a-large-policy": lambda: {"policies/gates/large.yaml": DOCUMENTS["100-megabytes"]()},
}
