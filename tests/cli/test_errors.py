import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from torchsmith.cli.stand_ins import with_stand_ins
from torchsmith.core.errors import DataError, Interrupted, PlanError, TrainError


@pytest.mark.parametrize(
    ("failure", "code", "line"),
    [
        (DataError("no such file: x.csv"), 2, "error: no such file: x.csv\n"),
        (PlanError("plan.yaml:3: no"), 2, "error: plan.yaml:3: no\n"),
        (TrainError("the disk is full"), 1, "error: the disk is full\n"),
        (
            Interrupted("saved; go on with --resume"),
            130,
            "interrupted: saved; go on with --resume\n",
        ),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(run_cli, fake_api, failure, code, line):
    fake_api.failure = failure
    result = run_cli("train", "x.csv", "--quiet")
    assert result.exit_code == code
    assert result.stderr == line
    assert result.stdout == ""


def test_an_error_prints_nothing_on_standard_output_with_json(run_cli, fake_api):
    fake_api.failure = DataError("no such file: x.csv")
    result = run_cli("inspect", "x.csv", "--json")
    assert result.exit_code == 2
    assert result.stdout == ""


def test_ctrl_c_outside_training_exits_with_130(run_cli, fake_api):
    fake_api.failure = KeyboardInterrupt()
    result = run_cli("inspect", "x.csv", "--quiet")
    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"
    result = run_cli("train", "x.csv", "--quiet")
    assert result.exit_code == 130
    assert "interrupted; nothing was trained yet" in result.stderr
    result = run_cli("train", "--resume", "--quiet")
    assert result.exit_code == 130
    assert result.stderr == "interrupted; nothing is lost, give the command again\n"


def test_debug_shows_the_error_itself(run_cli, fake_api):
    fake_api.failure = DataError("no such file: x.csv")
    result = run_cli("--debug", "inspect", "x.csv")
    assert result.exception is fake_api.failure


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["trian", "digits"], "Did you mean 'train'?"),
        (["train", "digits", "--epohs", "3"], "Did you mean '--epochs'?"),
        (["train", "digits", "--epochs", "0"], "0 is not in the range x>=1"),
        (["train", "digits", "--budget", "soon"], "write 60, 60s, 5m or 1h"),
        (["train", "digits", "--set", "epochs"], "training.epochs=3"),
        (["train"], "say what to train on"),
        (["compare"], "Missing argument 'RUN...'"),
    ],
)
def test_wrong_use_says_what_is_right(run_cli, arguments, hint):
    result = run_cli(*arguments)
    assert result.exit_code == 2
    assert hint in result.stderr
    assert "Traceback" not in result.stderr


def run_python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "100"},
        check=False,
    )


BROKEN = """
import sys
from torchsmith.cli import runs
from torchsmith.cli.main import cli, main

def fail(**given):
    raise ZeroDivisionError("division by zero")

cli.commands["runs"].callback = fail
main()
"""


STOPPED = """
import signal, sys
from torchsmith.cli.main import cli, main

number = signal.Signals[sys.argv.pop()]
if sys.argv.pop() == "ignored":
    signal.signal(number, signal.SIG_IGN)
cli.commands["runs"].callback = lambda **given: signal.raise_signal(number)
main()
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(
    ("how", "code", "line"), [("", 130, "interrupted\n"), ("ignored", 0, "")]
)
def test_what_ends_a_process_is_ctrl_c_unless_it_is_ignored(how, code, line, number):
    result = run_python(STOPPED, "runs", how, number)
    assert (result.returncode, result.stderr) == (code, line)


UNHEARD = """
import sys
from torchsmith.cli.main import cli, main

def told(**given):
    for _ in range(5_000):
        print("a line", file=sys.stderr)
    print("done")

cli.commands["runs"].callback = told
main()
"""


def test_a_log_that_nobody_takes_ends_nothing():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", UNHEARD, "runs"]
    with os.fdopen(writer, "wb") as unheard:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=unheard, text=True, check=False
        )
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp949"])
def test_marks_and_bars_differ_where_they_cannot_be_encoded(encoding, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    code = "from torchsmith.cli.main import main; main()"
    command = [sys.executable, "-c", code, "inspect", "iris", "--target", "species"]
    done = subprocess.run(command, capture_output=True, check=True)
    text = done.stdout.decode(encoding)
    [legend] = [line for line in text.splitlines() if line.startswith("checked (")]
    marks = [part.split()[0] for part in legend.removeprefix("checked (").split(", ")]
    assert len(set(marks)) == 4
    assert f"\n  {marks[0]} the target can be predicted" in text
    assert f"\n{marks[1]} D26" in text
    assert "setosa     50 33.3 % ########################" in text
    assert "?" not in text


def test_a_space_that_cannot_be_encoded_is_a_space():
    errors = with_stand_ins("replace")
    assert "90\u00a0% 나".encode("ascii", errors) == b"90 % ?"


def test_a_defect_is_told_in_short_with_how_to_report_it():
    result = run_python(BROKEN, "runs")
    assert result.returncode == 1
    assert "ZeroDivisionError: division by zero (<string>:7)" in result.stderr
    assert "torchsmith --debug" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_defect_shows_its_traceback_with_debug():
    result = run_python(BROKEN, "--debug", "runs")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_a_reader_that_leaves_early_is_no_error():
    code = """
from torchsmith.cli.main import cli, main
import click

@cli.command()
def many():
    for _ in range(100_000):
        click.echo("a line of a long table")

main()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, "many"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


TRAINED = """
from types import SimpleNamespace
from torchsmith import api
from torchsmith.cli.main import main

api.train = lambda *args, **given: SimpleNamespace(path="runs/a")
main()
"""


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        ("train x.csv -q", "; all is done, and lies in runs/a"),
        ("datasets", "; send it elsewhere"),
        ("--help", "; send it elsewhere"),
    ],
)
@pytest.mark.parametrize(
    ("redirected", "reason"),
    [(">&-", "is closed"), (">/dev/full", "cannot be written (No space left on")],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_result_that_cannot_be_told_is_one_line_and_an_exit_code(
    arguments, end, redirected, reason
):
    line = f'exec "$0" -c "$1" {arguments} {redirected}'
    command = ["sh", "-c", line, sys.executable, TRAINED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [told] = done.stderr.splitlines()
    assert told.startswith(f"error: standard output: {reason}")
    assert told.endswith(end)


IN_EXEC = """
import atexit, signal, sys
from torchsmith.cli.main import cli, main

ctrl_c = "import signal; signal.raise_signal(signal.SIGINT)"
cli.commands["runs"].callback = lambda **given: exec(ctrl_c)
if sys.argv.pop() == "twice":
    atexit.register(signal.raise_signal, signal.SIGINT)
main()
"""


@pytest.mark.parametrize(("times", "code"), [("once", 130), ("twice", -signal.SIGINT)])
def test_ctrl_c_is_told_once_also_where_a_second_one_ends_the_end(times, code):
    done = run_python(IN_EXEC, "runs", times)
    assert (done.returncode, done.stderr) == (code, "interrupted\n")


def test_ctrl_c_while_the_command_is_imported_is_no_traceback():
    code = """
import sys

class CtrlC:
    def find_spec(self, name, *_):
        if name == "torchsmith.cli.streams":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
from torchsmith.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr == "interrupted; nothing was begun yet\n"
