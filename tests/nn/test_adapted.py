"""PyTorch's layers with one tensor in and one out compute what PyTorch's do."""

import pytest
import torch
from torch import nn

from torchsmith.core.errors import TrainError
from torchsmith.nn.adapted import Bilinear, Embedding, Residual


def test_bilinear_is_of_the_input_with_itself():
    layer, inputs = Bilinear(3, 3, 2), torch.randn(4, 3)
    products = torch.einsum("ni,oij,nj->no", inputs, layer.weight, inputs)
    torch.testing.assert_close(layer(inputs), products + layer.bias)


def test_bilinear_takes_what_autocast_has_lowered():
    layer, inputs = Bilinear(3, 3, 2), torch.randn(4, 3).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(inputs)
    torch.testing.assert_close(found, layer(inputs.float()), rtol=0.02, atol=0.02)


def test_an_embedding_takes_whole_numbers_that_come_as_floats():
    table = Embedding(5, 3)
    found = table(torch.tensor([[4.0, 0.0]]))
    assert torch.equal(found, table.weight[[4, 0]].unsqueeze(0))


@pytest.mark.parametrize(
    ("number", "text"), [(5.0, "5"), (-1.0, "-1"), (0.5, "0.5"), (float("nan"), "nan")]
)
def test_a_number_that_is_no_code_is_refused(number, text):
    message = f"{text} is no code; the codes are the whole numbers from 0 to 4"
    with pytest.raises(TrainError, match=message):
        Embedding(5, 3)(torch.tensor([[1.0, number]]))


def test_a_block_adds_its_input_as_it_is_or_through_a_shortcut():
    inner, shortcut, inputs = nn.Linear(3, 3), nn.Linear(3, 3), torch.randn(4, 3)
    plain = Residual(nn.Sequential(inner), nn.Sequential())
    assert torch.equal(plain(inputs), inner(inputs) + inputs)
    other = Residual(nn.Sequential(inner), nn.Sequential(shortcut))
    assert torch.equal(other(inputs), inner(inputs) + shortcut(inputs))
