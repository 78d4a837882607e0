import json
import os
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import FakeRun
from torchsmith.api.mended import Mended
from torchsmith.cli.environment import Environment, judge
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.inspect.inspection import Finding

READY = Environment(
    python="3.11.7",
    system="Linux",
    cores=2,
    memory=8_000_000_000,
    disk=80_000_000_000,
    runs_folder="runs",
    runs_writable=True,
    packages={"torch": "2.13.0"},
    devices=("cpu", "cuda:0 (a GPU)"),
    threads=2,
    compiler="/usr/bin/c++",
    data_folders=(),
)


def codes(**changes):
    found = judge(READY.model_copy(update=changes))
    return [(finding.code, finding.severity) for finding in found]


def test_a_ready_machine_has_no_findings():
    assert codes() == []


def test_a_missing_package_is_an_error_that_names_it():
    [finding] = judge(READY.model_copy(update={"packages": {"rich": None}}))
    assert (finding.code, finding.severity, finding.where) == ("E1", "error", "rich")
    assert "pip install rich" in finding.remedy


def test_what_is_short_is_a_warning():
    assert codes(memory=1_000_000_000) == [("E3", "warning")]
    assert codes(disk=100_000_000) == [("E4", "warning")]
    assert codes(memory=None) == []


def test_a_runs_folder_that_cannot_be_written_is_an_error():
    assert codes(runs_writable=False) == [("E2", "error")]


def test_a_data_folder_that_is_not_there_is_named(tmp_path):
    assert codes(data_folders=(str(tmp_path),)) == []
    assert codes(data_folders=("/nowhere",)) == [("E5", "warning")]


def test_no_gpu_is_a_note():
    assert codes(devices=("cpu",)) == [("E6", "note")]


def test_no_compiler_is_a_note():
    assert codes(compiler="") == [("E7", "note")]


def test_a_named_compiler_that_is_not_there_is_told_as_such(run_cli, monkeypatch):
    monkeypatch.setenv("CXX", "g++-99")
    output = run_cli("doctor").output
    assert "CXX is 'g++-99', which is no compiler that can be run here." in output


def test_doctor_names_threads_and_engines(run_cli, monkeypatch, tmp_path):
    compiler = tmp_path / "my++"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o700)
    monkeypatch.setenv("CXX", str(compiler))
    lines = run_cli("doctor").stdout.splitlines()
    assert f"Engines          eager, captured, compiled (by {compiler})" in lines
    threads = torch.get_num_threads()
    assert f"Threads          {threads} where a plan leaves them to PyTorch" in lines


