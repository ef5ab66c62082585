"""`modelctl rollout simulate`: what a strategy would have done, before there is an incident."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.moments import moment
from modelctl.errors import EXIT_PASS, ModelctlError
from modelctl.services.scenarios import NAMES, parse_scenario

if TYPE_CHECKING:
    from modelctl.domain.simulation import Simulation
    from modelctl.services.tuning import Figures

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Replay figures through a strategy: what would have happened.")
@click.option(
    "--strategy",
    "strategies",
    metavar="NAME",
    multiple=True,
    required=True,
    help="A strategy of policies/strategies.yaml; several are shown side by side.",
)
@click.option(
    "--metrics",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A recording: a range query of Prometheus as JSON, OpenMetrics, or CSV. Repeatable.",
)
@click.option(
    "--scenario",
    metavar="WHAT",
    help=f"Made-up traffic instead: {', '.join(NAMES)}; errors:at=2h,rate=0.05",
)
@click.option("--model", metavar="MODEL", help="Whose rollout it is, for conditions that ask.")
@click.option("--env", "environment", metavar="ENV", help="Where.  [default: the last one]")
@click.option("--from", "since", metavar="TIME", help="Leave out what was recorded before.")
@click.option("--until", metavar="TIME", help="Leave out what was recorded after, and go on to it.")
@click.option(
    "--assume",
    "assumed",
    metavar="FIGURE=VALUE",
    multiple=True,
    help="A reading that nobody recorded, such as canary.failed_health_checks=0. Repeatable.",
)
@click.option("--policy-ref", metavar="REF", help="Rules of this ref.  [default: the work tree]")
@click.option("--png", type=_FILE, help="Draw it, for print.")
@click.option("--svg", type=_FILE, help="Draw it, for light and dark screens.")
@click.option("--speed", is_flag=True, help="Say how many times faster than time it went.")
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def command(
    settings: Settings,
    /,
    strategies: tuple[str, ...],
    model: str | None,
    environment: str | None,
    policy_ref: str | None,
    png: Path | None,
    svg: Path | None,
    speed: bool,
    format_: str,
    **asked: Any,
) -> int:
    """Replay figures through the code that steps rollouts, and show when it would have advanced,
    held and rolled back, why, and how sure it would have been.

    \b
    modelctl rollout simulate --strategy canary-standard --metrics incident.json
    modelctl rollout simulate --strategy canary-standard --scenario errors:at=90m,rate=0.02
    modelctl rollout simulate --strategy canary-standard --strategy canary-day \\
        --scenario slow:by=1.5 --svg slow.svg

    The rules are those of the work tree, so that they can be tuned, with the triggers of
    rollback.yaml for ENV. Requests of a recording are left out by chance, so that each version has
    the share that the strategy gives it; none are made up. What a scenario shows is synthetic: it
    was measured nowhere, and is the same each time.
    """
    from modelctl.services.tuning import bench, tried

    _check(**asked)
    _check_names(png, svg)
    place = bench(settings.directory, policy_ref, model, environment)
    began = time.perf_counter()
    figures = _figures(**asked)
    done = [tried(place, name, figures) for name in dict.fromkeys(strategies)]
    if speed:
        _tell_speed(done, time.perf_counter() - began)
    _print(settings, done, format_)
    _draw(done, png, svg)
    return EXIT_PASS


def _figures(
    *,
    files: tuple[Path, ...],
    scenario: str | None,
    since: str | None,
    until: str | None,
    assumed: tuple[str, ...],
) -> Figures:
    """What is to be replayed."""
    from modelctl.services.tuning import Figures, assumption, recordings

    now = datetime.now(UTC)
    return Figures(
        recorded=recordings(files),
        scenario=parse_scenario(scenario) if scenario is not None else None,
        since=moment(since, now) if since is not None else None,
        until=moment(until, now) if until is not None else None,
        assumed=dict(map(assumption, assumed)),
    )


def _check(
    *,
    files: tuple[Path, ...],
    scenario: str | None,
    since: str | None,
    until: str | None,
    assumed: tuple[str, ...],
) -> None:
    if bool(files) == (scenario is not None):
        raise ModelctlError(
            "figures come from a recording or from a scenario, one of them",
            mend="give --metrics FILE, or --scenario errors:at=2h,rate=0.05",
        )
    if scenario is not None and (since or until or assumed):
        raise ModelctlError(
            "--from, --until and --assume are about recordings",
            mend="say it in the scenario: errors:at=2h,for=12h",
        )


def _check_names(png: Path | None, svg: Path | None) -> None:
    """A picture of one form isn't written under the name of the other."""
    for path, own, other in ((png, "png", "svg"), (svg, "svg", "png")):
        if path is not None and path.suffix.lower() == f".{other}":
            raise ModelctlError(
                f"--{own} {path}: that is the name of another form of picture",
                mend=f"write --{other} {path}, or --{own} {path.with_suffix(f'.{own}')}",
            )


def _tell_speed(done: Sequence[Simulation], took: float) -> None:
    """How fast it was: reading, replaying and judging, without the start of the program."""
    from modelctl.report.simulation_words import passed

    replayed = sum(one.lasted.total_seconds() for one in done)
    told = " and ".join(passed(one.lasted) for one in done)
    options.progress(f"{told} replayed in {took:.2f} s: {replayed / took:,.0f} × real time")


def _print(settings: Settings, done: Sequence[Simulation], format_: str) -> None:
    if format_ == "terminal":
        from modelctl.report.simulation import terminal

        click.echo(terminal(done, options.look(settings)), nl=False)
        return
    from modelctl.report.simulation_formats import json, markdown

    click.echo({"json": json, "markdown": markdown}[format_](done), nl=False)


def _draw(done: Sequence[Simulation], png: Path | None, svg: Path | None) -> None:
    if png is None and svg is None:
        return
    from modelctl.report import rollout_chart
    from modelctl.report.simulation_words import picture

    courses = [picture(one) for one in done]
    for path, draw in ((png, rollout_chart.png), (svg, rollout_chart.svg)):
        if path is not None:
            _write(path, draw(courses))


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ModelctlError(f"{path} can't be written: {error.strerror}") from error
    options.progress(f"drawn: {path}")
