"""`modelctl local`: what serves on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from modelctl.adapters.local.target import LocalTarget
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.serving import ServingStatus
from modelctl.errors import EXIT_PASS, EXIT_UNDECIDED, ModelctlError


@click.command(short_help="Show what serves on this machine.")
@options.local_root
@options.output_format("text", "json")
@click.pass_obj
def status(settings: Settings, local_root: Path | None, format_: str) -> int:
    """Show each server that was started here, where it answers, and whether it does."""
    targets = _targets(settings, local_root)
    found = [(name, one) for name, target in targets.items() for one in target.status()]
    if format_ == "json":
        rows = [{"environment": name, **asdict(one)} for name, one in found]
        click.echo(json.dumps(rows, indent=2, default=str))
    for name, one in found if format_ == "text" else ():
        mark = "✓" if one.healthy else "✗"
        click.echo(f"{mark} {name:<12} {one.model} {one.version}  {_share(one)}  {one.url}")
    if not found and format_ == "text":
        click.echo("nothing serves on this machine")
    return EXIT_PASS if all(one.healthy for _, one in found) else EXIT_UNDECIDED


@click.command(short_help="Stop serving on this machine.")
@click.argument("environments", nargs=-1, metavar="[ENV]...")
@options.local_root
@click.pass_obj
def stop(settings: Settings, environments: tuple[str, ...], local_root: Path | None) -> int:
    """Stop every server that was started here, or those of the environments that are named."""
    targets = _targets(settings, local_root)
    for name in environments:
        if name not in targets:
            raise ModelctlError(
                f"nothing was started here for {name}", mend="modelctl local status shows what was"
            )
    for name in environments or targets:
        targets[name].stop()
        click.echo(f"stopped {name}")
    if not targets:
        click.echo("nothing serves on this machine")
    return EXIT_PASS


def _share(one: ServingStatus) -> str:
    """What a backend gets: `stable 95 %`, `shadow copies of 30 %`, `previous kept warm`."""
    gets = [f"{one.weight} %"] if one.weight else []
    if one.mirror:
        gets.append(f"copies of {one.mirror} %")
    if one.header:
        gets.append(f"where {': '.join(one.header)}")
    return f"{one.part} {', '.join(gets) or 'kept warm'}"


def _targets(settings: Settings, root: Path | None) -> dict[str, LocalTarget]:
    """The environments that have state here. The port matters only to what is started."""
    folder = options.local_folder(settings, root)
    names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    return {
        name: LocalTarget(folder, name, port=0)
        for name in names
        if not name.startswith(".") and (folder / name).is_dir()
    }
