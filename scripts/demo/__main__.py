"""`python -m demo`: plays the story; exits with 0 only if everything went as it says."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from demo import closing, hosting, rules, story
from demo.failure import DemoError
from demo.sandbox import ENVIRONMENTS, PROJECT, Sandbox, free_ports
from demo.screen import Screen
from demo.shell import Shell
from demo.stage import Stage
from modelctl.services.local_serving import FIRST_PORT

EXIT_PASS, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str] | None = None, play: Callable[[Stage], None] = story.play) -> int:
    """Play the story, or stop what an earlier one left serving; the exit code."""
    options = _parse(argv)
    sandbox, screen = Sandbox(root=options.sandbox.resolve()), Screen()
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        with sandbox.claimed():
            _wipe(sandbox, keep=options.stop)
            if options.stop:
                rules.leave_forge(sandbox)
                screen.say(f"Nothing serves from {sandbox.root} any more.")
            else:
                _perform(sandbox, screen, play, serve=options.serve)
    except DemoError as error:
        screen.failed(error.message, error.detail, sandbox.log)
        return EXIT_FAILED
    except KeyboardInterrupt:
        screen.say("Interrupted. Nothing is left running.")
        return EXIT_INTERRUPTED
    return EXIT_PASS


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make demo", description="From trained models to a served prediction, in a sandbox."
    )
    parser.add_argument(
        "--sandbox",
        type=Path,
        default=PROJECT / "build" / "demo",
        metavar="DIR",
        help="where to play; wiped by the next run (default: build/demo)",
    )
    parser.add_argument("--serve", action="store_true", help="leave the servers running at the end")
    parser.add_argument("--stop", action="store_true", help="stop what an earlier run left serving")
    return parser.parse_args(argv)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Tidying up takes some seconds, and nothing may cut it short."""
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)


def _wipe(sandbox: Sandbox, *, keep: bool) -> None:
    """End what an earlier run left serving, and remove its sandbox unless it is to be kept."""
    if sandbox.exists():
        _stop_servers(sandbox)
        if not keep:
            sandbox.remove()


def _perform(
    sandbox: Sandbox, screen: Screen, play: Callable[[Stage], None], *, serve: bool
) -> None:
    sandbox.create()
    shell, ended = Shell(sandbox.log, sandbox.environment()), False
    try:
        stage = _stage(sandbox, screen, shell)
        play(stage)
        ended = True
    finally:
        _ignore_signals()
        shell.close()
        if not (ended and serve):
            _stop_servers(sandbox)
    if not serve:
        rules.leave_forge(sandbox)
    screen.summary()
    closing.try_next(stage, serving=serve)


def _stage(sandbox: Sandbox, screen: Screen, shell: Shell) -> Stage:
    """The stage, with the forge on it."""
    usual = {name: FIRST_PORT + index for index, name in enumerate(ENVIRONMENTS)}
    forge = hosting.start(sandbox)
    shell.environment.update(forge.environment)
    sandbox.write_env(forge.exports(sandbox))
    return Stage(
        sandbox=sandbox,
        screen=screen,
        shell=shell,
        hub=forge,
        ports=free_ports(usual),
        usual_ports=usual,
    )


def _stop_servers(sandbox: Sandbox) -> None:
    """End what serves from the sandbox, and its forge.

    Raises:
        DemoError: something goes on.
    """
    shell = Shell(sandbox.log, sandbox.environment())
    done = shell.run(["modelctl", "local", "stop"], cwd=sandbox.root)
    if done.code != EXIT_PASS:
        raise DemoError("the servers of the sandbox can't be stopped", done.out)
    hosting.end(sandbox)


if __name__ == "__main__":
    sys.exit(main())
