"""A script of networks that each leave a fold out gives what their run gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import torchsmith as ts
from tests.eject.forked import forked_scripts
from tests.eject.scripts import hold_to_run, plan_of, run, trained
from tests.eject.test_eject import train, verified
from tests.eject.test_vocabulary import repeated_rows
from torchsmith.api.planning import load_planned
from torchsmith.data.split import split_rows
from torchsmith.eject.script import script_of

SMALL = {"TabularMLP": {"hidden": [4], "dropout": 0.1}}
SEVERAL = {"TabularMLP": {"hidden": [4], "members": 2, "bins": 4}}
TOLD = "5 networks learn; each network leaves one fold out, for validation."


def rows_of_wine(folder, shared_data, number=300):
    """The first wines of the file."""
    lines = (shared_data / "wine/winequality-red.csv").read_text().splitlines()
    path = folder / "wine.csv"
    path.write_text("\n".join(lines[: number + 1]), "utf-8")
    return path


def names_of(code):
    """What a script defines, without its `main` being run."""
    names = {"__name__": "ejected"}
    exec(code, names)
    return names


def outputs_of(found, names):
    """What a script's network says of all rows, with the weights of its run."""
    split = found.plan.split, found.plan.data.columns
    rows = split_rows(load_planned(found.plan), *split).train
    network = names["Folds"]()
    weights = found.network.state_dict().values()
    network.load_state_dict(dict(zip(network.state_dict(), weights, strict=True)))
    table, targets = names["read"]()
    inputs = names["prepare"](table, rows)
    return names["predict"](network, names["Rows"](inputs, targets)), targets[rows]


def test_classes_end_with_the_same_weights_and_the_same_predictions(
    tmp_path, shared_data
):
    source = shared_data / "titanic/train.csv"
    asked = {"split__val": {"folds": 5}, "network": SEVERAL}
    found = train(str(source), tmp_path, "Survived", **asked)
    assert found.plan.split.keep_together
    assert found.model.file.temperature != 1
    code = verified(found, tmp_path / "train.py")
    assert f'print("{TOLD}")' in code
    names = names_of(code)
    outputs, _ = outputs_of(found, names)
    temperature = found.model.file.temperature
    wanted = names["probabilities_of"](outputs, temperature).numpy()
    assert np.array_equal(found.predict(str(source)).probabilities, wanted)


def test_values_end_with_the_same_weights_interval_and_predictions(
    tmp_path, shared_data
):
    source = rows_of_wine(tmp_path, shared_data)
    asked = {"split__val": {"folds": 3}, "network": SMALL}
    found = train(str(source), tmp_path, "quality", problem__task="regression", **asked)
    assert found.model.file.interval is not None
    names = names_of(verified(found, tmp_path / "train.py"))
    outputs, known = outputs_of(found, names)
    scale = known.mean(), known.std(), known.min(), known.max()
    wanted = names["values_of"](outputs, *scale)
    assert np.array_equal(found.predict(str(source)).values, wanted)


def test_the_cells_of_a_notebook_tell_what_folds_are_for(tmp_path):
    found = train("iris", tmp_path, split__val={"folds": 2}, network=SMALL)
    with forked_scripts():
        ejected = found.eject(tmp_path / "train.ipynb", verify=True)
    assert ejected.verification.same, ejected.verification.text
    text = (tmp_path / "train.ipynb").read_text("utf-8")
    assert "Each network leaves one fold out" in text
    assert "val = train" in text


@pytest.mark.parametrize("val", [{"folds": 3}, 0.2], ids=str)
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"split.stratify": True, "split.keep_together": False},
        {"split.stratify": False, "split.keep_together": False},
        {"split.stratify": True, "split.keep_together": True},
        {"split.stratify": False, "split.keep_together": True},
        {"split.stratify": True, "split.group": "who", "split.keep_together": True},
        {"split.stratify": False, "split.group": "who", "split.keep_together": False},
    ],
    ids=str,
)
def test_parts_and_folds_are_drawn_as_in_the_run(settings, given, val, tmp_path):
    """With a test part that is given, the rest of the rows is drawn from."""
    own = {"split.val": val, "split.group": None, "split.seed": 4}
    quick = {"training.epochs": 1, "training.threads": 0, "network": SMALL}
    named = {"data.columns.who": "ignore", "problem.classes": ["b", "a"]}
    chosen = {**own, **quick, **named, **settings}
    plan = ts.plan(repeated_rows(tmp_path), target="y", settings=chosen)
    subject = trained(plan)
    data, split = subject.data, plan.split
    if given:
        # The rest begins with another class than the whole.
        place = np.arange(len(data))
        data = replace(data, given=np.where((place < 3) | (place % 4 == 0), 2, 0))
        split = split.model_copy(update={"test": "given"})
    parts = split_rows(data, split, plan.data.columns)
    plan = plan.model_copy(update={"split": split})
    names = names_of(script_of(replace(subject, plan=plan, data=data, parts=parts)))
    held = parts.val if parts.folds is None else parts.folds
    wanted = (parts.train, held, parts.test)
    assert parts_by(names, data) == [part.tolist() for part in wanted]


