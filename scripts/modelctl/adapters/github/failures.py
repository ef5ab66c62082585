"""GitHub's refusals and silences, as our errors: what was asked, what was said, what to do.

No text of a request's headers gets in here, and what GitHub says is scrubbed by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelctl.adapters.github.rate import Rate
from modelctl.errors import DependencyError, ModelctlError

_LONGEST = 300
_PERMISSIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"/check-runs", "Checks"),
        (r"^GET .*/environments(/[^/]+/deployment-branch-policies)?$", "Actions"),
        (r"/deployments", "Deployments"),
        (r"/orgs/[^/]+/teams|/teams/", "Members (of the organisation)"),
        (r"/environments/[^/]+/(secrets|variables)", "Environments"),
        (r"/actions/secrets", "Secrets"),
        (r"/actions/variables", "Variables"),
        (
            r"/(rulesets|environments|actions/permissions|teams)\b|/repos/[^/]+/[^/]+$",
            "Administration",
        ),
        (r"/pulls|/requested_reviewers", "Pull requests"),
        (r"/issues|/labels", "Issues"),
        (r"/codeowners|/commits", "Contents"),
    )
)


class RefusedError(ModelctlError):
    """GitHub's answer is an error that stays when it is asked again; `status` is HTTP's."""

    def __init__(self, status: int, message: str, *, mend: str):
        super().__init__(message, mend=mend)
        self.status = status


def given_up(what: str, reason: str, tries: int, rate: Rate | None) -> DependencyError:
    """No answer that can be used, after all the tries."""
    often = "once" if tries == 1 else f"{tries} times"
    return DependencyError(
        f"GitHub gave no usable answer to {what} ({reason}; tried {often}){_left(rate)}",
        mend="check the network and the address of the API, and run it again",
    )


def exhausted(what: str, wait: float, rate: Rate | None) -> DependencyError:
    """GitHub asks us to wait longer than is sensible."""
    return DependencyError(
        f"GitHub's rate limit refuses {what} for another {wait:,.0f} s{_left(rate)}",
        mend="run it again after that; an App's token has a limit of its own",
    )


def unreadable(what: str, problem: str) -> DependencyError:
    """An answer that isn't what GitHub's API gives."""
    return DependencyError(
        f"GitHub's answer to {what} can't be used: {problem}",
        mend="is the address that of GitHub's API? If so, run it again",
    )


def cut(what: str, problem: str) -> DependencyError:
    """A list that isn't whole, on which nothing may be decided."""
    return DependencyError(f"GitHub's list of {what} is not whole: {problem}", mend="run it again")


def refused(
    what: str, status: int, headers: Mapping[str, str], message: str, *, is_app: bool
) -> ModelctlError:
    """The error of a request that will not succeed by being repeated."""
    who = "the GitHub App" if is_app else "the token"
    told = f" ({status}: {message})" if message else f" ({status})"
    if status == 401:
        return RefusedError(
            status, f"GitHub doesn't accept {who}{told}", mend=_mend_credentials(is_app)
        )
    if status == 403:
        return RefusedError(
            status,
            f"GitHub doesn't let {who} do {what}{told}",
            mend=_mend_permission(what, headers, who),
        )
    if status == 404:
        return RefusedError(
            status,
            f"GitHub knows no such thing, or doesn't show it to {who}: {what}{told}",
            mend=f"check the name and the number, and {_mend_permission(what, headers, who)}",
        )
    if status in (301, 302, 307, 308):
        return RefusedError(
            status,
            f"the repository has moved: {what}{told}",
            mend="give its new name: --repository",
        )
    if status == 409:
        return DependencyError(f"GitHub has a conflict with {what}{told}", mend="run it again")
    return RefusedError(status, f"GitHub refuses {what}{told}", mend="see what it says")


def message_of(data: Any) -> str:
    """What GitHub says in the body of an error, in one line."""
    if not isinstance(data, dict):
        return ""
    listed = data.get("errors")
    more = [_detail(error) for error in listed] if isinstance(listed, list) else []
    parts = [str(data.get("message") or ""), *more]
    text = " ".join("; ".join(part for part in parts if part).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _detail(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    if error.get("message"):
        return str(error["message"])
    return " ".join(str(error[name]) for name in ("resource", "field", "code") if error.get(name))


def _mend_credentials(is_app: bool) -> str:
    if is_app:
        return (
            "check MODELCTL_APP_ID, MODELCTL_APP_KEY and this machine's clock, and that the App is "
            "installed on the repository"
        )
    return "set a token that is valid: GITHUB_TOKEN"


def _mend_permission(what: str, headers: Mapping[str, str], who: str) -> str:
    exact = headers.get("x-accepted-github-permissions")
    if exact:
        return f"give {who} the permission {exact}"
    name = next((name for pattern, name in _PERMISSIONS if pattern.search(what)), "Metadata")
    level = "read" if what.startswith("GET ") else "write"
    return f"give {who} the permission {name}: {level}"


def _left(rate: Rate | None) -> str:
    return f"; {rate}" if rate else ""
