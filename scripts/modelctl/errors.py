"""The errors that a user may see, each with its exit code and its mend.

Exit codes: 0 pass, 1 blocked by policy, 2 wrong usage or bad input, 3 could not decide. Code 1 is
never an exception: a blocked promotion is a result. Whatever isn't a `ModelctlError` is a bug.
"""

from __future__ import annotations

EXIT_PASS, EXIT_BLOCKED, EXIT_USAGE, EXIT_UNDECIDED = 0, 1, 2, 3


class ModelctlError(Exception):
    """Something the user can mend: bad input, a missing file, a wrong option.

    `message` is one plain sentence, `mend` says what to do, `location` is `file:line:column`.
    """

    exit_code = EXIT_USAGE

    def __init__(self, message: str, *, mend: str | None = None, location: str | None = None):
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.location = location

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{where}{self.message}{mend}"


class DependencyError(ModelctlError):
    """A system that the answer depends on is down, absent or refuses: nothing was decided."""

    exit_code = EXIT_UNDECIDED


class ConflictError(DependencyError):
    """Another writer was faster, again and again; nothing of ours was written."""
