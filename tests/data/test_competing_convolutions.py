"""Kernels that compete: as a slow loop counts them, each sequence by itself."""

import numpy as np
import pytest

from torchsmith.data.competing_convolutions import (
    FittedCompetition,
    dilations_for,
    fit_competition,
)
from torchsmith.data.packed import bits_of, numbers_of, text_of

from .test_random_convolutions import sequences


def slow_wins(steps, kernels, dilation):
    """Sums of the most and counts of the least of 8 kernels on `(L,)`, by loops."""
    most, least = np.zeros(8), np.zeros(8)
    for middle in range(len(steps)):
        places = middle + dilation * np.arange(-4, 5)
        met = [steps[p] if 0 <= p < len(steps) else 0.0 for p in places]
        outputs = kernels.astype(np.float64) @ np.array(met, np.float64)
        most[outputs.argmax()] += max(outputs.max(), 0)
        least[outputs.argmin()] += 1
    return np.sqrt(np.concatenate([most, least]) / len(steps))


@pytest.mark.parametrize(
    ("lengths", "channels"), [([40] * 3, 1), ([40, 23, 7, 31], 1), ([30, 12, 17], 5)]
)
def test_features_are_those_of_a_slow_loop(lengths, channels):
    values, starts = sequences(lengths, channels)
    fitted, _ = fit_competition(values, starts, 4, seed=3)
    shape = (2, len(fitted.dilations), 2)
    weights = numbers_of(fitted.weights).reshape(*shape, 8, 9)
    members = bits_of(fitted.channels, (*shape, channels))
    assert set(members.sum(axis=-1).ravel()) == {min(channels, 2)}
    roots = fitted.roots(values, starts).reshape(len(lengths), *shape, 16)
    for place in np.ndindex(*shape):
        for row in range(len(lengths)):
            steps = values[starts[row] : starts[row + 1]]
            if place[0]:
                steps = np.diff(steps, axis=0, prepend=steps[:1])
            added = steps[:, members[place]].sum(axis=1)
            # Where nothing changes, all kernels give 0; `sequences` never stands still.
            wanted = slow_wins(added, weights[place], fitted.dilations[place[1]])
            np.testing.assert_allclose(roots[row, *place], wanted, atol=0.02)


def test_a_known_step_is_won_by_the_kernel_that_has_its_shape():
    kernels = np.zeros((2, 1, 1, 8, 9), np.float32)
    kernels[:, 0, 0, 2, 4] = 1  # gives the step itself, all others nothing
    fitted = FittedCompetition(
        dilations=(1,),
        num_groups=2,
        num_channels=1,
        channels=text_of(np.packbits(np.ones(2, bool))),
        weights=text_of(kernels),
    )
    steps = np.array([[0.5], [2.0], [-1.0], [-3.0]], np.float32)
    found = fitted.roots(steps, np.array([0, 4]))[0, :16]
    np.testing.assert_allclose(found[2] ** 2, 2.5 / 4, rtol=1e-6)
    np.testing.assert_allclose(found[10] ** 2, 2 / 4, rtol=1e-6)
    assert found[:2].tolist() == found[3:8].tolist()[:2] == [0, 0]
    np.testing.assert_allclose(found[8] ** 2, 2 / 4, rtol=1e-6)  # all seven tie


def test_a_sequence_has_the_same_features_whatever_is_computed_beside_it():
    values, starts = sequences([50, 9, 1, 5000, 33, *range(20, 140)], 2)
    fitted, _ = fit_competition(values, starts, 4, seed=0)
    together = fitted.apply(values, starts)
    for row in (0, 1, 2, 3, 4, 50, 100):
        steps = values[starts[row] : starts[row + 1]]
        alone = fitted.apply(steps, np.array([0, len(steps)]))
        assert np.array_equal(alone[0], together[row])


def test_features_of_training_are_standardised_and_drawn_by_the_seed_alone():
    values, starts = sequences([60] * 30, 3)
    first, again, other = (fit_competition(values, starts, 2, s)[0] for s in (0, 0, 1))
    features = fit_competition(values, starts, 2, 0)[1]
    assert np.array_equal(features, first.apply(values, starts))
    assert first == again
    assert first.weights != other.weights
    assert features.shape == (30, first.num_features) == (30, 3 * 2 * 16)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(features.std(axis=0), 1, rtol=1e-4)


@pytest.mark.parametrize(
    ("length", "dilations"),
    [(1, (1,)), (16, (1,)), (17, (1, 2)), (150, (1, 2, 4, 8, 16))],
)
def test_dilations_double_while_a_kernel_fits_into_a_sequence(length, dilations):
    assert dilations_for(length) == dilations
