"""The command line: wire, print, exit code. A command is imported when it runs, not before."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from modelctl import __version__
from modelctl.command_tables import COMMANDS, DEFAULTS, EXAMPLES, Table
from modelctl.errors import EXIT_PASS, EXIT_UNDECIDED, EXIT_USAGE, ModelctlError

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem

EXIT_INTERRUPTED, EXIT_CLOSED_PIPE = 130, 141  # as a shell reports SIGINT and SIGPIPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the global options say; every command finds it in `ctx.obj`.

    `directory` is absolute, and the current directory too; `color` is whether stdout takes colour.
    """

    directory: Path
    color: bool
    debug: bool


class LazyGroup(click.Group):
    """A group that lists its commands from a table, and imports one only to run it."""

    def __init__(self, name: str, *, entries: Table, default: str | None = None, **attrs: Any):
        super().__init__(name, **attrs)
        self.entries = entries
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's; what begins with none of the commands is the default one's."""
        known = {*self.entries, *ctx.help_option_names}
        if self.default is not None and args and args[0] not in known:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself: here, and only here, its module is imported."""
        if cmd_name in self.entries and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name, *self.entries[cmd_name])
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, but an unknown name is compared with the table, not with what is loaded."""
        if args[0] not in self.entries and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.entries, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in `--help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes the names of commands from the table, then this group's options."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=text)
            for name, (_, text) in self.entries.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _load(name: str, target: str | Table, text: str) -> click.Command:
    if not isinstance(target, str):
        return LazyGroup(
            name,
            entries=target,
            default=DEFAULTS.get(name),
            help=text,
            epilog=EXAMPLES.get(name),
        )
    module, _, attribute = target.partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    command.name = name  # the table names it; the function may be called anything
    return command


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 pass, 1 blocked by policy, 2 wrong usage, 3 could not decide.",
)
@click.option(
    "-C",
    "--directory",
    type=click.Path(exists=True, file_okay=False),
    help="Run as if started in this directory.",
)
@click.option("--no-color", is_flag=True, help="Print no colours, as with NO_COLOR set.")
@click.option(
    "--debug",
    is_flag=True,
    envvar="MODELCTL_DEBUG",
    show_envvar=True,
    help="Print the traceback of an error.",
)
@click.version_option(__version__, message="modelctl %(version)s")
@click.pass_context
def cli(ctx: click.Context, directory: str | None, no_color: bool, debug: bool) -> None:
    """Promote machine-learning models from git: gates, approvals, overlays, history."""
    if directory is not None:
        ctx.with_resource(contextlib.chdir(directory))
    ctx.color = _color(no_color)
    color = sys.stdout.isatty() if ctx.color is None else ctx.color
    ctx.obj = Settings(directory=_here(), color=color, debug=debug)


def _here() -> Path:
    from pathlib import Path

    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ModelctlError(
            "the current directory is gone", mend="cd to where it is now, such as `cd $PWD`"
        ) from None


def _color(no_color: bool = False) -> bool | None:
    """False for never, True for always, None for where a stream is a terminal."""
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    # A path in git may be any bytes; what stdout has no letters for is shown escaped.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if argv is None:  # this process is ours, and what it makes it needs to the end
        gc.set_threshold(100_000, 20, 100)
        _give_no_commands()
    code = run(cli, sys.argv[1:] if argv is None else argv)
    if argv is None:  # nothing has to be looked through that ends with the process
        gc.freeze()
    return code


def _give_no_commands() -> None:
    """Have a runner of GitHub Actions take no line of ours for a command to it: they quote what
    pull requests say, and `::set-output …` may be said there. It holds for the step."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(f"::stop-commands::{os.urandom(16).hex()}", err=True)


def run(group: click.Group, args: Sequence[str]) -> int:
    """Run one command of `group`: the one place where errors become messages and exit codes."""
    context: click.Context | None = None
    try:
        if (shell := os.environ.get("_MODELCTL_COMPLETE")) is not None:
            return _complete(group, shell)
        with group.make_context("modelctl", list(args)) as context:
            result = group.invoke(context)
            sys.stdout.flush()
        return result if isinstance(result, int) else EXIT_PASS
    except click.exceptions.Exit as done:
        return done.exit_code
    except BrokenPipeError:
        return _close_stdout()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told, never swallowed
        if context is not None and context.params.get("debug"):
            _print_traceback(error)
        return _tell(error, _color() if context is None else context.color)


def _complete(group: click.Group, instruction: str) -> int:
    """Answer a shell that asks for completions, or for the script that sets them up."""
    from click.shell_completion import shell_complete

    return shell_complete(group, {}, "modelctl", "_MODELCTL_COMPLETE", instruction)


def _close_stdout() -> int:
    """The reader went away (`| head`): nothing to say, and nothing left to flush at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_CLOSED_PIPE


def _tell(error: BaseException, color: bool | None) -> int:
    """Say on stderr what went wrong and how to mend it; the exit code."""
    match error:
        case ModelctlError():
            place = f"{error.location}: " if error.location else ""
            _say(place + error.message, error.mend, color)
            return error.exit_code
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True, color=color)
            return EXIT_USAGE
        case click.ClickException():
            _say(error.format_message(), _usage(error), color)
            return EXIT_USAGE
        case click.Abort() | KeyboardInterrupt():
            _say("interrupted", None, color)
            return EXIT_INTERRUPTED
    # The text of an unforeseen error may hold a secret, so it is shown with --debug only.
    _say(
        f"this is a bug in modelctl: {type(error).__name__}{_place(error)}",
        "run it again with --debug and report what it prints",
        color,
    )
    return EXIT_UNDECIDED


def _usage(error: click.ClickException) -> str | None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{context.command_path} --help shows how to use it" if context else None


def _place(error: BaseException) -> str:
    """` at module:line`, the innermost place of ours, or nothing."""
    place, trace = "", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name.startswith("modelctl.") and name != __name__:
            place = f" at {name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _say(message: str, mend: str | None, color: bool | None) -> None:
    text = f"{click.style('error:', fg='red', bold=True)} {message}"
    if mend:
        text += f"\n  {click.style('mend:', bold=True)} {mend}"
    click.echo(text, err=True, color=color)


def _print_traceback(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error)
