"""`modelctl render`: the manifests of an environment, as files or as a diff."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, ModelctlError
from modelctl.services.pointers import unknown_environment
from modelctl.services.rendering import render, wanted_requests
from modelctl.services.session import Session
from modelctl.services.state import state_tree


@click.command(short_help="Render the manifests of an environment.")
@click.argument("environment", metavar="ENV")
@click.option("--model", "models", multiple=True, help="Only this model; may be repeated.")
@click.option("--diff", "as_diff", is_flag=True, help="Show what differs from what runs now.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write one folder for each model here.  [default: print]",
)
@click.option(
    "--validate",
    "crds",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Validate against the CRDs in this folder.",
)
@click.option(
    "--server-dry-run",
    "context",
    metavar="CONTEXT",
    help="Validate with `kubectl apply --dry-run=server` in this kubectl context.",
)
@click.option(
    "--ref",
    metavar="REF",
    help="Render this ref, such as a pull request's head.  [default: the environment's branch]",
)
@options.trusted_ref
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    models: tuple[str, ...],
    as_diff: bool,
    output: Path | None,
    crds: Path | None,
    context: str | None,
    ref: str | None,
    trusted_ref: str | None,
) -> int:
    """Build what ENV's branch says by the overlays of the default branch, in one Kustomize run.

    Nothing is judged or written to a branch: `modelctl deploy` does that.
    """
    if as_diff and output is not None:
        mend = "print the difference, or write the files"
        raise ModelctlError("--diff and --output don't go together", mend=mend)
    session = options.start(settings, trusted_ref)
    transition = session.policy.lifecycle.to_environment(environment)
    if transition is None:
        raise unknown_environment(environment, session.policy.lifecycle.environments)
    names = [parse_model(name) for name in models] or None
    rendered = render(session, wanted_requests(session, transition, names, ref=ref))
    files = {f"{m}/{name}": text for m, one in rendered.items() for name, text in one.items()}
    if output is not None:
        _write(output, files)
    elif as_diff:
        click.echo(_diff(session, environment, files), nl=False)
    else:
        click.echo(
            "".join(text for path, text in files.items() if path.endswith(".yaml")), nl=False
        )
    problems = _problems(files, crds, context)
    for problem in problems:
        options.progress(f"✗ {problem}")
    return EXIT_BLOCKED if problems else EXIT_PASS


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        options.progress(str(target))


def _diff(session: Session, environment: str, files: Mapping[str, str]) -> str:
    from modelctl.report.diff import diff

    tree = state_tree(session, environment)
    before = {path: (tree.read(path) or b"").decode() for path in files}
    return diff(before, files)


def _problems(files: Mapping[str, str], crds: Path | None, context: str | None) -> list[str]:
    """What the CRDs, the rules beside them and the cluster object to."""
    manifests = "".join(text for path, text in files.items() if path.endswith(".yaml"))
    found: list[str] = []
    if crds is not None:
        from modelctl.adapters.crds import validate
        from modelctl.adapters.manifests import read_objects

        found.extend(str(problem) for problem in validate(read_objects(manifests), crds))
    if context is not None:
        from modelctl.adapters.crds import server_dry_run

        found.extend(str(problem) for problem in server_dry_run(manifests, context))
    return found
