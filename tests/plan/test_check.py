"""Plans that cannot work are refused before any data is read."""

import pytest

from tests.plan.example import EXAMPLE
from torchsmith.core.errors import PlanError
from torchsmith.data.split import Folds, Split
from torchsmith.data.steps import (
    FillMissing,
    NeighbourTarget,
    Resize,
    StandardizeTarget,
    ToFloat,
)
from torchsmith.plan.activations import LogSoftmax, ReLU, Sigmoid, Softmax
from torchsmith.plan.calibration import SplitConformal, TemperatureScaling
from torchsmith.plan.check import check
from torchsmith.plan.file import parse_plan
from torchsmith.plan.layers import Dropout, Identity, Linear
from torchsmith.plan.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
)
from torchsmith.plan.networks import MLP, ConvNet, Sequential, TabularMLP
from torchsmith.plan.normalisation import BatchNorm1d
from torchsmith.plan.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Group,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
)
from torchsmith.plan.plan import Plan, Problem, Source, Stopping, Training
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
    check(plan(problem=TWO, stopping=Stopping(monitor="val_calibrated_loss")))
    check(plan(network=sequential(Linear(out_features=3), Dropout())))
    two = sequential(Linear(out_features=1))
    check(plan(problem=TWO, loss=BCEWithLogitsLoss(), network=two))
    check(plan(optimizer=SGD(momentum=0.9, nesterov=True), schedule=OneCycleLR()))
    check(plan(optimizer=SGD(), schedule=OneCycleLR(cycle_momentum=False)))
    for optimizer in (SGD(), RMSprop(), Adagrad(), Adadelta()):
        check(plan(optimizer=optimizer, schedule=OneCycleLR()))
    for optimizer in (NAdam(), RAdam(), Muon(), RMSprop(momentum=0.9)):
        check(plan(optimizer=optimizer, schedule=OneCycleLR(cycle_momentum=True)))
    three, one = Linear(out_features=3), Linear(out_features=1)
    check(plan(loss=MSELoss()))
    check(plan(loss=MSELoss(), network=sequential(three, Sigmoid())))
    check(plan(loss=BCELoss(), network=sequential(three, Sigmoid())))
    check(plan(loss=BCELoss(), network=sequential(three, Softmax())))
    check(plan(loss=BCEWithLogitsLoss(), network=sequential(three)))
    check(plan(loss=NLLLoss(), network=sequential(three, LogSoftmax(), Identity())))
    check(plan(problem=TWO, loss=BCELoss(), network=sequential(one, Sigmoid())))
    check(plan(problem=PRICE, loss=MSELoss(), network=sequential(one, Sigmoid())))
    check(plan(loss=CrossEntropyLoss(weight=(1.0, 2.0, 3.0))))
    check(plan(network=ConvNet(), prepare=(Resize(height=9, width=9), ToFloat())))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problem": PRICE}, "loss: CrossEntropyLoss is for classes; regression takes"),
        (
            {"loss": L1Loss()},
            "loss: L1Loss is for regression; multiclass takes Cross",
        ),
        (
            {"problem": PRICE, "loss": BCEWithLogitsLoss()},
            "loss: BCEWithLogitsLoss is for classes; regression takes MSELoss",
        ),
        (
            {"loss": BCELoss()},
            "loss: BCELoss takes probabilities, and MLP gives raw outputs; use BCEWith",
        ),
        (
            {"loss": NLLLoss(), "network": ConvNet()},
            "loss: NLLLoss takes log-probabilities, and ConvNet gives raw outputs; use",
        ),
        (
            {"loss": BCELoss(), "network": sequential(Linear(out_features=3))},
            "network.Sequential.0: BCELoss takes probabilities, not the outputs of Lin"
            "ear; end with Sigmoid, or use BCEWithLogitsLoss on raw outputs",
        ),
        (
            {
                "loss": BCELoss(),
                "network": sequential(Linear(out_features=3), Sigmoid(), Dropout()),
            },
            "network.Sequential.2: BCELoss takes probabilities, not the outputs of Dro",
        ),
        (
            {
                "problem": TWO,
                "loss": BCELoss(),
                "network": sequential(Linear(out_features=1), Softmax()),
            },
            "Sequential.1: BCELoss has one output for two classes; end with Sigmoid",
        ),
        (
            {
                "problem": TWO,
                "loss": BCELoss(),
                "network": sequential(Linear(out_features=2), Sigmoid()),
            },
            "the last layer has 2 outputs; BCELoss on two classes needs 1",
        ),
        (
            {
                "loss": NLLLoss(),
                "network": sequential(Linear(out_features=3), Softmax()),
            },
            "Sequential.1: NLLLoss takes log-probabilities, not the outputs of Softmax",
        ),
        (
            {"loss": MSELoss(), "network": sequential(Linear(out_features=1))},
            "the last layer has 1 output; 3 classes need 3",
        ),
        (
            {"loss": CrossEntropyLoss(weight=(1.0, 2.0))},
            "loss.CrossEntropyLoss.weight: 2 numbers; 3 classes take 3",
        ),
        (
            {
                "loss": BCELoss(),
                "network": sequential(Linear(out_features=3), Sigmoid()),
                "training": Training(precision="bfloat16"),
            },
            "training.precision: BCELoss is not exact enough in bfloat16",
        ),
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
            {
                "problem": PRICE,
                "loss": MSELoss(),
                "stopping": Stopping(monitor="val_calibrated_loss"),
            },
            "stopping.monitor: 'val_calibrated_loss' is not measured",
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
            {"split": Split(val=Folds(folds=5), time="p")},
            "split: folds and time cannot be combined; set val to a share",
        ),
        (
            {
                "split": Split(val=Folds(folds=5)),
                "prepare": (NeighbourTarget(latitude="a", longitude="b"),),
            },
            "split.val: folds do not go with NeighbourTarget",
        ),
        (
            {
                "split": Split(val=Folds(folds=5)),
                "network": TabularMLP(batch_norm=True),
            },
            "split.val: folds do not go with batch normalisation",
        ),
        (
            {
                "split": Split(val=Folds(folds=5)),
                "network": Sequential(
                    layers=(
                        Linear(out_features=3),
                        BatchNorm1d(),
                        Linear(out_features=3),
                    )
                ),
            },
            "split.val: folds do not go with batch normalisation",
        ),
        (
            {"split": Split(stratify=True, time="p")},
            "split: time and stratify cannot be combined",
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
            "the last layer has 2 outputs; BCEWithLogitsLoss on two classes needs 1",
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
            {"optimizer": SGD(), "schedule": OneCycleLR(cycle_momentum=True)},
            "schedule.cycle_momentum: there is none to cycle, SGD has no momentum here",
        ),
        (
            {"optimizer": Adagrad(), "schedule": OneCycleLR(cycle_momentum=True)},
            "schedule.cycle_momentum: there is none to cycle, Adagrad has no momentum",
        ),
        (
            {
                "optimizer": SGD(groups=(Group(params="*.bias", lr=0.1),)),
                "schedule": OneCycleLR(max_lr=0.1),
            },
            "schedule.max_lr: this would be the highest rate of every group",
        ),
        (
            {"optimizer": SGD(groups=(Group(params="*.bias", nesterov=True),))},
            "optimizer.groups.0: nesterov needs a momentum above 0",
        ),
        (
            {"optimizer": Muon(), "training": Training(sharding="full")},
            "training.sharding: full does not go with the optimizer Muon",
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
            {"network": TabularMLP(bins=16, frequencies=24)},
            "network.TabularMLP.frequencies: 24 would do nothing beside 16 bins; "
            "set one",
        ),
        (
            {"problem": PRICE, "loss": MSELoss(), "calibration": TemperatureScaling()},
            "calibration: TemperatureScaling is for classes; regression has no prob",
        ),
        (
            {"calibration": SplitConformal()},
            "calibration: SplitConformal is for numbers; TemperatureScaling is for cl",
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
        check(plan(loss=L1Loss(), stopping=Stopping(monitor="x")))


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (
            "{SGD: {groups: [{params: '*.bias', betas: [0.1, 0.2]}]}}",
            "optimizer.SGD.groups.0.betas: SGD has no argument 'betas' for a group; it "
            "has lr, momentum, dampening, weight_decay, nesterov",
        ),
        (
            "{SGD: {groups: [{params: '*.bias', weight_decya: 0}]}}",
            "SGD.groups.0: unknown key 'weight_decya'; did you mean 'weight_decay'",
        ),
        (
            "{SGD: {groups: [{lr: 0.1}]}}",
            "optimizer.SGD.groups.0.params: is missing",
        ),
        (
            "{Muon: {others: {AdamW: {groups: [{params: '*', momentum: 0.1}]}}}}",
            "optimizer.Muon.others.AdamW.groups.0.momentum: AdamW has no argument 'mom",
        ),
        (
            "{Muon: {others: AdmW}}",
            "optimizer.Muon.others: unknown optimizer 'AdmW'; did you mean 'AdamW'?",
        ),
    ],
)
def test_a_group_that_cannot_work_is_refused_at_its_line(optimizer, message):
    lines = EXAMPLE.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("optimizer:"))
    lines[place] = f"optimizer: {optimizer}"
    with pytest.raises(PlanError) as caught:
        parse_plan("\n".join(lines))
    assert message in str(caught.value)
    assert f":{place + 1}:" in str(caught.value)


def test_a_loss_that_gives_no_single_number_is_refused_with_the_reason():
    text = EXAMPLE.replace(
        "loss: CrossEntropyLoss", "loss: {MSELoss: {reduction: none}}"
    )
    with pytest.raises(PlanError, match="must be mean or sum; none gives one loss for"):
        parse_plan(text)
