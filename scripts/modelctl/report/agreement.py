"""Two versions beside each other: how often they agree, where least, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelctl.domain.agreement import CONFIDENCE, SMALLEST_SLICE, Agreement, Share
from modelctl.domain.verdict import Outcome
from modelctl.report import gfm, words
from modelctl.report.json import dumps
from modelctl.report.look import Look, ink, paint, table

if TYPE_CHECKING:
    from rich.text import Text

SCHEMA = 1
_HEADS = ("slice", "rows", "agree", f"{CONFIDENCE:.0%} interval")
_WHOLE = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was compared: versions of a model in an environment. `tolerance` is None where answers
    had to be equal. `passed` is the verdict, `place` where it was recorded, if it was."""

    model: str
    environment: str
    stable: str
    canary: str
    found: Agreement
    tolerance: float | None
    passed: bool
    at_least: float | None = None
    place: str | None = None


def terminal(one: Compared, look: Look | None = None) -> str:
    """The comparison for `look`: the verdict, the slices, and what else there is to know."""
    look = look or Look()
    mark = look.mark(Outcome.PASS if one.passed else Outcome.FAIL)
    head = ink(look, mark, (f" {_title(one)}", "bold"))
    rows = [_cells(look, name, share) for name, share in _shares(one.found)]
    notes = [ink(look, f"  {note}") for note in _notes(one)]
    return paint(look, [head, "", table(look, _HEADS, rows), "", *notes])


def markdown(one: Compared) -> str:
    """The same as GitHub-flavoured Markdown."""
    lines = [f"**{gfm.plain(_title(one))}**", ""]
    lines += [gfm.row(*_HEADS), gfm.row("---", "---:", "---:", "---")]
    lines += [gfm.row(gfm.plain(name), *_figures(share)) for name, share in _shares(one.found)]
    lines += ["", *(f"- {gfm.plain(note)}" for note in _notes(one))]
    return "\n".join(lines) + "\n"


def json(one: Compared) -> str:
    """The same as JSON."""
    found, far = one.found, one.found.differences
    return dumps(
        {
            "schema": SCHEMA,
            "model": one.model,
            "environment": one.environment,
            "stable": one.stable,
            "canary": one.canary,
            "passed": one.passed,
            "at_least": one.at_least,
            "tolerance": one.tolerance,
            "confidence": CONFIDENCE,
            "agreement": _document(found.whole),
            "metrics": dict(found.metrics),
            "slices": {
                column: {value: _document(share) for value, share in values.items()}
                for column, values in found.slices.items()
            },
            "differences": far
            and {
                "mean": far.mean,
                "p50": far.p50,
                "p95": far.p95,
                "p99": far.p99,
                "most": far.most,
            },
            "prediction_psi": found.psi,
            "requests": {"stable": found.stable, "canary": found.canary},
            "unmatched": {"stable": found.lone_stable, "canary": found.lone_canary},
            "place": one.place,
        }
    )


def _title(one: Compared) -> str:
    return f"{one.model} {one.canary} beside {one.stable} in {one.environment}"


def _shares(found: Agreement) -> Iterator[tuple[str, Share]]:
    yield _WHOLE, found.whole
    for column, values in found.slices.items():
        for value, share in values.items():
            yield f"{column} {value}", share


def _cells(look: Look, name: str, share: Share) -> tuple[Text, ...]:
    rows, rate, limits = _figures(share)
    few = share.rows < SMALLEST_SLICE
    style = "dim" if few else "bold" if name == _WHOLE else ""
    return tuple(ink(look, (text, style)) for text in (name, rows, rate, limits))


def _figures(share: Share) -> tuple[str, str, str]:
    lower, upper = share.limits()
    rate = f"{share.rate:.2%}" if share.rows else "–"
    return f"{share.rows:,}", rate, f"{lower:.2%} – {upper:.2%}"


def _notes(one: Compared) -> Iterator[str]:
    found, far = one.found, one.found.differences
    asked = f"{found.stable:,} and {found.canary:,}"
    alone = f"{found.lone_stable:,} and {found.lone_canary:,}"
    yield f"{asked} requests of {one.stable} and {one.canary}; {alone} of them without the other"
    if one.tolerance is not None:
        yield f"numbers agree that differ by no more than {one.tolerance:.2%}"
    if far is not None:
        yield (
            f"apart by {far.p50:.4g} in the median, {far.p95:.4g} at p95, {far.p99:.4g} at p99; "
            f"{far.mean:+.4g} in the mean"
        )
    if found.psi is not None:
        yield f"population stability index of the answers: {found.psi:.3f}"
    if found.lowest is not None:
        column, value, share = found.lowest
        yield f"least of all for {column} {value}: {share.rate:.2%}"
    few = sum(s.rows < SMALLEST_SLICE for values in found.slices.values() for s in values.values())
    if few:
        yield f"{words.count(few, 'slice')} with fewer than {SMALLEST_SLICE} rows"
    if one.at_least is not None:
        yield f"asked for: {one.at_least:.2%} or more, by the lower limit"
    if one.place:
        yield f"recorded as {one.place}"


def _document(share: Share) -> dict[str, Any]:
    lower, upper = share.limits()
    return {
        "rows": share.rows,
        "agreed": share.agreed,
        "rate": share.rate,
        "lower": lower,
        "upper": upper,
    }
