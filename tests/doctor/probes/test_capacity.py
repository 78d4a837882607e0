"""Whether a network can learn a few examples by heart."""

import pytest
import torch
from torch import nn

from tests.doctor.probes.modules import Net, X, probed, said, subject
from tests.doctor.subjects import planned
from torchsmith.doctor.diagnosis import UNKNOWN, Reference
from torchsmith.doctor.probes import find_by_probing
from torchsmith.doctor.subject import Allowance

CLASSES = torch.arange(128) * 7 % 10


class Faint(Net):
    """Outputs that are too small to say anything."""

    def forward(self, x):
        return super().forward(x) * 1e-3


def found_with_time(module, *data):
    made = subject(module, *data)
    return {f.code: f for f in find_by_probing(made, UNKNOWN, Allowance(60), [])}


def test_a_network_that_cannot_is_measured_beside_a_plain_one():
    found = found_with_time(Faint(10), (X, CLASSES))["P11"]
    assert found.severity == "warning"
    assert "that of an MLP of two layers of 64" in found.evidence


@pytest.mark.parametrize(
    "module",
    [
        lambda: Net(10),
        lambda: nn.Sequential(nn.Dropout(0.5), Net(10)),
        lambda: nn.Sequential(nn.BatchNorm1d(6), Net(10)),
        lambda: nn.Linear(6, 10),
    ],
)
def test_networks_that_can_are_healthy(module):
    assert "P11" not in found_with_time(module(), (X, CLASSES))


@pytest.mark.parametrize(
    ("end", "loss", "targets"),
    [
        (nn.Sigmoid(), "BCELoss", CLASSES[:, None] % 2.0),
        (nn.LogSoftmax(dim=1), "NLLLoss", CLASSES),
    ],
)
def test_the_plain_network_ends_in_what_the_loss_takes(end, loss, targets):
    num = 1 if loss == "BCELoss" else 10
    network = nn.Sequential(Faint(num), end)
    made, left_out = subject(network, (X, targets), loss=loss), []
    found = find_by_probing(made, UNKNOWN, Allowance(60), left_out)
    assert "P11" in [f.code for f in found]
    assert not [why for why in left_out if "by heart" in why]


def test_without_the_time_for_it_that_is_said():
    found, left_out = probed(Net(10), (X, CLASSES), allowance=0.0)
    assert found == []
    assert left_out[-1].startswith("learning one batch by heart: takes about")


def test_layers_that_find_principal_components_are_meant_to_be_linear():
    layers = nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 6))
    assert said(layers, (X, X), "MSELoss") == {}


def test_without_any_time_the_rest_is_left_out_in_words():
    found, left_out = probed(Net(10), (X, CLASSES), allowance=-60.0)
    assert found == []
    assert "what gradients reach: no time was left" in left_out


def test_a_layer_of_one_unit_is_named_with_the_setting_that_makes_it_wider():
    made = planned("iris", settings={"network": {"MLP": {"hidden": [1, 1]}}})
    reference = Reference(chance_loss=1.1, initial_loss=1.2, probe_loss=0.2)
    found = find_by_probing(made, reference, Allowance(5.0), [])
    (narrow,) = (f for f in found if f.code == "P11")
    assert narrow.where == "network.MLP.hidden"
    assert narrow.changes == {"network.MLP.hidden": [64, 64]}
