"""Confusions that lie at a border of two classes, and those that lie anywhere."""

import numpy as np

from tests.evaluate.cases import BINARY, THREE
from torchsmith.evaluate.evaluate import PartOutputs, evaluate
from torchsmith.evaluate.mistakes import mixture

ROWS = 900
EVEN, ODD = slice(0, None, 2), slice(1, None, 2)


def along_a_line():
    """Places, and probabilities of three classes with borders at 1 and 2."""
    places = np.linspace(0, 3, ROWS)
    near = np.exp(-4 * np.abs(places[:, None] - np.array([0.5, 1.5, 2.5])))
    return places, near / near.sum(axis=1, keepdims=True)


def test_classes_that_are_alike_are_confused_at_their_border():
    random = np.random.default_rng(0)
    places, outputs = along_a_line()
    blurred = places + 0.15 * random.normal(size=ROWS)
    found = mixture(THREE, np.clip(blurred, 0, 2.99).astype(int), outputs)
    assert found is not None
    assert found.order.value > 0.85
    assert found.order.high == 1.0


def test_labels_of_one_class_that_are_mixed_into_another_lie_anywhere():
    random = np.random.default_rng(0)
    places, outputs = along_a_line()
    targets = places.astype(int).clip(0, 2)
    wrong = (targets == 0) & (random.random(ROWS) < 0.2)
    found = mixture(THREE, np.where(wrong, 2, targets), outputs)
    assert found is not None
    assert (found.label, found.answer) == ("c", "a")
    assert (found.rows, found.right) == (wrong.sum(), 300 - wrong.sum())
    assert found.order.low < 0.5 < found.order.high < 0.65


def test_a_few_confusions_and_two_classes_say_nothing():
    places, outputs = along_a_line()
    targets = places.astype(int).clip(0, 2)
    few = np.where(np.isin(np.arange(ROWS), np.arange(0, 280, 40)), 2, targets)
    assert (few == targets).sum() == ROWS - 7
    assert mixture(THREE, few, outputs) is None
    two = outputs[:, :2] / outputs[:, :2].sum(axis=1, keepdims=True)
    assert mixture(BINARY, np.arange(ROWS) % 2, two) is None


def test_confusions_of_the_val_part_count_too():
    places, outputs = along_a_line()
    targets = places.astype(int).clip(0, 2)
    wrong = (targets == 0) & (np.arange(ROWS) % 50 < 2)
    targets = np.where(wrong, 2, targets)
    val, test = (PartOutputs(targets[rows], outputs[rows]) for rows in (EVEN, ODD))
    assert evaluate(THREE, test, num_train=900).mixture is None
    found = evaluate(THREE, test, val=val, num_train=900).mixture
    assert found is not None
    assert (found.label, found.answer, found.rows) == ("c", "a", 12)
