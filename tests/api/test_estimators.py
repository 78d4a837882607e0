"""`Classifier` and `Regressor` keep what scikit-learn promises of an estimator."""

import copy
import math
import pickle
import random
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import DataConversionWarning, SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import torchsmith as ts
from torchsmith.data.steps import EncodeCategories
from torchsmith.train.session import Session


class Frame:
    """A data frame as far as estimators look: pandas is not needed for tests."""

    def __init__(self, columns):
        self._columns = {name: np.asarray(column) for name, column in columns.items()}
        self.columns = list(columns)
        self.shape = (len(next(iter(self._columns.values()))), len(columns))

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, name):
        return Series(self._columns[name])

    def take(self, rows):
        return Frame({name: column[rows] for name, column in self._columns.items()})


class Series:
    def __init__(self, values):
        self._values = values

    def to_numpy(self):
        return self._values


def quick_classifier(**parameters):
    return ts.Classifier(**{"hidden": (16,), "lr": 0.02, "epochs": 15, **parameters})


def quick_regressor(**parameters):
    return ts.Regressor(**{"hidden": (16,), "lr": 0.02, "epochs": 15, **parameters})


def blobs(num_rows=80, num_classes=2, seed=0):
    draw = np.random.default_rng(seed)
    codes = draw.permutation(np.arange(num_rows) % num_classes)
    return draw.normal(size=(num_rows, 3)) + 4 * codes[:, None], codes


def houses(num_rows=120, seed=0):
    """Rows of mixed columns, whose classes only the texts tell."""
    draw = np.random.default_rng(seed)
    district = draw.choice(["north", "south", "harbour"], num_rows).astype(object)
    dear = np.where(district == "harbour", "dear", "cheap")
    size = draw.uniform(30, 160, num_rows)
    frame = Frame({"district": district, "size": size, "garden": size > 100})
    return frame, dear


# What scikit-learn checks


@pytest.mark.parametrize("make", [quick_classifier, quick_regressor])
def test_every_check_of_scikit_learn_passes(make):
    estimator = make(epochs=15, hidden=(32,))
    with pytest.warns(SkipTestWarning) as skipped:
        check_estimator(estimator)  # nothing is expected to fail
    for warning in skipped:  # optional packages and modes of scikit-learn only
        assert "pandas" in str(warning.message) or "array_api" in str(warning.message)


# Learning


def test_a_classifier_learns_iris():
    rows, labels = load_iris(return_X_y=True)
    scores = cross_val_score(ts.Classifier(), rows, labels, cv=3)
    assert scores.mean() > 0.93


def test_a_regressor_learns_diabetes():
    rows, values = load_diabetes(return_X_y=True)
    scores = cross_val_score(ts.Regressor(epochs=20), rows, values, cv=3)
    assert scores.mean() > 0.4


def test_a_regressor_predicts_in_the_units_of_the_target():
    draw = np.random.default_rng(0)
    rows = draw.uniform(-1, 1, (200, 1))
    values = 5_000 + 300 * rows[:, 0]
    predicted = quick_regressor(epochs=40).fit(rows, values).predict(rows)
    assert predicted.shape == (200,)
    assert predicted.dtype == np.float64
    assert np.abs(predicted - values).mean() < 50


def test_estimators_work_in_a_pipeline_and_a_search():
    rows, labels = blobs()
    pipe = make_pipeline(StandardScaler(), quick_classifier())
    search = GridSearchCV(
        pipe,
        {"classifier__hidden": [(8,), np.array([16])], "classifier__lr": [0.01, 0.02]},
        cv=2,
        error_score="raise",
    )
    assert search.fit(rows, labels).best_score_ > 0.9


@pytest.mark.parametrize(
    "classes",
    [["b", "a", "c"], [10, 9, -3], [2.0, -1.0, 10.0], [True, False]],
    ids=["texts", "integers", "floats", "booleans"],
)
def test_labels_come_back_as_they_were_given(classes):
    rows, codes = blobs(90, len(classes))
    labels = np.array(classes)[codes]
    classifier = quick_classifier().fit(rows, labels)
    assert classifier.classes_.tolist() == sorted(classes)
    predicted = classifier.predict(rows)
    assert predicted.dtype == labels.dtype
    assert (predicted == labels).mean() > 0.9
    probabilities = classifier.predict_proba(rows)
    assert np.allclose(probabilities.sum(axis=1), 1)
    columns = np.searchsorted(classifier.classes_, labels)
    assert probabilities[np.arange(90), columns].mean() > 0.7


# Data frames, gaps, names


