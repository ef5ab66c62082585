"""What is wrong with a gate that its schema can't know: names, options, and what has no effect.

Whatever a policy says must do something: a key that nobody looks at would read like protection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelctl.adapters.policy_problems import PolicyProblem, Problems, unknown
from modelctl.adapters.schema import schema
from modelctl.domain.document import Document, Location, Path
from modelctl.domain.evidence import OFFLINE
from modelctl.domain.facts import declared
from modelctl.domain.policy import Policy
from modelctl.domain.rules import is_span

Row = Mapping[str, Any]
_OVER_EVIDENCE = frozenset(
    {"artifacts", "claims", "fairness", "features", "rehearsal", "significance"}
)
"""The checks that look at evidence."""

_ABOUT_EVIDENCE = frozenset({"environment", "max_age", "min_sample", "same_dataset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """An option of a check: which values it takes, one of them, and whether it must be there."""

    fits: Callable[[Any], bool]
    example: str
    needed: bool = False


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _confidence(value: Any) -> bool:
    return isinstance(value, float) and 0.5 <= value < 1


def _approvals(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_approval(one) for one in value)


def _approval(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {"role"} <= value.keys() <= {"role", "count"}:
        return False
    count = value.get("count", 1)
    whole = isinstance(count, int) and not isinstance(count, bool)
    return isinstance(value["role"], str) and whole and count >= 1


_OPTIONS: Mapping[str, Mapping[str, _Option]] = {
    "artifacts": {"forbid": _Option(fits=_texts, example="[.pkl]")},
    "claims": {"tolerance": _Option(fits=_share, example="0.01")},
    "fairness": {
        "metric": _Option(fits=_text, example="accuracy", needed=True),
        "minimum": _Option(fits=_share, example="0.80", needed=True),
        "allow_small": _Option(fits=_flag, example="true"),
    },
    "metadata": {"require": _Option(fits=_texts, example="[changelog]")},
    "reviews": {
        "approvals": _Option(fits=_approvals, example="[{role: security, count: 1}]", needed=True)
    },
    "significance": {
        "metric": _Option(fits=_text, example="accuracy", needed=True),
        "against": _Option(fits=("serving", "baseline").__contains__, example="serving"),
        "minimum": _Option(fits=_figure, example="0.85"),
        "maximum": _Option(fits=_figure, example="0.15"),
        "higher_is_better": _Option(fits=_flag, example="true"),
        "margin": _Option(fits=_share, example="0.01"),
        "confidence": _Option(fits=_confidence, example="0.95"),
    },
    "soak": {
        "minimum": _Option(fits=is_span, example="24h", needed=True),
        "requests": _Option(fits=_number, example="10000"),
        "max_error_rate": _Option(fits=_share, example="0.001"),
    },
}


def gate_problems(policy: Policy, gate_files: Iterable[Document]) -> Problems:
    """Everything that is wrong with the gates of these files, which fit their schema."""
    seen: dict[str, Location] = {}
    for document in gate_files:
        for name, row in document.data["gates"].items():
            location = document.locate(("gates", name))
            if name in seen:
                yield PolicyProblem(
                    location=location,
                    message=f"gate {name} is declared twice",
                    mend=f"the other one is at {seen[name]}",
                )
            seen[name] = location
            yield from _scope_problems(policy, document, ("gates", name), row)
            yield from _what_it_judges(document, ("gates", name), row)
            yield from _options(policy, document, ("gates", name), row)
            yield from _contradictions(document, ("gates", name), row)
            yield from _figures(document, ("gates", name), row)


def _scope_problems(policy: Policy, document: Document, path: Path, row: Row) -> Problems:
    """Names that nothing has: the gate would never judge, or never find its evidence."""
    environments = policy.lifecycle.environments
    model = schema("model")["properties"]
    known: Mapping[str, tuple[str, Iterable[str]]] = {
        "environments": ("environment", environments),
        "tasks": ("task", model["task"]["enum"]),
        "tiers": ("tier", model["tier"]["enum"]),
        "targets": ("target", model["serving"]["properties"]["target"]["enum"]),
    }
    for key, (what, names) in known.items():
        for index, name in enumerate(row.get("applies", {}).get(key, ())):
            if name not in names:
                yield unknown(document, (*path, "applies", key, index), what, name, names)
    measured = (*environments, OFFLINE, "source", "target")
    for index, name in enumerate(row.get("environment", ())):
        if name not in measured:
            where = (*path, "environment", index)
            yield unknown(document, where, "environment", name, measured)


def _what_it_judges(document: Document, path: Path, row: Row) -> Problems:
    """A gate that judges nothing, and keys that have no effect on what it judges."""
    check = row.get("check")
    if not {"check", "evidence", "require"} & row.keys():
        yield _problem(
            document, path, "the gate judges nothing", "give it a check, or evidence with rules"
        )
    if check in _OVER_EVIDENCE and "evidence" not in row:
        yield _problem(document, path, f"check {check} needs evidence", "add evidence: evaluation")
    for key, message, mend in _idle(row, check):
        yield _problem(document, (*path, key), message, mend)


def _idle(row: Row, check: str | None) -> Iterator[tuple[str, str, str]]:
    """Each key that nobody would look at: the key, the message, the mend."""
    if check is not None and "require" in row:
        yield "require", f"check {check} judges no rules", "give the rules a gate of their own"
    if check is not None and check not in _OVER_EVIDENCE and "evidence" in row:
        yield "evidence", f"check {check} looks at no evidence", "remove evidence"
    if check is not None and "min_sample" in row:
        mend = "ask for it in a gate with rules"
        yield "min_sample", f"check {check} asks for no min_sample", mend
    for key in sorted(_ABOUT_EVIDENCE & row.keys()) if "evidence" not in row else ():
        mend = f"add evidence or remove {key}"
        yield key, f"{key} is about evidence, and the gate has none", mend


def _options(policy: Policy, document: Document, path: Path, row: Row) -> Problems:
    check, given = row.get("check", "rules"), row.get("with", {})
    known = _OPTIONS.get(check, {})
    for name, option in known.items():
        if option.needed and name not in given:
            mend = f"add with: {{{name}: {option.example}}}"
            yield _problem(document, path, f"check {check} needs {name}", mend)
    for name, value in given.items():
        here = (*path, "with", name)
        if name not in known:
            mend = f"it takes {', '.join(known)}" if known else "remove it"
            yield _problem(document, here, f"check {check} takes no {name}", mend)
        elif not known[name].fits(value):
            mend = f"write {name}: {known[name].example}"
            yield _problem(document, here, f"{value!r} can't be {name}", mend)
        elif name == "approvals":
            for index, rule in enumerate(value):
                if rule["role"] not in policy.roles:
                    yield unknown(
                        document, (*here, index, "role"), "role", rule["role"], policy.roles
                    )


def _contradictions(document: Document, path: Path, row: Row) -> Problems:
    """Options that each fit, but not beside each other."""
    given = row.get("with", {})
    if row.get("check") == "rehearsal":
        for key in sorted({"environment", "max_age"} & row.keys()):
            mend = "say it in policies/rollback.yaml, as rehearsal"
            yield _problem(document, (*path, key), f"check rehearsal looks at no {key} here", mend)
    if row.get("check") != "significance":
        return
    if len({"against", "minimum", "maximum"} & given.keys()) != 1:
        message = "check significance needs one of against, minimum and maximum"
        yield _problem(document, path, message, "keep the one that is meant")
    elif "against" not in given:
        for key in sorted({"margin", "higher_is_better"} & given.keys()):
            message = f"{key} has no effect beside a minimum or a maximum"
            yield _problem(document, (*path, "with", key), message, f"remove {key}")
    elif "higher_is_better" not in given:
        message = "a comparison must say which way is better"
        yield _problem(document, path, message, "add higher_is_better: true or false")


def _figures(document: Document, path: Path, row: Row) -> Problems:
    """A comparison of a figure that this kind of evidence never has."""
    kind, metric = row.get("evidence"), row.get("with", {}).get("metric")
    if row.get("check") != "significance" or kind is None or metric is None:
        return
    facts = declared(kind)
    if "evidence.metrics" not in facts and f"evidence.{metric}" not in facts:
        yield _problem(
            document,
            (*path, "evidence"),
            f"evidence of the kind {kind} has no metrics, so this could never be decided",
            "write evidence: evaluation, or judge it by rules: modelctl policy facts " + kind,
        )


def _problem(document: Document, path: Path, message: str, mend: str) -> PolicyProblem:
    return PolicyProblem(location=document.locate(path), message=message, mend=mend)
