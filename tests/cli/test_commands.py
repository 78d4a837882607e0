import json
import os
from pathlib import Path

import pytest

from tests.cli import conftest
from tests.cli.conftest import INSPECTION, FakeRun
from torchsmith.cli.train import next_steps
from torchsmith.core import files
from torchsmith.core.errors import DataError
from torchsmith.evaluate.outlook import HELPS
from torchsmith.plan.plan import Source


def test_inspect_passes_source_and_target_on(run_cli, fake_api):
    asked = ("--target", "Survived", "--set", "data.kind=table")
    result = run_cli("inspect", "titanic.csv", *asked, "--json")
    assert result.exit_code == 0
    given = {"target": "Survived", "settings": {"data.kind": "table"}}
    assert fake_api.calls == [("inspect", {"source": "titanic.csv", **given})]


def test_inspect_json_holds_the_findings(run_cli, fake_api):
    result = run_cli("inspect", "titanic.csv", "--json")
    answer = json.loads(result.stdout)
    assert answer["findings"][0]["code"] == "D1"
    assert answer["num_examples"] == 891


def test_progress_goes_to_standard_error(run_cli, fake_api):
    result = run_cli("inspect", "titanic.csv", "--json")
    assert result.stderr == "Working\n"


def test_train_passes_every_option_on(run_cli, fake_api, tmp_path):
    result = run_cli(
        *("train", "x.csv", "--target", "y", "--budget", "5m", "--name", "mine"),
        *("--epochs", "3", "--seed", "7", "--device", "cpu", "--runs", "out"),
        *("--set", "network={MLP: [64, 32]}", "--set", "optimizer.AdamW.lr=1e-3"),
        *("--resume", "last", "--json"),
    )
    assert result.exit_code == 0, result.output
    [(name, given)] = fake_api.calls
    assert name == "train"
    assert given == {
        "what": "x.csv",
        "recipe": None,
        "target": "y",
        "budget": 300.0,
        "name": "mine",
        "runs": given["runs"],
        "resume": "last",
        "seeds": None,
        "settings": {
            "network": "{MLP: [64, 32]}",
            "optimizer.AdamW.lr": "1e-3",
            "training.epochs": 3,
            "training.seed": 7,
            "training.device": "cpu",
        },
    }
    assert str(given["runs"]) == "out"


def test_train_without_options_asks_for_nothing(run_cli, fake_api):
    run_cli("train", "digits", "--json")
    [(_, given)] = fake_api.calls
    assert given["settings"] == {}
    assert given["resume"] is False
    assert given["budget"] is None


def test_the_same_value_given_twice_differently_is_refused(run_cli, fake_api):
    result = run_cli("train", "digits", "--epochs", "3", "--set", "training.epochs=4")
    assert result.exit_code == 2
    assert "training.epochs is given twice, as 4 and as 3" in result.stderr
    assert fake_api.calls == []


def test_train_json_is_one_object_in_which_nan_is_null(run_cli, fake_api):
    result = run_cli("train", "digits", "--json")
    answer = json.loads(result.stdout)
    assert answer["metrics"]["test"]["accuracy"] == {
        "value": 0.9,
        "low": 0.6,
        "high": None,
    }


def test_train_quiet_prints_the_run_folder_alone(run_cli, fake_api):
    result = run_cli("train", "digits", "--quiet")
    assert result.stdout == "runs/2026-11-20-1432-titanic\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "run"), [(["--resume"], "last"), (["--resume", "a"], "a")]
)
def test_resume_without_a_source_goes_on_with_a_run(run_cli, fake_api, arguments, run):
    result = run_cli("train", *arguments, "--json")
    assert result.exit_code == 0, result.output
    [(_, given)] = fake_api.calls
    assert given["resume"] == run
    assert given["what"] is None


def test_predict_writes_a_file_and_tells_the_notes(run_cli, fake_api, tmp_path):
    result = run_cli("predict", "last", "new.csv", "-o", "out.csv")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.csv").read_text() == "prediction\nyes\nno\nyes\n"
    assert result.stdout == "3 predictions are in out.csv\n"
    assert "note: column 'deck': 1 category not seen" in result.stderr


