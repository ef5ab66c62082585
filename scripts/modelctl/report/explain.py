"""What a transition asks for: each gate, why it applies, its evidence, and its rules by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from modelctl.domain.decisions import AUTOMATED, DEFAULT, HYBRID, MANUAL
from modelctl.domain.evidence import human
from modelctl.domain.policy import Gate, Transition
from modelctl.domain.verdict import Subject
from modelctl.report import words
from modelctl.report.json import dumps, place, subject
from modelctl.report.look import Look, grid, indent, ink, paint, shell

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

SCHEMA = 1
_DECIDES = {
    MANUAL: "people, once every gate passes (manual)",
    AUTOMATED: "the gates alone (automated)",
    HYBRID: "the gates, unless somebody who may approve requests changes (hybrid)",
}


def terminal(
    gates: Sequence[Gate],
    transition: Transition,
    look: Look | None = None,
    *,
    about: Subject | None = None,
) -> str:
    """The gates as text for `look`; `about` is the version that was asked for, if any."""
    look = look or Look()
    parts: list[RenderableType] = [_heading(gates, transition, look, about), ""]
    for gate in gates:
        parts += [
            ink(look, (gate.name, "bold"), f"  {gate.title}"),
            indent(_details(gate, transition, look, about), 2),
            "",
        ]
    if transition.decision != MANUAL or transition.decisions:
        parts.append(ink(look, ("decided by   ", "dim"), _decision(transition)))
    parts.append(ink(look, *_people(transition)))
    return paint(look, parts)


def _heading(
    gates: Sequence[Gate], transition: Transition, look: Look, about: Subject | None
) -> Text:
    way = f"{transition.from_branch} → {transition.to_branch}"
    what = str(about) if about and about.model else f"promotion to {transition.environment}"
    number = words.count(len(gates), "gate")
    return ink(look, (what, "bold"), f"  {number}", (f"  {way}", "dim"))


def _people(transition: Transition) -> tuple[tuple[str, str], str]:
    """What people do on this way, and who: approve, or hold what the gates alone would let go."""
    modes = {*transition.decisions.values()} or {transition.decision}
    if MANUAL in modes:
        return ("approved by  ", "dim"), _approvals(transition)
    return ("may hold it  ", "dim"), ", ".join(_holders(transition)) or "nobody"


def _holders(transition: Transition) -> list[str]:
    return list(dict.fromkeys(rule.role for rule in transition.approvals))


def _approvals(transition: Transition) -> str:
    """`1 ml-lead and 1 platform, each a different person`."""
    asked = [f"{rule.count} {rule.role}" for rule in transition.approvals]
    people = sum(rule.count for rule in transition.approvals)
    different = ", different people" if people > 1 else ""
    return words.names(asked, len(asked)) + different if asked else "nobody"


def _decision(transition: Transition) -> str:
    """`the gates alone (automated)`, or that for each tier: `… ; critical: people (manual)`."""
    modes = transition.decisions or {DEFAULT: transition.decision}
    return "; ".join(
        ("" if tier == DEFAULT else f"{tier}: ") + _DECIDES[mode] for tier, mode in modes.items()
    )


def _details(
    gate: Gate, transition: Transition, look: Look, about: Subject | None
) -> RenderableType:
    rows = grid(9, None)
    for label, text in labelled(gate, transition, about):
        style = "dim" if label == "policy" else ""
        command = label == "made by"
        said = shell(look, text, look.columns - 17) if command else ink(look, (text, style))
        rows.add_row(ink(look, (label, "dim")), said)
    for rule in gate.rules:
        said = ink(look, (rule.expression.source, "bold")).append("\n")
        said.append_text(ink(look, rule.because)).append("\n")
        rows.add_row(
            ink(look, ("rule", "dim")),
            said.append_text(ink(look, (words.line_of(rule.location), "dim"))),
        )
    return rows


def labelled(
    gate: Gate, transition: Transition, about: Subject | None
) -> Iterator[tuple[str, str]]:
    """What a gate asks for, as label and text: where it applies, its evidence, who waives it."""
    yield "applies", str(gate.scope)
    if gate.check != "rules":
        options = (f"{name} {_option(value)}" for name, value in gate.options.items())
        yield "check", "; ".join([gate.check, *options])
    if gate.evidence:
        yield "evidence", _evidence(gate, transition)
    if gate.produce:
        yield "made by", _filled(gate.produce, transition, about)
    yield "waived by", ", ".join(gate.waivable_by) or "nobody"
    yield "policy", words.line_of(gate.location)


def _option(value: Any) -> str:
    return ", ".join(str(each) for each in value) if isinstance(value, list | tuple) else str(value)


def _evidence(gate: Gate, transition: Transition) -> str:
    """`evaluation, measured offline, at most 7 d old, of at least 100 samples`."""
    need = gate.need(transition)
    parts = [need.kind, f"measured {_where(need.environments)}"]
    parts += [f"at most {human(need.max_age)} old"] if need.max_age else []
    parts += [f"of at least {gate.min_sample} samples"] if gate.min_sample else []
    return ", ".join(parts)


def _where(environments: Sequence[str]) -> str:
    return " or ".join(name if name == "offline" else f"in {name}" for name in environments)


def _filled(command: str, transition: Transition, about: Subject | None) -> str:
    """The command with what is known filled in; what isn't stays in capitals."""
    known = {
        "model": (about.model if about else None) or "MODEL",
        "version": (about.version if about else None) or "VERSION",
        "environment": transition.source or transition.environment,
    }
    for name, value in known.items():
        command = command.replace(f"{{{name}}}", value)
    return command


def json(gates: Sequence[Gate], transition: Transition, *, about: Subject | None = None) -> str:
    """The gates as JSON, in the order in which they run."""
    return dumps(
        {
            "schema": SCHEMA,
            "subject": subject(about) if about else None,
            "transition": {
                "from_branch": transition.from_branch,
                "to_branch": transition.to_branch,
                "source": transition.source,
                "environment": transition.environment,
                "stage": transition.stage,
                "decision": transition.decision,
                "decisions": dict(transition.decisions) or None,
                "approvals": [{"role": r.role, "count": r.count} for r in transition.approvals],
            },
            "gates": [_json_gate(gate, transition, about) for gate in gates],
        }
    )


def _json_gate(gate: Gate, transition: Transition, about: Subject | None) -> dict[str, Any]:
    need = gate.need(transition)
    evidence = {
        "kind": need.kind,
        "environments": list(need.environments),
        "max_age_seconds": int(need.max_age.total_seconds()) if need.max_age else None,
        "min_sample": gate.min_sample,
    }
    return {
        "gate": gate.name,
        "title": gate.title,
        "applies": str(gate.scope),
        "check": gate.check,
        "evidence": evidence if gate.evidence else None,
        "produce": _filled(gate.produce, transition, about) if gate.produce else None,
        "waivable_by": list(gate.waivable_by),
        "policy": place(gate.location),
        "rules": [
            {
                "rule": rule.expression.source,
                "because": rule.because,
                "mend": rule.mend,
                "policy": place(rule.location),
            }
            for rule in gate.rules
        ],
    }
