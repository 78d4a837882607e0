"""A sample of the training part is small, whatever its examples are."""

import torch
from torch import nn

from tests.doctor.subjects import own
from torchsmith.doctor.examples import MOST, MOST_LARGE, MOST_NUMBERS, take_examples
from torchsmith.doctor.subject import Allowance


def sampled(*shape):
    """The number of examples in a sample of 1,200 of this shape."""
    inputs = torch.zeros(1, *shape).expand(1_200, *shape)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 2))
    targets = torch.arange(1_200) % 2
    subject = own(network, (inputs, targets), nn.CrossEntropyLoss())
    examples = take_examples(subject, Allowance(60.0))
    assert examples is not None
    return len(examples)


def test_fewer_large_examples_are_looked_at():
    assert sampled(1, 28, 28) == MOST
    assert sampled(1, 256, 256) == MOST_NUMBERS // 256**2
    assert sampled(1, 512, 512) == MOST_LARGE