def test_one_prediction_is_told_as_one(run_cli, fake_api, monkeypatch):
    monkeypatch.setattr(conftest.FakePredictions, "texts", ("yes",))
    result = run_cli("predict", "last", "new.csv", "-o", "out.csv")
    assert result.stdout == "1 prediction is in out.csv\n"


def test_predict_without_a_file_shows_each_prediction_by_name(run_cli, fake_api):
    result = run_cli("predict", "last", "new.csv")
    assert result.stdout == "2\tyes\t0.9000\n3\tno\t0.7500\n4\tyes\t0.6000\n"


def test_predict_json_is_the_predictions(run_cli, fake_api):
    result = run_cli("predict", "last", "new.csv", "--json")
    assert json.loads(result.stdout)["predictions"] == ["yes", "no", "yes"]


def test_evaluate_json_is_the_evaluation(run_cli, fake_api):
    result = run_cli("evaluate", "last", "--json")
    answer = json.loads(result.stdout)
    assert answer["scores"]["test"]["accuracy"]["value"] == 0.9


def test_evaluate_on_other_data_scores_that(run_cli, fake_api):
    result = run_cli("evaluate", "last", "--on", "newer.csv", "--json")
    assert json.loads(result.stdout)["verdict"] == "On newer.csv."


def test_report_prints_where_it_is(run_cli, fake_api):
    assert run_cli("report", "runs/a", "--quiet").stdout == "runs/a/report.html\n"
    assert run_cli("report", "runs/a", "-o", "b.html", "-q").stdout == "b.html\n"


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "runs/a", "new.csv", "--force"),
        ("predict", "runs/a", "new.csv"),
        ("report", "runs/a"),
        ("explain", "runs/a"),
    ],
)
def test_what_is_no_file_is_refused_before_the_work(run_cli, command, fake_api):
    Path("sink").symlink_to(os.devnull)
    result = run_cli(*command, "-o", "sink")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: sink: is a device or a pipe, not a file;")
    assert fake_api.calls == []


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "iris"),
        ("predict", "runs/a", "new.csv"),
        ("report", "runs/a"),
        ("explain", "runs/a"),
        ("eject", "runs/a"),
    ],
)
def test_a_file_that_is_there_is_overwritten_with_force_only(
    run_cli, command, fake_api
):
    Path("mine").write_text("of a person")
    result = run_cli(*command, "-o", "mine")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: mine: is there already; add --force to overwrite it\n"
    )
    assert fake_api.calls == []
    if command[0] in ("predict", "explain"):
        assert run_cli(*command, "-o", "mine", "--force").exit_code == 0
        assert Path("mine").read_text() != "of a person"


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "here.yaml"),
        ("predict", "runs/a", "here.yaml"),
        ("explain", "here.yaml"),
    ],
)
def test_what_a_file_is_made_of_is_never_overwritten(run_cli, command, fake_api):
    Path("here.yaml").write_text("of a person")
    result = run_cli(*command, "-o", "./here.yaml", "--force")
    assert result.exit_code == 2
    assert "here.yaml: is what the file is made of; give -o another" in result.stderr
    assert Path("here.yaml").read_text() == "of a person"


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "iris", "-o", "shut/mine"),
        ("predict", "runs/a", "new.csv", "-o", "shut/mine"),
        ("eject", "runs/a", "-o", "shut/mine"),
        ("explain", "runs/a", "-o", "shut/mine"),
        ("explain", "shut"),
        ("report", "shut"),
    ],
)
def test_a_folder_that_is_read_only_is_told_before_the_work_with_what_helps(
    run_cli, command, fake_api, monkeypatch
):
    def refuse(**given):
        raise OSError(30, "Read-only file system")

    Path("shut").mkdir()
    monkeypatch.setattr(files, "TemporaryFile", refuse)
    result = run_cli(*command, "--quiet")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: shut: cannot be written (Read-only file")
    assert result.stderr.endswith("or name a file elsewhere with -o\n")
    assert {name for name, _ in fake_api.calls} <= {"load_run"}


def test_where_the_page_of_a_plan_goes_is_asked_before_the_work(
    run_cli, fake_api, monkeypatch
):
    def refuse(**given):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(files, "TemporaryFile", refuse)
    result = run_cli("explain", "plan.yaml", "--quiet")
    assert result.exit_code == 1
    assert "cannot be written (Read-only file" in result.stderr
    assert fake_api.calls == []


def test_runs_prints_a_table(run_cli, fake_api):
    fake_api.rows = [
        {"name": "2026-11-20-1432-a", "state": "done", "score": 0.97251},
        {"name": "2026-11-20-1501-b", "state": "interrupted", "score": None},
    ]
    result = run_cli("runs")
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "name               state         score",
        "2026-11-20-1432-a  done         0.9725",
        "2026-11-20-1501-b  interrupted",
    ]


