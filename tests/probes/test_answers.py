"""What a model answered beside what is true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelctl.errors import ModelctlError
from modelctl.probes.answers import classified, regressed
from modelctl.probes.statistics import Classified, once


def codes(*given: Any) -> Classified:
    sample = classified(*given).sample
    assert isinstance(sample, Classified)
    return sample


def test_of_two_classes_the_greater_is_positive() -> None:
    answers = classified([0, 1, 1], [0, 1, 0], None)
    assert answers.positive == "1"
    assert once(answers.sample)["recall"] == 0.5
    assert classified(["no", "yes"], ["no", "no"], None).positive == "yes"
    assert classified([1, 2, 3], [1, 2, 3], None).positive is None


@pytest.mark.parametrize(
    "predicted",
    [
        np.array([0, 1, 0]),
        np.array([[0], [1], [0]]),
        pd.Series([0, 1, 0]),
        pd.DataFrame({"prediction": [0, 1, 0]}),
        [0, 1, 0],
        np.array([0.0, 1.0, 0.0]),
        np.array([False, True, False]),
    ],
)
def test_answers_come_in_many_shapes(predicted: Any) -> None:
    sample = codes(np.array([0, 1, 1]), predicted, None)
    assert sample.predicted.tolist() == [0, 1, 0]
    assert sample.truth.tolist() == [0, 1, 1]


def test_text_of_any_length_is_told_apart() -> None:
    known = ["a", "abcdef", "abcxyz"]
    scores = np.eye(3)[[0, 1]]
    sample = codes(np.array(["a", "abcdef"], dtype=object), ["a", "a"], (scores, known))
    assert sample.classes == 3
    assert sample.truth.tolist() == [0, 1]


def test_probabilities_are_put_in_the_order_of_the_classes() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8]])
    sample = codes([1, 0], [1, 0], (scores, [1, 0]))
    assert sample.scores is not None
    assert sample.scores.tolist() == [[0.1, 0.9], [0.8, 0.2]]


def test_a_class_that_the_model_does_not_know_has_no_probability() -> None:
    sample = codes([0, 1, 2], [0, 1, 1], (np.array([[1.0, 0], [0, 1], [0, 1]]), [0, 1]))
    assert sample.classes == 3
    assert sample.positive is None
    assert sample.scores is not None
    assert sample.scores[2].tolist() == [0, 1, 0]


def test_a_model_may_answer_with_probabilities_itself() -> None:
    table = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]])
    sample = codes(["a", "b", "a"], table, None)
    assert sample.predicted.tolist() == [0, 1, 1]
    assert sample.scores is not None
    named = codes(["a", "b", "a"], table, (np.zeros((3, 2)), ["b", "a"]))
    assert named.predicted.tolist() == [1, 0, 0]
    with pytest.raises(ModelctlError, match="2 probabilities, and 3 classes"):
        classified([1, 2, 3], table, None)


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [
        ([0, 1], ["0", "1"], "not of one kind"),
        (["a", "b"], [0, 1], "not of one kind"),
        ([0, 1], [0, 1, 1], "shape [3] for 2 rows"),
        ([0, 1], [0, np.nan], "1 answers of the model are not finite"),
    ],
)
def test_answers_that_fit_nothing_are_refused(truth: Any, predicted: Any, said: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        classified(truth, predicted, None)
    assert said in caught.value.message


def test_numbers_are_taken_as_numbers() -> None:
    answers = regressed(pd.Series([1, 2]), pd.DataFrame({"y": [1.5, 2.5]}))
    assert answers.positive is None
    assert once(answers.sample)["mae"] == 0.5


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [
        (["a", "b"], [1, 2], "are not numbers"),
        ([1, 2], ["a", "b"], "are not numbers"),
        ([1, 2], [[1, 2], [3, 4]], "shape [2, 2] for 2 rows"),
        ([1, 2], [1, np.inf], "1 answers of the model are not finite"),
    ],
)
def test_what_is_no_number_is_refused(truth: Any, predicted: Any, said: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        regressed(truth, predicted)
    assert said in caught.value.message
