"""What a recurrent layer hands on is what PyTorch's own output says."""

import pytest
import torch
from torch import nn

from torchsmith.nn.recurrent import Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")

INPUTS = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    "rnn", [nn.RNN, nn.GRU, nn.LSTM, lambda *a, **k: nn.LSTM(*a, proj_size=2, **k)]
)
def test_last_is_the_final_state_of_each_direction(rnn, bidirectional):
    made = rnn(4, 5, num_layers=2, bidirectional=bidirectional, batch_first=True)
    final = made(INPUTS)[1]
    final = final[0] if isinstance(final, tuple) else final  # (layers * D, N, H)
    directions = 2 if bidirectional else 1
    expected = torch.cat(list(final[-directions:]), dim=1)
    torch.testing.assert_close(Recurrent(made, "last")(INPUTS), expected)


def test_all_is_every_step():
    made = nn.GRU(4, 5, bidirectional=True, batch_first=True)
    assert torch.equal(Recurrent(made, "all")(INPUTS), made(INPUTS)[0])


def test_an_example_does_not_depend_on_the_others():
    layer = Recurrent(nn.LSTM(4, 5, batch_first=True), "last")
    torch.testing.assert_close(layer(INPUTS)[1:2], layer(INPUTS[1:2]))
