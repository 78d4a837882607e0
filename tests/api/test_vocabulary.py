"""Every name of the vocabulary trains, is saved and loaded, predicts, and resumes."""

import signal
from itertools import chain

import pytest
import torch

import torchsmith as ts
from torchsmith.core.errors import Interrupted
from torchsmith.core.spec import members
from torchsmith.plan.averaging import Averaging
from torchsmith.plan.file import parse_plan
from torchsmith.plan.init import Init
from torchsmith.plan.layers import Layer
from torchsmith.plan.losses import Loss
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.schedules import Schedule
from torchsmith.plan.settings import take_choices
from torchsmith.plan.text import flow
from torchsmith.train.watch import TrainingObserver

ROWS = {"Flatten": {"start_dim": 1, "end_dim": 2}}
CUBES = {"Unflatten": {"dim": 2, "unflattened_size": [2, 4]}}
LOSSES = [
    "CrossEntropyLoss",
    {"NLLLoss": {"weight": "balanced"}},
    "BCELoss",
    {"BCEWithLogitsLoss": {"pos_weight": "balanced"}},
    {"MSELoss": {"reduction": "sum"}},
]
OF_NUMBERS = ["L1Loss", {"SmoothL1Loss": 0.5}, {"HuberLoss": 2}]
ENDS = {"NLLLoss": ["LogSoftmax"], "BCELoss": ["Softmax"]}
OPTIMIZERS = [
    {"SGD": {"lr": 0.01, "momentum": 0.9, "nesterov": True}},
    {"Adam": {"amsgrad": True}},
    {"AdamW": {"groups": [{"params": "*.bias", "weight_decay": 0}]}},
    {"RMSprop": {"centered": True}},
    "Adagrad",
    "Adadelta",
    {"NAdam": {"weight_decay": 0.01, "decoupled_weight_decay": True}},
    "RAdam",
    {"Muon": {"others": {"AdamW": {"lr": 0.01}}}},
]
SCHEDULES = [
    {"LambdaLR": "0.9 ** epoch"},
    {"StepLR": 1},
    {"MultiStepLR": [1, 2]},
    "ConstantLR",
    {"LinearLR": {"interval": "step"}},
    {"ExponentialLR": 0.9},
    "PolynomialLR",
    "CosineAnnealingLR",
    {"CosineAnnealingWarmRestarts": 1},
    "OneCycleLR",
    {"ReduceLROnPlateau": {"patience": 0}},
    {
        "SequentialLR": {
            "schedulers": ["LinearLR", "CosineAnnealingLR"],
            "milestones": [2],
            "interval": "step",
        }
    },
]
AVERAGES = [None, {"EMA": 0.9}, {"SWA": {"start": 0, "swa_lr": 0.01}}]
# `&` is the weight of the last Linear.
INITS = [
    {"dirac_": {"params": "0.weight"}},
    {"eye_": {"params": "&"}},
    {"sparse_": {"sparsity": 0.5, "params": "&"}},
    {"constant_": {"val": 0.1, "params": "*.bias"}},
    {"ones_": {"params": "*.bias"}},
    {"zeros_": {"params": "*.bias"}},
    {"uniform_": {"a": -0.1, "b": 0.1}},
    {"normal_": {"std": 0.1}},
    {"trunc_normal_": {"std": 0.1}},
    "xavier_uniform_",
    "xavier_normal_",
    {"kaiming_uniform_": {"nonlinearity": "relu"}},
    {"kaiming_normal_": {"mode": "fan_out"}},
    {"orthogonal_": {"gain": 0.5}},
]
# Digits are (1, 8, 8).
NETWORKS = [
    [{"Conv2d": 4}, "BatchNorm2d", "ReLU", {"MaxPool2d": 2}, "Flatten"],
    [{"ConvTranspose2d": {"out_channels": 3, "kernel_size": 2}}, "ELU", "Flatten"],
    [ROWS, {"Conv1d": 4}, "BatchNorm1d", "SELU", {"MaxPool1d": 2}, "Flatten"],
    [
        CUBES,
        {"Conv3d": {"out_channels": 2, "kernel_size": 1}},
        "BatchNorm3d",
        {"MaxPool3d": [1, 2, 2]},
        {"AvgPool3d": 1},
        {"AdaptiveAvgPool3d": 1},
        "Flatten",
    ],
    ["Flatten", {"Linear": 9}, "GELU", {"Dropout": 0.2}, "LayerNorm", "Identity"],
    ["Flatten", {"Linear": 9}, {"LeakyReLU": 0.02}, {"Bilinear": 6}, "Tanh"],
    [{"AvgPool2d": 2}, {"AdaptiveAvgPool2d": 2}, {"AdaptiveMaxPool2d": 2}, "Flatten"],
    [ROWS, {"AvgPool1d": 2}, {"AdaptiveAvgPool1d": 2}, "SiLU", "Flatten", "Sigmoid"],
    [ROWS, {"RNN": 6}],
    [ROWS, {"LSTM": {"hidden_size": 6, "output": "all"}}, {"GRU": 5}],
    [
        ROWS,
        {"TransformerEncoder": {"nhead": 2, "num_layers": 1, "dim_feedforward": 8}},
        "Flatten",
    ],
    ["Flatten", {"Linear": 8}, {"Residual": [{"Linear": 8}, "Mish"]}, {"Softmax": 1}],
    [
        {"Unflatten": {"dim": 2, "unflattened_size": [2, 4]}},
        {"GroupNorm": 1},
        "Flatten",
    ],
    ["Flatten", {"Linear": 6}, "LogSoftmax"],
]
CLASSES = {
    "problem": {
        "task": "multiclass",
        "target": "label",
        "metric": "accuracy",
        "classes": [*"0123456789"],
    },
    "data": {"source": "digits"},
    "split": {"test": 0.6, "val": 0.3},
    "prepare": [{"ToFloat": 16}],
}
LENGTHS = {
    f"{part} {kind} (cm)": "number"
    for part in ("sepal", "petal")
    for kind in ("length", "width")
}
NUMBERS = {
    "problem": {"task": "regression", "target": "petal width (cm)", "metric": "rmse"},
    "data": {
        "source": "iris",
        "columns": {**LENGTHS, "species": "ignore"},
    },
    "prepare": ["FillMissing", "Standardize", "StandardizeTarget"],
}
del NUMBERS["data"]["columns"]["petal width (cm)"]


