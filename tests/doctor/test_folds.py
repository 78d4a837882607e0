"""Trainings on folds, whose train and val are the same rows."""

from pathlib import Path

import numpy as np
import pytest

import torchsmith as ts
from tests.doctor.subjects import planned
from tests.doctor.test_rules_data import found
from tests.doctor.test_rules_parts import APART, write
from torchsmith.core.errors import Diverged
from torchsmith.core.run_folder import RunFolder
from torchsmith.doctor.diagnosis import UNKNOWN
from torchsmith.doctor.examples import take_examples
from torchsmith.doctor.probes import find_by_probing
from torchsmith.doctor.probes.capacity import narrowest
from torchsmith.doctor.rules_parts import _find_missing_classes
from torchsmith.doctor.rules_plan import find_in_plan
from torchsmith.doctor.signals import read_signals
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.doctor.watch import Watch

FOLDS: dict[str, object] = {"split.val": {"folds": 5}}
ONE_HOT: dict[str, object] = {
    "prepare": ["QuantileScale", {"EncodeCategories": "one_hot"}]
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 300)).round(4)
    kind = random.choice(["x", "y", "z"], size=300)
    label = np.where(a + b + (kind == "x") > 0, "yes", "no")
    return write(tmp_path, "a,b,kind,label", [a, b, kind, label])


def probed(subject: Subject) -> dict[str, str]:
    findings = find_by_probing(subject, UNKNOWN, Allowance(60), [])
    return {finding.code: finding.message for finding in findings}


def test_a_healthy_table_has_no_finding(source: Path) -> None:
    subject = planned(source, "label", FOLDS)
    assert found(subject) == {}
    assert list(find_in_plan(subject)) == []
    assert probed(subject) == {}


def test_the_fold_of_a_row_is_no_feature(source: Path) -> None:
    subject = planned(source, "label", FOLDS)
    examples = take_examples(subject, Allowance(60))
    assert examples is not None
    assert subject.case is not None
    assert examples.inputs.shape[1] == subject.case.setup.inputs["train"].shape[1]
    codes = examples.features[:, 2:]
    assert codes.unique().tolist() == [0, 1]
    assert codes.sum(dim=1).unique().tolist() == [1]


def test_copies_in_several_folds_are_found_and_kept_together(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 400)).round(4)
    label = np.where(a + b > 0, "yes", "no")
    twice = [np.concatenate([each, each[:200]]) for each in (a, b, label)]
    copied = write(tmp_path, "a,b,label", twice)
    finding = found(planned(copied, "label", FOLDS | APART))["D8"]
    assert finding.severity == "error"
    assert finding.where == "first fold"
    assert "an example of another fold" in finding.message
    changes = FOLDS | APART | finding.changes
    assert "D8" not in found(planned(copied, "label", changes))


def test_a_class_that_training_lacks_is_told_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 200)).round(4)
    label = np.where(a > 0, "yes", "no")
    label[:2] = "rare"
    rows = write(tmp_path, "a,b,label", [a, b, label])
    loose = FOLDS | {"split.stratify": False, "split.test": 0.5}
    told = [
        list(
            _find_missing_classes(planned(rows, "label", loose | {"split.seed": seed}))
        )
        for seed in range(8)
    ]
    assert {finding.evidence for each in told for finding in each} == {
        "2 rows in the other parts"
    }
    assert {len(each) for each in told} == {0, 1}


@pytest.mark.parametrize("hidden", [[], [32]])
def test_networks_side_by_side_are_as_deep_and_wide_as_one(
    source: Path, hidden: list[int]
) -> None:
    settings = FOLDS | ONE_HOT | {"network": {"MLP": {"hidden": hidden}}}
    subject = planned(source, "label", settings)
    assert narrowest(subject.state.network) == (32 if hidden else 64)
    assert "P11" not in probed(subject)


def test_what_stands_last_in_each_network_is_seen(source: Path) -> None:
    layers = [{"Linear": 8}, "ReLU", {"Linear": 2}, "ReLU"]
    settings = FOLDS | ONE_HOT | {"network": {"Sequential": {"layers": layers}}}
    subject = planned(source, "label", settings)
    assert [finding.where for finding in find_in_plan(subject)] == [
        "network.Sequential.3"
    ]


def test_samples_show_the_first_network_and_what_it_learned(source: Path) -> None:
    subject = planned(source, "label", FOLDS)
    [sample] = Watch(subject).signals
    assert {layer.name.split(".")[1] for layer in sample.layers} == {"0"}
    assert sample.train_mode_loss == pytest.approx(sample.loss, rel=0.2)


def test_units_that_are_dead_in_all_networks_end_the_run(source: Path) -> None:
    settings = (
        FOLDS
        | ONE_HOT
        | {
            "network": {"MLP": {"hidden": [8, 8]}},
            "init": [{"constant_": {"val": -5.0, "params": "*.bias"}}],
            "training.epochs": 40,
            "stopping.patience": 0,
        }
    )
    run = ts.train(source, target="label", settings=settings, runs=source.parent)
    assert run.outcome is not None
    assert run.outcome.stopped.startswith("stopped by the doctor (T4): 100 % of the")


def test_a_loss_that_is_no_number_names_the_layers(source: Path) -> None:
    settings = (
        FOLDS
        | ONE_HOT
        | {
            "network": {"MLP": {"hidden": [8]}},
            "optimizer": {"SGD": {"lr": 1e30}},
            "schedule": None,
            "training.clip_grad_norm": 0,
        }
    )
    with pytest.raises(Diverged):
        ts.train(source, target="label", settings=settings, runs=source.parent / "r")
    folder = RunFolder(next((source.parent / "r").iterdir()))
    assert read_signals(folder.signals)[-1].not_finite[0] == "networks.0.0"


def test_rows_in_the_order_of_time_are_not_split_by_it_into_folds(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    days = np.datetime64("2024-01-01") + np.arange(400)
    spell = np.arange(400) // 10
    label = np.where(random.random(40) < 0.5, "up", "down")[spell]
    a, b = random.normal(size=(2, 40))[:, spell] + random.normal(size=(2, 400)) / 100
    rows = write(tmp_path, "day,a,b,label", [days, a.round(4), b.round(4), label])
    random_order = FOLDS | {"split.time": None}
    finding = found(planned(rows, "label", random_order))["D9"]
    assert finding.changes["split.time"] == "day"
    planned(rows, "label", random_order | finding.changes)
