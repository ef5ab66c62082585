"""Two versions side by side: for callers first, then quality, then what they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from modelctl.domain.compatibility import FieldChange, FieldsDiff
from modelctl.domain.differences import (
    Comparison,
    Item,
    Judgement,
    Measured,
    MetricChange,
)
from modelctl.domain.manifest import Field, ModelVersion
from modelctl.report import gfm, words
from modelctl.report.json import dumps, instant
from modelctl.report.look import Look, grid, indent, ink, paint, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

SCHEMA = 1
_STYLES = {
    Judgement.BETTER: "green",
    Judgement.WORSE: "red",
    Judgement.NOISE: "dim",
    Judgement.SAME: "dim",
    Judgement.CHANGED: "cyan",
    Judgement.UNSURE: "yellow",
}
_DIGEST = re.compile(r"\b(sha256:)?([0-9a-f]{64}|[0-9a-f]{40})\b")


def terminal(comparison: Comparison, look: Look | None = None) -> str:
    """The comparison as text for `look`; what doesn't differ isn't listed."""
    look = look or Look()
    parts: list[RenderableType] = [_heading(comparison, look), ""]
    parts += [*_callers(comparison, look), ""]
    if comparison.metrics:
        parts += [_metrics(comparison, look), ""]
    for name, items in comparison.sections.items():
        parts += [ink(look, (name, "bold"), (_total(comparison, name), "dim"))]
        parts += [indent(_items(items, look), 2), ""]
    if comparison.notes:
        rows = grid(None, None)
        for note in comparison.notes:
            rows.add_row(ink(look, (note.version, "green")), ink(look, note.text))
        parts += [ink(look, ("changelog", "bold")), indent(rows, 2), ""]
    return paint(look, parts[:-1])


def title(version: ModelVersion) -> str:
    """`model@version`."""
    return f"{version.model}@{version.version}"


def _heading(comparison: Comparison, look: Look) -> Text:
    before, after = comparison.before, comparison.after
    to = str(after.version) if before.model == after.model else title(after)
    span = after.created_at - before.created_at
    made = f"  made {words.span(abs(span))} {'later' if span.total_seconds() >= 0 else 'earlier'}"
    return ink(look, (title(before), "bold"), " → ", (to, "bold green"), (made, "dim"))


def bump(comparison: Comparison) -> str:
    """What callers have to know, in one line."""
    needed = comparison.needed
    if needed is None:
        return "two models, so no version number promises anything"
    told = "" if comparison.enough else ", which the number does not tell"
    return f"needs a {needed.bump} bump{told}"


def _callers(comparison: Comparison, look: Look) -> Iterator[RenderableType]:
    style = "dim" if comparison.enough is not False else "bold red"
    yield ink(look, ("signature", "bold"), ("  " + bump(comparison), style))
    rows = grid(1, None)
    for sign, text in columns(comparison):
        shade = {"+": "green", "-": "red"}.get(sign, "yellow")
        rows.add_row(ink(look, (sign, shade)), ink(look, text))
    if not rows.row_count:
        rows.add_row(ink(look, ("=", "dim")), ink(look, ("unchanged", "dim")))
    yield indent(rows, 2)


def columns(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Each column that differs, with `+`, `-` or `~`."""
    for side, diff in (
        ("input", comparison.signature.inputs),
        ("output", comparison.signature.outputs),
    ):
        yield from _side(side, diff)


def _side(side: str, diff: FieldsDiff) -> Iterator[tuple[str, str]]:
    yield from (("+", f"{side} {c.label}: {_field(c.after)}") for c in diff.added)
    yield from (("-", f"{side} {c.label}: {_field(c.before)}") for c in diff.removed)
    changed: dict[str, FieldChange] = {}
    for each in (diff.retyped, diff.reshaped, diff.newly_required, diff.newly_optional):
        changed |= {change.label: change for change in each}
    for label, change in changed.items():
        yield "~", f"{side} {label}: {_field(change.before)} → {_field(change.after)}"


def _field(field: Field | None) -> str:
    """`double, optional, shape [-1, 28]`."""
    if field is None:
        return "none"
    shape = f", shape {list(field.shape)}" if field.shape is not None else ""
    return field.type + ("" if field.required else ", optional") + shape


def _metrics(comparison: Comparison, look: Look) -> RenderableType:
    heads = ("metric", "before", "after", "change", "what it means")
    rows = [
        [
            ink(look, (one.name, "bold"), (f" {one.source}", "dim")),
            ink(look, value(one.before)),
            ink(look, value(one.after)),
            ink(look, _change(one)),
            _meaning(one, look),
        ]
        for one in shown(comparison)
    ]
    return table(look, heads, rows)


def shown(comparison: Comparison) -> Sequence[MetricChange]:
    """The metrics worth a line: what was measured on both sides makes the claims needless."""
    both = {m.name for m in comparison.metrics if m.source == "measured" and m.change is not None}
    return [m for m in comparison.metrics if m.source == "measured" or m.name not in both]


def value(measured: Measured | None) -> str:
    """A figure with its interval: `0.951 (0.92–0.97)`."""
    if measured is None:
        return "–"
    if measured.lower is None or measured.upper is None:
        return f"{measured.value:.4g}"
    return f"{measured.value:.4g} ({measured.lower:.3g}–{measured.upper:.3g})"


