"""The text of every layer makes the same layer again."""

import pytest
import torch
from torch import nn

from tests.nn.test_layers import CASES, build, inputs_for, required
from torchsmith.eject.modules import module_source
from torchsmith.eject.own_modules import own_classes

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


def made_again(module):
    """The module that its text makes, with the weights of the same seed."""
    names = {"nn": nn, "torch": torch}
    for text in own_classes(module):
        exec(text, names)
    torch.manual_seed(0)
    return eval(module_source(module), names)


@pytest.mark.parametrize(
    ("name", "all_options"),
    [(n, both) for n in CASES for both in (True, False) if both or n != "Residual"],
)
def test_the_text_of_a_layer_makes_it_again(name, all_options):
    torch.manual_seed(0)
    module = build(name, CASES[name][0] if all_options else required(name))
    again = made_again(module)
    ours, theirs = module.state_dict(), again.state_dict()
    assert list(ours) == list(theirs)
    for key, tensor in ours.items():
        assert torch.equal(tensor, theirs[key])
    inputs = inputs_for(name)
    for network in (module, again):
        network.eval()
    assert torch.equal(module(inputs), again(inputs))
    if "Dropout" in name or "Transformer" in name:
        assert str(module) == str(again)


def test_arguments_that_are_pytorchs_defaults_are_not_written():
    assert module_source(nn.Linear(3, 2)) == "nn.Linear(3, 2)"
    assert module_source(nn.Conv2d(1, 8, 3)) == "nn.Conv2d(1, 8, 3)"
    assert module_source(nn.MaxPool2d(2)) == "nn.MaxPool2d(2)"
    assert module_source(nn.Linear(3, 2, bias=False)) == "nn.Linear(3, 2, bias=False)"
    assert module_source(nn.Dropout()) == "nn.Dropout(0.5)"
    assert module_source(nn.LayerNorm(4)) == "nn.LayerNorm(4)"


def test_layers_stand_one_a_line():
    layers = nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.ReLU()))
    text = module_source(layers, 0, "layers = ")
    assert text == (
        "layers = nn.Sequential(\n"
        "    nn.Linear(3, 2),\n"
        "    nn.Sequential(\n"
        "        nn.ReLU(),\n"
        "    ),\n"
        ")"
    )
