"""What the objects of one version are called in a cluster.

The name goes by the version, not by the part that it plays: so a step, the end of a rollout and a
way back only move traffic, and no pod is started anew.
"""

from __future__ import annotations

from typing import Final

from modelctl.domain.rendering import PREFIX, Backend, RenderRequest
from modelctl.domain.serving import BASELINE
from modelctl.domain.version_names import version_slug

BACKEND_LABEL: Final = f"{PREFIX}/backend"


def slug(request: RenderRequest, backend: Backend) -> str:
    """The version of a backend as part of a name: see `version_slug`."""
    return version_slug(request.name, backend.version, fresh=backend.name == BASELINE)


def backend_name(request: RenderRequest, backend: Backend) -> str:
    """What the Deployment, the Service and the like of one version are called."""
    return f"{request.name}-{slug(request, backend)}"


def routed(request: RenderRequest) -> tuple[Backend, ...]:
    """The backends among which a route shares the requests, in its order: a shadow gets copies."""
    return tuple(backend for backend in request.split if backend.name != "shadow")


def service_of(request: RenderRequest, backend: Backend) -> str:
    """The Service to which a route sends the requests of one backend, and under which routers and
    meshes count them. The local target's router has names of its own
    (`domain.serving.service_name`), and Knative one Service for all."""
    match request.target, request.mode:
        case "kserve", "standard":
            return f"{backend_name(request, backend)}-predictor"
        case "kserve", _:
            return f"{request.name}-predictor"
        case "argo-rollouts", _:
            return f"{request.name}-{'canary' if backend.name == 'canary' else 'stable'}"
        case _:
            return backend_name(request, backend)
