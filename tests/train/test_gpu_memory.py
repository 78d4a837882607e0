"""A full GPU is told in a sentence that says what to change; here the CPU plays it."""

import pytest
import torch
from torch import Tensor, nn

import torchsmith as ts
from torchsmith.core.errors import TrainError

TOLD = (
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of "
    "79.10 GiB of which 11.56 MiB is free."
)


class Large(Tensor):
    """Examples that the GPU has no memory for."""

    def to(self, *_, **__):
        raise torch.OutOfMemoryError(TOLD)


class Greedy(nn.Linear):
    """A layer that needs too much, once its first batch was tried."""

    num_calls = 0

    def forward(self, inputs):
        self.num_calls += 1
        if self.num_calls > 20:
            raise torch.OutOfMemoryError(TOLD)
        return super().forward(inputs)


def fitted(network, inputs):
    data = inputs, torch.zeros(40, 1)
    return ts.fit(
        network, data, loss="MSELoss", epochs=99, batch_size=10, runs=None, doctor=False
    )


def test_a_step_that_does_not_fit_names_the_batch_size():
    with pytest.raises(TrainError) as found:
        fitted(Greedy(3, 1), torch.randn(40, 3))
    assert str(found.value) == (
        "a step of training does not fit into the memory of the GPU (CUDA out of "
        "memory. Tried to allocate 20.00 MiB); lower training.batch_size, 10 now, or "
        "choose a smaller network; the best weights, of epoch 4, are in the module"
    )


def test_data_that_do_not_fit_say_how_large_they_are():
    with pytest.raises(TrainError, match=r"data, 480 bytes, does not fit .*\bcpu\b"):
        fitted(nn.Linear(3, 1), torch.randn(40, 3).as_subclass(Large))
