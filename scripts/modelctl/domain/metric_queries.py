"""Questions in PromQL for many backends at once, and whose series an answer is.

Nothing of a manifest can change a question: names are escaped for a regular expression, and the
whole for a string. Patterns are the policy's own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from string import Template
from typing import Final

from modelctl.domain.metric_sources import Gauge, Labels
from modelctl.domain.observations import Watched
from modelctl.domain.rendering import label_value, object_name

PLACEHOLDERS: Final = (
    "model",
    "name",
    "version",
    "version_label",
    "service",
    "namespace",
    "environment",
    "position",
)
"""What a pattern may name: the model; what its objects are called; the version, and as a label's
value; the backend; where it runs; its place among the backends of its route, stable's being 0."""

QUERY_NAMES: Final = ("selector", "by", "window")
"""What a gauge's own query may name, as `$selector`."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")
_STRING_SPECIAL = re.compile(r'[\\"\x00-\x1f\x7f]')

_MANY_PATTERNS: Final = 100
_MANY_VALUES: Final = 500
_SHARED: Final = ("namespace", "environment")
"""What many backends have in common."""

Owner = tuple[str, str]
"""A model and one of its sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One backend, and whose sides it is. `values` fill the placeholders."""

    owner: Owner
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A pattern for one backend. `prefix` is its text as far as it is certain."""

    pattern: str
    prefix: str
    literal: bool

    def matches(self, value: str) -> bool:
        return value == self.prefix if self.literal else _matches(self.pattern, value)


_NOWHERE: Final = "none"
"""The place of a backend that a route doesn't know; no series has it."""


def backends(watched: Iterable[Watched]) -> Iterator[Backend]:
    """Every side of every model that is watched."""
    for one in watched:
        for side, end in one.sides.items():
            values = {
                "model": one.model,
                "name": object_name(one.model),
                "version": end.version,
                "version_label": label_value(end.version),
                "service": end.service,
                "namespace": one.namespace,
                "environment": one.environment,
                "position": str(end.position) if end.position is not None else _NOWHERE,
                "side": side,
            }
            yield Backend(owner=(one.model, side), values=values)


class Finder:
    """Whose series it is, by its labels, without looking at every backend for every series."""

    def __init__(self, patterns: Labels, wanted: Sequence[Backend]):
        self.labels, self.wanted = tuple(patterns), wanted
        self._shapes = {label: _Shape(pattern) for label, pattern in patterns.items()}
        shapes = self._shapes.items()
        self._rows = [
            ({label: shape.filled(one.values) for label, shape in shapes}, one) for one in wanted
        ]
        # The label that tells most backends apart is looked up; the others are held against it.
        self._main = max(patterns, key=lambda label: len(self._alternatives(label)))
        self._by_prefix: dict[str, list[tuple[Sequence[tuple[str, Filled]], Owner]]] = {}
        for row, one in self._rows:
            entry = (tuple(row.items()), one.owner)
            self._by_prefix.setdefault(row[self._main].prefix, []).append(entry)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})
        self._found: dict[tuple[str, ...], Sequence[Owner]] = {}

    def owners(self, labels: Mapping[str, str]) -> Sequence[Owner]:
        """The sides that this series is of; none where it is somebody else's."""
        key = tuple([labels.get(label, "") for label in self.labels])
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._look_up(labels)
        return found

    def _look_up(self, labels: Mapping[str, str]) -> Sequence[Owner]:
        value, found = labels.get(self._main, ""), list[Owner]()
        for size in self._lengths:
            if size > len(value):
                break
            for row, owner in self._by_prefix.get(value[:size], ()):
                if all(one.matches(labels.get(label, "")) for label, one in row):
                    found.append(owner)
        return found

    def selector(self, only: Labels | None = None) -> str:
        """The matchers, without braces, that select the series of all backends; of some more where
        to name each would cost more than it spares."""
        parts = [f"{label}={quoted(value)}" for label, value in (only or {}).items()]
        return ",".join([*parts, self._matchers])

    @cached_property
    def _matchers(self) -> str:
        asked = {label: "|".join(self._asked(label)) for label in self.labels}
        return ",".join(f"{label}=~{quoted(patterns)}" for label, patterns in asked.items())

    def _alternatives(self, label: str) -> Sequence[str]:
        """The patterns of this label, each once."""
        return list(dict.fromkeys(row[label].pattern for row, _ in self._rows))

    def _asked(self, label: str) -> Sequence[str]:
        """Prometheus looks literal values up, and tries patterns one after the other. Of more than
        it is good at the common shape is asked for: who watches so many watches nearly all."""
        shape, named = self._shapes[label], self._alternatives(label)
        if len(named) <= (_MANY_VALUES if shape.literal else _MANY_PATTERNS):
            return named
        filled = (shape.filled(one.values, _SHARED).pattern for _, one in self._rows)
        return list(dict.fromkeys(filled))


