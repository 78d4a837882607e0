"""From volumes to predictions for new ones, in every form they come in."""

import numpy as np
import pytest

import torchsmith as ts
from torchsmith.core.errors import DataError

FAST = {
    "network": "{VolumeNet: {channels: [4, 8]}}",
    "optimizer": "{AdamW: {lr: 0.02}}",
    "schedule": None,
    "training.epochs": 6,
    "training.engine": "eager",
    "split.val": 0.25,
}


def bars(count, seed=0):
    """Return `(N, 8, 8, 8)` bars along the depth or the width, and which they are."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    values = np.zeros((count, 8, 8, 8), np.uint8)
    for row, (label, place) in enumerate(
        zip(labels, random.integers(1, 7, (count, 2)), strict=True)
    ):
        where = (place[0], place[1], slice(None))
        values[row][where if label else where[::-1]] = 1
    return values, labels


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bars")
    (x, y), (x_test, y_test) = bars(80), bars(20, seed=1)
    arrays = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
    np.savez(folder / "bars.npz", **arrays, classes=np.array(["along", "across"]))
    return folder, ts.train(
        folder / "bars.npz", settings=FAST, runs=folder / "runs", name="bars"
    )


def test_the_whole_way_learns_what_the_volumes_show(trained):
    _, run = trained
    assert run.evaluation.scores["test"]["accuracy"].value >= 0.9
    assert "bars" in run.path.name
    assert (run.path / "report.html").is_file()


def test_the_same_volumes_in_every_form_give_the_same_prediction(trained):
    folder, run = trained
    values, labels = bars(6, seed=2)
    np.save(folder / "new.npy", values)
    np.savez(folder / "new.npz", x=values, y=labels)
    expected = run.predict(values).probabilities
    for source in (
        folder / "new.npy",
        folder / "new.npz",
        values[:, None],
        (values, labels),
        values.astype(np.float32),
    ):
        np.testing.assert_array_equal(run.predict(source).probabilities, expected)


def test_arrays_in_memory_are_trained_on(tmp_path):
    values, labels = bars(60)
    run = ts.train((values[:, None], labels), settings=FAST, runs=tmp_path)
    assert run.plan.data.kind is None
    assert run.predict(values[:2]).probabilities.shape == (2, 2)


def test_a_shape_that_could_be_pictures_is_taken_as_the_person_says(tmp_path):
    values, labels = bars(60)
    thin = values[..., :3]
    settings = {**FAST, "data.kind": "volumes"}
    run = ts.train((thin, labels), settings=settings, runs=tmp_path)
    assert run.plan.data.kind == "volumes"
    assert run.predict(thin[:2]).probabilities.shape == (2, 2)
    with pytest.raises(DataError, match=r"data\.kind is volumes, but it holds a table"):
        ts.plan("iris", settings={"data.kind": "volumes"})


def test_new_volumes_of_another_shape_are_refused(trained):
    _, run = trained
    with pytest.raises(DataError, match=r"in training they were \(1, 8, 8, 8\)"):
        run.predict(np.zeros((2, 9, 8, 8), np.uint8))
