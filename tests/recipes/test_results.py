"""The table and the curves of a study."""

import math

import pytest
from scipy import stats

from tests.recipes.small import SMALL_STUDY
from torchsmith.evaluate.evaluation import Evaluation, Robustness, Score
from torchsmith.recipes.results import Finished, StudyResult, mean_score, study_result
from torchsmith.recipes.study import parse_study
from torchsmith.report.study import study_page
from torchsmith.train.history import EpochRecord

STUDY = parse_study(SMALL_STUDY)


CROP = "{RandomCrop: 22}"


def finished(variant, seed, accuracy, losses, failed="", cropped=None):
    score = {"accuracy": Score(value=accuracy, low=accuracy, high=accuracy)}
    evaluation = Evaluation(
        task="multiclass",
        metric="accuracy",
        num_examples={"train": 1, "test": 1},
        scores={"test": score},
        robustness=()
        if cropped is None
        else (
            Robustness(
                change=CROP,
                scores={"accuracy": Score(value=cropped, low=0.0, high=1.0)},
            ),
        ),
    )
    history = [
        EpochRecord(
            epoch=epoch,
            step=epoch,
            train_loss=loss,
            val_loss=loss,
            lr=0.1,
            seconds=1.0,
            examples_per_second=1.0,
        )
        for epoch, loss in enumerate(losses, start=1)
    ]
    return Finished(
        variant=variant,
        seed=seed,
        run=f"{variant}-{seed}",
        history=history,
        evaluation=None if failed else evaluation,
        seconds=2.0,
        failed=failed,
    )


def test_the_interval_is_that_of_scipy():
    values = [0.91, 0.94, 0.92, 0.95]
    score = mean_score(values)
    expected = stats.t.interval(0.95, 3, loc=sum(values) / 4, scale=stats.sem(values))
    assert (score.low, score.high) == pytest.approx(expected)


def test_an_interval_stays_within_what_the_score_can_be():
    found = [
        finished("low rate", seed, accuracy, [1.0])
        for seed, accuracy in enumerate((0.1, 0.1, 0.9))
    ]
    row = study_result(STUDY, found, seconds=1.0).rows[0]
    assert (row.score.low, row.score.high) == (0.0, 1.0)


def test_one_seed_has_no_interval():
    score = mean_score([0.9])
    assert score.value == 0.9
    assert math.isnan(score.low)


def test_differences_are_paired_by_seed_and_positive_is_better():
    result = study_result(
        STUDY,
        [
            finished("low rate", 0, 0.5, [2.0, 1.0]),
            finished("high rate", 0, 0.6, [1.0]),
            finished("low rate", 1, 0.7, [4.0, 3.0]),
            finished("high rate", 1, 0.8, [3.0]),
        ],
        seconds=8.0,
    )
    low, high = result.rows
    assert low.difference is None
    assert low.about == "One step in a hundred."
    assert low.score.value == pytest.approx(0.6)
    assert low.score.high <= 1
    assert high.difference.value == pytest.approx(0.1)
    assert high.difference.low == pytest.approx(0.1)
    assert high.settings == "{optimizer.SGD.lr: 0.5}"
    assert (high.epochs, high.seconds) == (1, 2)


def test_scores_after_a_change_of_the_test_part_are_means_over_the_seeds():
    result = study_result(
        STUDY,
        [
            finished("low rate", 0, 0.9, [2.0], cropped=0.3),
            finished("low rate", 1, 0.9, [2.0], cropped=0.5),
            finished("high rate", 0, 0.9, [1.0]),
        ],
        seconds=3.0,
    )
    low, high = result.rows
    assert low.changed[CROP].value == pytest.approx(0.4)
    assert low.changed[CROP].high == 1.0
    assert high.changed == {}
    page = study_page("name", STUDY, result)
    assert "after RandomCrop: 22" in page
    assert "40\u00a0%" in page


def test_curves_hold_the_mean_and_the_ends_of_the_seeds_that_came_so_far():
    result = study_result(
        STUDY,
        [
            finished("low rate", 0, 0.5, [2.0, 1.0]),
            finished("low rate", 1, 0.7, [4.0]),
            finished("high rate", 0, 0.6, [1.0]),
        ],
        seconds=8.0,
    )
    first, second = result.curves["val_loss"]["low rate"]
    assert (first.epoch, first.mean, first.low, first.high) == (1, 3.0, 2.0, 4.0)
    assert (second.epoch, second.mean, second.low, second.high) == (2, 1.0, 1.0, 1.0)
    assert result.curves["val_accuracy"] == {}


def test_a_variant_that_fails_stands_in_the_table_with_what_went_wrong():
    result = study_result(
        STUDY,
        [
            finished("low rate", 0, 0.5, [2.0]),
            finished("high rate", 0, 0.0, [9.0], failed="the loss is not finite"),
        ],
        seconds=1.0,
    )
    row = result.rows[1]
    assert row.score is None
    assert row.difference is None
    assert row.failed == ("seed 0: the loss is not finite",)


def test_results_are_read_as_they_were_written():
    members = [finished(name, 0, 0.5, [2.0]) for name in STUDY.variants]
    result = study_result(STUDY, members, seconds=1.0)
    read = StudyResult.model_validate_json(result.model_dump_json())
    assert read.model_dump_json() == result.model_dump_json()
