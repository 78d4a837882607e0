"""The whole job through the command line, on small data, with nothing faked."""

import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import chdir

import pytest
from click.testing import CliRunner

from torchsmith.cli.main import cli

TORCHSMITH = [sys.executable, "-c", "from torchsmith.cli.main import main; main()"]


def run_process(folder, *arguments, **changes):
    return subprocess.run(
        [*TORCHSMITH, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **changes},
        check=False,
    )


def run_here(folder, *arguments):
    """As `run_process`, without the seconds that a new process needs for PyTorch."""
    with chdir(folder):
        result = CliRunner().invoke(cli, list(arguments), prog_name="torchsmith")
    code = result.exit_code
    return subprocess.CompletedProcess(arguments, code, result.stdout, result.stderr)


def write_flowers(path, num_rows=90):
    """Three classes that two numbers tell apart, with a category beside them."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["length", "width", "colour", "kind"])
        for row in range(num_rows):
            kind = row % 3
            noise = (row * 37 % 100) / 100
            colour = ["red", "blue"][row * 7 % 2]
            writer.writerow(
                [kind * 2 + noise, 5 - kind + noise / 2, colour, f"k{kind}"]
            )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with flowers.csv and a run on it, and what train printed."""
    folder = tmp_path_factory.mktemp("flowers")
    write_flowers(folder / "flowers.csv")
    done = run_process(
        folder, "train", "flowers.csv", "--target", "kind", "--epochs", "8"
    )
    assert done.returncode == 0, done.stderr
    return folder, done


def test_train_ends_with_scores_report_and_what_to_try_next(trained):
    folder, done = trained
    assert "accuracy" in done.stdout
    report = done.stdout.partition("Report: ")[2].splitlines()[0]
    assert report.endswith("-flowers/report.html")
    assert (folder / report).is_file()
    assert "torchsmith predict" in done.stdout.partition("Next:")[2]
    assert "epoch 8/8" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_train_suggests_next_works(trained):
    folder, done = trained
    suggested = done.stdout.partition("Next:")[2].splitlines()
    commands = [line.partition("torchsmith ")[2].split() for line in suggested]
    predict = next(words for words in commands if words[:1] == ["predict"])
    again = next(words for words in commands if words[:1] == ["train"])
    (folder / "new.csv").write_text("width,length\n5.1,0.2\n")
    result = run_here(folder, *predict)
    assert result.returncode == 2
    assert "colour" in result.stderr  # the missing column is named
    (folder / "new.csv").write_text("width,length,colour,extra\n5.1,0.2,red,x\n")
    result = run_here(folder, *predict)
    assert result.returncode == 0, result.stderr
    assert (folder / "predictions.csv").read_text().count("\n") == 2
    result = run_here(folder, *again[:-1], "1", "--json")
    assert result.returncode == 0, result.stderr


def test_train_json_is_what_the_design_says(trained, tmp_path):
    folder, _ = trained
    done = run_here(
        folder, "train", "flowers.csv", "--target", "kind", "--epochs", "2", "--json"
    )
    answer = json.loads(done.stdout)
    assert {"run", "task", "metrics", "baselines", "seconds"} <= set(answer)
    score = answer["metrics"]["test"]["accuracy"]
    assert score["low"] <= score["value"] <= score["high"]
    assert len(answer["seconds"]["epochs"]) == 2
    assert answer["task"] == "multiclass"
    assert "constant" in answer["baselines"]


def test_the_same_seed_trains_the_same_network_and_another_does_not(trained):
    folder, _ = trained

    def weights(seed):
        done = run_here(
            folder,
            *("train", "flowers.csv", "--target", "kind", "--epochs", "2"),
            *("--seed", seed, "--quiet"),
        )
        path = folder / done.stdout.strip() / "model" / "network.safetensors"
        return path.read_bytes()

    first = weights("3")
    assert weights("3") == first
    assert weights("4") != first


def test_a_written_plan_trains(trained):
    folder, _ = trained
    done = run_here(
        folder, "plan", "flowers.csv", "--target", "kind", "-o", "plan.yaml"
    )
    assert done.returncode == 0, done.stderr
    assert "torchsmith train plan.yaml" in done.stdout
    again = run_here(
        folder, "plan", "flowers.csv", "--target", "kind", "-o", "plan.yaml"
    )
    assert again.returncode == 2
    assert "--force" in again.stderr
    done = run_here(folder, "train", "plan.yaml", "--epochs", "1", "--quiet")
    assert done.returncode == 0, done.stderr


