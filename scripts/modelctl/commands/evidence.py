"""`modelctl evidence`: measure, sign, record and verify."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from semver import Version

from modelctl.adapters.artifacts import fetch, verify as verify_artifacts
from modelctl.adapters.git import Repository
from modelctl.adapters.signing_keys import Signer
from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.domain.evidence import OFFLINE
from modelctl.domain.history import JOB_KINDS
from modelctl.domain.names import parse_pointer
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, ModelctlError
from modelctl.probes.results import FORMATS, read_result
from modelctl.services.evidence import asked_evidence, load_signer, record_evidence
from modelctl.services.keys import new_key
from modelctl.services.ledger import ledger_rows
from modelctl.services.measuring import held_out_file, result_bytes
from modelctl.services.pointers import Located, locate, locate_exactly, require_model
from modelctl.services.session import Session

_environment = click.option(
    "--environment", default=OFFLINE, show_default=True, help="Where it was measured."
)
_out = click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the result to this file, for `evidence sign`; record nothing.",
)


@click.command(short_help="Run a model on held-out data, record it.")
@click.argument("version", metavar="MODEL@VERSION")
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="The held-out dataset, Parquet or CSV, or the folder that holds it by its name.",
)
@click.option("--target", metavar="COLUMN", help="The column to predict.  [default: target]")
@click.option(
    "--resamples",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="Bootstrap resamples.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--allow", multiple=True, metavar="NAME", help="A type or loader to trust.")
@click.option("--dry-run", is_flag=True, help="Measure and print, record nothing.")
@_out
@_environment
@options.tracking_uri
@options.key_file
@options.ref
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def evaluate(
    settings: Settings,
    version: str,
    data: Path,
    target: str | None,
    resamples: int,
    seed: int,
    allow: tuple[str, ...],
    dry_run: bool,
    out: Path | None,
    environment: str,
    tracking_uri: str | None,
    key_file: Path | None,
    ref: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Load MODEL@VERSION from its artifacts, run it on held-out data and record what was seen.

    The artifacts are compared with the manifest byte for byte before anything is loaded. Recorded
    are metrics with bootstrap intervals, by group where the data contract names protected groups,
    latency percentiles and the digests of dataset and artifacts.
    """
    from modelctl.probes.evaluation import evaluate as measure
    from modelctl.probes.scan import refuse_code
    from modelctl.services.candidates import read_model

    session = options.start(settings, trusted_ref)
    located = locate_exactly(session, version, ref=ref)
    model = read_model(located.tree, located.model)
    if model is None:
        raise ModelctlError(f"models/{located.model}/model.yaml is missing or broken")
    signs = _signs(dry_run, out, key_file)
    with _artifacts(session, located, tracking_uri) as folder:
        refuse_code(folder, [file.path for file in located.version.artifacts.files], allow)
        result = measure(
            folder,
            held_out_file(data, model),
            task=model.task,
            target=target or "target",
            protected_groups=model.data_contract.protected_groups,
            resamples=resamples,
            seed=seed,
            progress=options.progress,
        )
    signer = load_signer(key_file, options.signing_secret()) if signs else None
    predicate = result.to_predicate()
    _hand_over(out, located, "evaluation", environment, predicate)
    return _conclude(session, located, "evaluation", environment, predicate, signer, format_)


