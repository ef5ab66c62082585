"""A plan of settings: what would be created, changed and deleted, and what only people can do."""

from __future__ import annotations

import json as _json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelctl.domain.settings_plan import Action, Field, Kind, Plan, Step
from modelctl.report import gfm
from modelctl.report.json import dumps
from modelctl.report.look import Look, ink, paint

SCHEMA = 1
_SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.CHANGE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
    Action.WAIT: ("!", "cyan"),
}
_WORDS = {
    Action.CREATE: "to create",
    Action.CHANGE: "to change",
    Action.DELETE: "to delete",
    Action.WAIT: "for a person to do",
}
_LOOK = "Whoever administers the repository compares it by `modelctl github plan`."
_DONE = {Action.CREATE: "created", Action.CHANGE: "changed", Action.DELETE: "deleted"}


def terminal(plan: Plan, look: Look | None = None) -> str:
    """The plan as a diff for `look`."""
    look = look or Look()
    lines = []
    for step in plan.steps:
        sign, style = _SIGNS[step.action]
        lines.append(ink(look, (f"{sign} {_title(step)}", style)))
        lines.extend(ink(look, f"    {line}") for line in _details(step))
    lines.extend(ink(look, (f"? not compared: {one}", "yellow")) for one in plan.unseen)
    lines.extend(ink(look, (f"note: {note}", "dim")) for note in plan.notes)
    gap = [ink(look, "")] if lines else []
    onward = [ink(look, "next: modelctl github apply")] if plan.doable else []
    return paint(look, [*lines, *gap, ink(look, (summary(plan), "bold")), *onward])


def done(step: Step) -> str:
    """What was just done, as one line of progress."""
    return f"{_DONE[step.action]} {_title(step)}"


def markdown(plan: Plan) -> str:
    """The plan for an issue: the summary, then what differs as a folded diff."""
    lines = [gfm.plain(summary(plan)), ""]
    waits = [step for step in plan.steps if step.action is Action.WAIT]
    if plan.doable:
        text = [line for step in plan.doable for line in _diff(step)]
        lines += ["`modelctl github apply` makes it so:", "", gfm.block(text, "diff"), ""]
    if waits:
        lines += ["Only a person can do this:", ""]
        lines += [f"- [ ] {gfm.plain(step.thing.waits or '')}" for step in waits] + [""]
    if plan.unseen:
        lines += ["Not compared, since GitHub doesn't show it to this account:", ""]
        lines += [f"- [ ] {gfm.plain(one)}" for one in plan.unseen]
        lines += ["", f"{_LOOK} Close this issue then: it comes back when one is changed.", ""]
    lines += [f"> {gfm.plain(note)}" for note in plan.notes]
    return "\n".join(lines).rstrip() + "\n"


def json(plan: Plan) -> str:
    """The plan as data."""
    return dumps(
        {
            "schema": SCHEMA,
            "in_force": plan.in_force,
            **{action.value: plan.count(action) for action in Action},
            "steps": [_document(step) for step in plan.steps],
            "not_compared": list(plan.unseen),
            "notes": list(plan.notes),
        }
    )


def summary(plan: Plan) -> str:
    """`1 to create, 2 to change; 14 as they should be`."""
    counts = [f"{plan.count(a)} {_WORDS[a]}" for a in Action if plan.count(a)]
    if plan.unseen:
        counts.append(f"{len(plan.unseen)} not compared")
    if not counts:
        return f"GitHub is as the settings say: all {plan.in_force} are in force"
    return f"{', '.join(counts)}; {plan.in_force} as they should be{_as_far_as(plan)}"


def _as_far_as(plan: Plan) -> str:
    return " as far as this account is shown" if plan.unseen else ""


def _title(step: Step) -> str:
    thing = step.thing
    alone = thing.kind is Kind.REPOSITORY
    return thing.name if alone else f"{thing.kind} {_json.dumps(thing.name, ensure_ascii=False)}"


def _details(step: Step) -> Iterator[str]:
    if step.action is Action.WAIT:
        yield step.thing.waits or ""
    elif step.action is not Action.DELETE:
        for field in step.fields:
            yield from _lines(field, step.action)


def _lines(field: Field, action: Action) -> Iterator[str]:
    """A field in one line; a list of whole objects with a line for each of them."""
    if not any(isinstance(one, Mapping) for one in (*_items(field.old), *_items(field.new))):
        yield _line(field, action)
        return
    yield f"{field.path}:"
    old, new = list(map(_value, _items(field.old))), list(map(_value, _items(field.new)))
    yield from (f"  - {one}" for one in old if one not in new)
    yield from (f"  + {one}" for one in new if one not in old)


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _line(field: Field, action: Action) -> str:
    new = _value(field.new)
    if action is Action.CREATE:
        return f"{field.path}: {new}"
    return f"{field.path}: {_value(field.old)} → {new}"


def _diff(step: Step) -> Iterator[str]:
    """Lines that GitHub colours: old ones in red, new ones in green."""
    sign = {Action.CREATE: "+", Action.DELETE: "-"}.get(step.action, " ")
    yield f"{sign} {_title(step)}"
    if step.action is Action.DELETE:
        return
    for field in step.fields:
        if step.action is Action.CHANGE:
            yield f"-     {field.path}: {_value(field.old)}"
        yield f"+     {field.path}: {_value(field.new)}"


def _value(value: Any) -> str:
    return "none" if value is None else _json.dumps(value, ensure_ascii=False)


def _document(step: Step) -> dict[str, Any]:
    return {
        "action": step.action.value,
        "kind": step.thing.kind.value,
        "name": step.thing.name,
        "fields": [{"path": f.path, "old": f.old, "new": f.new} for f in step.fields],
        "waits": step.thing.waits if step.action is Action.WAIT else None,
    }
