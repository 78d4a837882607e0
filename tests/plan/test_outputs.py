"""The layer that decides the number of outputs is found behind those that keep it."""

import pytest

from tests.plan.example import EXAMPLE
from torchsmith.core.errors import PlanError
from torchsmith.plan.activations import LeakyReLU, Softmax
from torchsmith.plan.convolutions import Conv2d
from torchsmith.plan.file import parse_plan
from torchsmith.plan.layers import Bilinear, Dropout, Flatten, Linear, Residual
from torchsmith.plan.normalisation import LayerNorm
from torchsmith.plan.outputs import width_of_outputs
from torchsmith.plan.sequences import GRU, LSTM


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([Linear(out_features=3)], ("at.0", 3)),
        ([Bilinear(out_features=4), LeakyReLU(), Dropout()], ("at.0", 4)),
        ([Flatten(), Linear(out_features=3), LayerNorm(), Softmax()], ("at.1", 3)),
        ([LSTM(hidden_size=4, bidirectional=True)], ("at.0", 8)),
        ([LSTM(hidden_size=4, proj_size=2)], ("at.0", 2)),
        ([GRU(hidden_size=4), Residual(layers=(LeakyReLU(),))], ("at.0", 4)),
        (
            [Flatten(), Residual(layers=(Linear(out_features=5), Dropout()))],
            ("at.1.Residual.0", 5),
        ),
        ([Linear(out_features=3), Flatten()], None),
        ([GRU(hidden_size=4, output="all")], None),
        ([Linear(out_features=3), Residual(layers=(Conv2d(out_channels=2),))], None),
        ([LeakyReLU()], None),
    ],
)
def test_the_width_follows_from_the_last_layer_that_changes_it(layers, expected):
    assert width_of_outputs(layers, "at") == expected


def test_a_wrong_number_of_outputs_is_named_by_its_line_within_a_block():
    text = EXAMPLE.replace("target: label\n", "target: label\n  classes: [a, b, c]\n")
    text = text.replace("- Linear: 10\n", "- Residual: [Linear: 9, ReLU]\n")
    message = (
        "plan:19:18: network.Sequential.3.Residual.0: the last layer has 9 outputs; "
    )
    with pytest.raises(PlanError, match=message + "3 classes need 3"):
        parse_plan(text)
