"""A script ends with the weights of its training, whatever the plan is made of."""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import torchsmith as ts
from tests.eject.scripts import begun, hold_to_run, plan_of, run, trained
from torchsmith.core.spec import members
from torchsmith.eject.script import script_of
from torchsmith.nn.losses import MeanOverMembers
from torchsmith.plan.averaging import Averaging
from torchsmith.plan.init import Init
from torchsmith.plan.losses import Loss
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.schedules import Schedule
from torchsmith.train.loop import fit
from torchsmith.train.session import Session

NET = {"MLP": {"hidden": [6]}}

LOSSES = [
    ("iris", "CrossEntropyLoss"),
    ("iris", {"CrossEntropyLoss": {"weight": "balanced", "label_smoothing": 0.1}}),
    ("iris", {"CrossEntropyLoss": {"weight": [1, 2, 3], "reduction": "sum"}}),
    ("iris", {"NLLLoss": {"weight": "balanced"}}),
    ("iris", {"CrossEntropyLoss": {"weight": "sqrt_balanced"}}),
    ("iris", "BCELoss"),
    ("breast_cancer", "BCELoss"),
    ("iris", {"BCEWithLogitsLoss": {"pos_weight": "balanced"}}),
    ("breast_cancer", {"BCEWithLogitsLoss": {"pos_weight": "balanced"}}),
    ("breast_cancer", {"BCEWithLogitsLoss": {"pos_weight": 2, "reduction": "sum"}}),
    ("iris", "MSELoss"),
    ("breast_cancer", "MSELoss"),
    ("diabetes", {"MSELoss": {"reduction": "sum"}}),
    ("diabetes", "L1Loss"),
    ("diabetes", {"SmoothL1Loss": 0.5}),
    ("diabetes", {"HuberLoss": {"delta": 0.5}}),
]
ENDS = {"NLLLoss": "LogSoftmax", "BCELoss": "Sigmoid"}
OPTIMIZERS = [
    {"SGD": {"momentum": 0.9, "nesterov": True}},
    "SGD",
    {"Adam": {"betas": [0.8, 0.9], "amsgrad": True}},
    {"AdamW": {"weight_decay": 0.1, "eps": 1e-6}},
    {"RMSprop": {"centered": True, "momentum": 0.5}},
    {"Adagrad": {"lr_decay": 0.1}},
    {"Adadelta": {"rho": 0.8}},
    {"NAdam": {"decoupled_weight_decay": True, "weight_decay": 0.1}},
    {"RAdam": {"betas": [0.8, 0.9]}},
    {"Muon": {"lr": 0.01}},
    {"SGD": {"groups": [{"params": "*.bias", "lr": 0.1}]}},
    {"Adam": {"groups": [{"params": "0.*", "lr": 0.1}, {"params": "*.bias"}]}},
    {"Muon": {"groups": [{"params": "0.*", "lr": 0.1}]}},
    {"Muon": {"others": {"AdamW": {"groups": [{"params": "0.*", "lr": 0.1}]}}}},
]
SCHEDULES = [
    {"LambdaLR": "0.9 ** epoch"},
    {"LambdaLR": {"lr_lambda": "1 / (2 - epoch) + cos(pi)+1"}},
    {
        "SequentialLR": {
            "schedulers": ["ConstantLR", {"LambdaLR": "1 / (1 - epoch)"}],
            "milestones": [1],
        }
    },
    {"StepLR": {"step_size": 1, "gamma": 0.5, "interval": "step"}},
    {"MultiStepLR": {"milestones": [1], "gamma": 0.5}},
    "ConstantLR",
    {"LinearLR": {"total_iters": 2}},
    {"ExponentialLR": 0.9},
    {"PolynomialLR": {"power": 2}},
    "CosineAnnealingLR",
    {"CosineAnnealingLR": {"interval": "step"}},
    {"CosineAnnealingWarmRestarts": 1},
    {"OneCycleLR": {"max_lr": 0.1, "three_phase": True}},
    {"ReduceLROnPlateau": {"patience": 0}},
    {
        "SequentialLR": {
            "schedulers": [{"LinearLR": {"total_iters": 3}}, "CosineAnnealingLR"],
            "milestones": [3],
            "interval": "step",
        }
    },
]
INITIALISERS = [
    {"uniform_": {"a": -0.1, "b": 0.1}},
    {"normal_": {"std": 0.1}},
    {"constant_": {"val": 0.1, "params": "*.bias"}},
    {"ones_": {"params": "0.bias"}},
    {"zeros_": {"params": "*bias"}},
    "eye_",
    {"xavier_uniform_": {"gain": 2}},
    "xavier_normal_",
    {"kaiming_uniform_": {"nonlinearity": "relu"}},
    {"kaiming_normal_": {"mode": "fan_out"}},
    {"trunc_normal_": {"std": 0.1}},
    "orthogonal_",
    {"sparse_": {"sparsity": 0.1}},
]
AVERAGES = [
    "EMA",
    {"EMA": {"decay": 0.5}},
    {"SWA": {"start": 0.0}},
    {"SWA": {"start": 0.5, "swa_lr": 0.1, "anneal_epochs": 2}},
]


