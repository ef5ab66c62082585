"""Which version somebody means who takes one back, where one takes over from another."""

from __future__ import annotations

from collections.abc import Sequence

from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment, deployments
from modelctl.domain.rollout_events import rollouts
from modelctl.domain.rollout_split import incoming_of
from modelctl.errors import ModelctlError
from modelctl.services.rollouts import Open


def is_gone(signed: Sequence[Signed], serves: Deployment, rollout: Open | None, of: str) -> bool:
    """Whether the version that is to go has gone already.

    Raises:
        ModelctlError: it never was there.
    """
    coming = (rollout.request.version,) if rollout is not None else ()
    here, where = (serves.version, *coming), serves.environment
    if of in here:
        return False
    ran = (one.version for one in deployments(signed) if one.environment == where)
    if of in {*ran, *(one.version for one in rollouts(signed, where))}:
        return True
    raise ModelctlError(
        f"{where} runs {' and '.join(here)} of {serves.model}, and never ran {of}",
        mend=f"--of {' or --of '.join(here)}",
    )


def means_newcomer(rollout: Open, serves: Deployment, *, of: str | None, to: str | None) -> bool:
    """Whether it is the version on its way that is to go, and not what serves.

    Raises:
        ModelctlError: it can't go back to what is asked for.
    """
    if of == serves.version:
        return False
    if of is None:
        return has_traffic(rollout) if to is None else to == serves.version
    if to not in (None, serves.version):
        raise ModelctlError(
            f"{of} takes over from {serves.version}, and goes back to that alone",
            mend=f"leave out --to; without --of both go, and --of {serves.version} takes that back",
        )
    return True


def has_traffic(rollout: Open) -> bool:
    """Whether any answer comes from the newcomer; of what a controller steps nobody here knows."""
    coming = incoming_of(rollout.request)
    if coming is None or rollout.is_handed_over:
        return True
    return coming.weight > 0 or coming.header is not None
