"""What is said of more time follows from the curve, and claims no more than that."""

import math

import pytest

from torchsmith.evaluate.outlook import outlook
from torchsmith.plan.file import parse_plan
from torchsmith.train.history import EpochRecord

PLAN = parse_plan("""\
problem: {task: binary, target: y, metric: accuracy, classes: [a, b]}
data: {source: made}
network: {MLP: [4]}
loss: CrossEntropyLoss
optimizer: Adam
sized_for: {budget: 60, cores: 2, gflops: 100}
""")


def curve(values, steps=10, **metrics):
    return [
        EpochRecord(
            epoch=place,
            step=place * steps,
            train_loss=value,
            val_loss=value,
            metrics={name: scores[place - 1] for name, scores in metrics.items()},
            lr=0.1,
            seconds=1.0,
            examples_per_second=1.0,
        )
        for place, value in enumerate(values, start=1)
    ]


def said(values, ending="epochs", seconds=58.0, plan=PLAN):
    return outlook(plan, curve(values), ending, seconds)


def test_a_curve_that_falls_to_the_end_asks_for_more():
    text = said([9, 8, 7, 6, 5, 4, 3, 2, 1])
    assert text.startswith("val_loss still improved in the last third")
    assert "by 75 %: twice the time would likely help" in text


def test_a_flat_end_asks_for_nothing():
    text = said([9, 5, 3, 2, 1.5, 1, 0.999, 0.998, 0.997])
    assert "has flattened" in text
    assert "more epochs would hardly help" in text


def test_a_flat_end_of_few_steps_says_nothing():
    history = curve([9, 5, 3, 2, 1.5, 1, 0.999, 0.998, 0.997], steps=4)
    assert outlook(PLAN, history, "epochs", 58.0) == ""


def test_a_curve_that_turned_long_ago_asks_for_nothing():
    text = said([3, 2, 1, 2, 3, 4, 5, 6, 7])
    assert text == (
        "val_loss was best in epoch 3 of 9 and has not improved since: more epochs "
        "would hardly help."
    )


def test_a_score_is_judged_by_what_it_lacks():
    stopping = PLAN.stopping.model_copy(update={"monitor": "val_accuracy"})
    plan = PLAN.model_copy(update={"stopping": stopping})
    scores = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95]
    text = outlook(plan, curve([1.0] * 9, accuracy=scores), "epochs", 58.0)
    assert (
        "val_accuracy still improved in the last third of the epochs, by 50 %" in text
    )


def test_a_training_that_the_guard_cut_off_is_said_to_be_unfinished():
    text = said([3, 2, 1], "seconds")
    assert "before its learning rate had come down" in text


def test_a_guard_far_below_the_budget_asks_for_no_epochs_that_it_would_cut_off():
    text = said([3, 2, 1], "seconds", seconds=8.0)
    assert text.endswith("more time, or fewer epochs, would likely help.")


def test_a_guard_in_the_only_epoch_asks_for_no_fewer_epochs():
    once = PLAN.training.model_copy(update={"epochs": 1})
    plan = PLAN.model_copy(update={"training": once})
    text = said([3], "seconds", plan=plan)
    assert text.endswith("come down: more time would likely help.")


def test_a_budget_that_is_far_from_used_is_explained():
    text = said([3, 2, 1, 1, 1, 1, 1, 1, 1], seconds=6.0)
    assert text.endswith(
        "The run took 6 s of its budget of 60 s: on data of this size more epochs "
        "seldom pay."
    )
    assert "budget" not in said([3, 2, 1], seconds=50.0)


def test_a_budget_that_was_left_though_more_would_help_says_how_to_use_it():
    text = said([9, 8, 7, 6, 5, 4, 3, 2, 1], seconds=6.0)
    assert text.endswith("of its budget of 60 s; training.epochs: 20 uses more.")
    reasons = {"training.epochs": "set with --set"}
    plan = PLAN.model_copy(update={"reasons": reasons})
    assert "budget" not in said([3, 2, 1, 1], seconds=6.0, plan=plan)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 1.0]])
def test_too_short_a_curve_says_nothing(values):
    assert said(values) == ""


@pytest.mark.parametrize(
    ("values", "epochs"), [([1.0], "1 epoch"), ([2.0, 1.0], "2 epochs")]
)
def test_epochs_that_the_budget_cut_to_a_few_are_named(values, epochs):
    reasons = {"training.epochs": "72 steps, about 44 s here: as many as fit into 60 s"}
    training = PLAN.training.model_copy(update={"epochs": len(values)})
    plan = PLAN.model_copy(update={"reasons": reasons, "training": training})
    assert said(values, plan=plan) == (
        f"The budget of 60 s was enough for {epochs} only: more time would likely help."
    )
    for why in ("set with --set", "2 steps: as many as 9 examples are worth, 1 s"):
        other = plan.model_copy(update={"reasons": {"training.epochs": why}})
        assert said(values, plan=other) == ""


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_an_epoch_without_a_number_is_not_the_best(lost):
    text = said([lost, 1.0, 0.5, 0.2])
    assert text.startswith("val_loss still improved in the last third")
    assert said([9, lost, 3, 2, 1.5, 1, 0.999, 0.998, 0.997]).startswith(
        "val_loss has flattened"
    )


def test_fewer_than_three_numbers_are_no_curve():
    assert said([math.nan, math.nan, 1.0, 0.5]) == ""
    assert said([math.nan, math.nan, math.nan, 1.0, 0.9, 0.8]) != ""
