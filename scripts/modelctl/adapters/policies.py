"""Reads `policies/` of a tree into a `Policy`: schemas first, then types, then rules compiled.

Every problem of every file is reported in one run. A policy with a problem judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from modelctl.adapters.bounds_problems import bounds_problems
from modelctl.adapters.checklists_problems import checklists_problems
from modelctl.adapters.decision_problems import decision_problems
from modelctl.adapters.documents import MAX_BYTES, load, too_large
from modelctl.adapters.expressions import compile_rule
from modelctl.adapters.freezes_problems import freezes_problems
from modelctl.adapters.gate_problems import gate_problems
from modelctl.adapters.metrics_problems import metrics_problems
from modelctl.adapters.operations_problems import operations_problems
from modelctl.adapters.policy_documents import OPTIONAL
from modelctl.adapters.policy_problems import PolicyProblem, cross_check, key_problems
from modelctl.adapters.retention_problems import retention_problems
from modelctl.adapters.schema import validate
from modelctl.adapters.signing import load_keys
from modelctl.adapters.strategy_problems import strategy_problems
from modelctl.adapters.waiver_problems import waivable_problems, waiver_problems
from modelctl.domain.decisions import DEFAULT, MANUAL, strictest
from modelctl.domain.document import Document, Location, Path
from modelctl.domain.evidence import OFFLINE, TrustedKey
from modelctl.domain.facts import declared
from modelctl.domain.policy import (
    ApprovalRule,
    Gate,
    Lifecycle,
    Ownership,
    Policy,
    Role,
    Stage,
    Team,
    Transition,
)
from modelctl.domain.rules import Expression, Rule, Scope, parse_span
from modelctl.domain.strategies import strategies_from
from modelctl.domain.tree import Tree
from modelctl.domain.waivers import Waiver, WaiverLimits, waiver_from
from modelctl.errors import ModelctlError

ROOT = "policies"
_T = TypeVar("_T")
_FILES = ("lifecycle", "roles", "ownership", "strategies")
_FOLDERS = ("gates", "keys", "waivers")


class PolicyError(ModelctlError):
    """The policy can't be used. `problems` is everything that is wrong with it."""

    def __init__(self, problems: Iterable[PolicyProblem]):
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(
            f"the policy has {count}, so nothing can be judged:\n{lines}",
            mend="run `modelctl policy lint` on the branch that holds the rules",
        )


def load_policy(tree: Tree, commit: str) -> Policy:
    """The policy in `policies/` of `tree`, which is the tree of `commit`.

    Raises:
        PolicyError: with every problem of every file.
    """
    reader = _Reader(tree)
    documents = {name: reader.document(f"{ROOT}/{name}.yaml", name) for name in _FILES}
    gate_files = reader.folder("gates", "gates")
    optional = reader.optional()
    waivers = reader.folder("waivers", "waiver")
    keys, key_files = reader.keys()
    reader.leftovers()
    reader.stop()
    found = {name: document for name, document in documents.items() if document}
    policy = _build(reader, found, gate_files, keys, commit)
    extra = reader.built(optional)
    policy = _watched(replace(policy, waivers=reader.waivers(waivers), **extra))
    reader.problems.extend(cross_check(policy, found))
    reader.problems.extend(key_problems(policy, key_files))
    reader.problems.extend(gate_problems(policy, gate_files))
    reader.problems.extend(strategy_problems(policy, found["strategies"]))
    reader.problems.extend(operations_problems(policy, optional))
    reader.problems.extend(bounds_problems(policy, {**found, **optional}))
    reader.problems.extend(retention_problems(policy, optional.get("retention")))
    reader.problems.extend(waivable_problems(policy, gate_files))
    reader.problems.extend(waiver_problems(policy, waivers))
    reader.problems.extend(decision_problems(policy, found["lifecycle"]))
    reader.problems.extend(freezes_problems(policy, optional.get("freezes")))
    reader.problems.extend(checklists_problems(policy, optional.get("checklists")))
    reader.problems.extend(metrics_problems(policy, optional.get("metrics")))
    reader.stop()
    return policy


def _watched(policy: Policy) -> Policy:
    """During a rollout, too, `live.…` figures are over the window of rollback.yaml."""
    window = policy.rollback.window
    plans = {name: replace(plan, window=window) for name, plan in policy.strategies.items()}
    return replace(policy, strategies=plans)


