"""What a person's data set gives when it is read again."""

import random

import numpy as np
import pytest
import torch
from torch.utils.data import Subset

import torchsmith as ts
from tests.doctor.probes.modules import (
    SHORT,
    Net,
    Pairs,
    line_of,
    probed,
    said,
    told,
)


class Noisy(Pairs):
    """Changes inputs at random, as augmentation does."""

    def __getitem__(self, index):
        inputs, target = super().__getitem__(index)
        return inputs + torch.randn(6) / 10, target


class InPlace(Pairs):
    def __getitem__(self, index):
        row = self.inputs[index]
        row /= 2  # in place
        return torch.from_numpy(row.copy()), int(self.targets[index])


class Overwritten(Pairs):
    def __getitem__(self, index):
        self.targets[index] = self.targets[index] == 1  # overwrites
        return torch.from_numpy(self.inputs[index]), int(self.targets[index])


class RandomLabels(Pairs):
    def __getitem__(self, index):
        return super().__getitem__(index)[0], random.randint(0, 2)  # at random


class Stuck(Pairs):
    def __getitem__(self, index):
        return torch.from_numpy(self.inputs[0]), int(self.targets[index])


class StuckInNoise(Pairs):
    def __getitem__(self, index):
        noise = torch.randn(6) / 10
        return torch.from_numpy(self.inputs[0]) + noise, int(self.targets[index])


class Augmented(Pairs):
    """Noise that hides most of what tells items apart."""

    def __getitem__(self, index):
        inputs, target = super().__getitem__(index)
        return inputs + torch.randn(6) * 2, target


class TooSlow(Pairs):
    def __getitem__(self, index):
        return torch.from_numpy(self.inputs[index // 8]), int(self.targets[index])


class OneBuffer(Pairs):
    def __init__(self):
        super().__init__()
        self.buffer = torch.zeros(6)

    def __getitem__(self, index):
        self.buffer.copy_(torch.from_numpy(self.inputs[index]))
        return self.buffer, int(self.targets[index])


class OwnNumbers(Pairs):
    """Draws from numbers of its own."""

    def __init__(self):
        super().__init__()
        self.draw = np.random.default_rng(0)

    def __getitem__(self, index):
        inputs, target = super().__getitem__(index)
        return inputs + float(self.draw.normal()) / 10, target


class Cached(Pairs):
    """Fills an array as it is read."""

    def __init__(self):
        super().__init__()
        self.cache = np.zeros_like(self.inputs)

    def __getitem__(self, index):
        self.cache[index] = self.inputs[index]
        return torch.from_numpy(self.cache[index]), int(self.targets[index])


class TooLong(Pairs):
    def __len__(self):  # too long
        return len(self.inputs) + 1


class Named(Pairs):
    """Inputs are a mapping."""

    def __getitem__(self, index):
        inputs, target = super().__getitem__(index)
        return {"left": inputs[:3], "right": inputs[3:]}, target


class OfNamed(Net):
    def forward(self, parts):
        return super().forward(torch.cat([parts["left"], parts["right"]], dim=1))


@pytest.mark.parametrize("data", [Pairs, Noisy, Augmented, Cached, OwnNumbers])
def test_healthy_data_sets_have_nothing(data):
    assert said(Net(), data()) == {}


def test_inputs_may_be_a_mapping():
    found, left_out = probed(OfNamed(), Named())
    assert found == []
    assert "the learning rate: 4 steps in all are too few to try" in left_out
    assert not any("Error" in why for why in left_out)


@pytest.mark.parametrize(
    ("data", "severity", "words", "line"),
    [
        (InPlace, "error", "Reading InPlace changes inputs in it.", "# in place"),
        (Overwritten, "warning", "Reading Overwritten changes targets", "# overwrites"),
        (RandomLabels, "error", "Targets of the training part are", "# at random"),
        (Stuck, "error", "gives the same inputs for different items", "inputs[0]"),
        (StuckInNoise, "error", "gives the same inputs for different items", ""),
        (TooSlow, "error", "gives the same inputs for different items", "// 8"),
        (OneBuffer, "error", "changes an item when it reads another", ""),
    ],
)
def test_a_faulty_data_set_is_named_at_the_line(data, severity, words, line):
    found = said(Net(), data())["C7"]
    assert found.severity == severity
    assert words in found.message
    if line:
        assert found.where == f"test_dataset.py:{line_of(line)}"


def test_a_length_that_is_wrong_is_told_before_training_stumbles_over_it():
    heard = told(Net(), TooLong())
    assert "TooLong says it has 129 items, and the last cannot be read" in heard


def test_numbers_of_its_own_are_a_note():
    (found,), _ = probed(Net(), OwnNumbers())
    assert (found.code, found.severity) == ("C7", "note")


def test_a_validation_part_that_changes_is_told():
    assert "C8" not in said(Net(), Noisy(), "CrossEntropyLoss", Pairs())
    assert said(Net(), Pairs(), "CrossEntropyLoss", Noisy())["C8"].severity == "warning"


def test_examples_that_are_trained_and_validated_on_are_counted():
    whole = Pairs()
    first, second = Subset(whole, range(100)), Subset(whole, range(90, 128))
    found = said(Net(), first, "CrossEntropyLoss", second)["D8"]
    assert found.evidence == "10 examples (26 % of val) are in train, too."
    assert "D8" not in said(
        Net(), first, "CrossEntropyLoss", Subset(whole, range(100, 128))
    )
    assert (
        "100 % of val" in said(Net(), whole, "CrossEntropyLoss", whole)["D8"].evidence
    )


@pytest.mark.parametrize("data", [OwnNumbers, InPlace, Noisy, OneBuffer])
def test_a_data_set_with_a_memory_trains_the_same_with_and_without_the_doctor(data):
    weights = []
    for examine in (True, False):
        module = Net()
        given = {**SHORT, "epochs": 2, "doctor": {"examine": examine}}
        ts.fit(module, data(), Noisy(), loss="CrossEntropyLoss", **given)
        weights.append(torch.cat([p.detach().flatten() for p in module.parameters()]))
    assert torch.equal(*weights)
