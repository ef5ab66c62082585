"""cli.md: every command, as click knows it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence

import click

from modelctl.cli import EXIT_CLOSED_PIPE, EXIT_INTERRUPTED, LazyGroup, cli
from reference_pages.markdown import code, fenced, page, prose, table


def cli_page() -> str:
    """Every command with its options, and the exit codes."""
    context = click.Context(cli, info_name="modelctl")
    ends = [
        *re.findall(r"(\d) ([^,.]+)", cli.epilog or ""),
        (str(EXIT_INTERRUPTED), "interrupted"),
        (str(EXIT_CLOSED_PIPE), "the reader of the output went away"),
    ]
    return page(
        "Commands",
        "Every command takes `-h` or `--help`. Data goes to stdout, progress and errors to stderr.",
        "## Exit codes",
        table(["Code", "Meaning"], ([code(number), meaning] for number, meaning in ends)),
        *command_blocks(context),
        *(block for child in children(context) for block in command_blocks(child)),
    )


def children(context: click.Context) -> Iterator[click.Context]:
    """The commands below a group, each followed by those below it."""
    group = context.command
    if not isinstance(group, LazyGroup):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            child = click.Context(command, info_name=name, parent=context)
            yield child
            yield from children(child)


def command_blocks(context: click.Context) -> Iterator[str]:
    """One command: how it is called, what it does, its options."""
    command = context.command
    yield f"{'#' * max(2, len(context.command_path.split()))} {context.command_path}"
    yield fenced(" ".join([context.command_path, *command.collect_usage_pieces(context)]))
    yield from help_blocks(command.help or "")
    options = [param for param in command.params if isinstance(param, click.Option)]
    if options:
        rows = (option_row(option, context) for option in options)
        yield table(["Option", "What it does", "Default"], rows)


def help_blocks(text: str) -> Iterator[str]:
    """The paragraphs of a help text; those that click must not wrap become code."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        kept = paragraph.removeprefix("\b\n")
        yield prose(paragraph) if kept == paragraph else fenced(kept)


def option_row(option: click.Option, context: click.Context) -> Sequence[str]:
    """An option, what its help says, and what holds where it is left out."""
    names, _ = option.get_help_record(context) or ("", "")
    told, _, by_hand = (option.help or "").partition("[default: ")
    extra = option.get_help_extra(context)
    variables = [f"Or {code(name)} in the environment." for name in extra.get("envvars", ())]
    default = code(extra["default"]) if "default" in extra else prose(by_hand.removesuffix("]"))
    text = " ".join([prose(told), *variables])
    return [code(names), text, "*required*" if option.required else default]
