"""What may have happened to a run before it is resumed."""

import json
import os
import shutil
import signal

import pytest
import torch
from torch import nn

import torchsmith
from tests.processes import PROCESSES
from tests.reliability.jobs import outcome_of, write_table
from tests.reliability.runs import run
from torchsmith import api
from torchsmith.core.errors import DataError, PlanError, TrainError
from torchsmith.core.run_folder import RunFolder
from torchsmith.train.watch import TrainingObserver


class Notes(TrainingObserver):
    """Keeps what the person is told."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def __contains__(self, words):
        return any(words in note for note in self.notes)


@pytest.fixture(scope="session")
def killed_once(tmp_path_factory, whole):
    """A folder with a run that was killed in training, with two checkpoints."""
    # Between committing a checkpoint and removing the oldest there are three.
    for later in range(0, 12, 3):
        folder = tmp_path_factory.mktemp("killed")
        write_table(folder / "table.csv")
        assert run(folder, whole[1] // 2 + later) == -signal.SIGKILL
        [killed] = (folder / "runs").iterdir()
        assert RunFolder(killed).newest_checkpoint()[0].name > "00000004"
        if len(list((killed / "checkpoints").glob("*[0-9]"))) == 2:
            return folder
    raise AssertionError(folder)


@pytest.fixture
def killed(killed_once, tmp_path, monkeypatch):
    """The run folder of a copy, beside its table, in another place."""
    shutil.copytree(killed_once, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    [path] = (tmp_path / "elsewhere" / "runs").iterdir()
    return path


@pytest.fixture
def complete(killed):
    api.train(resume=True)
    return killed


def resume(path):
    notes = Notes()
    api.train(resume=path, observer=notes)
    return notes


def checkpoints(path):
    return sorted((path / "checkpoints").glob("*[0-9]"))


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def files(path):
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_a_run_folder_that_was_moved_is_resumed(killed, whole):
    moved = killed.rename(killed.parent.parent / "mine")
    notes = resume(moved)
    assert "going on from epoch " in notes
    assert outcome_of(moved) == whole[0]
    assert json.loads((moved / "outcome.json").read_text())["notes"] == []


def test_a_flipped_byte_in_a_checkpoint_is_told_and_the_one_before_used(killed, whole):
    before, newest = checkpoints(killed)
    flip(newest / "state.safetensors")
    notes = resume(killed)
    assert f"checkpoint {newest.name} is damaged: state.safetensors" in notes
    assert f"training went on from checkpoint {before.name}" in notes
    assert outcome_of(killed) == whole[0]
    outcome = (killed / "outcome.json").read_text()
    assert f"checkpoint {newest.name} is damaged" in outcome


def test_without_a_whole_checkpoint_training_starts_again_and_says_so(killed, whole):
    for path in checkpoints(killed):
        flip(path / "state.json")
    notes = resume(killed)
    assert "training starts again from the beginning" in notes
    assert outcome_of(killed) == whole[0]


def test_a_run_killed_before_its_first_checkpoint_starts_again(killed, whole):
    shutil.rmtree(killed / "checkpoints")
    assert not any("checkpoint" in note for note in resume(killed).notes)
    assert outcome_of(killed) == whole[0]


def test_a_torn_line_and_lines_of_lost_epochs_are_cut(killed, whole):
    lines = (killed / "metrics.jsonl").read_text()
    (killed / "metrics.jsonl").write_text(lines * 2 + '{"epoch": 3, "st')
    assert [r.epoch for r in api.load_run(killed).history][:1] == [1]
    resume(killed)
    assert outcome_of(killed) == whole[0]


def test_a_plan_that_was_edited_after_training_began_is_refused(killed):
    plan = killed / "plan.yaml"
    plan.write_text(plan.read_text().replace("epochs: 3", "epochs: 4"))
    with pytest.raises(PlanError, match=r"plan.yaml: was changed .* is 4, was 3\)"):
        api.train(resume=killed)


def test_comments_of_a_plan_may_be_edited(killed, whole):
    plan = killed / "plan.yaml"
    plan.write_text(plan.read_text().replace("epochs: 3", "epochs: 3  # mine; was 3"))
    resume(killed)
    assert outcome_of(killed)["weights"] == whole[0]["weights"]


def test_data_that_was_moved_is_found_by_the_edited_plan(killed, whole):
    (killed / "../../table.csv").rename("other.csv")
    plan = killed / "plan.yaml"
    plan.write_text(plan.read_text().replace("source: table.csv", "source: other.csv"))
    resume(killed)
    assert outcome_of(killed)["weights"] == whole[0]["weights"]


def test_data_that_was_changed_is_refused(killed):
    with (killed / "../../table.csv").open("a") as table:
        table.write("1,2,3,a,4\n")
    with pytest.raises(DataError, match="not what the plan was made for"):
        api.train(resume=killed)


def test_another_environment_is_named(killed):
    path = killed / "environment.json"
    before = json.loads(path.read_text()) | {"torch": "1.0"}
    path.write_text(json.dumps(before))
    notes = resume(killed)
    assert "the environment differs, so the weights may too: torch: 1.0 then" in notes
    assert "torch: 1.0 then" in (killed / "outcome.json").read_text()


def test_an_environment_that_cannot_be_read_does_not_stop_the_run(killed, whole):
    (killed / "environment.json").write_text("{")
    assert "environment.json cannot be read" in resume(killed)
    assert outcome_of(killed) == whole[0]


def test_a_complete_run_says_so_and_is_left_as_it_is(complete):
    before = files(complete)
    assert f"{complete} is complete; there is nothing to resume" in resume(complete)
    assert files(complete) == before


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: (path / "outcome.json").unlink(),
        lambda path: (path / "report.html").unlink(),
        lambda path: (path / "evaluation.json").write_text("{"),
        lambda path: (path / "inspection.json").write_text("{"),
        lambda path: flip(path / "model" / "network.safetensors"),
        lambda path: shutil.rmtree(path / "model"),
    ],
    ids=["outcome", "report", "evaluation", "inspection", "weights", "model"],
)
def test_what_is_missing_or_damaged_of_a_complete_run_is_made_again(
    complete, whole, harm
):
    harm(complete)
    newest = checkpoints(complete)
    assert "training is done already" in resume(complete)
    assert outcome_of(complete) == whole[0]
    assert checkpoints(complete) == newest
    assert "is complete" in resume(complete)


def hold(path, ready):
    with RunFolder(path).locked():
        ready.put(os.getpid())
        signal.pause()


def test_a_run_that_another_process_resumes_is_refused(killed):
    ready = PROCESSES.Queue()
    holder = PROCESSES.Process(target=hold, args=(killed, ready))
    holder.start()
    pid = ready.get(timeout=60)
    with pytest.raises(TrainError, match=f"in use by process {pid}; wait"):
        api.train(resume=killed)
    holder.kill()
    holder.join()


def test_the_time_of_training_adds_up_over_sessions(killed):
    newest = RunFolder(killed).newest_checkpoint()[0]
    before = json.loads((newest / "state.json").read_text())["seconds"]
    resume(killed)
    seconds = json.loads((killed / "outcome.json").read_text())["seconds"]
    assert 0 < before < seconds["train"] <= seconds["total"]


def test_a_run_of_fit_is_not_resumed_by_train_nor_the_other_way(killed, tmp_path):
    job = nn.Linear(2, 1), (torch.zeros(4, 2), torch.zeros(4, 1))
    done = torchsmith.fit(*job, loss="MSELoss", epochs=1, runs=tmp_path)
    with pytest.raises(PlanError, match="was made by fit; go on with: torchsmith"):
        api.train(resume=done.path)
    with pytest.raises(PlanError, match="was made by train; go on with: torchsmith tr"):
        torchsmith.fit(*job, loss="MSELoss", epochs=1, resume=killed)


def test_a_fit_that_goes_on_in_another_environment_says_so(tmp_path):
    job = nn.Linear(2, 1), (torch.zeros(4, 2), torch.zeros(4, 1))
    done = torchsmith.fit(*job, loss="MSELoss", epochs=1, runs=tmp_path)
    path = done.path / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"torch": "1.0"}))
    notes = Notes()
    resumed = {"loss": "MSELoss", "epochs": 1, "resume": done.path, "observer": notes}
    torchsmith.fit(*job, **resumed)
    assert "the environment differs, so the weights may too: torch: 1.0 then" in notes
    path.write_text("{")
    torchsmith.fit(*job, **resumed)
    assert "weights may too: environment.json cannot be read" in notes
