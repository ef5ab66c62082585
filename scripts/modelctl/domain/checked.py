"""What came of checking a pull request, and of listing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelctl.domain.pulls import CheckOutput, CheckState, PullSummary
from modelctl.domain.verdict import Report
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, EXIT_UNDECIDED, ModelctlError


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of checking a pull request.

    `output` is what its commit's check run says, None where nothing was judged: then `skipped` says
    why, or `error`. `body` is its comment. `written` was written, or would be in a dry run; `left`
    could not be.
    """

    pull: PullSummary
    output: CheckOutput | None = None
    report: Report | None = None
    body: str | None = None
    written: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    skipped: str | None = None
    error: ModelctlError | None = None

    @property
    def exit_code(self) -> int:
        """0 where a merge may go ahead or nothing was to be judged, 1 where it is blocked or waits,
        3 where it could not be decided."""
        if self.error is not None:
            return EXIT_UNDECIDED
        passes = self.output is None or self.output.state is CheckState.SUCCESS
        return EXIT_PASS if passes else EXIT_BLOCKED


def worst_code(checked: Iterable[Checked]) -> int:
    """The exit code for several: 3 before 1 before 0."""
    return max((one.exit_code for one in checked), default=EXIT_PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An open pull request in a list.

    `models` are `model@version` where it releases one, else the model's name; None where its head
    could not be read. `verdict` is `ready`, `waiting`, `blocked`, or None where it wasn't judged
    yet; `title` is its check run's, where that was asked for.
    """

    pull: PullSummary
    models: tuple[str, ...] | None = None
    verdict: str | None = None
    title: str | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """Who was asked for a review and has not answered yet: people, then teams."""
        people = (user.login for user in self.pull.requested)
        return (*people, *(f"team {slug}" for slug in self.pull.requested_teams))
