"""What a check run says beside a pull request's own verdict: of several, and where none came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelctl.domain.pulls import CheckOutput, CheckState, PullSummary
from modelctl.errors import ModelctlError
from modelctl.report import gfm

_RANK = (CheckState.FAILURE, CheckState.WAITING, CheckState.SUCCESS)
_SAYS = {
    CheckState.FAILURE: "❌ blocked",
    CheckState.WAITING: "⏳ waiting",
    CheckState.SUCCESS: "✅ ready",
}
_ROWS = 50


_Verdict = tuple[PullSummary, CheckOutput]


def joint(outputs: Sequence[_Verdict], unseen: Sequence[int] = ()) -> CheckOutput:
    """One output for all pull requests with the same head: the worst state of any branch, and who
    has it; for a branch, that of its best pull request.

    A check run belongs to a commit, so what lets it into one branch would let it into another. Into
    one branch all of them bring the same, and whichever was approved shows that it may be. `unseen`
    are the numbers of those that weren't looked at, because there are so many.
    """
    if len(outputs) == 1:
        return outputs[0][1]
    ordered = sorted(outputs, key=_rank)
    best = {pull.base: (pull, output) for pull, output in reversed(_by_merit(ordered))}
    pull, worst = min(best.values(), key=_rank)
    rows = [gfm.row("", "pull request", "into", "verdict"), gfm.row("---", "---", "---", "---")]
    for one, output in ordered[:_ROWS]:
        into = gfm.code(one.base, cell=True)
        rows.append(gfm.row(_SAYS[output.state], f"#{one.number}", into, gfm.plain(output.title)))
    if len(ordered) > _ROWS:
        rows += ["", f"… and {len(ordered) - _ROWS} more."]
    if unseen:
        told = f"Not looked at, being so many: {_numbers(unseen)}. Close those that nobody needs; "
        rows += ["", f"{told}`/modelctl check` looks first at the one that it is written on."]
    return CheckOutput(
        state=worst.state,
        title=f"{worst.title} (#{pull.number})",
        summary="\n".join((_why(ordered, best, pull), "", *rows, "", worst.summary)),
        text=worst.text,
        annotations=worst.annotations,
    )


def _rank(verdict: _Verdict) -> tuple[int, int]:
    """The worst first."""
    pull, output = verdict
    return _RANK.index(output.state), pull.number


def _by_merit(outputs: Sequence[_Verdict]) -> list[_Verdict]:
    """The best first; of equals the oldest."""
    return sorted(outputs, key=lambda one: (-_RANK.index(one[1].state), one[0].number))


def _why(outputs: Sequence[_Verdict], best: Mapping[str, _Verdict], deciding: PullSummary) -> str:
    """Why there is one verdict for several, and whom to close so that there is one pull request."""
    said = (
        f"{len(outputs)} open pull requests have this commit as their head, and a check run is "
        "for the commit: it passes when one into each of their branches does."
    )
    kept = {pull.number for pull, _ in best.values()}
    spare = sorted(pull.number for pull, _ in outputs if pull.number not in kept)
    mends = []
    if spare:
        mends.append(f"close {_numbers(spare)}: another one brings the same into the same branch")
    if len(best) > 1 and best[deciding.base][1].state is not CheckState.SUCCESS:
        into = gfm.code(deciding.base)
        mends.append(f"close #{deciding.number} if the commit is not to go into {into}")
    return f"{said}\n\n**Mend:** {'; '.join(mends)}." if mends else said


def _numbers(pulls: Sequence[int]) -> str:
    more = f" and {len(pulls) - _ROWS} more" if len(pulls) > _ROWS else ""
    return ", ".join(f"#{number}" for number in pulls[:_ROWS]) + more


def undecided(error: Exception) -> CheckOutput:
    """What is said where nothing could be decided. The text of an error that isn't ours may hold a
    secret, so only its kind is told."""
    if isinstance(error, ModelctlError):
        where = f"{error.location}: " if error.location else ""
        message, mend = f"{where}{error.message}", error.mend
    else:
        message = f"this is a bug in modelctl: {type(error).__name__}"
        mend = "see the log of the job; run it again with --debug"
    lines = [gfm.plain(message)]
    if mend:
        lines += ["", f"**Mend:** {gfm.plain(mend)}"]
    lines += ["", "Nothing passes that could not be judged. `/modelctl check` judges it again."]
    return CheckOutput(
        state=CheckState.FAILURE, title="Could not be decided", summary="\n".join(lines)
    )