class _Reader:
    """Reads documents and keeps every problem."""

    def __init__(self, tree: Tree):
        self.tree = tree
        self.problems: list[PolicyProblem] = []

    def stop(self) -> None:
        """Raises what was found so far, if anything."""
        if self.problems:
            raise PolicyError(self.problems)

    def attempt(self, action: Callable[[], _T]) -> _T | None:
        """What `action` gives; None, with its error kept, where it raises one."""
        try:
            return action()
        except ModelctlError as error:
            location = _parse_location(error.location or f"{ROOT}:1:1")
            self.problems.append(
                PolicyProblem(location=location, message=error.message, mend=error.mend)
            )
            return None

    def document(self, path: str, kind: str) -> Document | None:
        """The document at `path`, None where it is missing or can't be read."""
        if (size := self.tree.size(path) or 0) > MAX_BYTES:
            error = too_large(size, path)
            self._about_file(path, error.problem, error.mend or "")
            return None
        data = self.tree.read(path)
        if data is None:
            mend = f"add it; `modelctl schema print {kind}` shows its form"
            self._about_file(path, f"{path} is missing", mend)
            return None
        document = self.attempt(lambda: load(data, path))
        if document is not None:
            self.problems.extend(_schema_problems(document, kind))
        return document

    def folder(self, folder: str, kind: str) -> list[Document]:
        """The documents that lie directly in a folder of the policies."""
        names = [n for n in self.tree.names(f"{ROOT}/{folder}") if n.endswith(".yaml")]
        found = [self.document(f"{ROOT}/{folder}/{name}", kind) for name in names]
        return [document for document in found if document is not None]

    def optional(self) -> dict[str, Document]:
        """The documents that may be absent, by name."""
        paths = {name: f"{ROOT}/{name}.yaml" for name in OPTIONAL}
        here = {name: path for name, path in paths.items() if self.tree.entry(path) is not None}
        found = {name: self.document(path, name) for name, path in here.items()}
        return {name: document for name, document in found.items() if document is not None}

    def built(self, documents: Mapping[str, Document]) -> dict[str, Any]:
        """What the optional documents say, by name."""
        made = ((name, partial(OPTIONAL[name], one, self)) for name, one in documents.items())
        found = {name: self.attempt(build) for name, build in made}
        return {name: value for name, value in found.items() if value is not None}

    def rule(self, document: Document, path: Path, facts: Mapping[str, str]) -> Expression | None:
        """The compiled rule at `path`; see `modelctl.domain.rules.RuleReader`."""
        try:
            return compile_rule(document.value(path), facts)
        except ModelctlError as error:
            location = document.locate(path)
            self.problems.append(
                PolicyProblem(location=location, message=error.message, mend=error.mend)
            )
            return None

    def keys(self) -> tuple[tuple[TrustedKey, ...], list[Document]]:
        """The keys and their files; no keys where a file breaks the schema, which is told."""
        before = len(self.problems)
        files = self.folder("keys", "key")
        if len(self.problems) > before:
            return (), files
        return self.attempt(lambda: load_keys(files)) or (), files

    def waivers(self, files: list[Document]) -> tuple[Waiver, ...]:
        """What the waivers say; whether one counts is asked when it is needed."""
        found = (self.attempt(partial(waiver_from, document)) for document in files)
        return tuple(waiver for waiver in found if waiver is not None)

    def leftovers(self) -> None:
        """Tells of YAML that nobody reads: a gate in it would be switched off without a word."""
        read = {f"{ROOT}/{name}.yaml" for name in (*_FILES, *OPTIONAL)}
        for entry in self.tree.walk(ROOT):
            folder, _, name = entry.path.rpartition("/")
            here = name.endswith(".yaml") and folder in {f"{ROOT}/{one}" for one in _FOLDERS}
            if name.lower().endswith((".yaml", ".yml")) and not (here or entry.path in read):
                known = [f"{ROOT}/{one}/<name>.yaml" for one in _FOLDERS]
                known += [f"{ROOT}/{one}.yaml" for one in (*_FILES, *OPTIONAL)]
                mend = f"keep to {', '.join(known)}"
                self._about_file(entry.path, f"nobody reads {entry.path}", mend)

    def _about_file(self, path: str, message: str, mend: str) -> None:
        problem = PolicyProblem(location=Location(file=path), message=message, mend=mend)
        self.problems.append(problem)


def _schema_problems(document: Document, kind: str) -> Iterator[PolicyProblem]:
    for problem in validate(document, kind):
        where = document.locate(problem.path)
        yield PolicyProblem(location=where, message=problem.message, mend=problem.mend)


