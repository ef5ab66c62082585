"""The commands that people write in comments of a pull request: `/modelctl check`.

A command is the first line of a comment, from its first character, so that nothing quoted, folded
or hidden behind it is one. It is read word by word: nothing is expanded, quoted or run, and what
doesn't fit the grammar to the last word is a mistake, never a guess.

    /modelctl check
    /modelctl explain GATE
    /modelctl waive [MODEL@VERSION] GATE [--days N] [--env ENV]… --approver LOGIN REASON…
    /modelctl help
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

from semver import Version

from modelctl.domain.names import is_model_name
from modelctl.errors import ModelctlError

PREFIX = "/modelctl"
LONGEST = 1000
"""Characters of a command."""

USAGE = (
    f"{PREFIX} check",
    f"{PREFIX} explain GATE",
    f"{PREFIX} waive [MODEL@VERSION] GATE [--days N] [--env ENV] --approver LOGIN REASON",
    f"{PREFIX} help",
)

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""Gates and environments, as the policy may name them."""
_VALUES = {
    "--days": (re.compile(r"[1-9][0-9]{0,2}"), "--days takes one number from 1 to 999"),
    "--env": (_NAME, "--env takes the name of an environment, each once"),
    "--approver": (
        re.compile(r"@?[A-Za-z0-9](?:[A-Za-z0-9_-]{0,37}[A-Za-z0-9])?"),
        "--approver takes the login of one person",
    ),
}
"""The form of each option's value, and what to say where it is another."""

_GRAMMAR = {
    "check": "check takes nothing behind it",
    "help": "help takes nothing behind it",
    "explain": "explain takes the name of one gate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Judge the pull request again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain:
    """Say what a gate asks for, and what it found here."""

    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waive:
    """Ask for a waiver of a gate. Without `version` the one that the pull request moves is meant,
    without `days` the policy's usual span, without `environments` any."""

    gate: str
    approver: str
    reason: str
    version: str | None = None
    days: int | None = None
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """Say which commands there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A command that can't be understood; `message` quotes nothing of it."""

    message: str


Command: TypeAlias = Check | Explain | Waive | Help | Mistake


def parse_comment(body: str) -> Command | None:
    """The command that a comment is, or None where it is just a comment."""
    line = body.replace("\r\n", "\n").partition("\n")[0].rstrip(" ")
    if line != PREFIX and not line.startswith(f"{PREFIX} "):
        return None
    try:
        return _command(_words(line))
    except ModelctlError as error:
        return Mistake(message=error.message)


def _words(line: str) -> list[str]:
    if len(line) > LONGEST:
        raise ModelctlError(f"the command is longer than {LONGEST} characters")
    if any(_acts(character) for character in line):
        raise ModelctlError("the command holds characters that can't be seen")
    return [word for word in line.split(" ") if word][1:]


def _acts(character: str) -> bool:
    """Whether a character is a control, is invisible, or turns text around or into lines."""
    kind = unicodedata.category(character)
    return kind.startswith("C") or kind in ("Zl", "Zp")


def _command(words: list[str]) -> Command:
    match words:
        case ["check"]:
            return Check()
        case ["help"]:
            return Help()
        case ["explain", gate] if _NAME.fullmatch(gate):
            return Explain(gate=gate)
        case ["waive", *rest]:
            return _waive(rest)
    raise ModelctlError(_GRAMMAR.get("".join(words[:1]), "there is no such command"))


def _waive(words: list[str]) -> Waive:
    version = words.pop(0) if words and "@" in words[0] else None
    if version is not None and not _is_version(version):
        raise ModelctlError("name the version as MODEL@VERSION, such as churn-predictor@1.2.0")
    if not words or not _NAME.fullmatch(words[0]):
        raise ModelctlError("waive takes the name of a gate")
    gate, given = words.pop(0), _options(words)
    if not given["--approver"]:
        raise ModelctlError("say who is to approve the waiver: --approver LOGIN")
    if not words:
        raise ModelctlError("say why it is right to go ahead, behind the options")
    return Waive(
        gate=gate,
        approver=given["--approver"][0].removeprefix("@"),
        reason=" ".join(words),
        version=version,
        days=int(given["--days"][0]) if given["--days"] else None,
        environments=tuple(given["--env"]),
    )


def _is_version(text: str) -> bool:
    model, _, version = text.partition("@")
    return is_model_name(model) and Version.is_valid(version)


def _options(words: list[str]) -> dict[str, list[str]]:
    """Takes the options off the front of `words`; the values of each."""
    given: dict[str, list[str]] = {name: [] for name in _VALUES}
    while words and words[0].startswith("--"):
        name, equals, value = words.pop(0).partition("=")
        if name not in given:
            raise ModelctlError("the options of waive are --days, --env and --approver")
        if not equals and words:
            value = words.pop(0)
        form, says = _VALUES[name]
        again = value in given[name] if name == "--env" else given[name]
        if again or not form.fullmatch(value):
            raise ModelctlError(says)
        given[name].append(value)
    return given
