"""`torchrun -m torchsmith train`: the same plan, run folder and report as alone."""

import json
import signal

import numpy as np
import pytest

import torchsmith as ts
from tests.torchrun import SECONDS, torchrun

PLAN = """\
problem: {task: regression, target: y, metric: rmse}
data: {source: rows.csv, columns: {a: number, b: number}}
split: {test: 0.2, val: 0.2, seed: 0}
prepare: [Standardize]
network: {TabularMLP: {hidden: [16], dropout: 0}}
loss: MSELoss
optimizer: {AdamW: {lr: 0.01}}
training: {epochs: 5, batch_size: 24, device: cpu, threads: 1}
stopping: {patience: 0}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A plan and its data, trained to the end in two processes, and interrupted."""
    folder = tmp_path_factory.mktemp("torchrun")
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 300)).round(3)
    rows = zip(a, b, (a * b + a).round(3), strict=True)
    text = "a,b,y\n" + "".join(f"{x},{z},{y}\n" for x, z, y in rows)
    for name in ("whole", "stopped"):
        (folder / name).mkdir()
        (folder / name / "rows.csv").write_text(text)
        (folder / name / "plan.yaml").write_text(PLAN)
    return folder


@pytest.fixture(scope="module")
def results(folder):
    """What the two commands printed, by name, and their exit codes."""
    command = ("torchsmith", "train", "plan.yaml", "--name")
    whole = torchrun(folder / "whole", *command, "whole")
    stopped = torchrun(folder / "stopped", *command, "stopped", "--epochs", 1_000_000)
    lines = []
    with stopped, whole:
        for line in stopped.stderr:
            lines.append(line)
            if line.startswith("epoch 2/"):
                stopped.send_signal(signal.SIGINT)
        code = stopped.wait(SECONDS)
        return {
            "whole": (*whole.communicate(timeout=SECONDS), whole.returncode),
            "stopped": (stopped.stdout.read(), "".join(lines), code),
        }


def run_in(folder):
    return ts.load_run("last", runs=folder / "runs")


def test_a_run_of_two_processes_is_one_run_with_the_scores_of_one_process(
    folder, results, monkeypatch
):
    out, err, code = results["whole"]
    assert code == 0, out + err
    assert out.count("Report:") == 1
    assert err.count("epoch 5/5") == 1
    run = run_in(folder / "whole")
    assert "trained by 2 processes" in run.report_path.read_text()
    monkeypatch.chdir(folder / "whole")
    alone = ts.train("plan.yaml", runs="alone", settings={"training.engine": "eager"})
    for ours, theirs in zip(run.history, alone.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-4)
        assert ours.val_loss == pytest.approx(theirs.val_loss, rel=1e-4)


def test_ctrl_c_ends_all_processes_with_one_message_and_all_is_saved(folder, results):
    out, err, code = results["stopped"]
    assert code != 0, out + err
    assert err.count("interrupted: stopped in epoch") == 1
    assert "everything is saved. Go on with: torchsmith train --resume" in err
    run = folder / "stopped" / "runs"
    newest = next(run.glob("*/checkpoints/*/state.json"))
    assert json.loads(newest.read_text())["epoch"] >= 2
