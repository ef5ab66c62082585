"""`modelctl render`: the manifests of an environment, as files or as a diff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, ModelctlError
from modelctl.services.pointers import unknown_environment
from modelctl.services.previewing import END, Asked, Preview, previews
from modelctl.services.rendering import render
from modelctl.services.session import Session
from modelctl.services.state import state_tree


class _Step(click.ParamType[int]):
    """A step, counted from 1; 0 is the end."""

    name = "step"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        text = str(value)
        if text == END:
            return 0
        if not text.isdecimal():
            self.fail(f"{text!r} is no step: 1 for the first, or {END}", param, ctx)
        return int(text)


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
@click.option(
    "--step",
    type=_Step(),
    metavar="N",
    help="At this step of the rollout, 1 for the first; `end` or 0 for its finish.  [default: what "
    "a deploy begins with]",
)
@click.option(
    "--strategy",
    metavar="NAME",
    help="By this strategy of the policy.  [default: the release's]",
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
    step: int | None,
    strategy: str | None,
    trusted_ref: str | None,
) -> int:
    """Build what a deploy would write of ENV's branch, by the overlays of the default branch.

    \b
    modelctl render production --diff
    modelctl render production --ref feature/1.1.0 --step 2
    modelctl render production --model tumor-classifier --strategy shadow-week --step end

    A version takes over from what serves by the signed history: without --step the first step of
    its strategy is built, with it any other. Nothing is judged or written to a branch: `modelctl
    deploy` does that.
    """
    if as_diff and output is not None:
        mend = "print the difference, or write the files"
        raise ModelctlError("--diff and --output don't go together", mend=mend)
    session = options.start(settings, trusted_ref)
    transition = session.policy.lifecycle.to_environment(environment)
    if transition is None:
        raise unknown_environment(environment, session.policy.lifecycle.environments)
    names = [parse_model(name) for name in models] or None
    asked = Asked(step=step, strategy=strategy)
    files = _files(session, previews(session, transition, names, ref=ref, asked=asked))
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


def _files(session: Session, found: Sequence[Preview]) -> dict[str, str]:
    """What is rendered, by its path; what people should know of it is told."""
    for one in found:
        for note in one.notes:
            options.progress(f"! {one.request.model}: {note}")
    rendered = render(session, [one.request for one in found])
    return {f"{m}/{name}": text for m, one in rendered.items() for name, text in one.items()}


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
