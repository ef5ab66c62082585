"""What a changed policy would have decided otherwise: counts, then each version and the rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelctl.domain.backtest import Backtest, Kind, Shift, Trial
from modelctl.domain.verdict import Outcome
from modelctl.report import gfm, words
from modelctl.report.json import dumps, instant, place
from modelctl.report.look import Look, grid, ink, paint, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

SCHEMA = 1
_TOLD = (Kind.BLOCKED, Kind.ALLOWED, Kind.OTHERWISE)
_STYLES = {Kind.BLOCKED: "red", Kind.ALLOWED: "green", Kind.OTHERWISE: "yellow"}
_MARKS = {Kind.BLOCKED: "❌", Kind.ALLOWED: "✅", Kind.OTHERWISE: "❔"}
_ROWS = 200  # of the Markdown table, which goes into a pull request


def terminal(found: Backtest, look: Look | None = None) -> str:
    """The backtest as text for `look`."""
    look = look or Look()
    parts: list[RenderableType] = [ink(look, (_headline(found), "bold")), ink(look, _counts(found))]
    parts += [ink(look, line) for line in _gates(found)]
    for kind in _TOLD:
        trials = found.of(kind)
        if trials:
            head = (f"{kind.value[0].upper()}{kind.value[1:]}", f"bold {_STYLES[kind]}")
            heads = ("version", "verdict", "gate and rule")
            rows = [row for trial in trials for row in _rows(trial, look)]
            parts += ["", ink(look, head), table(look, heads, rows)]
    lost = grid(1, None)
    for trial in found.unjudged:
        said = ink(look, (f"{_name(trial)}  ", "bold"), trial.problem or "")
        lost.add_row(ink(look, ("?", "bold yellow")), said)
    parts += ["", lost] if lost.row_count else []
    return paint(look, parts)


def _rows(trial: Trial, look: Look) -> Iterator[list[Text]]:
    """A row for each gate that says something else; the version stands in the first."""
    first = ink(look, (f"{trial.model}@{trial.version}", "bold")).append("\n")
    now = ", served now" if trial.served else ""
    first.append_text(ink(look, ("→ ", "dim"), (trial.environment, "cyan"), now)).append("\n")
    first.append_text(ink(look, (words.instant(trial.at), "dim")))
    verdict = ink(look, f"{_word(trial.before)} → {_word(trial.after)}")
    if not trial.shifts:
        yield [first, verdict, ink(look)]
    for index, shift in enumerate(trial.shifts):
        said = ink(look, (shift.gate, "bold"), f"  {_word(shift.before)} → {_word(shift.after)}")
        said.append("\n").append_text(ink(look, shift.finding.message))
        for line in words.deciding(shift.finding)[0]:
            said.append("\n").append_text(ink(look, line))
        said.append("\n").append_text(ink(look, (_by(shift), "dim")))
        yield [*((first, verdict) if index == 0 else (ink(look), ink(look))), said]


def markdown(found: Backtest) -> str:
    """The backtest as GitHub-flavoured Markdown."""
    lines = ["## Policy backtest", "", f"{gfm.plain(_headline(found))}.", "", _counts(found)]
    lines += ["", *(f"- {gfm.plain(line)}" for line in _gates(found))]
    changed = [trial for kind in _TOLD for trial in found.of(kind)]
    if changed:
        heads = ("", "version", "deployed", "verdict", "gates and rules that change")
        lines += ["", gfm.row(*heads), gfm.row(*("---" for _ in heads))]
        lines += [_markdown_row(trial) for trial in changed[:_ROWS]]
    if len(changed) > _ROWS:
        lines += ["", f"… and {words.count(len(changed) - _ROWS, 'deployment')} more."]
    if found.unjudged:
        lines += ["", "**Could not be judged again**", ""]
        lines += [
            f"- {gfm.plain(_name(t))}: {gfm.plain(t.problem or '')}" for t in found.unjudged[:_ROWS]
        ]
    return "\n".join(lines) + "\n"


def _markdown_row(trial: Trial) -> str:
    rules = "<br>".join(
        f"{gfm.code(shift.gate, cell=True)} {_word(shift.before)} → {_word(shift.after)}: "
        f"{gfm.plain(_decided(shift))} ({gfm.plain(_by(shift))})"
        for shift in trial.shifts
    )
    now = ", **served now**" if trial.served else ""
    return gfm.row(
        _MARKS[trial.kind],
        f"{gfm.plain(f'{trial.model}@{trial.version} → {trial.environment}')}{now}",
        words.instant(trial.at),
        f"{_word(trial.before)} → {_word(trial.after)}",
        rules or "–",
    )


def json(found: Backtest) -> str:
    """The backtest as JSON: only what would change, with the counts of all."""
    return dumps(
        {
            "schema": SCHEMA,
            "base": found.base,
            "head": found.head,
            "counts": {
                "deployments": len(found.trials),
                **{kind.name.lower(): len(found.of(kind)) for kind in Kind},
                "unjudged": len(found.unjudged),
            },
            "gates_added": [{"gate": g, "policy": place(at)} for g, at in found.added],
            "gates_removed": [{"gate": g, "policy": place(at)} for g, at in found.removed],
            "changes": [_json_trial(trial) for kind in _TOLD for trial in found.of(kind)],
            "unjudged": [{**_json_name(t), "problem": t.problem} for t in found.unjudged],
        }
    )


def _json_trial(trial: Trial) -> dict[str, Any]:
    return {
        **_json_name(trial),
        "kind": trial.kind.name.lower(),
        "before": trial.before.value if trial.before else None,
        "after": trial.after.value if trial.after else None,
        "gates": [_json_shift(shift) for shift in trial.shifts],
    }


def _json_name(trial: Trial) -> dict[str, Any]:
    return {
        "model": trial.model,
        "version": trial.version,
        "environment": trial.environment,
        "at": instant(trial.at),
        "served": trial.served,
    }


def _json_shift(shift: Shift) -> dict[str, Any]:
    return {
        "gate": shift.gate,
        "before": shift.before.value if shift.before else None,
        "after": shift.after.value if shift.after else None,
        "decided_by": "head" if shift.by_head else "base",
        "message": shift.finding.message,
        "rule": shift.finding.rule,
        "values": dict(shift.finding.values),
        "policy": place(shift.finding.policy),
    }


def _headline(found: Backtest) -> str:
    return f"The policy of {found.head} against that of {found.base}"


def _counts(found: Backtest) -> str:
    """`12 deployments: 2 would be blocked (1 served now), …`."""
    parts = []
    for kind in _TOLD:
        trials = found.of(kind)
        serving = sum(trial.served for trial in trials)
        now = f" ({serving} served now)" if serving else ""
        parts += [f"{len(trials)} {kind.value}{now}"] if trials else []
    same = len(found.of(Kind.SAME))
    parts += [f"{same} the same"] if same else []
    parts += [f"{len(found.unjudged)} could not be judged again"] if found.unjudged else []
    counted = words.count(len(found.trials), "deployment")
    return f"{counted}: {', '.join(parts)}" if parts else counted


def _gates(found: Backtest) -> list[str]:
    lists = (("added", found.added), ("removed", found.removed))
    return [
        f"{what}: {', '.join(f'{gate} ({words.line_of(at)})' for gate, at in gates)}"
        for what, gates in lists
        if gates
    ]


def _name(trial: Trial) -> str:
    return f"{trial.model}@{trial.version} → {trial.environment}, {words.instant(trial.at)}"


def _word(outcome: Outcome | None) -> str:
    """An outcome; where no gate or no environment judges, that."""
    return outcome.value if outcome else "not judged"


def _decided(shift: Shift) -> str:
    """The message with the values that decided: `…: accuracy = 0.896, needs ≥ 0.92`."""
    return ": ".join((shift.finding.message, *words.deciding(shift.finding)[0]))


def _by(shift: Shift) -> str:
    """The line of the rule, in the policy that decides."""
    whose = "changed policy" if shift.by_head else "policy as it is"
    place_ = shift.finding.policy
    return f"{words.line_of(place_)}, {whose}" if place_ else whose
