"""Ctrl-C between the stages of a run: nothing is lost, and how to go on is said."""

import pytest
from click.testing import CliRunner

import torchsmith as ts
from torchsmith.api import training
from torchsmith.cli.main import cli
from torchsmith.cli.train import next_steps
from torchsmith.core.errors import Interrupted
from torchsmith.train.session import Session
from torchsmith.train.watch import TrainingObserver

SETTINGS = {
    "network": {"MLP": [4]},
    "training.epochs": 2,
    "training.engine": "eager",
    "doctor.examine": False,
}


class CtrlC(TrainingObserver):
    """Presses it when a stage begins, or when training does."""

    def __init__(self, at):
        self.at = at

    def stage(self, title, total=None):  # noqa: ARG002
        if title.startswith(self.at):
            raise KeyboardInterrupt

    def on_start(self, *given):  # noqa: ARG002
        if self.at == "start":
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        ("start", "no step is saved yet"),
        ("Evaluating", "training is saved up to step 8"),
        ("Writing the report", "training is saved up to step 8"),
    ],
)
def test_a_stop_between_steps_says_what_is_kept_and_how_to_go_on(tmp_path, at, kept):
    with pytest.raises(Interrupted) as stop:
        ts.train("iris", settings=SETTINGS, runs=tmp_path, observer=CtrlC(at))
    [folder] = tmp_path.iterdir()
    resume = f"torchsmith train --resume {folder}"
    assert str(stop.value) == f"stopped; {kept}. Go on with: {resume}"
    run = ts.train(resume=folder, runs=tmp_path)
    assert len(run.history) == 2
    assert run.report_path.is_file()


@pytest.mark.parametrize("at", ["load_planned", "make_ready"])
def test_a_stop_while_a_resumed_run_is_made_ready_says_how_to_go_on(
    tmp_path, monkeypatch, at
):
    def ctrl_c(*given, **named):
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        ts.train("iris", settings=SETTINGS, runs=tmp_path, observer=CtrlC("Evaluating"))
    [folder] = tmp_path.iterdir()
    monkeypatch.setattr(training, at, ctrl_c)
    resume = ("train", "--resume", str(folder), "--quiet")
    result = CliRunner().invoke(cli, resume, prog_name="torchsmith")
    assert result.exit_code == 130
    assert result.stderr == (
        "interrupted: stopped; training is saved up to step 8. "
        f"Go on with: torchsmith train --resume {folder}\n"
    )


def test_a_stop_between_the_runs_of_a_study_says_how_to_go_on(tmp_path):
    with pytest.raises(Interrupted, match="what its runs have saved is kept") as stop:
        ts.train(
            "iris", seeds=2, settings=SETTINGS, runs=tmp_path, observer=CtrlC("Writing")
        )
    [folder] = tmp_path.iterdir()
    assert str(stop.value).endswith(f"--resume {folder}")
    rows = ts.compare([folder])
    assert [row["name"] for row in rows] == ["as-planned-seed0", "as-planned-seed1"]
    assert [row["plan"] for row in rows] == [
        {"training.seed": "0"},
        {"training.seed": "1"},
    ]


def test_a_guard_that_is_crossed_when_all_epochs_are_done_cut_nothing_off(
    tmp_path, monkeypatch
):
    def over(session, state):  # from the last validation on
        return state.epoch == 2

    monkeypatch.setattr(Session, "out_of_time", over)
    settings = {**SETTINGS, "training.seconds": 9}
    run = ts.train("iris", settings=settings, runs=tmp_path)
    assert (run.outcome.stopped, run.outcome.ending) == ("all 2 epochs done", "epochs")
    assert "guard" not in run.outcome.outlook
    assert "training.seconds=0" not in str(next_steps(run, "iris"))
    found = ts.doctor(run.path).findings
    assert "training.seconds" not in [finding.where for finding in found]


def test_report_and_console_advise_the_same_where_the_guard_ended_training(
    tmp_path, monkeypatch
):
    def over(session, state):
        return state.epoch == 2

    monkeypatch.setattr(Session, "out_of_time", over)
    learns = {"training.batch_size": 8, "optimizer": {"Adam": {"lr": 0.05}}}
    settings = {**SETTINGS, **learns, "training.epochs": 3, "training.seconds": 9}
    run = ts.train("iris", settings=settings, runs=tmp_path)
    typed = dict(next_steps(run, "iris"))["train longer"]
    assert typed.endswith("--epochs 10 --set training.seconds=0")
    page = run.report_path.read_text("utf-8")
    assert f"<code>{typed}</code>" in page
    assert page.count("--epochs") == 1