def test_doctor_json_holds_findings_and_facts(run_cli, monkeypatch):
    monkeypatch.setenv("TORCHSMITH_DATA", os.pathsep.join(["/nowhere", ""]))
    result = run_cli("doctor", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert "E5" in [finding["code"] for finding in answer["findings"]]
    assert answer["environment"]["packages"]["torch"]
    assert answer["environment"]["cores"] >= 1
    assert answer["environment"]["data_folders"] == ["/nowhere"]


def test_doctor_ends_with_what_to_try(run_cli):
    result = run_cli("doctor")
    assert result.exit_code == 0
    assert result.stdout.endswith("Ready. Try: torchsmith train digits\n")


def test_doctor_fails_when_runs_cannot_be_written(run_cli, tmp_path):
    (tmp_path / "file").write_text("")
    result = run_cli("doctor", "--runs", "file/runs", "--quiet")
    assert result.exit_code == 1
    assert "error: file/runs cannot be written" in result.stdout


DIAGNOSIS = Diagnosis(
    findings=(
        Finding(
            code="P1",
            severity="error",
            message="The learning rate is too high.",
            where="optimizer.Adam.lr",
            evidence="the loss rises from 2.3 to 14",
            remedy="Lower it.",
            changes={"optimizer.Adam.lr": 0.0002},
        ),
        Finding(code="D27", severity="note", message="1 row repeats an earlier one."),
    ),
    left_out=("Nearest neighbours: no time.",),
    ignored=("T4",),
    seconds={"before": 1.5, "after": 0.5},
)


def test_a_run_is_diagnosed_and_an_error_is_exit_code_1(run_cli, fake_api, tmp_path):
    fake_api.diagnosis = DIAGNOSIS
    run = tmp_path / "mine" / "2026-11-20-1432-titanic"
    run.mkdir(parents=True)
    (run / "plan.yaml").touch()
    result = run_cli("doctor", "last", "--runs", "mine")
    assert result.exit_code == 1, result.output
    assert fake_api.calls == [
        (
            "doctor",
            {
                "what": "last",
                "target": None,
                "settings": {},
                "arguments": (),
                "runs": Path("mine"),
            },
        )
    ]
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert "✗ P1  The learning rate is too high." in lines
    assert "at optimizer.Adam.lr (the loss rises from 2.3 to 14)" in lines
    assert "→ Lower it." in lines
    assert "--set optimizer.Adam.lr=0.0002" in lines
    assert "· D27 1 row repeats an earlier one." in lines
    assert "Not looked at: Nearest neighbours: no time." in lines
    assert lines[-3:] == [
        "1 error, 1 note (looked for 2.0 s; ignored as the plan says: T4).",
        "What P1 means: torchsmith doctor --explain P1",
        "Try the remedies: torchsmith doctor mine/2026-11-20-1432-titanic --fix",
    ]


def test_where_nothing_is_wrong_the_exit_code_is_0(run_cli, fake_api):
    result = run_cli("doctor", "titanic.csv", "-t", "Survived", "--set", "a.b=1")
    assert result.exit_code == 0, result.output
    assert fake_api.calls[-1][1]["target"] == "Survived"
    assert fake_api.calls[-1][1]["settings"] == {"a.b": "1"}
    assert result.stdout == "Nothing is wrong as far as the doctor sees.\n"


def test_a_diagnosis_as_json_begins_with_the_findings(run_cli, fake_api):
    fake_api.diagnosis = DIAGNOSIS
    result = run_cli("doctor", "titanic.csv", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert next(iter(told)) == "findings"
    assert told["findings"][0]["changes"] == {"optimizer.Adam.lr": 0.0002}
    assert told["left_out"] == ["Nearest neighbours: no time."]


def test_a_quiet_diagnosis_is_lines_without_a_frame(run_cli, fake_api):
    fake_api.diagnosis = DIAGNOSIS
    result = run_cli("doctor", "titanic.csv", "--quiet")
    assert result.stdout.splitlines()[0] == (
        "P1 error: The learning rate is too high. (optimizer.Adam.lr)"
    )
    assert result.stderr == ""


def test_only_the_first_findings_of_a_code_are_shown(run_cli, fake_api):
    many = tuple(
        Finding(code="D8", severity="warning", message=f"Row {i} is in two parts.")
        for i in range(7)
    )
    fake_api.diagnosis = Diagnosis(findings=many)
    lines = run_cli("doctor", "titanic.csv").stdout.splitlines()
    assert sum("is in two parts" in line for line in lines) == 5
    assert "  … and 2 more D8" in lines


def test_a_code_is_explained(run_cli):
    result = run_cli("doctor", "--explain", "t4")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# T4: Units are dead\n")


def test_a_code_that_is_not_there_is_refused_with_those_that_are(run_cli):
    result = run_cli("doctor", "--explain", "T44")
    assert result.exit_code == 2
    assert "there is no code 'T44'" in result.stderr


def test_what_stands_after_a_script_is_its_own(run_cli, fake_api):
    result = run_cli("doctor", "--runs", "mine", "my.py", "--json", "--epochs", "3")
    assert result.exit_code == 0, result.output
    called = fake_api.calls[-1][1]
    assert called["what"] == "my.py"
    assert called["arguments"] == ("--json", "--epochs", "3")
    assert called["runs"] == Path("mine")


def test_an_option_after_a_run_is_the_doctors(run_cli, fake_api):
    assert "--nothing" in run_cli("doctor", "last", "--nothing").stderr
    assert run_cli("doctor", "last", "--train").exit_code == 2
    assert fake_api.calls == []


def test_a_fix_takes_the_run_as_it_is(run_cli, fake_api):
    settings = ("--set", "split.val=0.3", "--target", "y")
    result = run_cli("doctor", "last", "more", "--fix", *settings)
    assert result.exit_code == 2
    assert "leave out --target, --set, 'more'" in result.stderr
    assert fake_api.calls == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fix",), "no run, data or plan is named: leave out --fix"),
        (("--fix", "--target", "y"), "leave out --fix, --target"),
        (("--set", "a=1"), "leave out --set"),
        (("--explain", "T4", "iris"), "takes a code alone: leave out 'iris'"),
        (("--explain", "T4", "--fix"), "leave out --fix"),
    ],
)
def test_what_the_doctor_would_not_heed_is_refused(run_cli, fake_api, options, words):
    result = run_cli("doctor", *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in " ".join(result.stderr.split())


def test_after_training_the_likely_cause_is_shown_with_what_to_do(
    run_cli, fake_api, monkeypatch
):
    quiet = run_cli("train", "titanic.csv", "--runs", "mine").stdout
    assert "doctor" not in quiet
    monkeypatch.setattr(FakeRun, "diagnosis", DIAGNOSIS)
    told = run_cli("train", "titanic.csv", "--runs", "mine").stdout
    assert "The learning rate is too high." in told
    assert "D27" not in told
    folder = "mine/2026-11-20-1432-titanic"
    assert f"All of it: torchsmith doctor {folder}\n" in told
    assert f"try what the doctor says   torchsmith doctor {folder} --fix" in told


def test_a_fix_that_was_stopped_tells_what_it_has_and_that_it_was_stopped(
    run_cli, fake_api, monkeypatch
):
    def stopped(self, **asked):
        del self, asked
        return Mended(verdict="Stopped; so far:", metric="accuracy", was_stopped=True)

    monkeypatch.setattr(FakeRun, "fix", stopped, raising=False)
    done = run_cli("doctor", "last", "--fix")
    assert "Stopped; so far:" in done.stdout
    assert done.exit_code == 130
