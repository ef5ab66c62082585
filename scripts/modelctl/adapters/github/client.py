"""GitHub, as the rest of the product sees it: one repository, by parts, in our own types."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from modelctl.adapters.git_cli import Setting
from modelctl.adapters.github.access import Access
from modelctl.adapters.github.addresses import web_url
from modelctl.adapters.github.checks import Checks
from modelctl.adapters.github.comments import Comments
from modelctl.adapters.github.credentials import git_settings
from modelctl.adapters.github.deployments import Deployments
from modelctl.adapters.github.doors import Doors
from modelctl.adapters.github.issues import Issues
from modelctl.adapters.github.people import People
from modelctl.adapters.github.pulls import Pulls
from modelctl.adapters.github.rate import Patience, Rate
from modelctl.adapters.github.repository import RepositoryApi
from modelctl.adapters.github.settings import Settings
from modelctl.adapters.github.transport import Transport


class GitHub:
    """A repository on a GitHub server. Nothing is asked before it is needed."""

    def __init__(self, access: Access, transport: Transport):
        self.access = access
        self._transport = transport
        api = RepositoryApi(access, transport)
        self.people = People(api)
        self.pulls = Pulls(api, self.people)
        self.checks = Checks(api)
        self.comments = Comments(api)
        self.deployments = Deployments(api)
        self.issues = Issues(api, self.comments)
        self.settings = Settings(api)

    def __repr__(self) -> str:
        return f"GitHub({self.access!r})"

    def __enter__(self) -> GitHub:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def calls(self) -> int:
        """The requests sent so far, retries included."""
        return self._transport.calls

    @property
    def rate(self) -> Rate | None:
        """What is left of the rate, as last told; None where the server has no limit."""
        return self._transport.rate

    @property
    def web_url(self) -> str:
        """The address of the repository's pages."""
        return f"{web_url(self.access.api_url)}/{self.access.repository}"

    def git_token(self) -> str:
        """The installation's or the user's token, for git over https; valid for some minutes.

        Raises:
            ModelctlError: GitHub doesn't accept the App.
            DependencyError: there is no usable answer.
        """
        return self._transport.token()

    def git_settings(self, remote_url: str) -> tuple[Setting, ...]:
        """The settings that authorise git for a remote on this server: for `git_cli.authorize`.

        There are none for a remote by ssh or by path, or on another server.
        """
        server = web_url(self.access.api_url)
        if not git_settings(remote_url, server=server, token=""):
            return ()  # without asking for a token
        return git_settings(remote_url, server=server, token=self.git_token())

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def connect(
    access: Access,
    *,
    patience: Patience | None = None,
    permissions: Mapping[str, str] | None = None,
) -> GitHub:
    """Make ready to talk to GitHub; the first request is sent when something is asked.

    `permissions` narrows the token of an App's installation, as `{"contents": "read"}`; the token
    is always narrowed to the repository.

    Raises:
        ModelctlError: the App's key can't be used.
        DependencyError: PyGithub isn't installed.
    """
    patience = patience or Patience()
    return GitHub(access, Transport(access, patience, Doors(access, patience.timeout, permissions)))