def test_a_plan_on_standard_output_is_a_plan(trained):
    folder, _ = trained
    done = run_here(folder, "plan", "flowers.csv", "--target", "kind")
    (folder / "printed.yaml").write_text(done.stdout)
    done = run_here(folder, "train", "printed.yaml", "--epochs", "1", "--quiet")
    assert done.returncode == 0, done.stderr


def test_a_typo_in_a_plan_is_told_with_its_line_and_the_nearest_key(trained):
    folder, _ = trained
    done = run_here(folder, "plan", "flowers.csv", "--target", "kind")
    text = done.stdout.replace("batch_size:", "batchsize:")
    line = 1 + text[: text.index("batchsize:")].count("\n")
    (folder / "typo.yaml").write_text(text)
    done = run_here(folder, "train", "typo.yaml")
    assert done.returncode == 2
    assert f"typo.yaml:{line}" in done.stderr
    assert "batch_size" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "nothing.csv", "--target", "kind"], "nothing.csv"),
        (["train", "flowers.csv", "--target", "kinds"], "did you mean 'kind'?"),
        (["train", "flowers.csv"], "--target"),
        (["inspect", "digit"], "did you mean 'digits'?"),
        (["train", "digits", "--set", "training.epoch=3"], "did you mean 'epochs'?"),
        (["predict", "no-such-run", "flowers.csv"], "torchsmith runs"),
    ],
)
def test_wrong_input_is_one_line_with_a_way_out(trained, arguments, words):
    folder, _ = trained
    runs = sorted(folder.glob("runs/*"))
    done = run_here(folder, *arguments, "--quiet")
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert sorted(folder.glob("runs/*")) == runs


def test_evaluate_runs_compare_and_report_know_the_run(trained):
    folder, _ = trained
    done = run_here(folder, "evaluate", "last", "--json")
    assert json.loads(done.stdout)["scores"]["test"]
    done = run_here(folder, "evaluate", "last", "--on", "flowers.csv", "--json")
    assert done.returncode == 0, done.stderr
    done = run_here(folder, "runs", "--json")
    rows = json.loads(done.stdout)["runs"]
    assert rows[0]["name"].endswith("-flowers")
    done = run_here(folder, "compare", rows[0]["name"], "last", "--json")
    assert len(json.loads(done.stdout)["runs"]) == 2
    done = run_here(folder, "report", "last", "-o", "copy.html")
    assert done.returncode == 0, done.stderr
    assert (folder / "copy.html").read_text("utf-8").startswith("<!doctype html>")


def test_ctrl_c_saves_and_resume_ends_with_the_same_weights(trained):
    folder, _ = trained
    arguments = ["flowers.csv", "--target", "kind", "--epochs", "60"]
    arguments += ["--set", "stopping.patience=0"]
    whole = run_here(folder, "train", *arguments, "--name", "whole", "--quiet")
    assert whole.returncode == 0, whole.stderr
    with subprocess.Popen(
        [*TORCHSMITH, "train", *arguments, "--name", "cut"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 3/"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        assert process.wait() == 130, rest
    assert "--resume" in rest
    [cut] = folder.glob("runs/*-cut")
    assert not (cut / "model" / "network.safetensors").exists()
    done = run_here(folder, "train", "--resume", cut.name, "--quiet")
    assert done.returncode == 0, done.stderr
    weights = [
        (folder / run / "model" / "network.safetensors").read_bytes()
        for run in (whole.stdout.strip(), done.stdout.strip())
    ]
    assert weights[0] == weights[1]


def test_wrong_input_of_a_real_process_leaves_no_traceback(tmp_path):
    done = run_process(tmp_path, "train", "nothing.csv", "--target", "kind", "--quiet")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_names_in_other_scripts_are_printed(tmp_path):
    write_flowers(tmp_path / "꽃.csv")
    text = (tmp_path / "꽃.csv").read_text().replace("kind", "종류")
    (tmp_path / "꽃.csv").write_text(text, "utf-8")
    for encoding in ("utf-8", "latin-1"):
        done = subprocess.run(
            [*TORCHSMITH, "inspect", "꽃.csv", "--target", "종류"],
            cwd=tmp_path,
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert ("종류".encode() in done.stdout) == (encoding == "utf-8")