def test_texts_and_booleans_of_a_data_frame_are_learned_from():
    rows, labels = houses()
    classifier = quick_classifier(epochs=30).fit(rows, labels)
    assert classifier.plan_.data.columns["district"] == "category"
    assert classifier.plan_.data.columns["garden"] == "boolean"
    assert classifier.score(rows, labels) == 1.0
    assert classifier.n_features_in_ == 3


def test_a_category_that_fit_did_not_see_can_be_predicted_for():
    rows, labels = houses()
    classifier = quick_classifier().fit(rows, labels)
    unseen = Frame({"district": ["moon"], "size": [50.0], "garden": [False]})
    assert classifier.predict(unseen)[0] in {"cheap", "dear"}


def test_a_column_may_be_called_as_the_target_is():
    rows, labels = houses()
    frame = Frame({"X": rows["size"].to_numpy(), "y": rows["district"].to_numpy()})
    classifier = quick_classifier(epochs=30).fit(frame, labels)
    assert classifier.score(frame, labels) == 1.0


@pytest.mark.parametrize("dtype", [str, object])
def test_a_regressor_of_texts_names_the_classifier(dtype):
    labels = np.array(["a", "b", "c"] * 20, dtype)
    with pytest.raises(
        ts.DataError, match=r"^y: .* such as 'a', .* or use Classifier$"
    ):
        ts.Regressor(epochs=1).fit(np.ones((60, 2)), labels)


def test_two_columns_of_one_name_are_refused():
    rows, labels = houses()
    rows.columns = ["size", "size", "district"]
    with pytest.raises(ts.DataError, match="more than one column 'size'"):
        quick_classifier().fit(rows, labels)


def test_gaps_are_filled_in_training_and_in_prediction():
    rows, labels = blobs()
    rows[::5, 0] = np.nan
    classifier = quick_classifier().fit(rows, labels)
    assert any(type(s).__name__ == "FillMissing" for s in classifier.plan_.prepare)
    gap = np.array([[np.nan, 4.0, 4.0], [0.0, np.nan, 0.0]])  # the second is new
    assert np.isfinite(classifier.predict_proba(gap)).all()


def test_infinite_values_are_refused():
    rows, labels = blobs()
    rows[3, 1] = np.inf
    with pytest.raises(ValueError, match="contains infinity"):
        quick_classifier().fit(rows, labels)
    frame = Frame({"a": rows[:, 0], "b": rows[:, 1]})
    with pytest.raises(ts.DataError, match="'b' has 1 infinite value"):
        quick_classifier().fit(frame, labels)


def test_sparse_rows_and_sample_weights_are_refused():
    from scipy.sparse import csr_array

    rows, labels = blobs()
    with pytest.raises(TypeError, match="Sparse data was passed"):
        quick_classifier().fit(csr_array(rows), labels)
    with pytest.raises(TypeError, match="sample_weight"):
        quick_classifier().fit(rows, labels, sample_weight=np.ones(len(rows)))


def test_a_target_of_two_dimensions_is_flattened_with_a_warning():
    rows, labels = blobs()
    with pytest.warns(DataConversionWarning, match="column-vector"):
        quick_classifier(epochs=1).fit(rows, labels[:, None])


def test_a_target_without_variety_is_refused():
    rows, _ = blobs()
    with pytest.raises(ts.DataError, match="one class only, '1'"):
        quick_classifier().fit(rows, np.ones(80, int))
    with pytest.raises(ts.DataError, match="nothing to learn"):
        quick_regressor().fit(rows, np.full(80, 2.5))


def test_a_label_that_is_missing_is_refused():
    rows, labels = houses()
    labels = labels.astype(object)
    labels[[3, 5]] = None
    with pytest.raises(ts.DataError, match="y is None in 2 of 120 rows"):
        quick_classifier().fit(rows, labels)


# The val part


def test_a_val_part_chooses_the_best_epoch_where_there_are_enough_rows():
    rows, labels = blobs()
    classifier = quick_classifier().fit(rows, labels)
    assert all(record.val_loss is not None for record in classifier.history_)
    assert classifier.plan_.stopping.restore_best


@pytest.mark.parametrize("val", [None, 0, 0.1])
def test_without_a_val_part_all_rows_are_trained_on_to_the_end(val):
    rows, labels = blobs()  # a tenth of them would be 8 rows
    classifier = quick_classifier(val=val, batch_size=2, epochs=3).fit(rows, labels)
    assert all(record.val_loss is None for record in classifier.history_)
    assert classifier.history_[0].step == 40
    assert classifier.n_iter_ == 3
    assert not classifier.plan_.stopping.restore_best
    assert not classifier.network_.training


