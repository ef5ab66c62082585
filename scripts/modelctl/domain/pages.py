"""What a pull request shows to its people, as values: the verdict with all that explains it."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelctl.domain.approvals import ApprovalState
from modelctl.domain.checklists import Checklist
from modelctl.domain.differences import Comparison
from modelctl.domain.evidence import AskedEvidence
from modelctl.domain.pulls import CheckState
from modelctl.domain.verdict import Finding, Outcome, Report, Verdict

APPROVALS = "approvals"
"""The gate of the findings about reviews."""

_CONTEXT = 2  # unchanged lines round a change
_BROUGHT = re.compile(
    r" +(?:modelctl\.dev/(?:approvers|blob|commit|digest|version)|app\.kubernetes\.io/version): "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What a merge changes of the rendered manifests of one model.

    `lines` are a unified diff without its heading, empty where nothing changes; `is_new` says that
    the environment doesn't run the model yet. `problem` says why it could not be rendered.
    """

    lines: tuple[str, ...] = ()
    is_new: bool = False
    problem: str | None = None

    @property
    def added(self) -> int:
        """How many lines are new."""
        return sum(line.startswith("+") for line in self.lines)

    @property
    def removed(self) -> int:
        """How many lines go."""
        return sum(line.startswith("-") for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """One version that the pull request moves.

    `served` is the version that the environment serves now, None for none. `stage` is where the
    version stands now, `stage_after` where it will after the deploy; one that is gone back to goes
    through none. What can't be told, because
    the documents can't be read, is None or empty.
    """

    verdict: Verdict
    served: str | None = None
    stage: str | None = None
    stage_after: str | None = None
    comparison: Comparison | None = None
    evidence: tuple[AskedEvidence, ...] = ()
    overlay: Overlay | None = None
    checklist: Checklist | None = None

    @property
    def model(self) -> str:
        """The model's name."""
        return self.verdict.subject.model or ""

    @property
    def version(self) -> str:
        """The version that moves."""
        return self.verdict.subject.version or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that the comment and the check run of one pull request say.

    `head` is the commit that was judged, `base` the branch that it goes into and `environment` the
    one which that deploys, None where it deploys none.
    `author` is a login, `ledger` the branch of the history. `files` are those that the findings
    point at, as far as the head has them just as they were judged: others have other lines.
    """

    number: int
    author: str
    base: str
    head: str
    report: Report
    environment: str | None = None
    approvals: ApprovalState | None = None
    files: frozenset[str] = frozenset()
    ledger: str = "ledger"
    models: tuple[ModelPage, ...] = ()

    @property
    def state(self) -> CheckState:
        """SUCCESS where nothing blocks, WAITING where only time or people are waited for."""
        if not self.report.outcome.blocks:
            return CheckState.SUCCESS
        return CheckState.FAILURE if self.failing else CheckState.WAITING

    @property
    def blocking(self) -> tuple[tuple[Verdict, Finding], ...]:
        """Each finding that blocks, with the verdict that it belongs to."""
        return tuple(
            (verdict, finding)
            for verdict in self.report.verdicts
            for finding in verdict.findings
            if finding.outcome.blocks
        )

    @property
    def failing(self) -> tuple[tuple[Verdict, Finding], ...]:
        """Those that somebody has to mend: neither time nor a missing approval settles them.

        A verdict without findings was never judged; it fails too, by a finding of its own.
        """
        unjudged = (
            (verdict, _UNJUDGED) for verdict in self.report.verdicts if not verdict.findings
        )
        found = (pair for pair in self.blocking if not self._waits(pair[1]))
        return (*found, *unjudged)

    @property
    def pending(self) -> tuple[tuple[Verdict, Finding], ...]:
        """Those that time settles."""
        return tuple(p for p in self.blocking if p[1].outcome is Outcome.PENDING)

    @property
    def waits_for_people(self) -> bool:
        """Whether approvals are missing, and nothing else speaks against it in the reviews."""
        state = self.approvals
        return state is not None and bool(state.missing) and not (state.blocking or state.obstacles)

    def _waits(self, finding: Finding) -> bool:
        if finding.outcome is Outcome.PENDING:
            return True
        return finding.gate == APPROVALS and self.waits_for_people


_UNJUDGED = Finding(
    gate="policy",
    outcome=Outcome.INCONCLUSIVE,
    message="no gate judged this, so it can't pass",
    mend="check that the policy has gates for it",
)


def overlay_of(before: str | None, after: str) -> Overlay:
    """What changes between two renderings of a model; `before` is None for none.

    Labels and annotations that say which version it is, who brought it and from where are left out:
    every version changes them in each object, and the page tells them already.
    """
    lines = tuple(_diff(_telling(before or ""), _telling(after)))
    return Overlay(lines=lines, is_new=before is None)


def _telling(text: str) -> list[str]:
    return [line for line in text.splitlines() if not _BROUGHT.match(line)]


def _diff(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """The hunks, each below the object that it is in."""
    objects = _objects(before), _objects(after)
    # What stands in every object would else count as noise, and be told as moved.
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        start, found = (group[0][3], objects[1]) if after else (group[0][1], objects[0])
        yield f"@@ {found[min(start + _CONTEXT, len(found) - 1)]} @@"
        for tag, old, old_end, new, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in before[old:old_end])
                continue
            yield from (f"-{line}" for line in before[old:old_end])
            yield from (f"+{line}" for line in after[new:new_end])


def _objects(lines: Sequence[str]) -> list[str]:
    """For each line the object that it is in, as `Service model-stable`."""
    found: list[str] = []
    for _, group in itertools.groupby(lines, _Counter()):
        listed = list(group)
        kind = next((line[6:] for line in listed if line.startswith("kind: ")), "")
        name = next((line[8:] for line in listed if line.startswith("  name: ")), "")
        found += [f"{kind} {name}".strip()] * len(listed)
    return found


class _Counter:
    """Numbers the documents of YAML text, line by line."""

    __slots__ = ("_number",)

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, line: str) -> int:
        self._number += line == "---"
        return self._number


def missing_by_role(state: ApprovalState) -> Mapping[str, int]:
    """How many approvals of each role are still needed, for all owners together."""
    found: dict[str, int] = {}
    for missing in state.missing:
        found[missing.role] = found.get(missing.role, 0) + missing.count
    return found
