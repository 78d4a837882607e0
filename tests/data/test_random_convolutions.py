"""Random convolutions: as slow loops compute them, each sequence on its own length."""

from base64 import b64decode
from itertools import product

import numpy as np
import pytest

from torchsmith.data.random_convolutions import (
    KERNELS,
    fit_convolutions,
)


def sequences(lengths, channels, seed=0):
    steps = np.random.default_rng(seed).normal(size=(sum(lengths), channels))
    return steps.astype(np.float32), np.concatenate([[0], np.cumsum(lengths)])


def slow_shares(steps, kernel, dilation, bias, whole):
    """The least and the most share above a bias that rounding allows, with loops."""
    length, span = len(steps), 4 * dilation
    inner = range(span, length - span)
    found = []
    for middle in range(length) if whole or not inner else inner:
        total = 0.0
        for tap in range(9):
            place = middle + (tap - 4) * dilation
            if 0 <= place < length:
                total += (2 if tap in KERNELS[kernel] else -1) * float(steps[place])
        found.append(total - bias)
    return np.mean(np.array(found) > 1e-5), np.mean(np.array(found) > -1e-5)


@pytest.mark.parametrize(
    ("lengths", "channels"),
    [([40] * 5, 1), ([40, 23, 7, 1, 31], 1), ([30, 12, 5], 3), ([6, 6], 2)],
)
def test_features_are_those_of_a_slow_loop(lengths, channels):
    values, starts = sequences(lengths, channels)
    fitted, _ = fit_convolutions(values, starts, 168 * 3, seed=3)
    shares = fitted.shares(values, starts)
    biases = np.frombuffer(b64decode(fitted.biases), "<f4")
    feature = 0
    dilations = enumerate(zip(fitted.dilations, fitted.num_biases, strict=True))
    for view, (place, (dilation, count)) in product((0, 1), [*dilations]):
        members = fitted.members_at(view, place)
        for kernel in range(84):
            for row in range(len(lengths)) if kernel % 7 == 0 else ():
                steps = values[starts[row] : starts[row + 1], members[kernel]]
                if view:
                    steps = np.diff(steps, axis=0, prepend=steps[:1])
                low, high = slow_shares(
                    steps.sum(axis=1),
                    kernel,
                    dilation,
                    biases[feature],
                    whole=(place + kernel) % 2 == 0,
                )
                assert low - 1e-6 <= shares[row, feature] <= high + 1e-6
            feature += count
    assert feature == fitted.num_features == shares.shape[1]


def test_a_sequence_has_the_same_features_whatever_is_computed_beside_it():
    values, starts = sequences([50, 9, 20, 33], 2)
    fitted, _ = fit_convolutions(values, starts, 420, seed=0)
    together = fitted.apply(values, starts)
    for row in range(4):
        steps = values[starts[row] : starts[row + 1]]
        alone = fitted.apply(steps, np.array([0, len(steps)]))
        assert np.array_equal(alone[0], together[row])


def test_features_of_the_training_part_have_mean_0_and_deviation_1_or_are_0():
    values, starts = sequences([60] * 30, 1)
    fitted, features = fit_convolutions(values, starts, 840, seed=0)
    assert np.array_equal(features, fitted.apply(values, starts))
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    deviation = features.std(axis=0)
    constant = deviation == 0
    assert constant.mean() < 0.1
    np.testing.assert_allclose(deviation[~constant], 1, rtol=1e-4)


def test_they_are_drawn_by_the_seed_alone():
    values, starts = sequences([60] * 4, 3)
    first, again, other = (
        fit_convolutions(values, starts, 168, seed)[0] for seed in (0, 0, 1)
    )
    assert first == again
    assert first.biases != other.biases
    assert first.channels != other.channels


def test_long_sequences_are_counted_whole():
    steps = np.zeros((70_001, 1), np.float32)
    steps[::2] = 1
    starts = np.array([0, 70_001])
    fitted, _ = fit_convolutions(steps, starts, 168, seed=0)
    shares = fitted.shares(steps, starts)
    biases = np.frombuffer(b64decode(fitted.biases), "<f4")
    low, high = slow_shares(steps[:, 0], 5, 1, biases[5], whole=False)
    assert low - 1e-6 <= shares[0, 5] <= high + 1e-6


@pytest.mark.parametrize("length", [1, 8, 9, 10, 500])
def test_dilations_reach_from_1_to_where_a_kernel_spans_a_sequence(length):
    values, starts = sequences([length] * 3, 1)
    fitted, _ = fit_convolutions(values, starts, 9_912, seed=0)
    assert fitted.num_features == 9_912
    assert fitted.dilations[0] == 1
    assert fitted.dilations[-1] == max(1, (length - 1) // 8)
    assert len(fitted.model_dump_json()) < 200_000