def test_a_monitor_of_the_val_part_is_the_training_loss_where_there_is_none():
    inputs, targets = load_iris(return_X_y=True)
    few = ts.Classifier(epochs=2, settings={"stopping.monitor": "val_accuracy"})
    few.fit(inputs[::5], targets[::5])
    assert len(few.predict(inputs)) == 150


def test_the_rows_that_are_not_for_validation_are_trained_on():
    rows, labels = blobs()
    classifier = quick_classifier(val=0.25, batch_size=2, epochs=1).fit(rows, labels)
    assert classifier.history_[0].step == 30


def test_a_class_with_one_example_is_learned_without_a_val_part():
    rows, labels = blobs()
    labels[0] = 7
    classifier = quick_classifier().fit(rows, labels)
    assert classifier.classes_.tolist() == [0, 1, 7]
    assert classifier.history_[0].val_loss is None


def test_rows_of_one_group_are_not_divided_between_train_and_val():
    draw = np.random.default_rng(0)
    patient = np.repeat([f"p{i}" for i in range(20)], 6).astype(object)
    frame = Frame({"patient_id": patient, "a": draw.normal(size=120)})
    regressor = quick_regressor(batch_size=2, epochs=1).fit(
        frame, draw.normal(size=120)
    )
    assert regressor.plan_.split.group == "patient_id"
    assert regressor.history_[0].step % 3 == 0  # three batches for each group
    assert regressor.history_[0].val_loss is not None


def test_patience_stops_early():
    draw = np.random.default_rng(0)
    rows, noise = draw.normal(size=(100, 3)), draw.normal(size=100)
    regressor = quick_regressor(patience=2, epochs=100, lr=0.05).fit(rows, noise)
    assert regressor.n_iter_ < 50


# Parameters


def test_parameters_reach_the_plan():
    rows, labels = blobs()
    classifier = ts.Classifier(
        hidden=(7, 5),
        epochs=np.int64(2),
        batch_size=16,
        lr=0.003,
        weight_decay=0.5,
        dropout=0.25,
        val=0.2,
        patience=4,
        random_state=3,
        budget=60,
        device="cpu",
        settings={
            "data.columns.x2": "ignore",
            "network.TabularMLP.members": 1,
            "network.TabularMLP.bins": 0,
        },
    ).fit(rows, labels)
    plan = classifier.plan_
    assert (plan.network.hidden, plan.network.dropout) == ((7, 5), 0.25)
    assert (plan.optimizer.lr, plan.optimizer.weight_decay) == (0.003, 0.5)
    assert (plan.training.epochs, plan.training.batch_size) == (2, 16)
    assert (plan.training.seed, plan.split.seed, plan.split.val) == (3, 3, 0.2)
    assert (plan.stopping.patience, plan.training.device) == (4, "cpu")
    assert plan.training.seconds == pytest.approx(60)
    assert plan.sized_for.budget == 60
    assert plan.data.columns["x2"] == "ignore"
    widths = [p.shape for p in classifier.network_.parameters() if p.ndim == 2]
    assert widths == [(7, 2), (5, 7), (2, 5)]


def test_a_parameter_goes_with_an_optimizer_from_the_settings():
    rows, labels = blobs()
    settings = {"optimizer": {"SGD": {"momentum": 0.9}}}
    plan = quick_classifier(lr=0.3, settings=settings).fit(rows, labels).plan_
    assert (type(plan.optimizer).__name__, plan.optimizer.lr) == ("SGD", 0.3)


def test_a_role_from_the_settings_brings_its_steps():
    rows, labels = blobs()
    rows = np.column_stack([np.arange(len(rows)) % 4, rows])
    settings = {"data.columns.x0": "category"}
    fitted = quick_classifier(settings=settings).fit(rows, labels)
    assert fitted.plan_.data.columns["x0"] == "category"
    assert EncodeCategories(encoding="codes") in fitted.plan_.prepare
    assert len(fitted.predict(rows)) == len(rows)


