"""What became of versions after the merge, by the pull requests that brought them."""

from __future__ import annotations

from modelctl.domain.landing import Landing, by_pull
from modelctl.domain.verdict import Report


def landing(model: str, **changes: object) -> Landing:
    return Landing(model=model, version="1.0.0", commit="c" * 40, **changes)  # type: ignore[arg-type]


def test_a_landing_is_told_by_its_model() -> None:
    one = landing("tumor-classifier")
    assert (one.name, one.task) == ("tumor-classifier@1.0.0", "modelctl:tumor-classifier")
    assert not one.blocked
    assert landing("tumor-classifier", reports=(Report(title="no", verdicts=()),)).blocked


def test_landings_by_the_pull_request_that_brought_them() -> None:
    one, two, three = (landing(f"model-{n}", pull_request=p) for n, p in enumerate((7, None, 7)))
    assert by_pull([one, two, three]) == {7: (one, three), None: (two,)}
