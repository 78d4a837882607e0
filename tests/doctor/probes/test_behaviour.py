"""How a network treats the examples of a batch, in train and in eval mode."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.doctor.probes.modules import Net, X, Y, line_of, said

SEQUENCES = torch.randn(96, 5, 4, generator=torch.Generator().manual_seed(1))
SIGNS = (SEQUENCES[:, :, 0].mean(dim=1) > 0).long()


class OverTheBatch(Net):
    def forward(self, x):
        inner = F.softmax(self.first(x), dim=0)  # mixes
        return self.last(F.relu(self.second(inner)))


class WrongView(Net):
    def forward(self, x):
        return super().forward(x.t().contiguous().view(x.shape))


class Recurrent(nn.Module):
    def __init__(self, **settings):
        super().__init__()
        self.cells = nn.GRU(4, 8, **settings)
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        return self.last(self.cells(x)[0][:, -1])


class AlwaysDropping(Net):
    def forward(self, x):
        return self.last(F.dropout(self.hidden(x), 0.5))  # drops


class Sampling(Net):
    """Noise in train mode only, as of a variational autoencoder."""

    def forward(self, x):
        inner = self.hidden(x)
        if self.training:
            inner = inner + torch.randn_like(inner) / 10
        return self.last(inner)


class SamplingAlways(Net):
    """As variational autoencoders do that are published with PyTorch."""

    def forward(self, x):
        inner = self.hidden(x)
        return self.last(inner + torch.rand_like(inner))  # draws


class StaysInTraining(Net):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def train(self, mode=True):
        del mode
        return super().train(True)

    def forward(self, x):
        return self.last(self.drop(self.hidden(x)))


class Nothing(Net):
    def forward(self, x):
        return super().forward(x * 0)


class OneColumn(Net):
    def forward(self, x):
        return super().forward(F.pad(x[:, :2], (0, 4)))


class Categories(nn.Module):
    """Columns of numbers that are looked up have no gradient, and are used."""

    def __init__(self):
        super().__init__()
        self.looked_up = nn.Embedding(3, 4)
        self.last = nn.Linear(12, 3)

    def forward(self, x):
        codes = (x > 0).long() + (x > 1).long()
        return self.last(torch.tanh(self.looked_up(codes[:, :3])).flatten(1))


class Straight(Net):
    def forward(self, x):
        return self.last(self.second(self.first(x)))


def normalised(**settings):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8, **settings), nn.ReLU(), nn.Linear(8, 3)
    )


@pytest.mark.parametrize(
    "module",
    [
        Net,
        Sampling,
        normalised,
        lambda: nn.Sequential(nn.Dropout(0.5), Net()),
        lambda: nn.Linear(6, 3),
    ],
)
def test_healthy_modules_have_nothing(module):
    assert said(module(), epochs=12) == {}


def test_examples_that_mix_are_named_at_the_line():
    found = said(OverTheBatch())["C5"]
    assert found.severity == "error"
    assert found.where.endswith(f"test_behaviour.py:{line_of('# mixes')}")


def test_a_view_that_mixes_examples_is_found():
    assert said(WrongView())["C5"].severity == "error"


def test_a_recurrent_network_that_takes_examples_for_time_is_found():
    data = (SEQUENCES, SIGNS)
    assert said(Recurrent(batch_first=True), data) == {}
    assert said(Recurrent(), data)["C5"].severity == "error"


def test_dropout_in_eval_mode_is_named_at_the_line():
    found = said(AlwaysDropping())["C6"]
    assert found.severity == "error"
    assert found.where == f"test_behaviour.py:{line_of('# drops')}"


def test_a_network_that_may_draw_on_purpose_is_not_called_worthless():
    found = said(SamplingAlways())["C6"]
    assert (found.severity, found.where) == (
        "warning",
        f"test_behaviour.py:{line_of('# draws')}",
    )


def test_a_module_that_stays_in_train_mode_is_found():
    found = said(StaysInTraining())["C6"]
    assert found.message == "eval() leaves the network in train mode."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"momentum": 1e-4}, "scored with statistics that it hardly learned"),
        ({"momentum": 0.99}, "scored with statistics of the last batch only"),
        ({"track_running_stats": False}, "normalises by the batch in eval mode"),
    ],
)
def test_running_statistics_that_are_of_no_use_are_told(settings, message):
    found = said(normalised(**settings), epochs=12)
    assert message in found["C6"].message
    assert list(found) == ["C6"]


def test_outputs_that_ignore_the_input_are_found():
    assert "whatever its inputs are" in said(Nothing())["C9"].message


def test_inputs_that_are_not_used_are_listed():
    found = said(OneColumn())["C9"]
    assert found.severity == "warning"
    assert "the columns 2, 3, 4, 5" in found.evidence


def test_columns_that_are_looked_up_are_used():
    data = (X[:, :3].contiguous(), Y)
    assert said(Categories(), data) == {}


def test_layers_without_an_activation_are_one_linear_function():
    found = said(Straight())["P11"]
    assert found.message == "The network has 3 layers and is a linear function."
