"""What would do nothing is refused, and said with what would give it an effect."""

import pytest

from tests.plan.test_check import plan
from torchsmith.core.errors import PlanError
from torchsmith.data.steps import EncodeCategories
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.plan.check import check
from torchsmith.plan.networks import MLP, SequenceNet, TabularMLP
from torchsmith.plan.optimizers import SGD, Group, NAdam, RAdam
from torchsmith.plan.plan import Source, Stopping
from torchsmith.plan.sequence_bodies import GRU

NUMBERS = Source(source="rows.csv", columns={"a": "number", "b": "ignore"})
BOTH = Source(source="rows.csv", columns={"a": "number", "b": "category"})
TABLE = TabularMLP(embedding=4)
IDLE = [
    ({"network": MLP(hidden=(), dropout=0.1)}, "network.MLP.dropout: is after each"),
    (
        {"network": TabularMLP(hidden=(), batch_norm=True)},
        "network.TabularMLP.batch_norm: is in each hidden layer, and there is none",
    ),
    (
        {"network": TabularMLP(frequency_scale=0.5)},
        "network.TabularMLP.frequency_scale: is of waves, and frequencies is 0",
    ),
    (
        {"network": TABLE, "data": NUMBERS},
        "network.TabularMLP.embedding: is of categories, and no column",
    ),
    (
        {
            "network": TABLE,
            "data": BOTH,
            "prepare": (EncodeCategories(encoding="one_hot"),),
        },
        "network.TabularMLP.embedding: is of codes",
    ),
    (
        {"network": SequenceNet(body=None, features=True, dropout=0.5)},
        "network.SequenceNet.dropout: is at the end of the body, and there is none",
    ),
    (
        {"network": SequenceNet(body=GRU(dropout=0.5))},
        "network.SequenceNet.body.GRU.dropout: is between layers, and depth is 1",
    ),
    (
        {"optimizer": SGD(groups=(Group(params="*.bias", dampening=0.5),))},
        "optimizer.dampening: is of the momentum, which is 0",
    ),
    (
        {"optimizer": NAdam(decoupled_weight_decay=True)},
        "optimizer.decoupled_weight_decay: is of the weight decay, which is 0",
    ),
    (
        {"stopping": Stopping(patience=0, restore_best=False, min_delta=0.1)},
        "stopping.min_delta: nothing asks for the best epoch",
    ),
    (
        {"data": NUMBERS.model_copy(update={"skip_damaged": True})},
        "data.skip_damaged: is for images and volumes",
    ),
]
USED = [
    {"network": MLP(hidden=())},
    {"network": MLP(dropout=0.1, batch_norm=True)},
    {"network": TabularMLP(frequencies=8, frequency_scale=0.5)},
    {"network": TABLE, "data": BOTH, "prepare": (EncodeCategories(encoding="codes"),)},
    {"network": TABLE},
    {"network": SequenceNet(body=GRU(depth=2, dropout=0.5), dropout=0.1)},
    {"network": SequenceNet(body=None, features=True)},
    {"optimizer": SGD(dampening=0.5, momentum=0.9)},
    {"optimizer": RAdam(decoupled_weight_decay=True, weight_decay=0.1)},
    {"stopping": Stopping(patience=0, min_delta=0.1)},
]


@pytest.mark.parametrize(("changes", "message"), IDLE)
def test_what_would_do_nothing_is_refused(changes, message):
    with pytest.raises(PlanError) as caught:
        check(plan(**changes))
    assert message in str(caught.value)
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize("changes", USED)
def test_what_does_something_passes(changes):
    check(plan(**changes))


@pytest.mark.parametrize(
    "spec",
    [SequenceNet(embedding=7), SequenceNet(body=None, features=True, embedding=7)],
)
def test_an_embedding_without_characters_to_read_is_refused(spec):
    layout = InputLayout((2, 9), sequence=(2, 9))
    if spec.features:
        layout = InputLayout((6,), sequence=(0, 0), num_features=6)
    with pytest.raises(
        PlanError, match=r"SequenceNet\.embedding: is of the characters"
    ):
        build_network(spec, layout, 3, 0)
