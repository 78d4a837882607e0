"""Rivals are honest, repeatable, and done in time."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

import torchsmith as ts
from tests.evaluate.cases import linear_classes, linear_values, no_codes
from torchsmith.core.observer import Observer
from torchsmith.evaluate.cost import (
    Work,
    affordable_grams,
    affordable_rows,
    sample_rows,
    tree_steps,
)
from torchsmith.evaluate.features import (
    Features,
    design,
    picture_features,
    tree_design,
)
from torchsmith.evaluate.rivals import fit_rivals
from torchsmith.metrics.score import score


def fit(metric, classes, features, targets, num_train, **options):
    rows = np.arange(len(features))
    return fit_rivals(
        metric=metric,
        classes=classes,
        train=features.take(rows[:num_train]),
        targets=targets[:num_train],
        test=features.take(rows[num_train:]),
        seed=0,
        **options,
    )


def scores_of(rivals, metric, targets):
    return {r.name: score(metric, targets, r.outputs) for r in rivals}


@pytest.mark.parametrize("classes", [2, 3])
def test_all_rivals_but_the_constant_learn_classes(classes):
    features, targets = linear_classes(400, classes)
    rivals = fit("accuracy", classes, features, targets, 300)
    found = scores_of(rivals, "accuracy", targets[300:])
    assert list(found) == ["constant", "linear", "neighbors", "trees"]
    assert found["constant"] < 0.65
    assert min(found["linear"], found["neighbors"], found["trees"]) > 0.65
    for rival in rivals:
        assert rival.outputs.shape == (100, classes)
        np.testing.assert_allclose(rival.outputs.sum(axis=1), 1, rtol=1e-6)
        assert (rival.num_fitted, rival.note) == (300, "")


@pytest.mark.parametrize("seconds", [1.0, 2.0, 20.0])
def test_trees_rank_a_rare_class_whatever_time_there_is(seconds):
    """With a rate of .3 and a stop by one or two rows of the class they fell apart."""
    random = np.random.default_rng(0)
    targets = np.arange(2_000) % 160 == 0
    found = []
    for _ in range(3):
        inputs = random.normal(size=(2_000, 2)) + 3 * targets[:, None]
        features = no_codes(inputs)
        rivals = fit(
            "roc_auc", 2, features, targets.astype(int), 1_200, seconds=seconds
        )
        found.append(scores_of(rivals, "roc_auc", targets[1_200:])["trees"])
    assert min(found) > 0.8


def test_all_rivals_but_the_constant_learn_values():
    features, targets = linear_values(400)
    rivals = fit("rmse", 0, features, targets, 300)
    found = scores_of(rivals, "rmse", targets[300:])
    assert found["constant"] > 8
    assert found["linear"] < 1.2
    assert max(found["neighbors"], found["trees"]) < 6


def test_neighbours_hold_no_class_impossible():
    features, targets = linear_classes(400, 3)
    neighbors = fit("log_loss", 3, features, targets, 300)[2]
    assert neighbors.outputs.min() > 0.01


def test_large_targets_keep_their_digits():
    features, targets = linear_values(200)
    rivals = fit("rmse", 0, features, targets + 1e8, 150)
    assert scores_of(rivals, "rmse", targets[150:] + 1e8)["linear"] < 1.3


def test_the_constant_guess_is_the_class_shares():
    features = no_codes(np.zeros((10, 1)))
    targets = np.array([0, 0, 0, 1, 2, 0, 0, 1, 0, 0])
    constant = fit("accuracy", 3, features, targets, 8)[0]
    np.testing.assert_allclose(constant.outputs[0], [5 / 8, 2 / 8, 1 / 8])


@pytest.mark.parametrize(("metric", "guess"), [("rmse", 25.0), ("mae", 2.0)])
def test_the_constant_guess_is_the_best_constant_for_the_metric(metric, guess):
    features = no_codes(np.arange(5.0)[:, None])
    constant = fit(metric, 0, features, np.array([1.0, 2, 2, 95, 0]), 4)[0]
    assert constant.outputs.tolist() == [guess]


def test_rivals_are_the_same_for_the_same_seed():
    features, targets = linear_classes(300, 3)
    first = fit("accuracy", 3, features, targets, 200)
    again = fit("accuracy", 3, features, targets, 200)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.outputs, other.outputs)


def test_categories_are_learnt_and_an_unknown_one_is_no_error():
    random = np.random.default_rng(0)
    codes = random.integers(1, 60, (1_500, 2))
    features = Features(np.zeros((1_500, 1), np.float32), codes)
    targets = (codes[:, 0] % 5 == 0).astype(float) + (codes[:, 1] < 10)
    codes[1_400:1_450] = 4_000
    rivals = fit("rmse", 0, features, targets, 1_300)
    assert all(np.isfinite(r.outputs).all() for r in rivals)
    trees, constant = rivals[3].outputs[:100], rivals[0].outputs[:100]
    truth = targets[1_300:1_400]
    assert score("rmse", truth, trees) < 0.9 * score("rmse", truth, constant)


def test_a_class_that_only_some_rows_have_keeps_its_column():
    features, targets = linear_classes(60, 2)
    targets[:] = np.where(targets == 1, 2, 0)
    for rival in fit("accuracy", 3, features, targets, 40):
        assert rival.outputs.shape == (20, 3)
        np.testing.assert_allclose(rival.outputs[:, 1], 0, atol=1e-12)


def test_a_class_with_one_row_is_no_error():
    features, targets = linear_classes(1_200, 2)
    targets[5] = 2
    rivals = fit("accuracy", 3, features, targets, 1_100)
    assert all(r.outputs.shape == (100, 3) for r in rivals)


def test_a_single_class_is_guessed():
    features = no_codes(np.random.default_rng(0).normal(size=(20, 2)))
    rivals = fit("accuracy", 2, features, np.ones(20, np.int64), 15)
    assert "only one class" in rivals[1].note
    assert all((r.outputs.argmax(axis=1) == 1).all() for r in rivals)


def test_a_forecast_has_the_last_value_as_a_rival():
    features, targets = linear_values(60)
    last = np.where(np.arange(60) < 58, targets - 1, np.nan)
    found = fit("rmse", 0, replace(features, last=last), targets, 50)
    assert [r.name for r in found] == [
        "constant",
        "last",
        "linear",
        "neighbors",
        "trees",
    ]
    np.testing.assert_array_equal(found[1].outputs[:8], targets[50:58] - 1)
    np.testing.assert_array_equal(found[1].outputs[8:], found[0].outputs[8:])
    assert found[1].note == (
        "no value is known in 2 of 10 windows, which get the constant guess"
    )
    assert (found[1].title, found[1].num_fitted) == ("last value", 50)


def test_a_linear_model_that_does_not_converge_says_so():
    random = np.random.default_rng(0)
    numbers = random.normal(size=(260, 200)) * np.logspace(-3, 3, 200)
    pixels = replace(no_codes(numbers), picture=(200, 1, 1))
    targets = random.integers(0, 6, 260)
    note = fit("accuracy", 6, pixels, targets, 250)[1].note
    assert note == "stopped after 100 steps, not converged"


def test_a_rival_that_saw_fewer_rows_says_so():
    features, targets = linear_classes(4_000, 2)
    rivals = fit("accuracy", 2, features, targets, 3_500, seconds=1e-6)
    trees = rivals[3]
    assert trees.num_fitted == pytest.approx(200, abs=2)
    expected = f"fitted on {trees.num_fitted:,} of 3,500 rows to save time"
    assert trees.note == expected
    assert rivals[0].num_fitted == 3_500


def test_an_observer_is_told():
    class Heard(Observer):
        def __init__(self):
            self.heard = []

        def stage(self, title, total=None):
            self.heard.append((title, total))

        def advance(self, done):
            self.heard.append(done)

    heard = Heard()
    features, targets = linear_values(40)
    fit("rmse", 0, features, targets, 30, observer=heard)
    assert heard.heard == [("Fitting simple rivals", 4), 1, 2, 3, 4]


def test_missing_numbers_are_refused():
    with pytest.raises(ValueError, match="fill missing values first"):
        no_codes(np.array([[1.0], [np.nan]]))


def test_no_test_rows_are_refused():
    features, targets = linear_values(10)
    with pytest.raises(ValueError, match="rows to predict"):
        fit("rmse", 0, features, targets, 10)


MNIST = Work(
    rows=60_000, test_rows=10_000, numbers=784, codes=0, classes=10, tree_columns=196
)
SMALL = Work(rows=900, test_rows=300, numbers=9, codes=3, classes=2, tree_columns=12)


@pytest.mark.parametrize("name", ["linear", "neighbors", "trees"])
def test_fewer_rows_are_fitted_the_larger_the_job(name):
    rows = affordable_rows(name, MNIST, 6.7)
    assert 2_000 < rows < 40_000
    assert affordable_rows(name, replace(MNIST, classes=0), 6.7) >= rows
    assert affordable_rows(name, MNIST, 40) > rows
    assert affordable_rows(name, SMALL, 6.7) == 900


def test_a_small_budget_gives_a_rival_fewer_rows():
    wide = replace(MNIST, numbers=12_288, tree_columns=12_288)
    rows = [affordable_rows("linear", wide, seconds) for seconds in (6.7, 3.0, 0.4)]
    assert rows == [1_308, 585, 200]
    tall = replace(wide, numbers=100_000)
    rows = [affordable_rows("linear", tall, seconds) for seconds in (6.0, 3.0, 0.4)]
    assert rows == [1_000, 500, 200]


def test_many_classes_get_fewer_trees():
    steps = [tree_steps(replace(MNIST, classes=k), 6.7) for k in (0, 2, 10, 1_000)]
    assert steps == [200, 200, 50, 10]


def test_trees_learn_more_classes_than_a_tenth_of_the_rows(tmp_path):
    table = tmp_path / "classes.csv"
    rows = [f"{i % 13},k{i % 120}" for i in range(1_440)]
    table.write_text("\n".join(["x,y", *rows]))
    settings = {"training.epochs": 1}
    run = ts.train(table, target="y", settings=settings, runs=tmp_path)
    assert "trees" in {rival.name for rival in run.evaluation.rivals}


def test_rows_are_drawn_in_proportion_and_rare_classes_are_kept():
    targets = np.array([0] * 9_000 + [1] * 990 + [2] * 9 + [3])
    rows = sample_rows(targets, 1_000, 4, seed=0)
    assert np.bincount(targets[rows]).tolist() == [900, 99, 2, 1]
    assert (np.diff(rows) > 0).all()
    assert (rows != sample_rows(targets, 1_000, 4, seed=1)).any()


def test_rows_are_drawn_evenly_for_values():
    rows = sample_rows(np.arange(5_000.0), 1_000, 0, seed=0)
    assert len(rows) == len(set(rows.tolist())) == 1_000
    assert abs(rows.mean() - 2_500) < 200


def test_pixels_are_scaled_and_shrunk_by_means():
    pictures = np.zeros((2, 3, 40, 60), np.uint8)
    pictures[0, 1, :2, :2] = 255
    features = picture_features(pictures)
    assert features.picture == (20, 30, 3)
    assert features.numbers.shape == (2, 1_800)
    assert features.numbers[0, 1] == 1
    assert features.numbers.sum() == 1


def test_a_constant_column_is_no_error():
    rows, other = design(no_codes(np.full((9, 1), 0.1)), no_codes(np.array([[0.7]])))
    assert np.abs(rows).max() == 0
    assert np.isfinite(other).all()


def test_two_categories_are_at_distance_one():
    codes = np.array([[1], [2], [2]])
    features = Features(np.zeros((3, 1), np.float32), codes)
    rows, _ = design(features, features)
    assert np.linalg.norm(rows[0] - rows[1]) == pytest.approx(1)


def test_numbers_are_scaled_by_the_training_rows():
    train, test = no_codes(np.array([[0.0], [10]])), no_codes(np.array([[20.0]]))
    ours, theirs = design(train, test)
    assert (ours.ravel().tolist(), theirs.ravel().tolist()) == ([-1, 1], [3])


def test_rare_categories_share_a_level_for_the_trees():
    codes = np.concatenate([np.repeat(np.arange(254), 3), np.arange(254, 300)])[:, None]
    train = Features(np.zeros((len(codes), 0), np.float32), codes)
    test = Features(np.zeros((3, 0), np.float32), np.array([[7], [270], [999]]))
    _, rows, is_code = tree_design(train, test)
    assert rows.ravel().tolist() == [7, 254, 254]
    assert is_code.tolist() == [True]


@pytest.mark.slow
def test_rivals_of_mnist_are_done_in_time(shared_data):
    def idx(name, header):
        content = gzip.decompress((shared_data / "mnist" / name).read_bytes())
        return np.frombuffer(content, np.uint8, offset=header)

    train = idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    test = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    rivals = fit_rivals(
        metric="accuracy",
        classes=10,
        train=picture_features(train),
        targets=idx("train-labels-idx1-ubyte.gz", 8).astype(np.int64),
        test=picture_features(test),
        seed=0,
    )
    truth = idx("t10k-labels-idx1-ubyte.gz", 8).astype(np.int64)
    found = scores_of(rivals, "accuracy", truth)
    assert sum(r.seconds for r in rivals) < 60
    assert found["linear"] > 0.9
    assert min(found["neighbors"], found["trees"]) > 0.93


def test_a_linear_model_of_texts_knows_as_many_n_grams_as_time_allows():
    names = Work(16_000, 4_000, 0, 0, 18, 1, grams=28)
    assert affordable_grams(names, 6.0) == 17_391
    assert affordable_grams(names, 0.6) == 1_739
    assert affordable_grams(names, 0.01) == 1_000
    assert affordable_grams(replace(names, classes=2), 60.0) == 50_000
    assert affordable_rows("linear", names, 6.0) == 16_000
    assert affordable_rows("linear", names, 0.6) == 3_571