def name_of(spec):
    return spec if isinstance(spec, str) else next(iter(spec))


def names(union):
    return {member.spec_name() for member in members(union)}


def test_every_choice_is_among_the_examples():
    assert {name_of(loss) for _, loss in LOSSES} == names(Loss)
    assert set(map(name_of, OPTIMIZERS)) == names(Optimizer)
    assert set(map(name_of, SCHEDULES)) == names(Schedule)
    assert {*map(name_of, INITIALISERS), "dirac_"} == names(Init)
    assert set(map(name_of, AVERAGES)) == names(Averaging)


@pytest.mark.parametrize(("source", "loss"), LOSSES)
def test_a_loss(source, loss, tmp_path):
    outputs = {"iris": 3, "breast_cancer": 1, "diabetes": 1}[source]
    if source == "breast_cancer" and name_of(loss) == "MSELoss":
        outputs = 2
    layers = [
        {"Linear": outputs},
        *([ENDS[name_of(loss)]] if name_of(loss) in ENDS else []),
    ]
    hold_to_run(plan_of(source, loss=loss, network={"Sequential": layers}), tmp_path)


@pytest.mark.parametrize("members", [1, 2])
def test_classes_with_weights_are_validated_as_in_the_run(members):
    loss = {"CrossEntropyLoss": {"weight": [1, 8, 3]}}
    network = {"TabularMLP": {"hidden": [6], "members": members}}
    subject = trained(plan_of("iris", loss=loss, network=network))
    outputs = torch.randn(1300, 3, generator=torch.Generator().manual_seed(0))
    part = TensorDataset(outputs, torch.arange(1300) // 450)
    names = {"__name__": "ejected"}
    exec(script_of(subject), names)
    criterion = nn.CrossEntropyLoss(torch.tensor([1.0, 8.0, 3.0]))
    given = MeanOverMembers(criterion) if members > 1 else criterion
    found = names["mean_loss"](nn.Identity(), given, part)
    assert found == pytest.approx(criterion(*part.tensors).item(), rel=1e-6)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_classes_with_weights_have_the_training_loss_of_the_run(accumulate, tmp_path):
    loss = {"CrossEntropyLoss": {"weight": [1, 8, 3]}}
    plan = plan_of("iris", loss=loss, training__accumulate=accumulate)
    subject, setup = begun(plan)
    fit(setup.job, setup.state, Session(setup.job))
    told = StringIO()
    run(script_of(subject), tmp_path, told)
    for record in setup.state.history:
        assert f"train loss {record.train_loss:.4f}" in told.getvalue()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_an_optimizer(optimizer, tmp_path):
    hold_to_run(plan_of("iris", optimizer=optimizer, network=NET), tmp_path)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_schedule(schedule, tmp_path):
    hold_to_run(plan_of("iris", schedule=schedule, network=NET), tmp_path)


@pytest.mark.parametrize("init", INITIALISERS, ids=str)
def test_an_initialiser(init, tmp_path):
    hold_to_run(plan_of("iris", init=[init], network=NET), tmp_path)


@pytest.mark.parametrize("network", [NET, {"MLP": {"hidden": [6], "batch_norm": True}}])
@pytest.mark.parametrize("averaging", AVERAGES, ids=str)
def test_an_average(averaging, network, tmp_path):
    hold_to_run(plan_of("iris", averaging=averaging, network=network), tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"training__accumulate": 2},
        {"training__accumulate": 2, "loss": {"CrossEntropyLoss": {"reduction": "sum"}}},
        {"training__batch_size": 101},
        {"training__batch_size": 1},
        {"training__clip_grad_value": 0.0123456789, "training__clip_grad_norm": 0},
        {"training__clip_grad_norm": 0.123456789},
        {
            "training__batch_size": 51,  # 4 steps; no rate is asked for after them
            "schedule": {"LambdaLR": {"lr_lambda": "1/(epoch<4)", "interval": "step"}},
        },
        {"training__precision": "bfloat16"},
        {"stopping__monitor": "val_accuracy", "stopping__min_delta": 0.01},
        {"stopping__monitor": "val_calibrated_loss"},
        {"stopping__monitor": "val_calibrated_loss", "calibration": None},
        {"stopping__monitor": "val_calibrated_loss", "loss": "MSELoss"},
        {"stopping__restore_best": False, "stopping__patience": 0},
        {"stopping__restore_best": False, "averaging": "EMA"},
        {"split__seed": 3, "split__stratify": False},
        {"prepare": ["Standardize"]},
        {"prepare": [{"RobustScale": {"clip": 2.718281828}}]},
        {"prepare": []},
    ],
    ids=str,
)
def test_a_setting(settings, tmp_path):
    hold_to_run(plan_of("iris", **{"network": NET, **settings}), tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"init": [{"dirac_": {"params": "0.weight"}}, "kaiming_normal_"]},
        {"augment": [{"RandomCrop": 6}], "averaging": {"SWA": 0.0}},
        {"training__precision": "bfloat16", "averaging": {"SWA": 0.0}},
        {"augment": [{"RandomCrop": {"size": [6, 7], "p": 0.5}}]},
        {
            "augment": [
                {"RandomAffine": {"degrees": 10, "translate": [0.1, 0.2]}},
                {"RandomHorizontalFlip": 1},
                {"RandomVerticalFlip": 0.5},
            ],
            "averaging": "EMA",
        },
        {
            "augment": [
                {"RandomAffine": {"degrees": [0, 9], "scale": [0.8, 1.2], "p": 0.5}},
                {"RandomAffine": 5},
                "RandomHorizontalFlip",
            ],
            "network": {
                "ConvNet": {"channels": [4, 4], "pool_first": True, "hidden": [5]}
            },
        },
        {"network": {"ResNet": {"channels": [4, 6], "depth": 1}}},
        {"prepare": [{"ToFloat": 16.123456789}]},
        {"network": {"Sequential": ["Flatten", {"Linear": 10}]}},
    ],
    ids=str,
)
def test_a_setting_for_pictures(settings, tmp_path):
    net = {"ConvNet": {"channels": [4], "dropout": 0.1}}
    plan = plan_of("digits", **{"network": net, "training__epochs": 1, **settings})
    hold_to_run(plan, tmp_path)


