"""What `modelctl doctor` examines, and a check that doesn't apply to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelctl.adapters.settings_file import require_settings
from modelctl.domain.settings import Settings
from modelctl.errors import ModelctlError
from modelctl.services.session import Session, open_session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

Hub = Callable[[], "GitHub"]


class Patient:
    """What is examined. `hub` connects to GitHub, None where that isn't wanted; `tracking_uri` is
    MLflow's, None where there is none."""

    def __init__(
        self,
        directory: Path,
        *,
        trusted: str | None,
        hub: Hub | None,
        tracking_uri: str | None,
        now: datetime | None = None,
    ):
        self.directory = directory
        self.tracking_uri = tracking_uri
        self._trusted, self._hub, self._now = trusted, hub, now

    @cached_property
    def session(self) -> Session:
        """The repository and its rules; asked by several checks, which all fail without."""
        return open_session(self.directory, trusted=self._trusted, now=self._now)

    @cached_property
    def github(self) -> GitHub:
        """The connection to GitHub."""
        if self._hub is None:
            raise UnaskedError("GitHub is left out", mend="leave away --offline")
        return self._hub()

    @property
    def offline(self) -> bool:
        """Whether nothing may be asked over the network."""
        return self._hub is None

    @cached_property
    def settings(self) -> Settings:
        """The settings of the trusted ref."""
        return require_settings(self.session.repository.tree(self.session.policy.commit))


class UnaskedError(ModelctlError):
    """A check that doesn't apply here."""
