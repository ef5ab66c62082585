"""`modelctl doctor`: is everything there that it takes?"""

from __future__ import annotations

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.domain.diagnosis import exit_code


@click.command(
    short_help="Check an installation, and say how to mend it.",
    epilog=github_options.CREDENTIALS,
)
@click.option("--offline", is_flag=True, help="Leave out what only GitHub can tell.")
@github_options.repository
@github_options.api
@options.tracking_uri
@options.trusted_ref
@options.output_format("terminal", "json")
@click.pass_obj
def command(
    settings: Settings,
    offline: bool,
    repository: str | None,
    api: str | None,
    tracking_uri: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Look at the repository, its policies, keys and branches, at GitHub, at Kustomize and at
    MLflow, and say of each what is wrong and how to mend it.

    \b
    modelctl doctor
    modelctl doctor --offline --format json

    Exit codes: 0 all is well, 1 something is wrong, 3 something could not be decided.
    """
    from modelctl.report import doctor as report
    from modelctl.services.doctor import examine
    from modelctl.services.patient import Patient

    patient = Patient(
        directory=settings.directory,
        trusted=trusted_ref,
        hub=None if offline else lambda: github_options.hub(settings, repository, api),
        tracking_uri=tracking_uri,
    )
    rows = tuple(examine(patient))
    text = report.json(rows) if format_ == "json" else report.terminal(rows, options.look(settings))
    click.echo(text, nl=False)
    return exit_code(rows)