def test_dates_of_one_year_have_no_deviation(tmp_path):
    days = "".join(f"2026-{1 + n % 12:02}-{1 + n % 28:02},{n}\n" for n in range(90))
    (tmp_path / "days.csv").write_text(f"day,value\n{days}", "utf-8")
    settings = {"training.epochs": 2, "training.threads": 0, "network": NET}
    plan = ts.plan(
        tmp_path / "days.csv",
        target="value",
        settings=settings | {"prepare": ["Standardize", "StandardizeTarget"]},
    )
    hold_to_run(plan, tmp_path)


@pytest.mark.parametrize(
    "target",
    [
        "['a', 'b'][1 + i % 2]",
        "CASE WHEN i = 7 THEN '?' ELSE ['a', 'b'][1 + i % 2] END",
        "i % 2",
    ],
)
def test_rows_of_parquet_without_a_target_are_left_out(target, tmp_path, monkeypatch):
    import duckdb

    monkeypatch.chdir(tmp_path)  # the script names the file, in a short line
    path = "made.parquet"
    duckdb.sql(
        f"SELECT i % 7 + 0.5 AS a, CASE WHEN i % 40 = 3 THEN NULL ELSE {target} END AS"
        " kind FROM range(120) AS made(i)"
    ).write_parquet(path)
    settings = {"training.epochs": 2, "training.threads": 0, "network": NET}
    plan = ts.plan(path, target="kind", settings=settings)
    assert "# Rows without a target are left out." in hold_to_run(plan, tmp_path)


