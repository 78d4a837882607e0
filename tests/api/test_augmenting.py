"""Augmentation and robustness, from the plan to the scores."""

import pytest
import torch

import torchsmith as ts

CROPS = [{"RandomCrop": 6}]
SHORT = {"training.epochs": 2, "network": {"MLP": [16]}}


def weights(run):
    return list(run.network.state_dict().values())


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs with augmentation, and one without."""
    folder = tmp_path_factory.mktemp("runs")
    augmented = SHORT | {"augment": CROPS, "robustness": CROPS}
    return [
        ts.train("digits", settings=settings, runs=folder)
        for settings in (augmented, augmented, augmented | {"augment": []})
    ]


def test_augmentation_changes_training_and_repeats_bit_for_bit(runs):
    first, again, plain = map(weights, runs)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, plain, strict=True))


def test_the_scores_under_a_change_stand_beside_the_others(runs):
    evaluation = runs[2].evaluation
    (changed,) = evaluation.robustness
    assert changed.change == "{RandomCrop: 6}"
    score = changed.scores["accuracy"]
    assert score.low < score.value < score.high
    assert score.value < evaluation.scores["test"]["accuracy"].value
    assert runs[0].evaluation.robustness == runs[1].evaluation.robustness
    assert "test after RandomCrop: 6" in runs[2].report_path.read_text("utf-8")


def test_a_plan_with_changes_comes_back_from_its_file(runs):
    text = (runs[0].path / "plan.yaml").read_text("utf-8")
    assert "augment: [{RandomCrop" in text
    assert ts.load_run(runs[2].path).plan.augment == ()
    assert ts.load_run(runs[0].path).plan.augment == runs[0].plan.augment


def test_changes_of_pictures_are_refused_for_tables(tmp_path):
    with pytest.raises(ts.PlanError, match=r"augment\.0: RandomCrop is for images"):
        ts.train("iris", settings={"augment": CROPS}, runs=tmp_path)


def test_a_window_that_is_too_large_is_refused_before_there_is_a_run(tmp_path):
    with pytest.raises(ts.PlanError, match=r"robustness\.0: .* 8 x 8"):
        ts.train("digits", settings={"robustness": [{"RandomCrop": 12}]}, runs=tmp_path)
    assert not list(tmp_path.iterdir())
