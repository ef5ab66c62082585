"""`modelctl new`: from a training run to the manifest of a new version."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from modelctl.adapters.git import Repository
from modelctl.adapters.work_tree import WorkTree
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.compatibility import Bump
from modelctl.domain.names import parse_pointer, parse_version
from modelctl.errors import EXIT_PASS, ModelctlError
from modelctl.services.model_documents import default_target
from modelctl.services.new_version import FirstModel, Prepared, Request, prepare, write


@click.command(short_help="Write the manifest of a new version.")
@click.argument("model")
@click.option("--run-id", metavar="RUN", help="The MLflow run that trained it.")
@options.tracking_uri
@click.option("--model-name", metavar="NAME", help="Which model of a run that logged several.")
@click.option(
    "--from-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder with params.json, metrics.json and the model, instead of an MLflow run.",
)
@click.option("--artifacts-uri", metavar="URI", help="Where others find the model of --from-dir.")
@click.option("--bump", type=click.Choice([b.value for b in Bump]), help="Bump at least this far.")
@click.option("--version", "number", metavar="VERSION", help="Call it this.")
@click.option("--changelog", metavar="TEXT", help="What changed since the previous version.")
@click.option("--created-by", metavar="WHO", help="Who made it.  [default: the run's user]")
@click.option("--contact", metavar="WHO", help="Who answers questions about it.")
@click.option("--git-commit", metavar="SHA", help="The code's commit, if the run knows none.")
@click.option("--init", is_flag=True, help="Write model.yaml too, with the next four options.")
@click.option("--owner", metavar="TEAM", help="The team that owns the model.")
@click.option("--task", help="classification, regression, …")
@click.option(
    "--target",
    help="What serves it: kserve, argo-rollouts, gateway-api or local.  [default: that of "
    "policies/ownership.yaml]",
)
@click.option("--tier", default="standard", show_default=True, help="How much depends on it.")
@click.option(
    "--release/--no-release",
    default=True,
    show_default=True,
    help="Point release.yaml at it, so that the pull request promotes it.",
)
@click.option("--dry-run", is_flag=True, help="Print the manifest, write nothing.")
@options.output_format("text", "json")
@click.pass_obj
def command(settings: Settings, /, model: str, dry_run: bool, format_: str, **said: Any) -> int:
    """Write models/MODEL/versions/VERSION.yaml from the run that trained it.

    Metrics, parameters, signature, dependencies, datasets and the digests of all files come from
    the run. The number follows from the signature's difference to the previous version. A manifest
    that exists is never overwritten.
    """
    tree = WorkTree(Repository.discover(settings.directory).directory)
    said["target"] = said["target"] or default_target(tree)
    request = _request(model, said)
    prepared = prepare(tree, request, datetime.now(UTC))
    if not dry_run:
        write(tree, prepared)
    for warning in prepared.warnings:
        options.progress(f"warning: {warning}")
    _print(prepared, dry_run=dry_run, format_=format_)
    return EXIT_PASS


def _request(model: str, said: dict[str, Any]) -> Request:
    """What was asked for. Options that are taken as they are have the names of the fields."""
    bump, number, init = said.pop("bump"), said.pop("number"), said.pop("init")
    first = {name: said.pop(name) for name in ("owner", "task", "target", "tier")}
    if (said["run_id"] is None) == (said["from_dir"] is None):
        raise click.UsageError("name the training run by either --run-id or --from-dir")
    if bump and number:
        raise click.UsageError("--bump and --version both say which number it gets: use one")
    if parse_pointer(model).selector is not None:
        raise ModelctlError(f"{model!r} names a version", mend="name the model alone")
    return Request(
        model=model,
        bump=Bump(bump) if bump else None,
        version=parse_version(number) if number else None,
        first=_first(**first) if init else None,
        **said,
    )


def _first(owner: str | None, task: str | None, target: str | None, tier: str) -> FirstModel:
    if not (owner and task and target):
        raise click.UsageError("--init needs --owner, --task and --target")
    return FirstModel(owner=owner, task=task, target=target, tier=tier)


def _print(prepared: Prepared, *, dry_run: bool, format_: str) -> None:
    """With --dry-run stdout is the manifest itself, and everything said about it is on stderr."""
    if format_ == "json":
        click.echo(_as_json(prepared, dry_run=dry_run))
    elif dry_run:
        options.progress(_headline(prepared))
        click.echo(prepared.new[_manifest(prepared)], nl=False)
    else:
        click.echo(_as_text(prepared))


def _manifest(prepared: Prepared) -> str:
    return next(path for path in prepared.new if "/versions/" in path)


def _headline(prepared: Prepared) -> str:
    version = prepared.version
    size = version.artifacts.size / 1e6
    counts = ", ".join(
        f"{len(of)} {noun}{'' if len(of) == 1 else 's'}"
        for noun, of in (
            ("metric", version.metrics),
            ("input", version.signature.inputs),
            ("file", version.artifacts.files),
        )
    )
    return (
        f"{version.model} {version.version}\n"
        f"  {prepared.numbering.explanation}\n"
        f"  {counts} of {size:.3g} MB at {version.artifacts.root}"
    )


def _as_text(prepared: Prepared) -> str:
    wrote = [f"  wrote {path}" for path in prepared.new]
    changed = [f"  wrote {path}, which names it now" for path in prepared.changed]
    steps = [f"  {step}" for step in _next(prepared)]
    return "\n".join([_headline(prepared), *wrote, *changed, "next:", *steps])


def _next(prepared: Prepared) -> tuple[str, ...]:
    model, version = prepared.version.model, prepared.version.version
    message = shlex.quote(f"{model} {version}: {prepared.version.changelog.splitlines()[0]}")
    return (
        f"git switch --create feature/{model}-{version}  # unless you are on such a branch",
        "modelctl check",
        f"git add models/{model}",
        f"git commit --message {message}",
    )


def _as_json(prepared: Prepared, *, dry_run: bool) -> str:
    numbering, path = prepared.numbering, _manifest(prepared)
    data = {
        "model": prepared.version.model,
        "version": str(numbering.version),
        "previous": str(numbering.previous) if numbering.previous else None,
        "needed_bump": numbering.needed,
        "reasons": numbering.reasons,
        "explanation": numbering.explanation,
        "manifest": path,
        "written": [] if dry_run else [*prepared.new, *prepared.changed],
        "warnings": prepared.warnings,
        "text": prepared.new[path] if dry_run else None,
        "next": _next(prepared),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
