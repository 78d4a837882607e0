"""What no step of training changes, and why."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune

from tests.doctor.probes.modules import Net, X, Y, line_of, probed, said, told


class Detached(Net):
    def forward(self, x):
        inner = F.relu(self.first(x)).detach()  # cuts
        return self.last(F.relu(self.second(inner)))


class Rounded(Net):
    def forward(self, x):
        inner = self.first(x).round()
        return self.last(F.relu(self.second(inner)))


class WithoutGrad(Net):
    def forward(self, x):
        with torch.no_grad():  # cuts, too
            inner = F.relu(self.second(F.relu(self.first(x))))
        return self.last(inner)


class ThroughNumPy(Net):
    def forward(self, x):
        return torch.from_numpy(super().forward(x).detach().numpy())


class InAList(Net):
    def __init__(self):
        super().__init__()
        self.more = [nn.Linear(16, 16)]  # hidden

    def forward(self, x):
        return self.last(F.relu(self.more[0](self.hidden(x))))


class LooseTensor(Net):
    def __init__(self):
        super().__init__()
        self.scale = torch.ones(3, requires_grad=True)

    def forward(self, x):
        return super().forward(x) * self.scale


class Auxiliary(Net):
    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(2, 2)


class ThrownAway(Net):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(16, 16)

    def forward(self, x):
        hidden = self.hidden(x)
        torch.relu(self.inner(hidden))
        return self.last(hidden)


class TwoAnswers(Net):
    """Of which the loss takes the first."""

    def __init__(self):
        super().__init__()
        self.other = nn.Linear(16, 2)

    def forward(self, x):
        return super().forward(x), self.other(self.hidden(x))


class ZeroAtFirst(Net):
    """A last layer of zeros lets no gradient through in the first step only."""

    def __init__(self):
        super().__init__()
        nn.init.zeros_(self.last.weight)


def test_a_healthy_module_has_nothing():
    assert said(Net()) == {}


def test_a_module_with_tied_weights_is_looked_at_as_others_are():
    module = Net()
    module.second = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    module.second[2].weight = module.second[0].weight
    assert said(module) == {}


@pytest.mark.parametrize(
    ("module", "where", "line"),
    [
        (Detached, "first", "# cuts"),
        (WithoutGrad, "second", "# cuts, too"),
        (Rounded, "first", ".round()"),
    ],
)
def test_a_cut_graph_is_named_with_the_last_module_before_it(module, where, line):
    found = said(module())["C3"]
    assert found.severity == "error"
    assert found.where == f"{where}, test_gradients.py:{line_of(line)}"


def test_a_network_that_leaves_the_graph_is_named_before_training_is_refused():
    heard = told(ThroughNumPy())
    assert "C3 error: The graph of gradients is cut after last" in heard


def test_a_module_in_a_list_and_a_loose_tensor_are_never_trained():
    assert "more holds 1 modules" in said(InAList())["P12"].message
    assert said(InAList())["P12"].where.endswith(f":{line_of('# hidden')}")
    assert "scale holds 1 tensors" in said(LooseTensor())["P12"].message


def test_parameters_that_the_optimizer_lacks_are_counted():
    module = Net()
    optimizer = torch.optim.SGD(module.last.parameters(), lr=0.1)
    found = said(module, optimizer=optimizer)["P12"]
    assert found.severity == "error"
    assert found.evidence.startswith("4 of 6 parameters have a gradient and are in no")


def test_a_layer_that_was_replaced_after_the_optimizer_was_made_is_forgotten():
    module = Net()
    optimizer = torch.optim.Adam(module.parameters())
    module.last = nn.Linear(16, 3)
    found = said(module, optimizer=optimizer)["P12"]
    assert "last.weight" in found.message
    assert "2 that the network does not have" in found.evidence


def test_a_frozen_layer_with_random_weights_is_told_and_a_trained_one_is_not():
    module = Net()
    module.second.requires_grad_(False)
    assert "frozen at its random initial weights" in said(module)["P12"].message
    module = Net()
    nn.init.normal_(module.second.weight, std=0.3)
    module.second.requires_grad_(False)
    assert said(module) == {}


def test_a_pruned_layer_is_trained_and_not_frozen():
    module = Net()
    prune.l1_unstructured(module.second, "weight", 0.1)
    module(X)
    with torch.no_grad():
        module(X)  # leaves a weight without gradients behind
    assert said(module) == {}


def test_frozen_parameters_only_are_told():
    heard = told(Net().requires_grad_(False))
    assert "P12 error: No parameter is trained." in heard


def test_a_step_that_changes_nothing_is_told():
    found = said(Net(), optimizer={"SGD": {"lr": 1e-20}})["C1"]
    assert "every parameter has the same bits" in found.evidence


def test_a_group_that_stands_still_is_told():
    module = Net()
    groups = [
        {"params": module.first.parameters(), "lr": 0.0},
        {"params": [*module.second.parameters(), *module.last.parameters()]},
    ]
    found = said(module, optimizer=torch.optim.SGD(groups, lr=0.1))["P12"]
    assert "first.weight" in found.message


def test_a_warm_up_from_zero_is_healthy():
    module = Net()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    warm_up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: epoch / 2)
    assert said(module, optimizer=optimizer, schedule=warm_up, epochs=3) == {}


def test_layers_that_begin_at_zero_are_healthy():
    assert said(ZeroAtFirst()) == {}


def test_a_layer_that_is_never_called_is_only_a_note():
    found, _ = probed(Auxiliary())
    assert [(f.code, f.severity) for f in found] == [("P12", "note")]
    assert found[0].message == "What unused gives does nothing for the loss."


def test_what_is_computed_and_thrown_away_is_a_warning():
    found = said(ThrownAway())["P12"]
    assert found.severity == "warning"
    assert found.message == "What inner gives is computed and thrown away."


def test_an_answer_that_the_loss_does_not_take_is_healthy():
    def first(outputs, targets):
        return F.cross_entropy(outputs[0], targets)

    assert said(TwoAnswers(), (X, Y), first) == {}


def test_the_module_and_its_optimizer_stay_as_they_are():
    module = Detached().eval()
    optimizer = torch.optim.Adam(module.parameters())
    before = [p.clone() for p in module.parameters()]
    random = torch.get_rng_state()
    assert "C3" in said(module, optimizer=optimizer)
    assert torch.equal(random, torch.get_rng_state())
    assert not optimizer.state
    assert not module.training
    for now, then in zip(module.parameters(), before, strict=True):
        assert torch.equal(now, then)
        assert now.grad is None
