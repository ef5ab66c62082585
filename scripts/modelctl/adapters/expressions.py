"""Rules in the Common Expression Language, compiled and type-checked by the official runtime.

Facts are declared as dotted variables (`evidence.latency.p99_ms`), which CEL resolves by longest
prefix. So an unknown field or a wrong type is found when the policy is loaded, and a fact that is
missing at run time is CEL's UNKNOWN: it decides nothing, unless the rest of the rule decides
without it (`false && unknown` is false).

A rule ends, and soon. The runtime bounds the depth of a rule, the steps of its loops (10,000 in one
evaluation) and the time of a pattern (RE2), but not the size of a value: each `map` or `+` over
text or lists inside a loop multiplies what the one around it made. So those are refused when a
rule is compiled, and so are more loops than `MAX_LOOPS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from modelctl.adapters.plain_rules import Plain, plain
from modelctl.domain.rules import Undecided
from modelctl.errors import ModelctlError

MAX_LENGTH = 2000
MAX_LOOPS = 3
_LIVE = "live.requests"
"""A fact that conditions on live figures may read, and gates may not."""

_LOOP = b"\x1a\x07@result"
"""How each loop names its accumulator in the compiled rule."""
_JOINS = (b"add_list", b"add_string", b"add_bytes")
"""The compiled names of `+` over text and lists; `map` and `filter` are made of the first."""
_MESSAGE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_OVERLOAD = re.compile(r"no matching overload for '([^']+)' applied to '\((.*)\)'")
_LANGUAGE = "rules are in the Common Expression Language: https://cel.dev"
_REFERENCE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)\b(\s*\()?")
_COMMENT = re.compile(r"//[^\n]*")
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


@dataclass(frozen=True, slots=True, kw_only=True)
class CelExpression:
    """A compiled rule; see `modelctl.domain.policy.Expression`. `plain` decides by itself where the
    rule and the facts are so simple that the runtime isn't needed."""

    source: str
    names: tuple[str, ...]
    program: Any
    plain: Plain | None = None

    def decide(self, facts: Mapping[str, Any]) -> bool | Undecided:
        """Whether the rule holds for `facts` (see `modelctl.domain.facts`)."""
        found = self.plain(facts) if self.plain else None
        if found is not None:
            return found
        try:
            value = self.program.eval(data=dict(facts)).value()
        except RuntimeError as error:  # such as a budget that is used up
            return Undecided(reason=f"the rule failed: {str(error).splitlines()[0]}")
        if isinstance(value, bool):
            return value
        return Undecided(reason=lacking(str(value)))


def compile_rule(source: str, declared: Mapping[str, str]) -> CelExpression:
    """The rule, checked against the declared facts (name → CEL type).

    Raises:
        ModelctlError: it doesn't parse, reads a fact that isn't declared, compares what can't be
            compared, or isn't a condition. The message names the place in the rule.
    """
    if len(source) > MAX_LENGTH:
        raise ModelctlError(f"the rule is longer than {MAX_LENGTH} characters", mend="split it")
    env = environment(tuple(sorted(declared.items())))
    try:
        program = env.compile(source)
    except RuntimeError as error:
        raise _explained(str(error), declared) from None
    if program.return_type().name() != "BOOL":
        raise ModelctlError(
            f"the rule gives a {program.return_type().name().lower()}, not true or false",
            mend="compare it with something",
        )
    _refuse_growth(program.serialize())
    return CelExpression(
        source=source,
        names=_names(source, declared),
        program=program,
        # Gates, which decide once, are left to the runtime whole.
        plain=plain(source, declared) if _LIVE in declared else None,
    )


def _refuse_growth(compiled: bytes) -> None:
    """Refuses what could outgrow any memory or time while it is decided."""
    if any(name in compiled for name in _JOINS):
        raise ModelctlError(
            "the rule builds text or lists, by `+`, `map` or `filter`",
            mend="ask with all, exists or exists_one instead",
        )
    loops = compiled.count(_LOOP)
    if loops > MAX_LOOPS:
        raise ModelctlError(
            f"the rule has {loops} loops, more than the {MAX_LOOPS} allowed", mend="split it"
        )


@cache
def environment(declared: tuple[tuple[str, str], ...]) -> Any:
    """The runtime with these facts (name → CEL type, sorted)."""
    from cel_expr_python import cel

    return cel.NewEnv(variables={name: _type(cel.Type, text) for name, text in declared})


def _type(types: Any, text: str) -> Any:
    if text.startswith("map("):
        return types.Map(types.STRING, _type(types, text.removeprefix("map(string, ")[:-1]))
    if text.startswith("list("):
        return types.List(_type(types, text.removeprefix("list(")[:-1]))
    return getattr(types, text.upper())


def _names(source: str, declared: Mapping[str, str]) -> tuple[str, ...]:
    """The dotted facts that a rule reads, in its order, each once.

    Text and comments hold no references, and the name of a function is no key of its fact.
    """
    found: dict[str, None] = {}
    for reference, call in _REFERENCE.findall(_COMMENT.sub("", _STRING.sub("''", source))):
        parts = reference.split(".")[: -1 if call else None]
        if any(".".join(parts[:n]) in declared for n in range(1, len(parts) + 1)):
            found[".".join(parts)] = None
    return tuple(found)


def _explained(text: str, declared: Mapping[str, str]) -> ModelctlError:
    """The runtime's first message in plain words, with what to write instead."""
    match = _MESSAGE.search(text)
    if "recursion" in text:
        return ModelctlError("the rule is nested too deeply", mend="split it")
    if match is None:
        return ModelctlError(f"the rule can't be read: {text.splitlines()[0]}", mend=_LANGUAGE)
    _, column, message = match.groups()
    return ModelctlError(f"column {column}: {_plain(message)}", mend=_mend(message, declared))


def _plain(message: str) -> str:
    """The message without what only the runtime's authors understand."""
    overload = _OVERLOAD.search(message)
    if overload:
        operator, types = overload.groups()
        return f"{operator.strip('_@')} can't be applied to {types}"
    return message.removesuffix(" (in container '')").partition(" expecting {")[0]


def _mend(message: str, declared: Mapping[str, str]) -> str:
    if "(double, int)" in message or "(int, double)" in message:
        return "a decimal number is compared with a whole one: write 100.0 for 100"
    unknown = re.search(r"undeclared reference to '([^']+)'", message)
    if unknown:
        return _nearest(unknown.group(1), declared)
    if _OVERLOAD.search(message):
        return "compare values of one type; `modelctl policy facts` lists the types"
    return _LANGUAGE


def _nearest(name: str, declared: Mapping[str, str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, declared, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    roots = sorted({fact.split(".")[0] for fact in declared})
    return (
        f"a rule may read {', '.join(f'{root}.…' for root in roots)}; see `modelctl policy facts`"
    )


@lru_cache(maxsize=1024)
def lacking(text: str) -> str:
    """What the runtime lacked, in plain words, by what it says."""
    missing = re.search(r'No value with name "([^"]+)"', text)
    if missing:
        return f"{missing.group(1)} is missing"
    key = re.search(r'Key not found in map : "([^"]+)"', text)
    if key:
        return f"{key.group(1)} is missing"
    return f"the rule failed: {text.splitlines()[0]}" if text else "the rule gave no answer"
