"""Tells other systems that versions moved: events for consumers, never a condition of anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from modelctl.domain.events import Event, promoted, rolled_back
from modelctl.domain.history import Deployment, deployments, served
from modelctl.domain.incidents import Incident
from modelctl.domain.policy import Transition
from modelctl.errors import DependencyError
from modelctl.services.acting import Effects
from modelctl.services.candidates import read_version
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

NOTIFY_URL, NOTIFY_SECRET = "MODELCTL_NOTIFY_URL", "MODELCTL_NOTIFY_SECRET"

Notify = Callable[[Event], None]


def notifier(environment: Mapping[str, str]) -> Notify | None:
    """What delivers events to the address in `MODELCTL_NOTIFY_URL`; None where none is given.

    Raises:
        ModelctlError: that is no address, or the secret can't be read.
    """
    url = environment.get(NOTIFY_URL)
    if not url:
        return None
    from modelctl.adapters.webhook import Webhook

    return Webhook(url=url, secret=environment.get(NOTIFY_SECRET) or None).send


def source_name(github: GitHub | None, environment: str) -> str:
    """Who tells an event, as a URI reference: the repository's page where there is one."""
    return github.web_url if github is not None else f"/modelctl/{environment}"


def promotion_event(
    session: Session, transition: Transition, one: Deployment, github: GitHub | None
) -> Event:
    """That a version became what an environment serves."""
    version = read_version(session.repository.tree(one.commit), one.model, one.version)
    return promoted(
        one,
        stage=transition.stage,
        run=version.lineage.run if version else None,
        source=source_name(github, transition.environment),
    )


def tell_served(
    session: Session, transition: Transition, models: Iterable[str], effects: Effects
) -> Iterator[str]:
    """Tells whoever listens what these models serve now, by the history; what is left to do.

    It is told by whoever has just deployed it. Whoever was killed in between is not made good: who
    must know what serves asks the history.
    """
    for model in models if effects.notify is not None else ():
        last = served(deployments(session.signed(model)), transition.environment)
        if last is None:
            continue
        try:
            effects.tell(promotion_event(session, transition, last, effects.github))
        except DependencyError as error:
            yield f"notify: {error.message}"


def incident_event(transition: Transition, one: Incident, github: GitHub | None) -> Event:
    """That an environment went back, or should have and could not."""
    source = source_name(github, transition.environment)
    return rolled_back(one, stage=transition.stage, source=source)
