"""Small tables train one network for each fold; what validates has not seen the row."""

import numpy as np
import pytest
import torch

import torchsmith as ts
from torchsmith.core.errors import Interrupted, PlanError
from torchsmith.data.split import Folds
from torchsmith.nn.folds import Folds as FoldsOfNetworks
from torchsmith.train.model import Model
from torchsmith.train.watch import TrainingObserver

QUICK = {
    "network.TabularMLP.hidden": [64, 64],
    "network.TabularMLP.members": 2,
    "training.engine": "eager",
    "training.threads": 1,
}


def by_chance(rows=120):
    """Classes that nothing tells, which a network can only learn by heart."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(rows, 6)).astype(np.float32)
    return numbers, random.choice(["no", "yes"], rows)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    heart = {"optimizer": "{AdamW: {lr: 0.01}}", "training.epochs": 60}
    heart |= {"training.batch_size": 16, "stopping.restore_best": "false"}
    heart["stopping.patience"] = 0
    return ts.train(
        by_chance(), settings=QUICK | heart, runs=tmp_path_factory.mktemp("runs")
    )


def test_a_small_table_has_folds_by_default(run):
    assert run.plan.split.val == Folds(folds=5)
    assert "leaves a fold out" in run.plan.reasons["split.val"]
    assert isinstance(run.model.network, FoldsOfNetworks)


def test_what_was_learned_by_heart_does_not_flatter_val(run):
    scores = run.evaluation.scores
    assert scores["train"]["accuracy"].value > 0.95
    assert scores["val"]["accuracy"].value < 0.65
    assert run.evaluation.num_examples == {"train": 96, "val": 96, "test": 24}
    assert Model.load(run.folder.model).file.temperature > 2


def test_new_rows_are_answered_by_the_mean_of_all(run):
    model = Model.load(run.folder.model)
    numbers, _ = by_chance()
    inputs = torch.from_numpy(model.preparation.inputs(ts.load(by_chance())))
    with torch.inference_mode():
        each = torch.stack([alone(inputs) for alone in model.network.networks])
    logits = each.double().mean(0) / model.file.temperature
    found = run.predict(numbers).probabilities
    assert found == pytest.approx(torch.softmax(logits, 1).numpy(), abs=1e-6)


class StopsInTraining(TrainingObserver):
    def on_epoch_end(self, record):  # noqa: ARG002
        raise KeyboardInterrupt


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path):
    short = QUICK | {"training.epochs": 4, "split.val": "{folds: 3}"}
    whole = ts.train(by_chance(), settings=short, runs=tmp_path / "whole")
    with pytest.raises(Interrupted):
        ts.train(
            by_chance(),
            settings=short,
            runs=tmp_path / "stopped",
            observer=StopsInTraining(),
        )
    [path] = (tmp_path / "stopped").iterdir()
    assert_equal(whole, ts.train(by_chance(), resume=path))


def assert_equal(one, other):
    a, b = (Model.load(r.folder.model).network.state_dict() for r in (one, other))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_share_that_is_asked_for_is_one_network():
    plan = ts.plan(by_chance(), settings={"split.val": "0.3"})
    assert plan.split.val == 0.3
    assert plan.network.members == 16


def test_a_network_of_a_persons_own_is_trained_as_it_is():
    assert ts.plan(by_chance(), settings={"network": {"MLP": [8]}}).split.val == 0.15


def test_a_wrong_number_of_folds_is_refused():
    for wrong in ("{folds: 1}", "{folds: 21}", "{fold: 5}"):
        with pytest.raises(PlanError, match=r"split\.val"):
            ts.plan(by_chance(), settings={"split.val": wrong})
    for wrong in ("5", "0", "folds"):
        message = r"split.val: must be 'given' or .*, or folds, such as \{folds: 5\}"
        message = message.replace(", or", " or")
        with pytest.raises(PlanError, match=message):
            ts.plan(by_chance(), settings={"split.val": wrong})


def test_the_number_of_folds_can_be_set_whatever_val_was():
    numbers = np.arange(36.0).reshape(12, 3) % 7  # too few rows for folds by default
    few = numbers.astype(np.float32), np.array(["no", "yes"] * 6)
    for data in (by_chance(), few):
        plan = ts.plan(data, settings={"split.val.folds": 3})
        assert plan.split.val == Folds(folds=3)
    message = "settings: split.val.folds cannot be set; use the parameter val"
    with pytest.raises(PlanError, match=message):
        ts.Classifier(settings={"split.val.folds": 3}).fit(*by_chance())


def grouped(groups):
    """Rows of a table of which one column says what belongs together."""
    numbers, labels = by_chance()
    columns = {f"x{place}": numbers[:, place] for place in range(3)}
    columns["who"] = [f"p{row % groups}" for row in range(len(labels))]
    return columns | {"y": labels}


@pytest.mark.parametrize(("groups", "val"), [(4, 0.15), (40, Folds(folds=5))])
def test_few_groups_of_a_persons_own_keep_a_val_part(groups, val):
    asked = {"split.group": "who"}
    assert ts.plan(grouped(groups), target="y", settings=asked).split.val == val


@pytest.mark.parametrize(
    "asked",
    [
        {
            "prepare": "[{NeighbourTarget: {latitude: x0, longitude: x1}},"
            " {EncodeCategories: codes}]"
        },
        {"network.TabularMLP.batch_norm": True},
        {"split.drop_shared": True},
    ],
)
def test_what_excludes_folds_keeps_a_val_part(asked):
    assert ts.plan(grouped(40), target="y", settings=asked).split.val == 0.15


def test_sequences_have_no_folds(tmp_path):
    values = np.random.default_rng(0).normal(size=(60, 12, 1)).astype(np.float32)
    np.savez(tmp_path / "made.npz", x=values, y=np.arange(60) % 2)
    settings = {"data.kind": "sequences", "split.val": {"folds": 3}}
    with pytest.raises(PlanError, match=r"folds are for tables .C,., but.* sequences;"):
        ts.train(tmp_path / "made.npz", settings=settings, runs=tmp_path / "runs")
