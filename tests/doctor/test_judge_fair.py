"""What the doctor compares before it says that a run is behind, swings or fails."""

import pytest

from tests.doctor.test_judge import around, course, epochs, found, result, rival
from torchsmith.evaluate.evaluation import (
    Calibration,
    Group,
    Mixture,
    ReliabilityBin,
)
from torchsmith.plan.losses import CrossEntropyLoss
from torchsmith.plan.plan import Stopping

CONSTANT = rival("constant", 0.25, 0.6)


def beaten_by(trees, linear, half=0.02):
    """Rivals at 0.9 that are better by so much, with an interval of so much."""
    return CONSTANT, rival("trees", 0.9, trees, half), rival("linear", 0.9, linear)


def test_the_best_of_several_rivals_is_not_ahead_by_an_interval_that_holds_for_one():
    """Of two, the interval must be 1.14 times as wide."""
    clear = result(0.75, 0.75, 0.75, rivals=beaten_by(-0.15, 0.0, 0.13))
    assert {"T6", "Q1"} <= found(evaluation=clear).keys()
    chance = result(0.75, 0.75, 0.75, rivals=beaten_by(-0.15, 0.0, 0.14))
    assert found(evaluation=chance) == {}


def test_standing_still_is_an_error_only_where_two_rivals_say_so():
    """One rival may only know rows that stand there twice."""
    one = result(0.7, 0.7, 0.7, rivals=beaten_by(-0.2, 0.0))
    two = result(0.7, 0.7, 0.7, rivals=beaten_by(-0.2, -0.2))
    assert found(evaluation=one)["T6"].severity == "warning"
    assert found(evaluation=two)["T6"].severity == "error"


def test_a_network_misses_what_a_rival_knows_only_beyond_noise():
    near = result(0.82, 0.885, 0.82, rivals=beaten_by(-0.08, 0.0))
    assert "T6" not in found(evaluation=near)
    far = result(0.82, 0.87, 0.82, rivals=beaten_by(-0.08, 0.0))
    assert "T6" in found(evaluation=far)


def test_one_epoch_with_a_high_loss_does_not_make_training_too_short():
    level = [1.4, 0.9, 0.6, 0.4, 0.31, 0.305, 0.303, 0.302, 0.301, 0.3]
    swinging = [*level[:7], 0.9, *level[8:]]
    assert found(course(epochs(level, val_losses=swinging))) == {}
    steep = [1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    assert "P3" in found(course(epochs(level, val_losses=steep)))


def test_swinging_that_ends_before_training_does_is_let_be():
    scores = [0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.9, 0.6, 0.9]
    assert "T7" in found(course(epochs([0.5] * 10, scores)))
    settled = [0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.9, 0.6, 0.9, 0.9, 0.9]
    assert found(course(epochs([0.5] * 11, settled))) == {}


def probabilities(confidence, right, error):
    one = ReliabilityBin(rows=800, confidence=confidence, right=around(right))
    return Calibration(error=around(error), bins=(one,))


def test_probabilities_that_label_smoothing_lowers_are_a_note_that_says_so():
    smooth = course(loss=CrossEntropyLoss(label_smoothing=0.1))
    low = result(calibration=probabilities(0.83, 0.92, 0.09))
    seen = found(smooth, low)["Q4"]
    assert seen.severity == "note"
    assert "label smoothing takes up to 8.0 % off them" in seen.message
    assert "9.0 % too low" in seen.evidence
    assert found(course(), low)["Q4"].severity == "warning"
    high = result(calibration=probabilities(0.99, 0.9, 0.09))
    assert found(smooth, high)["Q4"].severity == "warning"
    far = result(calibration=probabilities(0.7, 0.92, 0.22))
    assert found(smooth, far)["Q4"].severity == "warning"


@pytest.mark.parametrize(("error", "code"), [(0.1, "T8"), (0.02, None)])
def test_a_val_loss_that_rises_while_probabilities_get_too_sure_is_by_heart(
    error, code
):
    heart = epochs(
        [0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02],
        [0.7, 0.8, 0.85, 0.87, 0.88, 0.89, 0.9, 0.91],
        [0.8, 0.6, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9],
    )
    sure = result(calibration=probabilities(0.99, 0.99 - error, error))
    kept_last = course(heart, stopping=Stopping(restore_best=False))
    seen = found(kept_last, sure)
    assert ("T8" in seen) == (code == "T8")
    if code:
        assert "the probabilities say too much" in seen["T8"].evidence
    assert "T8" not in found(course(heart), sure)


def untold(column, here, there, noise=0.1):
    return Group(
        column=column,
        name="1 to 2",
        rows=80,
        error=0.5,
        others=0.3,
        excess=around(0.2),
        skill=around(here, 1.96 * noise),
        skill_others=around(there, 1.96 * noise),
    )


def test_a_group_of_which_nobody_tells_half_as_much_as_elsewhere_is_a_warning():
    seen = found(evaluation=result(groups=(untold("age", 0.2, 0.8),)))["Q5"]
    assert (seen.severity, seen.where) == ("warning", "column 'age'")
    assert "20 % of a constant guess's error there, and 80 % elsewhere" in seen.evidence
    hard = (untold("age", 0.5, 0.8), untold("age", 0.2, 0.8, noise=0.2))
    assert found(evaluation=result(groups=hard)) == {}


def test_of_columns_that_go_together_the_worst_group_is_named():
    both = untold("rooms", 0.2, 0.8), untold("income", 0.0, 0.8)
    seen = found(evaluation=result(groups=both))["Q5"]
    assert seen.where == "column 'income'"


def mixed(order):
    return Mixture(label="c", answer="a", rows=20, right=80, order=around(order, 0.1))


def test_examples_of_one_class_that_are_labelled_as_another_are_a_warning():
    seen = found(evaluation=result(mixture=mixed(0.5)))["D11"]
    assert (seen.severity, seen.where) == ("warning", "class 'c'")
    assert "20 held-out rows of 'c' are called 'a'" in seen.evidence
    assert found(evaluation=result(mixture=mixed(0.9))) == {}


def test_confusions_of_a_network_that_learned_too_little_say_nothing_of_labels():
    behind = result(0.7, 0.7, 0.7, mixture=mixed(0.5))
    assert "D11" not in found(evaluation=behind)
