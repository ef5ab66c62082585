"""The demo with a story that is short: servers on this machine, then commands that never end.

`short_story.py play SANDBOX` plays it; the other two are what is typed in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
STAND_IN = Path(__file__).parents[1] / "adapters" / "local" / "stand_in.py"
READY = "servers and commands are there"


def play(sandbox: str) -> int:
    from demo.__main__ import main
    from demo.stage import Actor, Stage
    from modelctl.adapters.local.processes import free_port

    def story(stage: Stage) -> None:
        here = Actor(name="demo", folder=stage.sandbox.root)
        env = {"PYTHONPATH": str(SCRIPTS)}
        # Not a port of the stage: several tests at once would find the same ones free.
        stage.types(here, f"python {__file__} serve {free_port()} {sandbox}", env=env)
        stage.screen.say(READY)
        stage.together(
            lambda voice: stage.types(here, f"python {__file__} wait {sandbox}", voice=voice),
            lambda voice: stage.types(here, f"python {__file__} wait {sandbox}", voice=voice),
        )

    return main(["--sandbox", sandbox], story)


def serve(port: str, sandbox: str) -> int:
    """What a deploy does, with servers that start fast."""
    from modelctl.adapters.local.processes import Command
    from modelctl.adapters.local.target import LocalTarget
    from modelctl.domain.serving import Serving

    def command(serving: Serving, port: int) -> Command:
        arguments = (sys.executable, str(STAND_IN), str(port), serving.version, sandbox)
        return Command(arguments=arguments, environment={})

    root = Path(os.environ["MODELCTL_LOCAL_ROOT"])
    wanted = [
        Serving(model=name, version="1.0.0", digest="a" * 64, model_path=root)
        for name in ("one-model", "other-model")
    ]
    target = LocalTarget(root, "dev", port=int(port), server_command=command)
    return 0 if target.converge(wanted, progress=print) else 1


def wait(sandbox: str) -> int:
    """A command with a child of its own."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sandbox])
    time.sleep(600)
    return 0


if __name__ == "__main__":
    sys.exit({"play": play, "serve": serve, "wait": wait}[sys.argv[1]](*sys.argv[2:]))