class _Shape:
    """A pattern, in which placeholders are filled with nothing but text."""

    def __init__(self, pattern: str):
        self._pieces, end = list[tuple[str, str]](), 0
        for found in _PLACEHOLDER.finditer(pattern):
            self._pieces.append((pattern[end : found.start()], found[1]))
            end = found.end()
        self._rest = pattern[end:]
        fixed = [*(text for text, _ in self._pieces), self._rest]
        specials = [_SPECIAL.search(text) for text in fixed]
        self.literal = not any(specials)
        # How many placeholders stand before anything special, and the text up to that.
        self._certain = next((i for i, one in enumerate(specials) if one), len(fixed))
        special = next((one for one in specials if one), None)
        self._last = special.string[: special.start()] if special else ""
        self._open = "|" in pattern

    def filled(self, values: Mapping[str, str], names: Collection[str] | None = None) -> Filled:
        """With these values; only those of some `names`, and anything for the others."""
        text = "".join(
            fixed + (re.escape(values[name]) if names is None or name in names else ".+")
            for fixed, name in self._pieces
        )
        return Filled(pattern=text + self._rest, prefix=self._prefix(values), literal=self.literal)

    def _prefix(self, values: Mapping[str, str]) -> str:
        """What surely begins a match: all of it where nothing is special, nothing where there are
        alternatives; and not the character that what follows may make optional."""
        if self.literal:
            return "".join(fixed + values[name] for fixed, name in self._pieces) + self._rest
        if self._open:
            return ""
        before = self._pieces[: self._certain]
        return ("".join(fixed + values[name] for fixed, name in before) + self._last)[:-1]


def placeholders(pattern: str) -> Sequence[str]:
    """The placeholders that a pattern names."""
    return _PLACEHOLDER.findall(pattern)


def without_placeholders(pattern: str) -> str:
    """The pattern with a letter for each placeholder, to see whether it is one at all."""
    return _PLACEHOLDER.sub("x", pattern)


def quoted(text: str) -> str:
    """A string of PromQL."""
    return '"' + _STRING_SPECIAL.sub(lambda found: _escape(found[0]), text) + '"'


def _escape(character: str) -> str:
    return f"\\{character}" if character in {"\\", '"'} else f"\\x{ord(character):02x}"


def seconds(span: timedelta) -> str:
    """A duration of PromQL, to the millisecond, rounded up."""
    return f"{-(-span // timedelta(milliseconds=1))}ms"


def any_of(names: Sequence[str], selector: str) -> str:
    """Selects the series of any of these metrics."""
    metric = "|".join(re.escape(name) for name in names)
    return f"{{__name__=~{quoted(metric)},{selector}}}"


def raw(series: str, span: timedelta) -> str:
    """Every sample of the last `span`, for an instant query."""
    return f"{series}[{seconds(span)}]"


def at_steps(series: str, fresh: timedelta, by: Iterable[str]) -> str:
    """The last sample at each step of a range query, none where it is older than `fresh`. Each
    process stays apart: a counter that began anew must be seen."""
    return f"sum by ({', '.join(by)}) (last_over_time({series}[{seconds(fresh)}]))"


def gauge_query(gauge: Gauge, finder: Finder, fresh: timedelta) -> str:
    """The question for a gauge; a reading older than `fresh` is none."""
    selector, window = finder.selector(), seconds(fresh)
    by = ", ".join((*finder.labels, *((gauge.label,) if gauge.label else ())))
    if gauge.query is not None:
        return Template(gauge.query).substitute(selector=selector, by=by, window=window)
    return f"{gauge.by} by ({by}) (last_over_time({gauge.metric}{{{selector}}}[{window}]))"


@lru_cache(maxsize=65536)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None