def _change(one: MetricChange) -> str:
    return "" if one.change is None else f"{one.change:+.4g}"


def _meaning(one: MetricChange, look: Look) -> Text:
    style = _STYLES[one.judgement] if one.judgement else "dim"
    return ink(look, (meaning(one), style))


def meaning(one: MetricChange) -> str:
    """What a change of a metric means, in words."""
    if one.judgement is None:
        return f"only {'after' if one.before is None else 'before'}"
    said = one.judgement.value
    if one.judgement is Judgement.UNSURE:
        said = f"{_way(one)}, without an interval"
    elif one.judgement is Judgement.CHANGED:
        said = "beyond the noise"
    return said + (", on other data" if one.other_data else "")


def _way(one: MetricChange) -> str:
    if one.better is None or not one.change:
        return "changed"
    return "better" if (one.change > 0) is (one.better == "higher") else "worse"


def _total(comparison: Comparison, name: str) -> str:
    """The size of all files, behind the heading of the artifacts."""
    if name != "artifacts":
        return ""
    before, after = comparison.sizes
    return f"  {_megabytes(before)} → {_megabytes(after)} MB in all"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.2f}"


def _items(items: Sequence[Item], look: Look) -> RenderableType:
    rows = grid(1, None)
    for item in items:
        sign = "+" if item.before is None else "-" if item.after is None else "~"
        shade = {"+": "green", "-": "red"}.get(sign, "yellow")
        rows.add_row(ink(look, (sign, shade)), ink(look, (item.name, "bold"), "  ", said(item)))
    return rows


def said(item: Item) -> str:
    """`1.9.0 → 1.9.1`, with long digests cut short."""
    return " → ".join(_brief(text) for text in (item.before, item.after) if text is not None)


def _brief(text: str) -> str:
    return _DIGEST.sub(lambda found: f"{found[1] or ''}{found[2][:12]}…", text)


def markdown(comparison: Comparison) -> str:
    """The comparison as GitHub-flavoured Markdown."""
    heading = f"{title(comparison.before)} → {title(comparison.after)}"
    lines = [f"## {gfm.plain(heading)}", "", f"**Signature**: {gfm.plain(bump(comparison))}", ""]
    lines += [f"- `{sign}` {gfm.plain(text)}" for sign, text in columns(comparison)] or [
        "- unchanged"
    ]
    if comparison.metrics:
        heads = ("metric", "source", "before", "after", "change", "what it means")
        lines += ["", gfm.row(*heads), gfm.row(*("---" for _ in heads))]
        lines += [_metric_row(one) for one in shown(comparison)]
    for name, items in comparison.sections.items():
        lines += ["", f"**{name.capitalize()}**{_total(comparison, name)}", ""]
        lines += [f"- {gfm.code(item.name)}: {gfm.plain(_told(item))}" for item in items]
    if comparison.notes:
        lines += ["", "**Changelog**", ""]
        lines += [f"- {gfm.code(n.version)}: {gfm.plain(n.text)}" for n in comparison.notes]
    return "\n".join(lines) + "\n"


def _told(item: Item) -> str:
    if item.before is None:
        return f"added, {said(item)}"
    return f"removed, {said(item)}" if item.after is None else said(item)


def _metric_row(one: MetricChange) -> str:
    cells = (value(one.before), value(one.after), _change(one) or "–", meaning(one))
    return gfm.row(gfm.code(one.name, cell=True), one.source, *(gfm.plain(cell) for cell in cells))


def json(comparison: Comparison) -> str:
    """The comparison as JSON, with everything in full."""
    needed = comparison.needed
    before, after = comparison.sizes
    return dumps(
        {
            "schema": SCHEMA,
            "before": _version(comparison.before),
            "after": _version(comparison.after),
            "signature": {
                "needs": needed.bump.value if needed else None,
                "reasons": list(needed.reasons) if needed else [],
                "enough": comparison.enough,
                "changes": [{"sign": sign, "column": text} for sign, text in columns(comparison)],
            },
            "metrics": [_metric(one) for one in comparison.metrics],
            **{
                name.replace(" ", "_"): [_item(item) for item in items]
                for name, items in comparison.sections.items()
            },
            "size": {"before": before, "after": after},
            "changelog": [{"version": n.version, "text": n.text} for n in comparison.notes],
        }
    )


def _version(version: ModelVersion) -> dict[str, Any]:
    return {
        "model": version.model,
        "version": str(version.version),
        "created_at": instant(version.created_at),
        "created_by": version.created_by,
    }


def _item(item: Item) -> dict[str, Any]:
    return {"name": item.name, "before": item.before, "after": item.after}


def _metric(one: MetricChange) -> dict[str, Any]:
    interval = one.difference
    return {
        "name": one.name,
        "source": one.source,
        "better": one.better.value if one.better else None,
        "before": _figure(one.before),
        "after": _figure(one.after),
        "change": one.change,
        "lower": interval.lower if interval else None,
        "upper": interval.upper if interval else None,
        "beyond_noise": interval.beyond_noise if interval else None,
        "judgement": one.judgement.value if one.judgement else None,
        "other_data": one.other_data,
    }


def _figure(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    return {
        "value": measured.value,
        "lower": measured.lower,
        "upper": measured.upper,
        "sample_size": measured.size,
        "dataset_digest": measured.dataset,
    }
