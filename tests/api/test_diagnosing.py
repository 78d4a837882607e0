"""The doctor is asked of data, a plan, a run, or a person's own script."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn

import torchsmith
from torchsmith.core.errors import DataError, TrainError
from torchsmith.doctor import judge_choice
from torchsmith.plan.file import write_plan

SETTINGS = {
    "training.epochs": 2,
    "network": {"TabularMLP": {"hidden": [8], "frequencies": 0, "bins": 0}},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that ended long before it had learned anything."""
    runs = tmp_path_factory.mktemp("runs")
    settings = {**SETTINGS, "optimizer": {"SGD": {"lr": 1e-5}}, "schedule": None}
    return torchsmith.train("iris", settings=settings, runs=runs, name="sick", budget=5)


@pytest.fixture
def run(finished, tmp_path):
    """A copy that a test may break."""
    path = shutil.copytree(finished.path, tmp_path / finished.path.name)
    return torchsmith.load_run(path)


def codes(diagnosis):
    return {finding.code for finding in diagnosis.findings}


def test_a_run_is_judged_by_all_moments_and_its_report_shows_it(run):
    run.folder.diagnosis.unlink()
    before = run.report_path.read_text("utf-8")
    found = torchsmith.doctor(run)
    assert set(run.evaluation.scores) == {"val", "test", "train"}
    assert {finding.moment for finding in found.findings} >= {"before", "after"}
    assert found.reference.chance_loss is not None
    assert "Q1" in codes(found)
    assert found.errors
    assert torchsmith.load_run(run.path).diagnosis == found
    assert 'id="doctor"' not in before or run.report_path.read_text("utf-8") != before
    assert 'id="doctor"' in run.report_path.read_text("utf-8")


def test_a_run_is_found_by_its_name_and_by_last(run):
    runs = run.path.parent
    by_name = torchsmith.doctor(run.path.name, runs=runs)
    assert codes(by_name) == codes(torchsmith.doctor("last", runs=runs))
    assert codes(by_name) == codes(torchsmith.doctor("sick", runs=runs))
    again = f"{run.path.name}-2"
    shutil.copytree(run.path, runs / again)
    with pytest.raises(DataError, match=f"2 runs are called sick: .*{again}; name one"):
        torchsmith.doctor("sick", runs=runs)


def test_a_set_is_no_run_that_is_called_as_it(run):
    shutil.copytree(run.path, run.path.parent / "2026-01-01-0000-iris")
    settings = {"training.epochs": 1}
    found = torchsmith.doctor("iris", settings=settings, runs=run.path.parent)
    assert {finding.moment for finding in found.findings} <= {"before"}


def test_what_the_plan_ignores_is_named_and_not_told(run):
    text = run.folder.plan.read_text("utf-8")
    assert "ignore" not in text
    run.folder.plan.write_text(f"{text}doctor: {{ignore: [Q1]}}\n", "utf-8")
    found = torchsmith.doctor(run.path)
    assert "Q1" not in codes(found)
    assert "Q1" in found.ignored


def test_an_interrupted_run_is_judged_as_far_as_it_went(run):
    for file in (run.folder.evaluation, run.folder.outcome, run.folder.report):
        file.unlink()
    found = torchsmith.doctor(run.path)
    assert "Q1" not in codes(found)
    assert not run.folder.report.exists()
    assert run.folder.diagnosis.is_file()


def test_a_damaged_run_beside_it_is_left_out(run):
    beside = run.path.parent / "damaged"
    beside.mkdir()
    (beside / "plan.yaml").write_bytes(b"\xff")
    assert "Q1" in codes(torchsmith.doctor(run.path))


def test_a_damaged_diagnosis_is_written_anew(run):
    run.folder.diagnosis.write_text("{", "utf-8")
    with pytest.raises(TrainError, match="write it anew with: torchsmith doctor"):
        _ = torchsmith.load_run(run.path).diagnosis
    found = torchsmith.doctor(run.path)
    assert torchsmith.load_run(run.path).diagnosis == found


def test_damaged_samples_and_snapshots_cost_what_is_in_them_and_no_more(run):
    run.folder.signals.write_text("{", "utf-8")
    snapshot, *_ = run.folder.snapshot_files().values()
    snapshot.write_bytes(b"{")
    opened = torchsmith.load_run(run.path)
    assert any("signals.jsonl, line 1" in x for x in torchsmith.doctor(opened).left_out)
    text = opened.report().read_text("utf-8")
    assert "signals.jsonl, line 1: is damaged" in text
    assert snapshot.name in text


