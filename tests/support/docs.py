"""The pages that people write, read as the tests need them: blocks of code, commands, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from modelctl.cli import LazyGroup, cli

ROOT = Path(__file__).parents[2]
REFERENCE = tuple(sorted((ROOT / "docs" / "reference").glob("*.md")))
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "models/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)
SANDBOX = "<!-- sandbox:"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    """A page as a test shows it."""
    return str(page.relative_to(ROOT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block. `sandbox` says that what it shows was printed in the demo's sandbox."""

    language: str
    text: str
    sandbox: bool = False


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text()
    return [
        Block(
            language=found[1],
            text=found[2],
            sandbox=text[: found.start()].rstrip("\n").rpartition("\n")[2].startswith(SANDBOX),
        )
        for found in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def commands(page: Path) -> Iterator[str]:
    """Every `modelctl …` that a page tells its readers to type, or names."""
    yield from re.findall(r"`(modelctl [^`]+)`", prose(page))
    for block in blocks(page):
        if block.language in ("sh", "console"):
            joined = block.text.replace("\\\n", " ")
            yield from re.findall(r"^(?:\$ )?(modelctl .+)$", joined, re.MULTILINE)


def unknown(command: str) -> str | None:
    """The first command or option of a command line that modelctl doesn't have, or None."""
    context = click.Context(cli, info_name="modelctl")
    for word in shlex.split(command, comments=True)[1:]:
        if word.startswith("-") and word.strip("-"):
            if word.partition("=")[0] not in _options(context):
                return f"{context.command_path} {word}"
        elif isinstance(context.command, LazyGroup):
            group, name = context.command, word
            if word not in group.entries and group.default is not None:  # its arguments
                name = group.default
            found = group.get_command(context, name)
            if found is None:
                return f"{context.command_path} {word}"
            context = click.Context(found, info_name=name, parent=context)
    return None


def _options(context: click.Context) -> Sequence[str]:
    params = context.command.get_params(context)
    return [flag for param in params for flag in (*param.opts, *param.secondary_opts)]


def broken_links(page: Path) -> Iterator[str]:
    """The links of a page that lead to no file, no line or no heading of the repository."""
    for link in _LINK.findall(re.sub(r"`[^`]+`", "", prose(page))):
        target, _, place = link.partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (place and not _has(path, place)):
            yield link


def _has(path: Path, place: str) -> bool:
    text = path.read_text()
    if re.fullmatch(r"L\d+", place):
        return int(place[1:]) <= text.count("\n")
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return place in {*map(slug, headings), *re.findall(r'<a id="([^"]+)">', text)}


def slug(heading: str) -> str:
    """What GitHub calls a heading in a link."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def like(expected: str, printed: str) -> bool:
    """Whether `printed` is what a block shows; a line `…` stands for any lines, or none."""
    lines = (r"(?:.*\n)*" if line == "…" else f"{re.escape(line)}\n" for line in _lines(expected))
    return (
        re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _lines(printed))) is not None
    )


def _lines(text: str) -> Sequence[str]:
    return text.rstrip().split("\n")
