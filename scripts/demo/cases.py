"""The two models of the story, and the runs that trained their versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demo.people import ADA, BEN, LENA, MAX, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model: its owner, who makes its versions, who of the same role reviews them, who leads.

    `about` is what its model.yaml says it does, `protected` the columns that fairness is measured
    by, `sla` its promise to callers.
    """

    model: str
    dataset: str
    owner: str
    task: str
    author: Person
    colleague: Person
    lead: Person
    about: str
    sla: Mapping[str, float]
    protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A training run: its id, and where its model is."""

    run: str
    uri: str


SLA = {"latency_p95_ms": 250, "latency_p99_ms": 500, "throughput_rps": 100, "error_rate": 0.001}
TUMOR = Case(
    model="tumor-classifier",
    dataset="tumor",
    owner="oncology-ml",
    task="classification",
    author=ADA,
    colleague=BEN,
    lead=LENA,
    about="Tells malignant from benign tumours by measurements of their cells.",
    sla=SLA,
    protected=("size_band",),
)
DIABETES = Case(
    model="diabetes-progression",
    dataset="diabetes",
    owner="metabolic-ml",
    task="regression",
    author=BEN,
    colleague=ADA,
    lead=MAX,
    about="Says how far diabetes will have progressed after a year.",
    sla=SLA,
)
CASES = (TUMOR, DIABETES)
