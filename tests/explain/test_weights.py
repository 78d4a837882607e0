"""Weights before, between and after, and facts about tensors."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from torchsmith.explain.weights import AFTER, BEFORE, tensor_facts, weights_over_time


def networks():
    torch.manual_seed(0)
    before, after = (
        nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2))
        for _ in range(2)
    )
    return before, after


def test_facts_are_those_of_the_values():
    state = {"w": torch.tensor([[1.0, 2.0], [3.0, 6.0]]), "n": torch.tensor(7)}
    weight, count = tensor_facts(state, {"w": torch.tensor([[0.0, 0.0], [3.0, 4.0]])})
    assert (weight.mean, weight.low, weight.high) == (3, 1, 6)
    assert weight.deviation == pytest.approx(np.std([1, 2, 3, 6]))
    assert weight.moved == pytest.approx(3 / 5)
    assert (count.shape, count.dtype, count.moved) == ((), "int64", None)


def test_an_empty_tensor_has_no_mean():
    [facts] = tensor_facts({"w": torch.zeros(0, 3)})
    assert math.isnan(facts.mean)


def test_each_matrix_is_there_before_and_after():
    before, after = networks()
    first, last = weights_over_time(after, before)
    assert (first.name, last.name) == ("1.weight", "3.weight")
    np.testing.assert_array_equal(first.states[BEFORE], before[1].weight.detach())
    np.testing.assert_array_equal(first.states[AFTER], after[1].weight.detach())


def test_the_first_layer_on_pictures_has_rows_that_are_pictures():
    _, after = networks()
    first, last = weights_over_time(after, input_shape=(3, 2, 2))
    assert first.picture == (3, 2, 2)
    assert last.picture is None
    assert weights_over_time(after, input_shape=(12,))[0].picture is None


def test_filters_of_a_first_convolution_are_pictures():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3))
    first, second = weights_over_time(network, input_shape=(1, 8, 8))
    assert first.picture == (1, 3, 3)
    assert second.picture is None


def test_what_lies_between_is_cut_to_the_rows_that_were_kept():
    before, after = networks()
    old, new = (n[1].weight.detach().numpy()[:3] for n in (before, after))
    between = {0: old, 1: (old + new) / 2, 2: new}
    first, _ = weights_over_time(after, before, between=between, parameter="1.weight")
    # The last snapshot is what it is after training.
    assert list(first.states) == [BEFORE, "epoch 1", AFTER]
    assert {values.shape for values in first.states.values()} == {(3, 12)}
    assert first.shape == (5, 12)