@click.command(short_help="Look for code in the artifacts, record it.")
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--allow", multiple=True, metavar="NAME", help="A type or loader to trust.")
@click.option("--dry-run", is_flag=True, help="Scan and print, record nothing.")
@_out
@options.tracking_uri
@options.key_file
@options.ref
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def scan(
    settings: Settings,
    version: str,
    allow: tuple[str, ...],
    dry_run: bool,
    out: Path | None,
    tracking_uri: str | None,
    key_file: Path | None,
    ref: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Scan the artifacts of MODEL@VERSION for what could run code, and record it.

    skops files are held to an allow-list of types, everything else goes through picklescan.
    """
    from modelctl.probes.scan import scan as look

    session = options.start(settings, trusted_ref)
    located = locate_exactly(session, version, ref=ref)
    signs = _signs(dry_run, out, key_file)
    with _artifacts(session, located, tracking_uri) as folder:
        files = [file.path for file in located.version.artifacts.files]
        predicate = look(folder, files, allow)
    signer = load_signer(key_file, options.signing_secret()) if signs else None
    _hand_over(out, located, "security-scan", OFFLINE, predicate)
    return _conclude(session, located, "security-scan", OFFLINE, predicate, signer, format_)


@click.command(short_help="Sign a result and record it.")
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--kind", required=True, help="What it is evidence of, such as unit-tests.")
@click.option(
    "--result",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The tool's result file.",
)
@click.option(
    "--result-format",
    type=click.Choice(list(FORMATS)),
    help="What wrote it.  [default: told by its content]",
)
@click.option("--dry-run", is_flag=True, help="Read and print, record nothing.")
@_environment
@options.key_file
@options.ref
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def record(
    settings: Settings,
    version: str,
    kind: str,
    file: Path,
    result_format: str | None,
    dry_run: bool,
    environment: str,
    key_file: Path | None,
    ref: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Record the result of a tool as evidence about MODEL@VERSION.

    Reads JUnit XML, the JSON of Great Expectations, Locust, modelscan, pip-audit and Evidently, and
    plain JSON with `passed`. Exposure is JSON with `requests`, `errors`, `since` and `until`.
    """
    session = options.start(settings, trusted_ref)
    located = locate_exactly(session, version, ref=ref)
    predicate = read_result(file.read_bytes(), file.name, result_format)
    signer = None if dry_run else load_signer(key_file, options.signing_secret())
    return _conclude(session, located, kind, environment, predicate, signer, format_)


@click.command(name="list", short_help="List the evidence about a version.")
@click.argument("pointer", metavar="MODEL[@VERSION]")
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def list_(settings: Settings, pointer: str, trusted_ref: str | None, format_: str) -> int:
    """List what the ledger holds about a model, or about one version of it."""
    session = options.start(settings, trusted_ref)
    model = require_model(session, parse_pointer(pointer).model)
    rows = [row for row in ledger_rows(session, model) if row.kind not in JOB_KINDS]
    if "@" in pointer:
        # An entry that can't be read could be about any version.
        about = (_number(session, pointer), None)
        rows = [row for row in rows if row.version in about]
    click.echo(options.ledger(rows, format_, settings), nl=False)
    return EXIT_PASS


def _number(session: Session, pointer: str) -> str:
    """The version that is meant; one that is written out need not be on any branch."""
    selector = parse_pointer(pointer).selector or ""
    exact = Version.is_valid(selector)
    return selector if exact else str(locate(session, pointer).version.version)


@click.command(short_help="Verify signatures, subjects and freshness.")
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--to", "environment", metavar="ENV", help="For this environment.  [default: next]")
@options.ref
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def verify(
    settings: Settings,
    version: str,
    environment: str | None,
    ref: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Say which evidence counts for MODEL@VERSION on its way to ENV, and why the rest doesn't."""
    from modelctl.report.evidence import asked_as_json, asked_as_text
    from modelctl.services.destinations import transition_for

    session = options.start(settings, trusted_ref)
    located = locate(session, version, ref=ref)
    transition = transition_for(session, located, environment)
    asked = asked_evidence(session, located, transition)
    if format_ == "json":
        click.echo(asked_as_json(asked))
    else:
        click.echo(asked_as_text(asked, located.path), nl=False)
    return EXIT_PASS if all(one.selection.chosen for one in asked) else EXIT_BLOCKED


@click.command(short_help="Make a key to sign evidence with.")
@click.argument("name")
@click.option("--owner", required=True, help="Who answers for the key.")
@click.option("--kind", "kinds", multiple=True, required=True, help="What it may sign; `*`: all.")
@click.option(
    "--environment",
    "environments",
    multiple=True,
    default=(OFFLINE,),
    show_default=True,
    help="What it may speak about; `*`: all.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help="How long it is valid.",
)
@click.option(
    "--private",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where to write the private half, readable by you alone.",
)
@click.pass_obj
def keygen(
    settings: Settings,
    name: str,
    owner: str,
    kinds: tuple[str, ...],
    environments: tuple[str, ...],
    days: int,
    private: Path,
) -> int:
    """Make an Ed25519 key pair and write its public half to policies/keys/NAME.yaml."""
    now = datetime.now(UTC).replace(microsecond=0)
    public = new_key(
        Repository.discover(settings.directory),
        name,
        owner=owner,
        kinds=kinds,
        environments=environments,
        valid=(now, now + timedelta(days=days)),
        private=private,
    )
    click.echo(public)
    options.progress(
        f"The private half is in {private}: move it to the secrets of the job that "
        "signs.\nThe public half takes effect when it is merged into the default "
        "branch."
    )
    return EXIT_PASS


def _signs(dry_run: bool, out: Path | None, key_file: Path | None) -> bool:
    """Whether this process signs. Stops where it couldn't: the key itself is read when the model is
    done, so that no key is here while it runs what others made.

    Raises:
        ModelctlError: no key was given.
    """
    signs = not dry_run and out is None
    if signs and key_file is None and not options.signing_secret():
        load_signer(None, None)
    return signs


def _hand_over(
    out: Path | None, located: Located, kind: str, environment: str, predicate: dict[str, Any]
) -> None:
    """Writes the result for the job that signs, if that is another one."""
    if out is not None:
        out.write_bytes(result_bytes(located, kind, environment, predicate))


@contextmanager
def _artifacts(session: Session, located: Located, uri: str | None) -> Iterator[Path]:
    """The artifacts of a version in a private folder, proved to be those of its manifest."""
    with tempfile.TemporaryDirectory(prefix="modelctl-") as temporary:
        folder = fetch(
            located.version.artifacts.root,
            Path(temporary),
            tracking_uri=uri,
            repository=session.repository.directory,
        )
        problems = verify_artifacts(folder, located.version.artifacts.files)
        if problems:
            raise ModelctlError(
                f"the artifacts of {located.name} are not those of its manifest: "
                + "; ".join(problems[:5]),
                mend="restore them, or make a new version: nothing was loaded",
            )
        yield folder


def _conclude(
    session: Session,
    located: Located,
    kind: str,
    environment: str,
    predicate: dict[str, Any],
    signer: Signer | None,
    format_: str,
) -> int:
    """Records a measurement, unless there is no signer, and prints it."""
    from modelctl.report.evidence import as_json, as_text

    place = None
    if signer is not None:
        github_options.git_access()
        place = record_evidence(session, located, kind, environment, predicate, signer).path
    render = as_json if format_ == "json" else as_text
    click.echo(render(located.name, kind, environment, predicate, place))
    return EXIT_PASS if predicate.get("passed") is not False else EXIT_BLOCKED
