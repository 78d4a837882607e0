"""Importance is high for what the network uses, and zero for what it does not."""

import numpy as np
import pytest

from torchsmith.evaluate.importance import permutation_importance


def table(rows=800):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(rows, 4)).astype(np.float32)
    return inputs, 3.0 * inputs[:, 0] + inputs[:, 1].astype(np.float64)


COLUMNS = {"unused": [2], "weak": [1], "strong": [0]}


def predict(inputs):
    return 3.0 * inputs[:, 0] + inputs[:, 1]


def test_the_most_important_column_stands_first():
    found = permutation_importance(predict, *table(), COLUMNS, metric="rmse")
    assert [i.column for i in found] == ["strong", "weak", "unused"]
    strong, weak, unused = (i.drop for i in found)
    assert strong.value == pytest.approx(3 * 2**0.5, rel=0.1)
    assert weak.value == pytest.approx(2**0.5, rel=0.1)
    assert strong.low > weak.high > weak.low > unused.value == 0


def test_a_drop_of_a_score_of_classes_is_positive_too():
    inputs, values = table()
    targets = (values > 0).astype(np.int64)

    def probabilities(inputs):
        share = 1 / (1 + np.exp(-predict(inputs)))
        return np.stack([1 - share, share], axis=1)

    found = permutation_importance(
        probabilities, inputs, targets, COLUMNS, metric="accuracy"
    )
    assert found[0].column == "strong"
    assert 0.3 < found[0].drop.value < 0.6


def test_the_features_of_one_column_are_shuffled_together():
    inputs, _ = table()
    inputs[:, 3] = -inputs[:, 0]

    def only_their_sum(inputs):
        return inputs[:, 0] + inputs[:, 3]

    targets = np.zeros(len(inputs))
    columns = {"pair": [0, 3], "half": [3]}
    found = permutation_importance(
        only_their_sum, inputs, targets, columns, metric="mae"
    )
    assert {i.column: i.drop.value > 0 for i in found} == {"pair": False, "half": True}


def test_importance_is_the_same_for_the_same_seed():
    case = (predict, *table(), COLUMNS)
    first = permutation_importance(*case, metric="rmse", seed=4)
    assert permutation_importance(*case, metric="rmse", seed=4) == first
    assert permutation_importance(*case, metric="rmse", seed=5) != first


def test_the_inputs_are_left_as_they_were():
    inputs, targets = table()
    before = inputs.copy()
    permutation_importance(predict, inputs, targets, COLUMNS, metric="rmse")
    np.testing.assert_array_equal(inputs, before)


def test_at_most_five_thousand_rows_are_used():
    inputs, targets = table(9_000)
    seen = []

    def watched(inputs):
        seen.append(len(inputs))
        return predict(inputs)

    permutation_importance(watched, inputs, targets, COLUMNS, metric="rmse")
    assert set(seen) == {5_000}


def test_no_time_means_few_rows_and_one_repeat():
    inputs, targets = table()
    seen = []

    def watched(inputs):
        seen.append(len(inputs))
        return predict(inputs)

    permutation_importance(
        watched, inputs, targets, COLUMNS, metric="rmse", seconds=1e-9
    )
    assert seen == [800, 200, 200, 200]


def test_a_column_that_became_no_feature_is_left_out():
    found = permutation_importance(
        predict, *table(), {**COLUMNS, "id": []}, metric="rmse"
    )
    assert "id" not in {i.column for i in found}


def test_of_more_columns_than_there_is_time_for_the_leading_ones_are_shuffled():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(300, 500)).astype(np.float32)
    calls = []

    def watched(inputs):
        calls.append(1)
        return 3.0 * inputs[:, 400] - inputs[:, 7]

    found = permutation_importance(
        watched,
        inputs,
        watched(inputs).astype(np.float64),
        {f"x{place}": [place] for place in range(500)},
        metric="rmse",
        seconds=1e-9,
    )
    assert [one.column for one in found[:2]] == ["x400", "x7"]
    assert len(found) == 30
    assert len(calls) < 40