def name_of(written):
    return written if isinstance(written, str) else next(iter(written))


def of_classes(place):
    """A plan that takes one of each kind, by its place."""
    loss = LOSSES[place % len(LOSSES)]
    layers = [*NETWORKS[place], {"Linear": 10}, *ENDS.get(name_of(loss), [])]
    last = f"{len(NETWORKS[place])}.weight"
    return {
        **CLASSES,
        "network": {"Sequential": layers},
        "init": [INITS[place]],
        "loss": loss,
        "optimizer": OPTIMIZERS[place % len(OPTIMIZERS)],
        "schedule": SCHEDULES[place % len(SCHEDULES)],
        "averaging": AVERAGES[place % len(AVERAGES)],
        "training": {"epochs": 2, "threads": 1, "accumulate": 1 + place % 2},
    }, last


def of_numbers(place):
    return {
        **NUMBERS,
        "network": {"MLP": [8]},
        "loss": OF_NUMBERS[place],
        "optimizer": "Adam",
        "training": {"epochs": 2, "threads": 1},
    }, ""


PLANS = [
    *map(of_classes, range(len(NETWORKS))),
    *map(of_numbers, range(len(OF_NUMBERS))),
]


def plan(place):
    content, last = PLANS[place]
    lines = [f"{key}: {flow(value)}" for key, value in content.items()]
    return parse_plan("\n".join(lines).replace("'&'", f"'{last}'"))


class Interrupter(TrainingObserver):
    """Presses Ctrl-C after the first epoch."""

    def __init__(self):
        self.epochs = 0

    def on_epoch_end(self, record):  # noqa: ARG002
        self.epochs += 1
        if self.epochs == 1:
            signal.raise_signal(signal.SIGINT)


def interrupted_and_resumed(place, runs):
    with pytest.raises(Interrupted):
        ts.train(plan(place), runs=runs, observer=Interrupter())
    return ts.train(resume=True, runs=runs)


def titles():
    return [
        f"{place}-{name_of(content['optimizer'])}-{name_of(content['loss'])}"
        for place, (content, _) in enumerate(PLANS)
    ]


@pytest.mark.parametrize("place", range(len(PLANS)), ids=titles())
def test_a_plan_of_these_names_resumes_is_loaded_and_predicts(place, tmp_path):
    run = interrupted_and_resumed(place, tmp_path)
    loaded = ts.load_run(run.path)
    asked = take_choices(plan(place), loaded.plan)
    assert loaded.plan == asked.model_copy(update={"reasons": loaded.plan.reasons})
    source = PLANS[place][0]["data"]["source"]
    first, again = run.predict(source), loaded.predict(source)
    assert len(first) == (1797 if source == "digits" else 150)
    assert first.to_dict() == again.to_dict()


def test_an_embedding_of_category_codes_resumes_is_loaded_and_predicts(tmp_path):
    table = tmp_path / "table.csv"
    rows = [f"{'uvw'[i % 3]},{'xy'[i % 2]},{'ab'[i % 3 > 0]}" for i in range(60)]
    table.write_text("\n".join(["c,d,y", *rows]))
    layers = [{"Embedding": 3}, "Flatten", {"Linear": 1}]
    settings = {
        "network": {"Sequential": layers},
        "loss": "BCEWithLogitsLoss",
        "training.epochs": 2,
    }
    of_table = ts.plan(table, target="y", settings=settings)
    with pytest.raises(Interrupted):
        ts.train(of_table, runs=tmp_path / "runs", observer=Interrupter())
    run = ts.train(resume=True, runs=tmp_path / "runs")
    assert run.network[0].num_embeddings == 4  # one for what was not seen
    again = ts.load_run(run.path).predict(table)
    assert again.to_dict() == run.predict(table).to_dict()


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(PLANS)), ids=titles())
def test_a_resumed_run_of_these_names_ends_with_the_same_weights(place, tmp_path):
    resumed = interrupted_and_resumed(place, tmp_path / "cut")
    whole = ts.train(plan(place), runs=tmp_path / "whole")
    pairs = zip(
        resumed.model.network.state_dict().values(),
        whole.model.network.state_dict().values(),
        strict=True,
    )
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def names_in(layers):
    for each in layers:
        yield name_of(each)
        if name_of(each) == "Residual":
            yield from names_in(each["Residual"])


@pytest.mark.parametrize(
    ("kind", "used"),
    [
        (Layer, [*chain(*map(names_in, NETWORKS)), "Embedding"]),
        (Loss, map(name_of, LOSSES + OF_NUMBERS)),
        (Optimizer, map(name_of, OPTIMIZERS)),
        (Schedule, map(name_of, SCHEDULES)),
        (Averaging, map(name_of, AVERAGES[1:])),
        (Init, map(name_of, INITS)),
    ],
)
def test_no_name_of_the_vocabulary_is_left_out(kind, used):
    assert {spec.spec_name() for spec in members(kind)} == set(used)
