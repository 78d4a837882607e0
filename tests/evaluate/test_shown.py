import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.inspect.build import pictures, sequences, table, texts, volumes
from torchsmith.evaluate.samples import choose_samples
from torchsmith.evaluate.shown import BRIGHTEST, MOST_POINTS, Shown, show, trace, views
from torchsmith.plan.plan import Problem

ROWS = np.array([2, 0])


def opened(shown):
    with Image.open(io.BytesIO(base64.b64decode(shown.picture))) as picture:
        return np.asarray(picture)


def problem(classes, task="multiclass"):
    metric = "rmse" if task == "regression" else "accuracy"
    return Problem(task=task, target="label", metric=metric, classes=classes)


def test_nothing_is_shown_of_inputs_that_are_not_known():
    assert show(None, ROWS) == [Shown(), Shown()]


def test_a_table_shows_its_rows():
    shown = show(table({"a": [1, 2, 3.5], "b": ["x", "y", "z"]}).inputs, ROWS)
    assert [one.row for one in shown] == [{"a": "3.5", "b": "z"}, {"a": "1", "b": "x"}]


def with_photos(folder, labels=None):
    """A table of twelve rows whose photos are the brighter the later."""
    for row in range(12):
        Image.new("L", (200, 100), 20 * row).save(folder / f"{row}.png")
    columns = {"size": range(12), "photo": [f"{row}.png" for row in range(12)]}
    data = table(columns, labels)
    return replace(data, inputs=replace(data.inputs, folder=folder))


def test_a_table_whose_column_names_pictures_shows_them_beside_its_rows(tmp_path):
    inputs = with_photos(tmp_path).inputs
    third, first = show(inputs, ROWS, picture_column="photo")
    assert third.row == {"size": "2", "photo": "2.png"}
    assert opened(third).shape == (48, 96)
    assert opened(third).max() == opened(third).min() == 40
    assert first.row["photo"] == "0.png"
    assert not any(one.picture for one in show(inputs, ROWS))


def test_pictures_show_themselves():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 1), dtype=np.uint8)
    np.testing.assert_array_equal(
        opened(show(pictures(pixels).inputs, ROWS)[0]), pixels[2, ..., 0]
    )


def test_a_text_shows_its_letters_and_a_long_one_its_beginning():
    short, long = show(texts(["cab", "x", "ab" * 300]).inputs, np.array([0, 2]))
    assert short == Shown(text="cab")
    assert long.text == "ab" * 200 + "…"


def test_a_sequence_shows_each_step_of_each_channel():
    steps = np.array([[1, 10], [2, np.nan], [3.00004, 30]])
    (shown,) = show(sequences([steps], channels=["x", "y"]).inputs, np.array([0]))
    assert shown.trace.channels == ("x", "y")
    assert shown.trace.values == ((1, 2, 3), (10, None, 30))
    assert shown.trace.num_steps == 3


def test_a_long_curve_keeps_its_lone_peaks_and_its_gaps():
    steps = np.zeros((10_000, 1))
    steps[4_321], steps[8_765] = 7, -5
    steps[2_000:4_000] = np.nan
    found = trace(steps, ("x",))
    values = found.values[0]
    assert len(values) == MOST_POINTS
    assert {7.0, -5.0, None} <= {*values}
    assert values.index(7.0) / MOST_POINTS == pytest.approx(0.4321, abs=0.01)
    assert found.num_steps == 10_000


def test_of_many_channels_the_first_are_drawn_and_the_rest_is_counted():
    found = trace(np.zeros((5, 9)), tuple("abcdefghi"))
    assert found.channels == tuple("abcdef")
    assert found.num_channels == 9


def test_a_volume_shows_the_slices_through_its_middle_and_what_lies_behind():
    voxels = np.zeros((1, 5, 6, 7), np.uint8)
    voxels[0, 2, 1, 1] = 200  # in the middle slice of the depth
    voxels[0, 4, 5, 6] = 200  # at the far end
    sheet = views(voxels)
    assert sheet.shape == (2 * 7 + 2, 3 * 7 + 4, 4)
    depth_slice = sheet[:7, :7][sheet[:7, :7, 3] == 255][:, 0].reshape(6, 7)
    assert depth_slice[1, 1] == BRIGHTEST
    assert depth_slice.sum() == BRIGHTEST
    through = sheet[9:, :7][sheet[9:, :7, 3] == 255][:, 0].reshape(6, 7)
    assert through[1, 1] > through[5, 6] > 0


def test_large_volumes_and_empty_ones_are_shown_small_and_dark():
    assert max(views(np.ones((1, 200, 300, 250), np.float32)).shape) < 320
    sheet = views(np.zeros((1, 4, 4, 4), np.uint8))
    assert sheet[..., :3].max() == 0


def test_samples_are_of_each_class_and_of_the_rows_that_are_given():
    random = np.random.default_rng(0)
    y = ["a", "b"] * 30
    data = sequences([random.normal(size=(9, 1)) for _ in y], y)
    rows = np.arange(10, 50)
    codes = rows % 2
    found = choose_samples(problem(("a", "b")), data, rows, codes, seed=0)
    assert [one.target for one in found] == ["a"] * 4 + ["b"] * 4
    numbers = [int(one.where.removeprefix("sequence ")) for one in found]
    assert [number % 2 for number in numbers] == [0] * 4 + [1] * 4
    assert {*numbers} <= {*rows.tolist()}
    assert found[0].trace.values[0][0] == pytest.approx(
        float(data.inputs.at(numbers[0])[0, 0]), rel=1e-3
    )
    assert found == choose_samples(problem(("a", "b")), data, rows, codes, seed=0)
    assert found != choose_samples(problem(("a", "b")), data, rows, codes, seed=1)


def test_samples_of_regression_rise():
    values = np.random.default_rng(0).normal(size=40)
    data = sequences([np.full((4, 2), v) for v in values], values)
    task = problem((), "regression")
    found = choose_samples(task, data, np.arange(40), values, seed=0)
    targets = [float(one.target) for one in found]
    assert targets == sorted(targets)
    assert targets[0] == pytest.approx(values.min(), rel=1e-4)
    assert targets[-1] == pytest.approx(values.max(), rel=1e-4)


def test_samples_of_a_table_are_its_pictures_called_by_their_lines(tmp_path):
    data = with_photos(tmp_path, ["a", "b"] * 6)
    rows = np.arange(2, 12)
    two = problem(("a", "b"))
    found = choose_samples(two, data, rows, rows % 2, 0, picture_column="photo")
    assert [one.target for one in found] == ["a"] * 5 + ["b"] * 5
    shown = [int(one.where.removeprefix("line ")) - 2 for one in found]
    assert sorted(shown) == rows.tolist()
    assert [row % 2 for row in shown] == [0] * 5 + [1] * 5
    assert [opened(one).max() for one in found] == [20 * row for row in shown]


def test_a_class_without_training_rows_has_no_samples_and_a_table_has_none():
    data = volumes(np.zeros((6, 1, 2, 2, 2), np.uint8), ["a"] * 6)
    codes = np.zeros(6, int)
    found = choose_samples(problem(("a", "b")), data, np.arange(6), codes, seed=0)
    assert [one.target for one in found] == ["a", "a"]
    rows = table({"x": [1, 2]}, ["a", "a"])
    assert not choose_samples(problem(("a", "b")), rows, ROWS[1:], codes, seed=0)
