"""What training costs is estimated for the threads that it gets."""

import pytest

from torchsmith.plan.cost import (
    conv_epoch_seconds,
    conv_macs,
    table_epoch_seconds,
    threads_for,
)
from torchsmith.plan.machine import Machine
from torchsmith.plan.networks import ConvNet

TWO, SIXTEEN = Machine(cores=2, gflops=160.0), Machine(cores=16, gflops=1280.0)


def test_large_convolutions_get_all_cores_and_small_ones_one():
    assert threads_for(199_999_999, SIXTEEN) == 1
    assert threads_for(200_000_000, SIXTEEN) == 16


def test_a_net_on_one_thread_is_not_faster_on_more_cores():
    small = conv_macs(ConvNet(channels=(8, 16, 32)), 1, 8, 8)
    assert conv_epoch_seconds(small, 1_000, 32, SIXTEEN) == pytest.approx(
        conv_epoch_seconds(small, 1_000, 32, TWO)
    )
    large = conv_macs(ConvNet(), 3, 64, 64)
    ratio = conv_epoch_seconds(large, 50_000, 128, TWO) / conv_epoch_seconds(
        large, 50_000, 128, SIXTEEN
    )
    assert 7 < ratio <= 8


def test_each_step_costs_something_whatever_the_network():
    assert table_epoch_seconds(1, 10_000, 10, TWO) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    "spec",
    [
        ConvNet(channels=(4, 6), depth=(1, 2), pool_first=True),
        ConvNet(channels=(4, 6, 8), depth=2),
    ],
)
def test_multiply_adds_are_those_of_the_convolutions(spec):
    import torch
    from torch import nn

    from torchsmith.nn.build import InputLayout, build_network

    network = build_network(spec, InputLayout((3, 15, 10)), 2, seed=0)
    found = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda conv, _, outputs: found.append(
                    outputs[0].numel() * conv.weight[0].numel()
                )
            )
    network(torch.zeros(2, 3, 15, 10))
    assert conv_macs(spec, 3, 15, 10) == sum(found)
