"""What is wrong with `policies/freezes.yaml` that its schema can't know: rules, zones, names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from modelctl.adapters.policy_problems import PolicyProblem, Problems, unknown
from modelctl.adapters.schema import schema
from modelctl.domain.document import Document, Path
from modelctl.domain.policy import Policy
from modelctl.domain.recurrence import wrong

CHECK = "freeze"
"""The check by which a gate of the policy asks for the freezes."""


def freezes_problems(policy: Policy, document: Document | None) -> Problems:
    """Everything that is wrong with the freezes; nothing where there are none."""
    if document is None:
        return
    for window in policy.freezes.windows:
        for field, message, mend in wrong(window.recurrence):
            place = document.locate(("windows", window.name, field))
            yield PolicyProblem(location=place, message=message, mend=mend)
    for path, row in _rows(document):
        yield from _unknown_names(policy, document, path, row)
    for index, row in enumerate(document.data.get("emergencies", ())):
        if ("all" in row) == ("models" in row):
            yield PolicyProblem(
                location=document.locate(("emergencies", index)),
                message="an emergency freezes either some models or all",
                mend="give it models: [NAME], or all: true",
            )
    yield from _times(policy, document)
    yield from _unheeded(policy, document)


def _rows(document: Document) -> Iterator[tuple[Path, Mapping[str, list[str]]]]:
    for name, row in document.data.get("windows", {}).items():
        yield ("windows", name), row
    for index, row in enumerate(document.data.get("emergencies", ())):
        yield ("emergencies", index), row


def _unknown_names(
    policy: Policy, document: Document, path: Path, row: Mapping[str, list[str]]
) -> Problems:
    known: Mapping[str, tuple[str, Iterable[str]]] = {
        "environments": ("environment", policy.lifecycle.environments),
        "tiers": ("tier", schema("model")["properties"]["tier"]["enum"]),
    }
    for key, (what, names) in known.items():
        for index, name in enumerate(row.get(key, ())):
            if name not in names:
                yield unknown(document, (*path, key, index), what, name, names)


def _times(policy: Policy, document: Document) -> Problems:
    for index, one in enumerate(policy.freezes.emergencies):
        if one.until is not None and one.until <= one.since:
            yield PolicyProblem(
                location=document.locate(("emergencies", index, "until")),
                message="the emergency ends before it begins, so it freezes nothing",
                mend="correct since and until",
            )


def _unheeded(policy: Policy, document: Document) -> Problems:
    """A freeze that no gate looks at, which would only read like one."""
    frozen = next((path for path, _ in _rows(document)), None)
    if frozen is not None and all(gate.check != CHECK for gate in policy.gates):
        yield PolicyProblem(
            location=document.locate(frozen),
            message=f"no gate has check: {CHECK}, so nothing is ever frozen",
            mend=f"add a gate with check: {CHECK} to policies/gates/",
        )
