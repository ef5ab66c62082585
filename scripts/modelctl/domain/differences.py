"""What differs between two versions: to callers, in quality, in what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from modelctl.domain.compatibility import (
    NeededBump,
    SignatureDiff,
    allowed,
    difference,
    smallest_bump,
)
from modelctl.domain.evidence import Statement
from modelctl.domain.facts import figures
from modelctl.domain.manifest import Metric, ModelVersion
from modelctl.domain.metrics import Better, better, is_share
from modelctl.domain.significance import (
    Comparison as Margin,
    Figure,
    difference as difference_of,
    share_of,
)

CONFIDENCE = 0.95
"""Of the intervals that manifests and evaluations give, and of what is told of a difference."""


class Judgement(StrEnum):
    """What a changed metric means."""

    SAME = "same"
    BETTER = "better"
    WORSE = "worse"
    CHANGED = "changed"  # beyond the noise, and nobody here knows which way is better
    NOISE = "within the noise"
    UNSURE = "unsure"  # it comes without an interval or a sample size


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure, with the digest of the data that it was measured on.

    `lower` and `upper` bound its 95 % interval, `size` counts rows, as far as they are told.
    """

    value: float
    lower: float | None = None
    upper: float | None = None
    size: int | None = None
    dataset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChange:
    """One metric of both versions; a side is None where it wasn't measured there.

    `source` is `measured` for signed evidence and `claimed` for what the manifest says.
    """

    name: str
    source: str
    before: Measured | None
    after: Measured | None

    @property
    def better(self) -> Better | None:
        """Which way the metric is better."""
        return better(self.name)

    @property
    def other_data(self) -> bool:
        """Whether the two were measured on different data, so that they hardly compare."""
        return (
            self.before is not None
            and self.after is not None
            and self.before.dataset != self.after.dataset
        )

    @property
    def change(self) -> float | None:
        """`after` less `before`."""
        if self.before is None or self.after is None:
            return None
        return self.after.value - self.before.value

    @property
    def difference(self) -> Margin | None:
        """The change with its limits, None where there is nothing to make them of."""
        before, after = _limited(self.name, self.before), _limited(self.name, self.after)
        return difference_of(after, before) if before and after else None

    @property
    def judgement(self) -> Judgement | None:
        """What the change means, None where a side is missing."""
        if self.change is None:
            return None
        if self.change == 0:
            return Judgement.SAME
        if self.difference is None:
            return Judgement.UNSURE
        if not self.difference.beyond_noise:
            return Judgement.NOISE
        if self.better is None:
            return Judgement.CHANGED
        rises = self.change > 0
        return Judgement.BETTER if rises is (self.better is Better.HIGHER) else Judgement.WORSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that was added (`before` is None), removed (`after` is None) or changed."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What one version's changelog says."""

    version: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that differs between two versions.

    `needed` is the bump that the signature asks for and `enough` whether the numbers tell it; both
    are None for versions of two models. `sections` holds the changed things by what they are, in
    order; only what differs is listed. Sizes are in bytes. `notes` are the changelogs from after
    the lower version up to the higher one, newest first.
    """

    before: ModelVersion
    after: ModelVersion
    signature: SignatureDiff
    needed: NeededBump | None
    enough: bool | None
    metrics: tuple[MetricChange, ...]
    sections: Mapping[str, tuple[Item, ...]]
    notes: tuple[Note, ...] = ()

    @property
    def sizes(self) -> tuple[int, int]:
        """How large all artifacts together were and are."""
        return self.before.artifacts.size, self.after.artifacts.size


def compare(
    before: ModelVersion,
    after: ModelVersion,
    measured: tuple[Statement | None, Statement | None] = (None, None),
    notes: Sequence[Note] = (),
) -> Comparison:
    """What differs; `measured` are the evaluations of both that count, where there are any."""
    signature = difference(before.signature, after.signature)
    needed = enough = None
    if before.model == after.model:
        lower, higher = sorted((before, after), key=lambda one: one.version)
        needed = smallest_bump(difference(lower.signature, higher.signature))
        same = lower.version == higher.version
        enough = same or allowed(lower.version, higher.version, needed.bump)
    return Comparison(
        before=before,
        after=after,
        signature=signature,
        needed=needed,
        enough=enough,
        metrics=tuple(_metrics(before, after, measured)),
        sections={name: items for name, items in _sections(before, after) if items},
        notes=tuple(notes),
    )


def _metrics(
    before: ModelVersion,
    after: ModelVersion,
    measured: tuple[Statement | None, Statement | None],
) -> Iterator[MetricChange]:
    """Measured before claimed, each by name."""
    sides = [_measured(statement) for statement in measured], [_claimed(v) for v in (before, after)]
    for source, (old, new) in zip(("measured", "claimed"), sides, strict=True):
        for name in sorted({*old, *new}):
            yield MetricChange(name=name, source=source, before=old.get(name), after=new.get(name))


def _limited(name: str, one: Measured | None) -> Figure | None:
    """The figure with its limits, None where nothing gives them."""
    if one is None:
        return None
    if one.lower is not None and one.upper is not None and one.lower <= one.value <= one.upper:
        return Figure(value=one.value, lower=one.lower, upper=one.upper, samples=one.size)
    return share_of(one.value, one.size, CONFIDENCE) if is_share(name) else None


def _claimed(version: ModelVersion) -> dict[str, Measured]:
    latency = {f"latency_{name}": Measured(value=value) for name, value in version.latency.items()}
    return {metric.name: _claim(metric) for metric in version.metrics} | latency


def _claim(metric: Metric) -> Measured:
    return Measured(
        value=metric.value,
        lower=metric.lower,
        upper=metric.upper,
        size=metric.sample_size,
        dataset=metric.dataset_digest,
    )


def _measured(statement: Statement | None) -> dict[str, Measured]:
    if statement is None:
        return {}
    predicate = statement.predicate
    lower, upper = figures(predicate.get("lower")), figures(predicate.get("upper"))
    dataset, size = predicate.get("dataset"), predicate.get("sample_size")
    digest = dataset.get("digest") if isinstance(dataset, Mapping) else None
    latency = figures(predicate.get("latency"))
    return {f"latency_{name}": Measured(value=value) for name, value in latency.items()} | {
        name: Measured(
            value=value,
            lower=lower.get(name),
            upper=upper.get(name),
            size=size if isinstance(size, int) else None,
            dataset=digest if isinstance(digest, str) else None,
        )
        for name, value in figures(predicate.get("metrics")).items()
    }


def _sections(before: ModelVersion, after: ModelVersion) -> Iterator[tuple[str, tuple[Item, ...]]]:
    yield "dependencies", _items(_pins(before), _pins(after))
    yield "training data", _items(_data(before), _data(after))
    yield "parameters", _items(before.parameters, after.parameters)
    yield "made with", _items(_making(before), _making(after))
    yield "artifacts", _items(_files(before), _files(after))
    yield "tags", _items(before.tags, after.tags)


def _items(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Item, ...]:
    """What differs between two mappings, by name."""
    names = sorted({*before, *after})
    found = (Item(name=n, before=before.get(n), after=after.get(n)) for n in names)
    return tuple(item for item in found if item.before != item.after)


def _pins(version: ModelVersion) -> dict[str, str]:
    """Package → its pin: `1.9.0` of `scikit-learn==1.9.0`, any other requirement as it is."""
    split = (line.partition("==") for line in version.dependencies)
    return {name.strip(): pin.strip() or name.strip() for name, _, pin in split}


def _data(version: ModelVersion) -> dict[str, str]:
    rows = version.lineage.training_data
    return {row.name: _joined((row.version, row.digest, _rows(row.size))) for row in rows}


def _rows(size: int | None) -> str | None:
    return None if size is None else f"{size:,} rows"


def _making(version: ModelVersion) -> dict[str, str]:
    features = version.features
    made = {
        "framework": " ".join(version.framework),
        "features": _joined((features.name, features.version, features.hash)) if features else None,
        "explainability": version.explainability,
        "git commit": version.lineage.git_commit,
        "run": version.lineage.run,
        "experiment": version.lineage.experiment,
        "created by": version.created_by,
        "owner": version.owner,
        "contact": version.contact,
        "artifact root": version.artifacts.root,
    }
    return {name: value for name, value in made.items() if value}


def _files(version: ModelVersion) -> dict[str, str]:
    return {
        file.path: f"sha256:{file.sha256}, {file.size:,} bytes" for file in version.artifacts.files
    }


def _joined(parts: Iterable[str | None]) -> str:
    """The parts that there are, each once: a dataset's version is often its digest."""
    return ", ".join(dict.fromkeys(part for part in parts if part))