def parts_by(names, data):
    """What a script's `split` returns."""
    columns = data.inputs.columns
    table = {
        name: np.array(column.texts()) if column.kind == "text" else column.values
        for name, column in columns.items()
    }
    inputs = {name: values for name, values in table.items() if name != "who"}
    targets = np.array([names["CLASSES"].index(text) for text in data.target.texts()])
    given = {
        "targets": lambda: targets,
        "num_rows": lambda: len(targets),
        "groups": lambda: table["who"],
        "sets": lambda: names["number_sets"](inputs),
        "is_test": lambda: data.given == 2,
    }
    split = names["split"]
    arguments = split.__code__.co_varnames[: split.__code__.co_argcount]
    return [part.tolist() for part in split(*(given[name]() for name in arguments))]


@pytest.mark.parametrize(
    "settings",
    [
        {"network": {"MLP": {"hidden": [6]}}},
        {"network": {"MLP": {"hidden": [6]}}, "averaging": "EMA"},
        {"network": SEVERAL, "averaging": {"SWA": 0.0}},
        {"network": {"Sequential": [{"Linear": 3}]}, "loss": "BCEWithLogitsLoss"},
        {
            "network": SEVERAL,
            "loss": {"CrossEntropyLoss": {"weight": "balanced", "reduction": "sum"}},
        },
        {"network": SMALL, "loss": {"CrossEntropyLoss": {"weight": [1, 2, 3]}}},
        {
            "network": SMALL,
            "optimizer": {
                "Muon": {
                    "groups": [{"params": "networks.0.*", "lr": 0.1}],
                    "others": {
                        "AdamW": {
                            "groups": [{"params": "networks.*.mlp.*bias", "lr": 0.1}]
                        }
                    },
                }
            },
        },
        {
            "network": SMALL,
            "init": ["xavier_normal_", {"ones_": {"params": "networks.1.*.bias"}}],
        },
        {"network": SMALL, "stopping__monitor": "val_accuracy"},
        {"network": SMALL, "stopping__monitor": "val_calibrated_loss"},
        {"network": SMALL, "training__accumulate": 2},
    ],
    ids=str,
)
def test_networks_side_by_side(settings, tmp_path):
    hold_to_run(plan_of("iris", split__val={"folds": 3}, **settings), tmp_path)


@pytest.mark.parametrize("shared", [False, True])
def test_categories_that_no_fold_has(shared, tmp_path):
    kinds = "".join(f"{'abc'[n % 3]},{'xy'[n % 2]},{n % 50}.5\n" for n in range(90))
    (tmp_path / "kinds.csv").write_text("kind,side,value\n" + kinds, "utf-8")
    layers = [{"Embedding": 3}, "Flatten", {"Linear": 1}]
    settings = {
        "training.epochs": 2,
        "training.threads": 0,
        "prepare": [{"EncodeCategories": {}}],
        "network": {"Sequential": layers} if shared else SMALL,
        "split.val": {"folds": 3},
    }
    plan = ts.plan(tmp_path / "kinds.csv", target="value", settings=settings)
    code = hold_to_run(plan, tmp_path)
    assert "settle_unknown(network.networks, train_set)" in code


def test_a_row_is_answered_as_its_column_says(tmp_path):
    plan = plan_of("iris", split__val={"folds": 3}, network=SEVERAL)
    subject = trained(plan)
    network, _ = run(script_of(subject), tmp_path)
    inputs = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    folds = torch.arange(9).unsqueeze(1) % 3
    folded = torch.cat([inputs, folds], dim=1)
    for columns in (inputs, folded):
        ours, theirs = network.eval()(columns), subject.network.eval()(columns)
        assert torch.equal(ours, theirs)
        assert ours.shape == (9, 3)
    ours, theirs = network.train()(folded), subject.network.train()(folded)
    assert torch.equal(ours, theirs)
    assert ours.shape == (9, 4, 3)


def test_the_place_of_a_fold_lies_where_the_network_does():
    subject = trained(plan_of("iris", split__val={"folds": 3}, network=SMALL))
    code = script_of(replace(subject, device="meta"))
    assert "rows = torch.arange(len(inputs), device=DEVICE).unsqueeze(1)" in code
    assert "torch.arange(1, 3, device=DEVICE)) % 3" in code