@pytest.mark.parametrize(("columns", "as_wide_as"), [("0", None), ("1", "40")])
def test_a_width_in_which_nothing_can_be_read_is_not_taken(
    run_cli, fake_api, monkeypatch, columns, as_wide_as
):
    monkeypatch.setenv("COLUMNS", columns)
    found = run_cli("inspect", "titanic.csv", "--quiet").stdout
    assert "Two columns are the same." in found
    if as_wide_as is None:
        monkeypatch.delenv("COLUMNS")
    else:
        monkeypatch.setenv("COLUMNS", as_wide_as)
    assert run_cli("inspect", "titanic.csv", "--quiet").stdout == found


def test_runs_json_lists_them(run_cli, fake_api):
    fake_api.rows = [{"name": "a", "score": 0.5}]
    result = run_cli("runs", "--json")
    assert json.loads(result.stdout) == {"runs": [{"name": "a", "score": 0.5}]}


def test_no_runs_is_said_with_how_to_start(run_cli, fake_api):
    assert "torchsmith train digits" in run_cli("runs").stdout


def test_compare_passes_names_and_their_folder_on(run_cli, fake_api):
    fake_api.rows = [{"name": "a"}, {"name": "b"}]
    assert run_cli("compare", "a", "runs/b", "--json").exit_code == 0
    [(_, given)] = fake_api.calls
    assert given["runs"] == ["a", "runs/b"]
    assert str(given["folder"]) == "runs"


def test_compare_shows_what_plans_say_differently(run_cli, fake_api):
    fake_api.rows = [
        {"name": "a", "plan": {"optimizer.Adam.lr": "0.125"}},
        {"name": "b", "plan": {}},
    ]
    shown = run_cli("compare", "a", "b").stdout
    assert "What their plans say differently" in shown
    assert "0.125" in shown
    fake_api.rows = [{"name": "a", "plan": {}}, {"name": "b", "plan": {}}]
    assert "Their plans say the same." in run_cli("compare", "a", "b").stdout


def test_a_failing_train_prints_no_result(run_cli, fake_api):
    fake_api.failure = DataError("x")
    result = run_cli("train", "digits", "--json")
    assert result.stdout == ""


def test_markup_in_names_is_printed_as_it_is(run_cli, fake_api):
    fake_api.rows = [{"name": "[red]a[/red] :smile:", "score": 1}]
    assert "[red]a[/red] :smile:" in run_cli("runs").stdout


def test_every_command_teaches_with_examples(run_cli):
    from torchsmith.cli.main import cli

    for name in cli.commands:
        result = run_cli(name, "--help")
        assert result.exit_code == 0
        examples = result.stdout.partition("Examples:")[2]
        assert examples.count("torchsmith ") >= 2, name


