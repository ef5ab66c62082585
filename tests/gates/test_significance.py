"""The gate: good enough beyond chance, bad beyond chance, or nobody can tell, and what would."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.domain.candidate import Facts, Served
from modelctl.domain.significance import difference, exactly, wilson
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.significance import check_significance
from support.judging import candidate, facts, gate, policy, signed
from support.world import MODEL

SERVED = Served(version="0.9.0", digest="9" * 64)
NO_WORSE = {"metric": "accuracy", "against": "serving", "higher_is_better": True, "margin": 0.01}


def asked(known: Facts, **options: Any) -> Finding:
    [finding] = check_significance(
        gate(check="significance", options=options), candidate(), policy(), known
    )
    return finding


def evaluated(value: float, samples: int | None, **changes: Any) -> Facts:
    predicate = {"metrics": {"accuracy": value}, "sample_size": samples, **changes}
    return facts(signed(**predicate))


def both(ours: float, theirs: float, samples: int) -> Facts:
    """An accuracy of the version that is judged and of that which is served, on one dataset."""
    predicates = ({"metrics": {"accuracy": one}, "sample_size": samples} for one in (ours, theirs))
    mine, other = predicates
    return facts(signed(**mine), signed(SERVED.digest, seq=2, **other), served=SERVED)


@pytest.mark.parametrize(
    ("ours", "outcome"),
    # Wilson at 95 % with 1000 samples: 0.8722 has its lower limit just above 0.85,
    # 0.8278 its upper just below.
    [
        (0.8722, Outcome.PASS), (0.8721, Outcome.INCONCLUSIVE),
        (0.8279, Outcome.INCONCLUSIVE), (0.8278, Outcome.FAIL),
    ],
)  # fmt: skip
def test_a_threshold_is_met_or_missed_beyond_chance(ours: float, outcome: Outcome) -> None:
    lower, upper = wilson(ours, 1000, 0.95)
    assert (lower >= 0.85, upper < 0.85) == (outcome is Outcome.PASS, outcome is Outcome.FAIL)
    assert asked(evaluated(ours, 1000), metric="accuracy", minimum=0.85).outcome is outcome


@pytest.mark.parametrize(
    ("rate", "outcome"),
    [(0.0002, Outcome.PASS), (0.0009, Outcome.INCONCLUSIVE), (0.002, Outcome.FAIL)],
)
def test_a_maximum_is_kept_or_broken_beyond_chance(rate: float, outcome: Outcome) -> None:
    known = evaluated(0.9, 20000, metrics={"error_rate": rate})
    assert asked(known, metric="error_rate", maximum=0.001).outcome is outcome


def test_the_served_version_is_compared_with_by_both_intervals() -> None:
    better, noise, worse = (
        asked(both(ours, 0.90, 10_000), **NO_WORSE) for ours in (0.905, 0.895, 0.87)
    )
    assert better.outcome is Outcome.PASS
    assert better.message == "accuracy is good enough beyond chance"
    assert noise.outcome is Outcome.INCONCLUSIVE
    assert noise.message == ("accuracy can't be told from 0.9: the difference is inside the noise")
    assert noise.values["needs"] == "≥ 0.9 - 0.01"
    assert noise.values["better by (95 %)"] == "-0.0134 to +0.0034"
    assert worse.outcome is Outcome.FAIL
    assert worse.message == "accuracy is too bad to be chance"
    assert worse.location is not None


def test_it_says_how_many_samples_would_decide() -> None:
    finding = asked(both(0.895, 0.90, 10_000), **NO_WORSE)
    assert finding.mend is not None
    needed = int(finding.mend.split()[2])
    assert finding.mend == (
        f"measure on {needed} samples, {needed - 10_000} more: "
        "they decide if the figures stay as they are"
    )
    assert asked(both(0.895, 0.90, needed), **NO_WORSE).outcome is Outcome.PASS
    assert asked(both(0.895, 0.90, needed - 1), **NO_WORSE).outcome is Outcome.INCONCLUSIVE


def test_at_the_margin_it_says_that_no_number_decides() -> None:
    finding = asked(both(0.89, 0.90, 1000), **NO_WORSE)
    assert finding.mend == "the difference is at the margin, where no number of samples decides"


def test_a_higher_confidence_asks_for_more() -> None:
    known = evaluated(0.8722, 1000)
    assert asked(known, metric="accuracy", minimum=0.85).outcome is Outcome.PASS
    strict = asked(known, metric="accuracy", minimum=0.85, confidence=0.99)
    assert strict.outcome is Outcome.INCONCLUSIVE
    assert "better by (99 %)" in strict.values


def errors(value: float, low: float, high: float, **changes: Any) -> dict[str, Any]:
    return {
        "metrics": {"rmse": value},
        "lower": {"rmse": low},
        "upper": {"rmse": high},
        "confidence": 0.95,
        "sample_size": 100,
        **changes,
    }


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [
        (errors(2.0, 1.9, 2.1), Outcome.PASS),
        (errors(2.9, 2.8, 3.1), Outcome.INCONCLUSIVE),
        (errors(3.5, 3.4, 3.6), Outcome.FAIL),
    ],
)
def test_less_of_an_error_is_better(ours: dict[str, Any], outcome: Outcome) -> None:
    known = facts(
        signed(**ours), signed(SERVED.digest, seq=2, **errors(3.0, 2.9, 3.1)), served=SERVED
    )
    found = asked(known, metric="rmse", against="serving", higher_is_better=False)
    assert found.outcome is outcome
    assert found.values["needs"] == "≤ 3"


def test_the_baseline_is_a_number_without_chance() -> None:
    known = facts(signed(**errors(2.0, 1.9, 2.1, baseline={"rmse": 2.1})))
    options = {"metric": "rmse", "against": "baseline", "higher_is_better": False}
    assert asked(known, **options).outcome is Outcome.PASS
    close = facts(signed(**errors(2.0, 1.9, 2.1, baseline={"rmse": 2.05})))
    assert asked(close, **options).outcome is Outcome.INCONCLUSIVE
    without = asked(facts(signed(**errors(2.0, 1.9, 2.1))), **options)
    assert without.message == "chance can't be ruled out: evidence.baseline.rmse is missing"


def test_samples_that_nobody_counted_are_named_as_a_multiple() -> None:
    close = facts(signed(**errors(2.0, 1.9, 2.1, sample_size=None, baseline={"rmse": 2.05})))
    options = {"metric": "rmse", "against": "baseline", "higher_is_better": False}
    assert asked(close, **options).mend == "measure both on 4.0 times as many samples"


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (evaluated(0.9, None), "evidence has no interval of accuracy, and evidence.sample_size"),
        (facts(signed(metrics={})), "evidence.metrics.accuracy is missing"),
        (
            facts(
                signed(),
                signed(SERVED.digest, seq=2, metrics={"f1_score": 0.9}),
                served=SERVED,
            ),
            "serving.metrics.accuracy is missing",
        ),
    ],
)
def test_without_samples_or_interval_chance_stays_possible(known: Facts, message: str) -> None:
    finding = (
        asked(known, **NO_WORSE) if known.served else asked(known, metric="accuracy", minimum=0.5)
    )
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert message in finding.message
    assert finding.command == f"make {MODEL}@1.0.0 in dev"


def test_the_first_version_has_nothing_to_be_worse_than() -> None:
    finding = asked(evaluated(0.5, 10), **NO_WORSE)
    assert finding.outcome is Outcome.PASS
    assert "serves no version yet" in finding.message


def test_other_data_can_not_be_compared() -> None:
    other = {"name": "other", "digest": "sha256:" + "0" * 64}
    known = facts(signed(), signed(SERVED.digest, seq=2, dataset=other), served=SERVED)
    finding = asked(known, **NO_WORSE)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "measured on other data" in finding.message
    assert finding.command == f"make {MODEL}@0.9.0 in dev"


def test_a_failed_run_is_told_beside_the_verdict() -> None:
    known = facts(signed(passed=False, sample_size=100_000))
    asked_for = gate(check="significance", options={"metric": "accuracy", "minimum": 0.85})
    found = list(check_significance(asked_for, candidate(), policy(), known))
    assert [f.outcome for f in found] == [Outcome.FAIL, Outcome.PASS]


def test_no_evidence_is_inconclusive() -> None:
    assert asked(facts(), metric="accuracy", minimum=0.5).outcome is Outcome.INCONCLUSIVE


def test_what_it_says_is_what_the_domain_says() -> None:
    lower, upper = wilson(0.9, 100, 0.95)
    finding = asked(evaluated(0.9, 100), metric="accuracy", minimum=0.85)
    assert finding.values["better by (95 %)"] == f"{lower - 0.85:+.4f} to {upper - 0.85:+.4f}"
    assert difference(exactly(1.0), exactly(0.5)).value == 0.5


def test_a_metric_that_the_model_lacks_is_told_with_those_that_it_has() -> None:
    known = facts(signed(metrics={"rmse": 3.0, "mae": 2.0}, sample_size=100))
    finding = asked(known, metric="accuracy", minimum=0.9)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message == "its evaluation has no accuracy (it has mae, rmse)"
    assert finding.mend == "measure accuracy, or narrow the gate: applies.tasks"