def test_without_a_budget_nothing_depends_on_the_clock():
    rows, labels = blobs()
    plan = ts.Classifier(settings={"training.epochs": 1}).fit(rows, labels).plan_
    assert plan.training.seconds == 0
    assert plan.sized_for is None


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"val": 1.5}, "val: 1.5 is no share"),
        ({"val": "a"}, "val: 'a' is no share"),
        (
            {"random_state": "abc"},
            "random_state: 'abc' is no seed; give a whole number",
        ),
        ({"random_state": 1.5}, "random_state: 1.5 is no seed"),
        ({"random_state": np.random.default_rng(0)}, "random_state: Generator"),
        ({"hidden": []}, "dropout: .*; set it to 0, or name hidden layers"),
        ({"budget": 0}, "budget: 0 is no number of seconds above 0"),
        ({"budget": "2s"}, "budget: '2s' is no number"),
        ({"budget": True}, "budget: True is no number"),
        ({"budget": math.inf}, "budget: inf is no number"),
        ({"epochs": 0}, "training.epochs"),
        ({"dropout": 1.0}, "dropout"),
        ({"device": "gpu"}, "training.device"),
        ({"settings": {"optimizer.lrr": 1}}, "did you mean 'lr'"),
        ({"settings": {"training.seed": 1}}, "use the parameter random_state"),
        ({"settings": {"problem.task": "binary"}}, "choose Classifier or Regressor"),
    ],
)
def test_a_parameter_that_cannot_work_is_refused_by_fit(parameters, message):
    rows, labels = blobs()
    with pytest.raises(ts.PlanError, match=message):
        quick_classifier(**parameters).fit(rows, labels)


def test_verbose_prints_a_line_for_each_epoch(capsys):
    rows, labels = blobs()
    quick_classifier(epochs=3).fit(rows, labels)
    assert capsys.readouterr().out == ""
    quick_classifier(epochs=3, verbose=1).fit(rows, labels)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:7] for line in lines[-4:-1]] == ["epoch 1", "epoch 2", "epoch 3"]
    assert "val_loss" in lines[-2]
    assert lines[-1] == "All 3 epochs done"


# Repeating and keeping


def test_the_same_random_state_gives_the_same_network():
    rows, labels = blobs()
    first, second, other = (
        quick_classifier(dropout=0.2, random_state=state).fit(rows, labels)
        for state in (5, 5, 6)
    )
    assert same_weights(first, second)
    assert not same_weights(first, other)
    drawn = [
        quick_classifier(random_state=np.random.RandomState(state)).fit(rows, labels)
        for state in (1, 1, 2)
    ]
    assert same_weights(drawn[0], drawn[1])
    assert not same_weights(drawn[0], drawn[2])


def same_weights(first, second):
    ours, theirs = first.network_.state_dict(), second.network_.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_fitting_leaves_the_random_numbers_of_the_program_alone():
    rows, labels = blobs()
    before = (random.getstate(), torch.get_rng_state(), numpy_state())
    quick_classifier(dropout=0.2, epochs=2).fit(rows, labels).predict(rows)
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert np.array_equal(numpy_state(), before[2])


def numpy_state():
    return np.random.get_state()[1]  # noqa: NPY002


def test_copies_and_pickles_predict_the_same_and_clones_are_unfitted():
    rows, labels = houses()
    classifier = quick_classifier(dropout=0.2).fit(rows, labels)
    expected = classifier.predict_proba(rows)
    for other in (copy.deepcopy(classifier), pickle.loads(pickle.dumps(classifier))):
        assert np.array_equal(other.predict_proba(rows), expected)
        assert other.plan_ == classifier.plan_
    assert not hasattr(clone(classifier), "plan_")


def test_a_prediction_does_not_depend_on_the_rows_beside_it():
    rows, values = load_diabetes(return_X_y=True)
    regressor = ts.Regressor(epochs=2).fit(rows, values)
    alone = np.concatenate([regressor.predict(row[None]) for row in rows[:50]])
    np.testing.assert_allclose(alone, regressor.predict(rows)[:50], rtol=1e-12)


def test_ctrl_c_stops_a_whole_search():
    rows, labels = blobs()

    original, pressed = Session.after_step, []

    def press(self, state):
        if not pressed:  # a second time would stop it at once, in another way
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)
        original(self, state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "after_step", press)
        with pytest.raises(KeyboardInterrupt, match="nothing was saved"):
            GridSearchCV(quick_classifier(), {"epochs": [3, 4]}).fit(rows, labels)


def test_fits_in_threads_have_the_weights_that_each_has_alone():
    inputs, y = load_iris(return_X_y=True)

    def fitted(_):
        return ts.Classifier(epochs=4, dropout=0.3).fit(inputs, y).predict_proba(inputs)

    alone = fitted(0)
    with ThreadPoolExecutor(3) as threads:
        assert all(np.array_equal(alone, found) for found in threads.map(fitted, "abc"))


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_a_caller_without_gradients_has_the_same_weights(off):
    inputs, y = load_iris(return_X_y=True)
    model = ts.Classifier(epochs=2, settings={"training.engine": "eager"})
    wanted = clone(model).fit(inputs, y).predict_proba(inputs)
    with off():
        assert np.array_equal(model.fit(inputs, y).predict_proba(inputs), wanted)
