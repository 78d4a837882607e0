"""Plans that cannot work are refused before any data is read."""

import pytest

from tests.plan.example import EXAMPLE
from torchsmith.core.errors import PlanError
from torchsmith.data.split import Split
from torchsmith.data.steps import FillMissing, Resize, StandardizeTarget, ToFloat
from torchsmith.plan.check import check
from torchsmith.plan.file import parse_plan
from torchsmith.plan.layers import Dropout, Linear, ReLU, Softmax
from torchsmith.plan.losses import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from torchsmith.plan.networks import MLP, ConvNet, Sequential, TabularMLP
from torchsmith.plan.optimizers import SGD, Adam, RMSprop
from torchsmith.plan.plan import Plan, Problem, Source, Stopping
from torchsmith.plan.schedules import OneCycleLR

THREE = Problem(
    task="multiclass", target="y", metric="accuracy", classes=("a", "b", "c")
)
TWO = Problem(task="binary", target="y", metric="roc_auc", classes=("a", "b"))
PRICE = Problem(task="regression", target="y", metric="rmse")


def plan(**changes: object) -> Plan:
    fields = {
        "problem": THREE,
        "data": Source(source="rows.csv"),
        "network": MLP(),
        "loss": CrossEntropyLoss(),
        "optimizer": Adam(),
    }
    return Plan(**{**fields, **changes})


def sequential(*layers) -> Sequential:
    return Sequential(layers=layers)


def test_plans_that_can_work_pass():
    check(parse_plan(EXAMPLE))
    check(plan())
    check(plan(problem=PRICE, loss=MSELoss(), prepare=(StandardizeTarget(),)))
    check(plan(problem=TWO, loss=BCEWithLogitsLoss()))
    check(plan(problem=TWO, stopping=Stopping(monitor="val_roc_auc")))
    check(plan(network=sequential(Linear(out_features=3), Dropout())))
    two = sequential(Linear(out_features=1))
    check(plan(problem=TWO, loss=BCEWithLogitsLoss(), network=two))
    check(plan(optimizer=SGD(momentum=0.9, nesterov=True), schedule=OneCycleLR()))
    check(plan(optimizer=SGD(), schedule=OneCycleLR(cycle_momentum=False)))
    check(plan(network=ConvNet(), prepare=(Resize(height=9, width=9), ToFloat())))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problem": PRICE}, "loss: CrossEntropyLoss is for classes; regression takes"),
        (
            {"loss": MSELoss()},
            "loss: MSELoss is for regression; multiclass takes Cross",
        ),
        ({"loss": BCEWithLogitsLoss()}, "loss: BCEWithLogitsLoss is for two classes"),
        (
            {"problem": THREE.model_copy(update={"metric": "rmse"})},
            "problem.metric: rmse does not fit multiclass; it can be accuracy, bal",
        ),
        (
            {"problem": TWO.model_copy(update={"classes": ("a", "b", "c")})},
            "problem.classes: binary has 2 classes, not 3",
        ),
        (
            {"problem": THREE.model_copy(update={"classes": ("a", "b", "a")})},
            "problem.classes: 'a' stands twice",
        ),
        (
            {
                "problem": PRICE.model_copy(update={"classes": ("a",)}),
                "loss": MSELoss(),
            },
            "problem.classes: regression has no classes",
        ),
        (
            {"stopping": Stopping(monitor="val_acuracy")},
            "stopping.monitor: 'val_acuracy' is not measured; did you mean",
        ),
        (
            {"stopping": Stopping(monitor="val_rmse")},
            "stopping.monitor: 'val_rmse' is not measured",
        ),
        (
            {"problem": PRICE, "loss": MSELoss(), "split": Split(stratify=True)},
            "split.stratify: regression has no classes",
        ),
        (
            {"split": Split(stratify=True, group="p")},
            "split: group and stratify cannot be combined",
        ),
        (
            {
                "split": Split(group="p"),
                "data": Source(source="s", columns={"pp": "number"}),
            },
            "split.group: no column 'p'; did you mean 'pp'",
        ),
        (
            {"data": Source(source="s", columns={"y": "number"})},
            "data.columns.y: this is the target",
        ),
        (
            {"network": sequential(ReLU(), Linear(out_features=4))},
            "network.Sequential.1: the last layer has 4 outputs; 3 classes need 3",
        ),
        (
            {
                "problem": TWO,
                "loss": BCEWithLogitsLoss(),
                "network": sequential(Linear(out_features=2)),
            },
            "the last layer has 2 outputs; BCEWithLogitsLoss needs 1",
        ),
        (
            {
                "problem": PRICE,
                "loss": MSELoss(),
                "network": sequential(Linear(out_features=2)),
            },
            "the last layer has 2 outputs; regression needs 1",
        ),
        (
            {"network": sequential(Linear(out_features=3), Softmax(), Dropout())},
            "Sequential.1: CrossEntropyLoss takes raw outputs, not those of Softmax",
        ),
        (
            {"optimizer": SGD(), "schedule": OneCycleLR()},
            "schedule: OneCycleLR cycles the momentum, and SGD has none; set cycle_mom",
        ),
        (
            {"optimizer": RMSprop(), "schedule": OneCycleLR()},
            "schedule: OneCycleLR cycles the momentum, and RMSprop has none",
        ),
        ({"optimizer": SGD(nesterov=True)}, "optimizer: nesterov needs a momentum"),
        (
            {"prepare": (StandardizeTarget(),)},
            "prepare.0: StandardizeTarget is for regression; the task is multiclass",
        ),
        (
            {"prepare": (FillMissing(), ToFloat())},
            "prepare.1: ToFloat is not for tables",
        ),
        (
            {"network": ConvNet(), "prepare": (FillMissing(),)},
            "network: ConvNet is for images",
        ),
        (
            {"network": TabularMLP(), "prepare": (ToFloat(),)},
            "network: TabularMLP is for tables",
        ),
    ],
)
def test_a_combination_that_cannot_work_is_refused(changes, message):
    with pytest.raises(PlanError) as caught:
        check(plan(**changes))
    assert message in str(caught.value)


def test_all_are_named_at_once():
    with pytest.raises(
        PlanError, match=r"^the plan has 2 problems\nloss: .*\nstopping"
    ):
        check(plan(loss=MSELoss(), stopping=Stopping(monitor="x")))