@pytest.mark.parametrize("averaging", [None, {"EMA": {"decay": 0.9}}])
@pytest.mark.parametrize("shared", [False, True])
def test_categories_that_training_lacks(shared, averaging, tmp_path):
    kinds = "".join(f"{'abc'[n % 3]},{'xy'[n % 2]},{n % 50}.5\n" for n in range(90))
    (tmp_path / "kinds.csv").write_text("kind,side,value\n" + kinds, "utf-8")
    layers = [{"Embedding": 3}, "Flatten", {"Linear": 1}]
    settings = {
        "training.epochs": 2,
        "training.threads": 0,
        "prepare": [{"EncodeCategories": {}}],
        "network": {"Sequential": layers}
        if shared
        else {"TabularMLP": {"hidden": [4]}},
        "averaging": averaging,
    }
    plan = ts.plan(tmp_path / "kinds.csv", target="value", settings=settings)
    code = hold_to_run(plan, tmp_path)
    assert code.count("settle_unknown(") == 2


def test_what_a_plan_does_not_use_is_not_in_its_script(tmp_path):
    plan = plan_of("iris", network=NET, schedule=None, stopping__patience=0)
    code = hold_to_run(plan, tmp_path)
    for word in (
        "schedule",
        "PATIENCE",
        "waited",
        'seed_for("step"',
        "DEVICE",
        "isnan",
    ):
        assert word not in code


def test_the_test_part_is_scored_under_changes_too(tmp_path):
    net = {"Sequential": ["Flatten", {"Linear": 10}]}
    asked = [{"RandomCrop": 6}]
    plan = plan_of("digits", network=net, robustness=asked, training__epochs=1)
    subject = trained(plan)
    _, scores = run(script_of(subject), tmp_path)
    assert set(scores) >= {"accuracy", "accuracy under RandomCrop: 6"}


def test_indices_of_a_crop_move_to_the_device_of_the_pictures():
    asked = [{"RandomCrop": {"size": 6, "p": 0.5}}]
    net = {"Sequential": ["Flatten", {"Linear": 10}]}
    plan = plan_of("digits", network=net, augment=asked, training__epochs=1)
    subject = trained(plan)
    code = script_of(replace(subject, device="meta"))
    crop = code[code.index("def random_crop") : code.index("def mean_loss")]
    names = {"torch": torch, "nn": torch.nn, "DEVICE": "meta"}
    exec(crop.rsplit("@", 1)[0], names)
    pictures = torch.zeros(4, 1, 8, 8, device="meta")
    moved = names["random_crop"](pictures, 6, 6, p=0.5)
    assert moved.device.type == "meta"
    assert crop.count(".to(DEVICE)") == 4


def test_a_script_rounds_as_its_run_did():
    subject, _ = begun(plan_of("iris", training__epochs=1))
    assert "MKL_CBWR" not in script_of(subject)
    code = script_of(replace(subject, rounding="AUTO"))
    assert 'os.environ.setdefault("MKL_CBWR", "AUTO")' in code
    assert "import os" in code


@pytest.mark.parametrize(
    ("source", "target"),
    [("iris", "petal width (cm)"), ("diabetes", "bmi"), ("diabetes", "sex")],
)
def test_a_built_in_table_with_another_target_than_its_own(source, target, tmp_path):
    plan = ts.plan(source, target=target, settings={"training.epochs": 1})
    hold_to_run(plan, tmp_path)


def test_dates_that_are_all_there_need_no_word_of_missing_ones(tmp_path):
    lines = [f"2020-01-{i % 28 + 1:02},{i},{i * 7 % 50}" for i in range(60)]
    file = tmp_path / "made.csv"
    file.write_text("\n".join(["day,a,y", *lines]), "utf-8")
    settings = {"data.columns.day": "date", "training.epochs": 1}
    plan = ts.plan(str(file), target="y", settings=settings)
    code = hold_to_run(plan, tmp_path)
    assert "strptime" in code
    assert "isnat" not in code


@pytest.mark.parametrize("word", ["", "NA"])
def test_dates_may_have_nine_digits_of_a_second(word, tmp_path):
    """Python's `strptime` reads six."""
    lines = [
        f"{f'2024-01-{i % 28 + 1:02}T00:00:0{i % 9}.{i * 7919:09}' if i % 7 else word}"
        f",{i},{i * 7 % 50}"
        for i in range(60)
    ]
    file = tmp_path / "made.csv"
    file.write_text("\n".join(["day,a,y", *lines]), "utf-8")
    settings = {"data.columns.day": "date", "training.epochs": 1}
    plan = ts.plan(str(file), target="y", settings=settings)
    hold_to_run(plan, tmp_path)


