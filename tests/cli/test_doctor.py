import json
import os

import torch

from torchsmith.cli.environment import Environment, judge

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
