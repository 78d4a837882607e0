"""The verdict says what the intervals say, and no more."""

import pytest

from torchsmith.evaluate.evaluation import Rival, Score
from torchsmith.evaluate.rivals import TITLES
from torchsmith.evaluate.verdict import verdict

BETTER, EVEN, WORSE = (0.02, 0.01, 0.03), (0.001, -0.02, 0.02), (-0.05, -0.06, -0.04)


def rival(name, gain, ours=0.9, num_fitted=1_000, metric="accuracy"):
    value, low, high = gain
    theirs = Score(value=ours - value, low=0, high=1)
    difference = Score(value=value, low=low, high=high)
    return Rival(
        name=name,
        title=TITLES[name],
        scores={metric: theirs},
        difference=difference,
        num_fitted=num_fitted,
    )


def said(*rivals, ours=0.9, metric="accuracy", num_rows=1_000):
    scores = {metric: Score(value=ours, low=0, high=1)}
    return verdict(metric, scores, rivals, num_rows)


def test_better_than_all():
    rivals = [rival(name, BETTER) for name in TITLES]
    assert said(*rivals) == (
        "Better than a constant guess, the last value, a linear model, nearest "
        "neighbours and gradient-boosted trees beyond noise."
    )


def test_better_than_some_and_not_than_others():
    rivals = [rival("constant", BETTER), rival("trees", (-0.004, -0.01, 0.002))]
    assert said(*rivals) == (
        "Better than a constant guess beyond noise; "
        "not better than gradient-boosted trees (accuracy 90.0 % against 90.4 %)."
    )


def test_a_lead_within_noise_is_named_as_such():
    assert said(rival("constant", BETTER), rival("linear", EVEN)) == (
        "Better than a constant guess beyond noise; "
        "not better than a linear model (accuracy 90.0 % against 89.9 %, within noise)."
    )


def test_two_that_are_not_beaten_are_joined_by_or():
    text = said(rival("linear", EVEN), rival("trees", EVEN))
    assert text.startswith("Not better than a linear model (")
    assert " or gradient-boosted trees (" in text


def test_worse_than_a_rival():
    assert said(rival("constant", BETTER), rival("neighbors", WORSE)) == (
        "Better than a constant guess beyond noise; "
        "worse than nearest neighbours (accuracy 90.0 % against 95.0 %)."
    )


def test_no_better_than_a_constant_guess_comes_first():
    text = said(rival("constant", EVEN), rival("trees", WORSE))
    assert text.startswith(
        "No better than a constant guess "
        "(accuracy 90.0 % against 89.9 %, within noise); "
        "worse than gradient-boosted trees"
    )


def test_worse_than_a_constant_guess_comes_first():
    text = said(rival("constant", WORSE), rival("linear", BETTER))
    assert text == (
        "Worse than a constant guess (accuracy 90.0 % against 95.0 %); "
        "better than a linear model beyond noise."
    )


def area(value, low=0.7, high=0.9):
    return {"roc_auc": Score(value=value, low=low, high=high)}


def guessed(gain, metric="accuracy"):
    constant = rival("constant", gain, metric=metric)
    scores = {**constant.scores, **area(0.5, 0.49, 0.51)}
    return constant.model_copy(update={"scores": scores})


@pytest.mark.parametrize(
    ("gain", "lead"), [(EVEN, "No better than"), (WORSE, "Worse than")]
)
def test_probabilities_that_rank_rows_are_named_beside_answers_of_no_use(gain, lead):
    scores = {"accuracy": Score(value=0.9, low=0, high=1), **area(0.8)}
    text = verdict("accuracy", scores, [guessed(gain), rival("trees", EVEN)], 100)
    assert text.startswith(f"{lead} a constant guess (accuracy ")
    ranked = "), but its probabilities rank the rows better (ROC AUC 0.800); not better"
    assert ranked in text
    noise = {**scores, **area(0.6, 0.48, 0.7)}
    said_of_noise = verdict("accuracy", noise, [guessed(gain)], 100)
    assert "rank" not in said_of_noise


def test_a_metric_of_probabilities_says_by_itself_whether_rows_are_ranked():
    scores = {"log_loss": Score(value=0.9, low=0, high=1), **area(0.8)}
    text = verdict("log_loss", scores, [guessed(EVEN, "log_loss")], 100)
    assert text.startswith("No better than a constant guess")
    assert "rank" not in text


def test_a_rival_that_saw_fewer_rows_is_named_as_such():
    text = said(rival("trees", BETTER, num_fitted=4_000), num_rows=60_000)
    assert text == (
        "Better than gradient-boosted trees (fitted on 4,000 of 60,000 rows) "
        "beyond noise."
    )


def test_values_keep_their_units():
    trees = rival("trees", (-1_200.0, -2e3, -9e2), ours=48_213.0, metric="rmse")
    theirs = trees.model_copy(
        update={"scores": {"rmse": Score(value=47_013.0, low=0, high=1)}}
    )
    assert said(theirs, ours=48_213.0, metric="rmse") == (
        "Worse than gradient-boosted trees (RMSE 48,213 against 47,013)."
    )


def test_one_test_row_proves_nothing():
    nan = float("nan")
    assert said(rival("linear", (0.5, nan, nan))).startswith("Not better than")


@pytest.mark.parametrize("rivals", [(), (Rival(name="linear", title="linear model"),)])
def test_nothing_to_compare_with_gives_no_verdict(rivals):
    assert said(*rivals) == ""
