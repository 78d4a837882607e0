"""What keeps the class of a picture is found out from the pictures."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from tests.inspect.build import pictures
from torchsmith.inspect.examine import inspect
from torchsmith.inspect.symmetry import _warped, find_symmetry, sample_rows, shrink

SIDE = 10
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(float)


def arms(num=120):
    """Hooks that point to the left or to the right, anywhere near the middle."""
    random = np.random.default_rng(0)
    made = random.normal(0, 0.05, (num, SIDE, SIDE, 1))
    labels = np.arange(num) % 2
    for picture, label in zip(made, labels, strict=True):
        top, left = random.integers(1, 4, 2)
        picture[top : top + 5, left + 2] += 1
        across = slice(left + 2, left + 5) if label else slice(left, left + 3)
        picture[top, across] += 1
    return made.astype(np.float32), labels


def blobs(value, labels):
    """A soft spot in each picture; `value` gives its row, column and size."""
    random = np.random.default_rng(1)
    made = []
    for label in labels:
        row, column, size = value(label, random)
        spot = np.exp(-((ROWS - row) ** 2 + (COLUMNS - column) ** 2) / (2 * size**2))
        made.append(spot + random.normal(0, 0.02, spot.shape))
    return np.array(made, np.float32)[..., None]


def test_a_mirror_that_makes_another_class_is_seen():
    found = find_symmetry(*arms())
    assert found is not None
    assert found.num_pictures == 120
    assert found.largest_class == 0.5
    assert found.plain > 0.95
    assert found.mirrored < 0.4
    assert found.shifted >= found.plain - 0.05


def test_mirrors_that_change_nothing_cost_nothing():
    labels = np.arange(120) % 2

    def near_the_middle(label, random):
        row, column = random.uniform(3.5, 5.5, 2)
        return row, column, 1 + label

    found = find_symmetry(blobs(near_the_middle, labels), labels)
    assert found.plain > 0.95
    assert found.mirrored > 0.95
    assert found.upside_down > 0.95


def test_copies_mislead_where_the_place_is_the_class():
    labels = np.arange(160) % 4
    found = find_symmetry(blobs(lambda k, _: (4.5, 3.0 + k, 1.5), labels), labels)
    assert found.plain > 0.95
    assert found.shifted < 0.7
    assert found.scaled > found.shifted


def test_copies_mislead_where_the_size_is_the_class():
    labels = np.arange(160) % 4
    found = find_symmetry(blobs(lambda k, _: (4.5, 4.5, 1.2**k), labels), labels)
    assert found.plain > 0.95
    assert found.scaled < 0.7


def test_the_same_pictures_give_the_same_facts():
    assert find_symmetry(*arms()) == find_symmetry(*arms())


def test_few_pictures_and_one_class_show_nothing():
    made, labels = arms(30)
    assert find_symmetry(made[:19], labels[:19]) is None
    assert find_symmetry(made, labels * 0) is None


def test_pictures_are_shrunk_to_means_of_blocks():
    large = np.arange(2 * 56 * 30 * 3).reshape(2, 56, 30, 3)
    small = shrink(large)
    assert small.shape == (2, 18, 10, 3)
    assert small.dtype == np.float32
    assert small[1, 2, 3, 1] == pytest.approx(large[1, 6:9, 9:12, 1].mean())
    assert shrink(large[:, :8, :8]).shape == (2, 8, 8, 3)
    assert shrink(large[:, :1]).shape[:3] == (2, 1, 30)


@pytest.mark.parametrize("degrees", [0, 15, -40])
@pytest.mark.parametrize("zoom", [1, 1.2, 0.6])
def test_pictures_are_turned_and_scaled_as_scipy_does(degrees, zoom):
    made = np.random.default_rng(2).random((3, 9, 14, 3), dtype=np.float32)
    angle = np.radians(degrees)
    matrix = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    ) * np.array([1, zoom])
    whole, offset = np.eye(4), np.zeros(4)
    whole[1:3, 1:3] = matrix
    offset[1:3] = np.array([4, 6.5]) - matrix @ np.array([4, 6.5])
    wanted = affine_transform(made, whole, offset, order=1, mode="nearest")
    assert _warped(made, matrix) == pytest.approx(wanted, abs=1e-6)


def test_a_sample_is_drawn_once_and_for_all():
    rows = np.arange(10_000)
    drawn = sample_rows(rows, 1_500)
    assert (drawn == sample_rows(rows, 1_500)).all()
    assert (np.diff(drawn) > 0).all()
    assert len(drawn) == 1_500


def test_inspection_says_what_it_saw_of_training_pictures_alone():
    made, labels = arms(200)
    given = np.array([0] * 120 + [2] * 80, np.int8)
    of_all = inspect(pictures(made, labels.tolist())).images
    of_train = inspect(pictures(made, labels.tolist(), given=given)).images
    assert of_all.symmetry.num_pictures == 200
    assert of_train.symmetry.num_pictures == 120


def test_pictures_of_a_number_have_no_classes_to_keep():
    made, _ = arms(100)
    values = np.random.default_rng(0).normal(size=100).tolist()
    assert inspect(pictures(made, values)).images.symmetry is None