def test_a_run_whose_data_is_gone_says_so(run):
    text = run.folder.plan.read_text("utf-8")
    run.folder.plan.write_text(
        text.replace("source: iris", "source: gone.csv"), "utf-8"
    )
    found = torchsmith.doctor(run.path)
    assert any("not looked at again" in line for line in found.left_out)
    assert "Q1" in codes(found)


def test_data_and_a_plan_are_examined_before_training(tmp_path):
    settings = {**SETTINGS, "network.TabularMLP.dropout": 0.95}
    of_data = torchsmith.doctor("iris", settings=settings)
    assert "P7" in codes(of_data)
    assert {finding.moment for finding in of_data.findings} == {"before"}
    plan = torchsmith.plan("iris", settings=settings)
    write_plan(tmp_path / "plan.yaml", plan)
    assert codes(torchsmith.doctor(tmp_path / "plan.yaml")) == codes(of_data)


def test_data_that_cannot_be_planned_for_is_told_by_its_findings(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("a,b,y\n1,2,0\n2,3,1\n3,4,0\n", "utf-8")
    found = torchsmith.doctor(path, target="y")
    assert "D25" in codes(found)
    assert found.left_out == ("The plan: none can be made of this data.",)


def test_arrays_are_data_too():
    inputs = np.random.default_rng(0).normal(size=(60, 3))
    targets = (inputs[:, 0] > 0).astype(int)
    found = torchsmith.doctor((inputs, targets), settings={"training.epochs": 1})
    assert found.errors == ()


def test_a_fit_gives_what_was_said_when_it_ran(tmp_path):
    inputs = torch.randn(32, 3)
    done = torchsmith.fit(
        nn.Linear(3, 1),
        (inputs, inputs[:, :1]),
        loss="MSELoss",
        epochs=1,
        runs=tmp_path,
    )
    assert torchsmith.doctor(done.path) == done.diagnosis


def test_what_has_no_meaning_is_refused(run):
    with pytest.raises(DataError, match="target: has no meaning for a run"):
        torchsmith.doctor(run, target="species")
    with pytest.raises(DataError, match="settings: has no meaning for a script"):
        torchsmith.doctor("train.py", settings={"a": 1})
    with pytest.raises(DataError, match="arguments: has no meaning for data"):
        torchsmith.doctor("iris", arguments=["--epochs", "3"])


def test_a_run_that_is_not_there_is_told_with_near_names(run):
    with pytest.raises(DataError, match=r"did you mean '.*sick'"):
        torchsmith.doctor(f"{run.path.name}k", runs=run.path.parent)


def test_a_run_that_is_the_best_of_many_beside_it_is_told(run, monkeypatch):
    monkeypatch.setattr(judge_choice, "MANY", 2)
    twin = run.path.with_name(f"{run.path.name}-2")
    shutil.copytree(run.path, twin)
    assert "Q2" in codes(torchsmith.doctor(run))
    plan = (twin / "plan.yaml").read_text("utf-8")
    (twin / "plan.yaml").write_text(plan.replace("seed: 0", "seed: 7"), "utf-8")
    assert "Q2" not in codes(torchsmith.doctor(run))


def test_what_the_split_leaves_out_is_a_note(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(140, 3)).round(4)
    inputs[130:], inputs[30:50] = inputs[:10], inputs[:20]
    labels = np.where(inputs[:, 0] > 0, "yes", "no")
    source = tmp_path / "parts.npz"
    parts = {"x_train": inputs[:90], "y_train": labels[:90]}
    np.savez(source, **parts, x_test=inputs[90:], y_test=labels[90:])

    def told(settings):
        small = {"training.epochs": 2, "network": {"MLP": [8]}}
        found = torchsmith.doctor(source, settings=small | settings).findings
        return {one.code: one for one in found if one.code in ("D8", "D27")}

    flattered = told({"split.drop_shared": False, "split.keep_together": False})
    assert {one.severity for one in flattered.values()} == {"warning"}
    dropped = told({"split.drop_shared": True, "split.keep_together": False})
    assert {one.severity for one in dropped.values()} == {"note"}
    assert dropped["D8"].message == (
        "10 rows of the test part (20.0 %) are in the training part too; "
        "split.drop_shared leaves them out of it."
    )
    assert all("split.drop_shared" in one.message for one in dropped.values())
    together = told({"split.drop_shared": False, "split.keep_together": True})
    assert (together["D8"].severity, together["D27"].severity) == ("warning", "note")
