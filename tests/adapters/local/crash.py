"""Converges to a version, shifts half of the traffic to it, or stops, and is killed on the way.

`crash.py ROOT PORT VERSION|half:VERSION|stop WHERE WHEN`: WHERE is `Class.method`, WHEN is `before`
or `after` its first call.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import Site
from modelctl.adapters.local.registry import Registry
from modelctl.adapters.local.router import Router
from modelctl.adapters.local.servers import Servers
from modelctl.adapters.local.target import LocalTarget

CLASSES = {kind.__name__: kind for kind in (LocalTarget, Registry, Router, Servers)}


def deadly(method: Callable[..., Any], when: str) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        if when == "after":
            method(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    return call


root, port, version, where, when = sys.argv[1:]
kind, _, name = where.partition(".")
setattr(CLASSES[kind], name, deadly(getattr(CLASSES[kind], name), when))
site = Site(root=Path(root), port=int(port))
if version == "stop":
    site.target().stop()
elif version.startswith("half:"):
    canary = site.serving(version.removeprefix("half:"), 50, part="canary")
    site.target().shift([site.serving("1.0.0", 50), canary], progress=print)
else:
    site.converge(site.serving(version))
print("was not killed")