def _build(
    reader: _Reader,
    documents: Mapping[str, Document],
    gate_files: list[Document],
    keys: tuple[TrustedKey, ...],
    commit: str,
) -> Policy:
    lifecycle, strategies = documents["lifecycle"], documents["strategies"]
    gates = [
        gate
        for document in gate_files
        for name in document.data["gates"]
        if (gate := _gate(reader, document, name)) is not None
    ]
    return Policy(
        commit=commit,
        lifecycle=_lifecycle(lifecycle),
        roles={name: _role(name, row) for name, row in documents["roles"].data["roles"].items()},
        ownership=_ownership(documents["ownership"].data),
        gates=tuple(gates),
        strategies=strategies_from(strategies, reader),
        default_strategies=strategies.data["defaults"],
        keys=keys,
        rule_approvals=_approvals(lifecycle.data["rule_approvals"]),
        contract_approvals=_approvals(lifecycle.data.get("contract_approvals", ())),
        accept_unknown_authors=lifecycle.data.get("accept_unknown_authors", False),
        waiver_limits=_waiver_limits(lifecycle.data.get("waivers", {})),
    )


def _lifecycle(document: Document) -> Lifecycle:
    data, transitions, source = document.data, [], None
    for index, row in enumerate(data["transitions"]):
        transitions.append(
            Transition(
                from_branch=row["from"],
                to_branch=row["to"],
                environment=row["environment"],
                stage=row["stage"],
                approvals=_approvals(row["approvals"]),
                source=source,
                location=document.locate(("transitions", index)),
                **_decision(row.get("decision", MANUAL)),
            )
        )
        source = row["environment"]
    return Lifecycle(
        default_branch=data["default_branch"],
        initial_stage=data["initial_stage"],
        stages=tuple(Stage(**row) for row in data["stages"]),
        transitions=tuple(transitions),
        state_branch=data.get("state_branch", "env/{environment}"),
        ledger_branch=data.get("ledger_branch", "ledger"),
        ends=data.get("ends", {}),
    )


def _decision(row: str | Mapping[str, str]) -> dict[str, Any]:
    if isinstance(row, str):
        return {"decision": row}
    modes = {DEFAULT: MANUAL, **row}
    return {"decision": strictest(modes.values()), "decisions": modes}


def _approvals(rows: Iterable[Mapping[str, Any]]) -> tuple[ApprovalRule, ...]:
    return tuple(ApprovalRule(role=row["role"], count=row.get("count", 1)) for row in rows)


def _waiver_limits(row: Mapping[str, str]) -> WaiverLimits:
    return WaiverLimits(**{key: parse_span(span) for key, span in row.items()})


def _role(name: str, row: Mapping[str, Any]) -> Role:
    by_owner = row.get("members_by_owner", {})
    return Role(
        name=name,
        description=row["description"],
        members=frozenset(row.get("members", ())),
        members_by_owner={owner: frozenset(logins) for owner, logins in by_owner.items()},
        team=row.get("team"),
    )


def _ownership(data: Mapping[str, Any]) -> Ownership:
    teams = {name: Team(name=name, **row) for name, row in data["teams"].items()}
    return Ownership(teams=teams, responsibilities=data["responsibilities"])


def _gate(reader: _Reader, document: Document, name: str) -> Gate | None:
    row, path = document.data["gates"][name], ("gates", name)
    rules = [
        _rule(reader, document, (*path, "require", i)) for i in range(len(row.get("require", ())))
    ]
    return Gate(
        name=name,
        title=row["title"],
        scope=Scope(**{key: tuple(value) for key, value in row.get("applies", {}).items()}),
        location=document.locate(path),
        check=row.get("check", "rules"),
        evidence=row.get("evidence"),
        environment=tuple(row.get("environment", (OFFLINE,))),
        max_age=parse_span(row["max_age"]) if "max_age" in row else None,
        min_sample=row.get("min_sample"),
        same_dataset=row.get("same_dataset", True),
        on_rollback=row.get("on_rollback", False),
        produce=row.get("produce"),
        waivable_by=tuple(row.get("waivable_by", ())),
        rules=tuple(rule for rule in rules if rule is not None),
        options=row.get("with", {}),
    )


def _rule(reader: _Reader, document: Document, path: Path) -> Rule | None:
    gate = document.data["gates"][path[1]]
    row = gate["require"][path[3]]
    place = (*path, "rule")
    expression = reader.rule(document, place, declared(gate.get("evidence")))
    if expression is None:
        return None
    return Rule(
        expression=expression,
        because=row["because"],
        location=document.locate(place),
        mend=row.get("mend"),
    )


def _parse_location(text: str) -> Location:
    """`file:line:column` as a location."""
    file, line, column = text.rsplit(":", 2)
    return Location(file=file, line=int(line), column=int(column))