def hold_to_style(code, folder):
    path = folder / "train.py"
    path.write_text(code, "utf-8")
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--isolated"]
    done = subprocess.run([*command, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


FORMS = [
    ("%Y-%m-%dT%H:%M:%S+02:00", ""),
    ("%Y-%m-%dT%H:%M:%SZ", "NA"),
    ("%Y-%m-%d %H:%M:%S.%f123-0930", "NA"),
    ("%Y-%m", ""),
    ("%m/%d/%Y %I:%M %p", ""),
    ("%b %d, %Y", "NA"),
    ("%d-%b-%y", ""),
    ("%d %B %Y", ""),
]


@pytest.mark.parametrize(("form", "word"), FORMS)
def test_dates_of_other_forms_are_read_alike(form, word, tmp_path):
    start = datetime(2014, 1, 1, 9, 30, 5, 25, tzinfo=UTC)
    days = [(start + timedelta(days=37 * i, hours=i)).strftime(form) for i in range(60)]
    if "+" in form:
        days[30:] = [day.replace("+02:00", "+01:00") for day in days[30:]]
    days[7] = word or days[7]
    lines = [f'"{day}",{i},{i * 7 % 50}' for i, day in enumerate(days)]
    file = tmp_path / "made.csv"
    file.write_text("\n".join(["day,a,y", *lines]), "utf-8")
    settings = {"data.columns.day": "date", "training.epochs": 1}
    plan = ts.plan(str(file), target="y", settings=settings)
    hold_to_style(hold_to_run(plan, tmp_path), tmp_path)


@pytest.mark.parametrize("mark", ["", "$", "NA", "€,"])
def test_numbers_in_brackets_are_read_alike(mark, tmp_path):
    sign, many = mark[:1].strip("N"), 1000 if "," in mark else 1

    def written(number):
        text = f"{sign}{abs(number) * many:,}"
        return f'"({text})"' if number < 0 else f'"{text}"'

    lines = [f"{written(i % 9 - 4)},{i},{written(i * 7 % 50 - 25)}" for i in range(60)]
    lines.append(f"{mark * (mark == 'NA')},1,{sign}2")
    file = tmp_path / "made.csv"
    file.write_text("\n".join(["x,a,y", *lines]), "utf-8")
    plan = ts.plan(str(file), target="y", settings={"training.epochs": 1})
    code = hold_to_run(plan, tmp_path)
    assert '.replace("(", "-")' in code
    hold_to_style(code, tmp_path)


@pytest.mark.parametrize("header", ["a;b;y\n", ""])
def test_a_first_line_that_names_the_delimiter_is_passed_over(header, tmp_path):
    lines = [f"{i};{i * 13 % 29};{i * 7 % 50}" for i in range(60)]
    file = tmp_path / "made.csv"
    file.write_text("sep=;\n" + header + "\n".join(lines), "utf-8")
    target = "y" if header else "column_3"
    plan = ts.plan(str(file), target=target, settings={"training.epochs": 1})
    code = hold_to_run(plan, tmp_path)
    assert "next(file)  # names the delimiter" in code


@pytest.mark.parametrize("numbered", [True, False])
def test_groups_of_rows_stay_together(numbered, tmp_path):
    lines = [
        f"{i // 4 if numbered else f'g{i // 4}'},{i * 13 % 29},{'ab'[i % 2]}"
        for i in range(80)
    ]
    file = tmp_path / "made.csv"
    file.write_text("\n".join(["house,a,y", *lines]), "utf-8")
    settings = {"split.group": "house", "split.stratify": False}
    plan = ts.plan(str(file), target="y", settings=settings)
    code = hold_to_run(plan, tmp_path)
    held = "[0, 3, 12, 18]" if numbered else '["g0", "g3", "g12", "g18"]'
    assert f"test = np.isin(groups, {held})" in code


@pytest.mark.parametrize("kind", ["date", "number"])
def test_groups_of_a_column_that_is_no_text(kind, tmp_path):
    values = {
        "date": [f"2024-03-{day:02}" for day in range(1, 13)],
        "number": [str(0.1 * i) for i in range(12)],  # such as 0.30000000000000004
    }[kind]
    lines = [f"{values[i % 12]},{i * 13 % 29},{'ab'[i % 2]}" for i in range(120)]
    file = tmp_path / "made.csv"
    file.write_text("\n".join(["of,a,y", *lines]), "utf-8")
    settings = {"split.group": "of", "split.stratify": False, "data.columns.of": kind}
    plan = ts.plan(str(file), target="y", settings=settings)
    hold_to_run(plan, tmp_path)


def test_a_name_may_hold_what_a_docstring_cannot(tmp_path):
    name = 'of """C:\\users"""'
    lines = [f"{i},{'ab'[i % 2]}" for i in range(60)]
    file = tmp_path / "made.csv"
    header = '"' + name.replace('"', '""') + '"'
    file.write_text("\n".join([f"a,{header}", *lines]), "utf-8")
    code = hold_to_run(ts.plan(str(file), target=name), tmp_path)
    assert name in ast.get_docstring(ast.parse(code))


def test_classes_may_be_numbers_with_a_decimal_comma(tmp_path):
    lines = [f"{i * 7 % 11},5;{i % 2 + 1},5" for i in range(60)]
    file = tmp_path / "made.csv"
    file.write_text("\n".join(["a;y", *lines]), "utf-8")
    plan = ts.plan(str(file), target="y", settings={"problem.task": "binary"})
    assert '"1,5": 0' in hold_to_run(plan, tmp_path)


def test_schedules_within_a_schedule_are_indented_below_it(tmp_path):
    warm = {"LinearLR": {"start_factor": 0.1, "total_iters": 1}}
    inner = {"schedulers": [warm, "CosineAnnealingLR"], "milestones": [1]}
    plan = plan_of("iris", schedule={"SequentialLR": inner}, network=NET)
    code = hold_to_run(plan, tmp_path)
    assert (
        "            torch.optim.lr_scheduler.LinearLR(\n"
        "                optimizer,\n"
        "                start_factor=0.1,\n"
        "                total_iters=1,\n"
        "            ),\n"
    ) in code


REPEATED = {
    "network": {"TabularMLP": {"hidden": [4]}},
    "training__epochs": 1,
    "data__columns__who": "ignore",
}


def repeated_rows(folder):
    """A table in which one row stands 60 times and others twice, with gaps."""
    rows = []
    for i in range(200):
        key = 0 if i % 10 < 3 else i % 70
        cells = f"{key * 1.5 if key else ''},{'uvw'[key % 3]},p{key // 8}"
        rows.append(f"{cells},{'ab'[key % 2]}")
    path = folder / "repeated.csv"
    path.write_text("\n".join(["x,w,who,y", *rows]))
    return path


@pytest.mark.parametrize(
    ("settings", "holds"),
    [
        ({"split__keep_together": True}, "split(sets, targets)"),
        ({"split__keep_together": True, "split__stratify": False}, "split(sets)"),
        ({"split__keep_together": True, "split__group": "who"}, "split(groups)"),
        (
            {"split__keep_together": False, "split__drop_shared": True},
            "without_shared(sets, train, val, test)",
        ),
        (
            {
                "split__keep_together": False,
                "split__drop_shared": True,
                "split__group": "who",
            },
            "split(groups)",
        ),
    ],
    ids=str,
)
def test_rows_with_the_same_inputs(settings, holds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the script names the file, in a short line
    path = repeated_rows(tmp_path).name
    settings = {**REPEATED, "split__group": None, **settings}
    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    plan = ts.plan(path, target="y", settings={"training.threads": 0, **dotted})
    assert holds in hold_to_run(plan, tmp_path)


def test_a_script_for_a_gpu_scores_what_it_brought_back():
    for source, asked, targets in (
        ("iris", "val_accuracy", "targets[val]"),
        ("diabetes", "val_rmse", "val_set.targets.cpu().double().numpy()"),
    ):
        subject, _ = begun(plan_of(source, stopping__monitor=asked))
        code = script_of(replace(subject, device="cuda"))
        assert "torch.cat(all_outputs).cpu()" in code
        assert targets in code
        assert "torch.cat(all_outputs).cpu()" not in script_of(subject)


def test_a_script_for_a_device_without_float64_makes_none_there():
    weighted = {"CrossEntropyLoss": {"weight": "balanced"}}
    subject, _ = begun(plan_of("iris", loss=weighted))
    code = script_of(replace(subject, device="mps"))
    assert "torch.zeros((), dtype=torch.float32, device=DEVICE)" in code
    assert "dtype=torch.float64" not in code
    assert ".weight[targets].sum().item()" in code


def test_a_script_begins_to_average_where_its_run_does():
    averaging = {"SWA": {"start": 0.29}}
    subject, setup = begun(plan_of("iris", averaging=averaging, training__epochs=100))
    (condition,) = re.findall(r"if (epoch \+ 1 > .*):", script_of(subject))
    for epoch in range(100):
        found = eval(condition, {"epoch": epoch, "EPOCHS": 100})
        assert found == setup.state.average.takes(epoch + 1), epoch