def test_train_ends_with_where_things_are_and_what_to_try_next(run_cli, fake_api):
    result = run_cli("train", "titanic.parquet", "--runs", "my runs")
    assert result.exit_code == 0, result.output
    assert "Better than the constant guess" in result.stdout
    run = "my runs/2026-11-20-1432-titanic"
    lines = result.stdout.partition("Run: ")[2].splitlines()
    assert lines[0].strip() == run
    assert lines[1] == f"Report: {run}/report.html"
    assert lines[3] == "Next:"
    steps = [line.partition("torchsmith ")[2] for line in lines[4:]]
    assert steps[1] == f"explain '{run}' --open"
    assert steps[2] == f"predict '{run}' new.parquet -o predictions.csv"
    assert steps[3] == f"eject '{run}' -o train.py --verify"
    assert steps[4] == "runs --runs 'my runs'"


def test_who_trains_longer_is_not_stopped_on_the_way(tmp_path):
    run = FakeRun(tmp_path)
    improved = f"It still improved: twice the time {HELPS}."
    ended = run.outcome.model_copy(update={"outlook": improved})
    run.outcome = ended.model_copy(update={"seconds": {"train": 31.0}})
    command = dict(next_steps(run, "titanic.csv"))["train longer"]
    assert command.endswith("--epochs 20 --set training.seconds=120")
    ended = ended.model_copy(update={"seconds": {"train": 3.0}})
    run.outcome = ended.model_copy(update={"ending": "patience"})
    command = dict(next_steps(run, "titanic.csv"))["train longer"]
    assert command.endswith("--epochs 20 --set stopping.patience=14")
    run.outcome = ended.model_copy(update={"ending": "seconds"})
    command = dict(next_steps(run, "titanic.csv"))["train longer"]
    assert command.endswith("plan.yaml --set training.seconds=0")
    run.plan.training.epochs = 1
    command = dict(next_steps(run, "titanic.csv"))["train longer"]
    assert command.endswith("plan.yaml --epochs 10 --set training.seconds=0")


def test_training_longer_is_advised_only_where_it_would_help(tmp_path):
    run = FakeRun(tmp_path)
    flat = "val_loss has flattened: more epochs would hardly help."
    run.outcome = run.outcome.model_copy(update={"outlook": flat})
    assert "train longer" not in dict(next_steps(run, "titanic.csv"))


@pytest.mark.parametrize(
    ("kind", "form", "name"),
    [
        ("table", "", "new.csv"),
        ("images", "IDX", "new_pictures/"),
        ("volumes", "NIfTI", "new_volumes/"),
        ("volumes", "arrays", "new.npz"),
        ("sequences", ".ts, labels of classes", "new.ts"),
        ("sequences", "one sequence per line, the label first", "new.tsv"),
        ("sequences", "texts, one per line", "new.txt"),
        ("sequences", "arrays", "new.npz"),
        ("sequences", "windows of 30 rows", "new.csv"),
    ],
)
def test_train_names_new_data_after_the_form_of_a_source_without_ending(
    run_cli, fake_api, monkeypatch, kind, form, name
):
    facts = {"kind": kind, "reading": {"format": form}}
    monkeypatch.setattr(conftest, "INSPECTION", INSPECTION.model_copy(update=facts))
    result = run_cli("train", "folder")
    assert result.exit_code == 0, result.output
    assert f" {name} -o predictions.csv" in result.stdout
    assert "torchsmith eject" in result.stdout


def test_the_code_is_offered_where_a_script_can_be_written(tmp_path):
    run = FakeRun(tmp_path)
    assert "take the code" in dict(next_steps(run, None))
    run.plan.data = Source(source="arrays")
    assert "take the code" not in dict(next_steps(run, None))


def test_runs_stand_on_one_line_each_with_their_interval(run_cli, fake_api):
    name = "2026-11-20-1432-a-name-that-is-longer-than-half-of-a-narrow-terminal"
    fake_api.rows = [
        {"name": name, "source": "x" * 60, "score": 0.9, "low": 0.8, "high": 0.95},
        {"name": "other", "source": "y", "score": None, "low": None, "high": None},
    ]
    lines = run_cli("runs").stdout.splitlines()
    assert lines[0].split() == ["name", "source", "score", "95", "%"]
    assert lines[1].split() == [name, "x" * 60, "0.9000", "0.8000", "–", "0.9500"]
    assert lines[2].split() == ["other", "y"]
