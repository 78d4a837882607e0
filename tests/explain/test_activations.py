"""What each layer gives for one example."""

import numpy as np
import torch
from torch import nn

from torchsmith.explain.activations import activations


def test_each_layer_gives_its_own_output():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Dropout(0.9))
    network.train()
    inputs = torch.randn(1, 1, 2, 2)
    found = activations(network, inputs)
    assert [one.name for one in found] == ["0", "1", "2", "3"]
    expected = network[1](inputs.flatten(1))[0].detach()
    np.testing.assert_allclose(found[1].values, expected)
    np.testing.assert_allclose(found[2].values, expected.relu())
    # In eval mode, dropout changes nothing.
    np.testing.assert_allclose(found[3].values, expected.relu())
    assert network.training
    assert not network[1]._forward_hooks


def test_a_layer_that_is_called_again_is_there_again():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.step = nn.Linear(2, 2)

        def forward(self, x):
            return self.step(self.step(x))

    assert [a.name for a in activations(Twice(), torch.ones(1, 2))] == [
        "step",
        "step_1",
    ]


def test_of_a_recurrent_layer_the_outputs_are_shown():
    [found] = activations(nn.GRU(3, 5, batch_first=True), torch.ones(1, 7, 3))
    assert found.values.shape == (7, 5)
    assert found.kind == "recurrent"
