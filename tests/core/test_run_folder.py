import errno
import os
import re
import shutil
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.processes import PROCESSES
from torchsmith.core import files, lock, run_folder
from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.run_folder import RunFolder, run_names

FILES = {"plan.yaml": "problem: {}\n", "environment.json": "{}"}


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path, "job", FILES)


def fill(content):
    return lambda folder: (folder / "state.json").write_text(content)


def kept(folder):
    return sorted(path.name for path in folder.checkpoints.iterdir())


def harm(path):
    (path / "state.json").write_text("other")


def everything(path):
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*"))


def freeze_clock(monkeypatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 11, 20, 14, 32, tzinfo=tz or UTC)

    monkeypatch.setattr(run_folder, "datetime", Clock)


def test_a_run_folder_is_named_by_its_minute_and_its_source(tmp_path, monkeypatch):
    freeze_clock(monkeypatch)
    first = RunFolder.create(tmp_path / "runs", "data/서울 집값.csv", FILES)
    second = RunFolder.create(tmp_path / "runs", "data/서울 집값.csv", FILES)
    assert first.name.startswith("2026-11-20-")
    assert first.name.endswith("-서울-집값")
    assert second.name == f"{first.name}-2"
    assert first.plan.read_text() == FILES["plan.yaml"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data/housing.csv", "housing"),
        ("data/Housing.CSV.gz", "Housing"),
        ("plans/optimizers.yaml", "optimizers"),
        ("photos-v1.5/", "photos-v1.5"),
        ("lr-0.01", "lr-0.01"),
        ("lr-0.001", "lr-0.001"),
        ("SGD, momentum 0.9.", "SGD-momentum-0.9"),
        ("conv.relu", "conv-relu"),
        ("../..", "run"),
    ],
)
def test_a_run_is_named_as_its_source_or_as_it_is_called(tmp_path, name, expected):
    made = RunFolder.create(tmp_path, name, FILES)
    assert re.fullmatch(rf"[\d-]{{15}}-{re.escape(expected)}", made.name)
    assert RunFolder.find(expected, tmp_path).path == made.path


def create_at_once(runs, barrier, answers):
    barrier.wait()
    answers.put(RunFolder.create(Path(runs), "job", FILES).name)


def test_runs_that_start_at_once_get_a_folder_each(tmp_path):
    barrier, answers = PROCESSES.Barrier(4), PROCESSES.Queue()
    started = [
        PROCESSES.Process(target=create_at_once, args=(tmp_path, barrier, answers))
        for _ in range(4)
    ]
    for process in started:
        process.start()
    names = {answers.get(timeout=60) for _ in started}
    for process in started:
        process.join()
    assert len(names) == 4
    assert {p.name for p in tmp_path.iterdir()} == names


def test_a_name_that_another_process_is_just_taking_is_left_to_it(
    tmp_path, monkeypatch
):
    freeze_clock(monkeypatch)
    first = RunFolder.create(tmp_path, "job", FILES)
    shutil.rmtree(first.path)
    other = tmp_path / f".{first.name}.new"
    other.mkdir()
    assert RunFolder.create(tmp_path, "job", FILES).name == f"{first.name}-2"
    assert other.is_dir()


def test_what_a_killed_process_left_of_a_new_run_is_removed_after_an_hour(tmp_path):
    stale, fresh = tmp_path / ".a.new", tmp_path / ".b.new"
    for path in (stale, fresh):
        path.mkdir()
        (path / "plan.yaml").write_text("")
    old = time.time() - 2 * run_folder.STALE_SECONDS
    os.utime(stale, (old, old))
    RunFolder.create(tmp_path, "job", FILES)
    assert not stale.exists()
    assert fresh.exists()


def test_a_run_is_found_by_path_by_name_and_as_the_last(tmp_path, folder):
    for run in (folder.path, str(folder.path), folder.name, "last"):
        assert RunFolder.find(run, tmp_path).path == folder.path


def test_a_run_is_found_by_the_name_that_it_was_given(tmp_path):
    run = RunFolder.create(tmp_path, "higher lr", FILES)
    RunFolder.create(tmp_path, "job", FILES)
    assert RunFolder.find("higher lr", tmp_path).path == run.path
    again = RunFolder.create(tmp_path, "higher lr", FILES)
    with pytest.raises(DataError, match="2 runs are called higher lr") as refused:
        RunFolder.find("higher lr", tmp_path)
    assert run.name in str(refused.value)
    assert again.name in str(refused.value)


@pytest.mark.parametrize(
    ("made", "other"),
    [
        ("v1.0", "v1.7"),
        ("v1.2", "v1"),
        ("lr-0.01", "lr-0.001"),
        ("lr-0.5", "lr-0"),
        ("conv.relu", "conv.tanh"),
        ("mnist", "elsewhere/mnist"),
        ("mnist.csv", "mnist.ts"),
    ],
)
def test_a_name_never_finds_another_run(tmp_path, made, other):
    RunFolder.create(tmp_path, made, FILES)
    with pytest.raises(DataError, match=f"no run at {other}"):
        RunFolder.find(other, tmp_path)


def test_a_run_that_is_not_there_gets_near_names(tmp_path, folder):
    with pytest.raises(DataError, match=f"did you mean '{folder.name}'"):
        RunFolder.find(f"{folder.name[:-1]}p", tmp_path)
    with pytest.raises(DataError, match="start one with: torchsmith train"):
        RunFolder.find("last", tmp_path / "none")


def test_the_last_run_is_the_one_that_began_last(tmp_path, monkeypatch):
    freeze_clock(monkeypatch)
    names = [RunFolder.create(tmp_path, "job", FILES).name for _ in range(11)]
    (tmp_path / names[0] / "report.html").write_text("written again later")
    assert run_names(tmp_path) == names
    assert RunFolder.find("last", tmp_path).name == names[-1]


def test_a_run_without_a_date_in_its_name_began_when_it_was_written(tmp_path, folder):
    renamed = folder.path.rename(tmp_path / "mine")
    os.utime(renamed / "environment.json", (1e9, 1e9))
    newer = RunFolder.create(tmp_path, "job", FILES)
    assert run_names(tmp_path) == ["mine", newer.name]


def test_a_run_in_use_is_refused_and_the_process_named(folder):
    refused = pytest.raises(TrainError, match=f"in use by process {os.getpid()};")
    with folder.locked(), refused:
        RunFolder(folder.path).locked().__enter__()
    with RunFolder(folder.path).locked():
        pass


def hold(path, answers):
    with RunFolder(Path(path)).locked():
        answers.put(os.getpid())
        signal.pause()


def test_a_lock_is_freed_by_kill_9(folder):
    answers = PROCESSES.Queue()
    holder = PROCESSES.Process(target=hold, args=(folder.path, answers))
    holder.start()
    pid = answers.get(timeout=60)
    with pytest.raises(TrainError, match=f"in use by process {pid};"):
        folder.locked().__enter__()
    os.kill(pid, signal.SIGKILL)
    holder.join()
    with folder.locked():
        pass


def test_a_run_that_another_process_trains_is_not_to_be_resumed(folder):
    answers = PROCESSES.Queue()
    holder = PROCESSES.Process(target=hold, args=(folder.path, answers))
    holder.start()
    pid = answers.get(timeout=60)
    try:
        words = f"no model yet; it is being trained by process {pid}; wait until that e"
        with pytest.raises(TrainError, match=words):
            folder.check_model()
    finally:
        os.kill(pid, signal.SIGKILL)
        holder.join()
    with pytest.raises(TrainError, match="no model yet; go on with: torchsmith train"):
        folder.check_model()
    words = "no model yet; go on with: torchsmith train"
    with folder.locked(), pytest.raises(TrainError, match=words):
        folder.check_model()


def hold_with_a_worker(path, answers):
    with RunFolder(Path(path)).locked():
        worker = os.fork()
        if worker:
            answers.put(worker)
        signal.pause()


def test_a_lock_is_freed_by_kill_9_though_a_worker_lives_on(folder):
    answers = PROCESSES.Queue()
    holder = PROCESSES.Process(target=hold_with_a_worker, args=(folder.path, answers))
    holder.start()
    worker = answers.get(timeout=60)
    try:
        with pytest.raises(TrainError, match="in use by process "):
            folder.locked().__enter__()
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
        with folder.locked():
            os.kill(worker, 0)  # it is still there
    finally:
        os.kill(worker, signal.SIGKILL)


def race(path, barrier, done, answers):
    barrier.wait()
    try:
        with RunFolder(Path(path)).locked():
            answers.put("held")
            done.wait()
    except TrainError as error:
        answers.put(str(error))


def test_exactly_one_of_several_processes_gets_the_lock(folder):
    barrier, done, answers = PROCESSES.Barrier(4), PROCESSES.Event(), PROCESSES.Queue()
    racing = [
        PROCESSES.Process(target=race, args=(folder.path, barrier, done, answers))
        for _ in range(4)
    ]
    for process in racing:
        process.start()
    found = sorted(answers.get(timeout=60) for _ in racing)
    done.set()
    for process in racing:
        process.join()
    assert found.count("held") == 1
    assert all("the run is in use by " in text for text in found if text != "held")


def test_a_lock_needs_no_room_on_the_disk(folder, monkeypatch):
    def full(descriptor, content, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    monkeypatch.setattr(lock, "sleep", lambda _: None)
    refused = pytest.raises(TrainError, match="in use by another process")
    with folder.locked(), refused:
        RunFolder(folder.path).locked().__enter__()


def test_who_only_looks_whether_a_run_is_held_hinders_nobody(folder, monkeypatch):
    (folder.path / lock.LOCK).write_text("process 7")
    looking = os.open(folder.path / lock.LOCK, os.O_RDONLY)
    lock.fcntl.flock(looking, lock.fcntl.LOCK_SH)
    monkeypatch.setattr(lock, "sleep", lambda _: os.close(looking))
    with folder.locked():
        assert (folder.path / lock.LOCK).read_text() == f"process {os.getpid()}"


def test_who_has_just_taken_the_lock_is_given_time_to_say_so(folder, monkeypatch):
    with folder.locked():
        path = folder.path / lock.LOCK
        told = path.read_text()
        path.write_text("")
        monkeypatch.setattr(lock, "sleep", lambda _: path.write_text(told))
        with pytest.raises(TrainError, match=f"in use by {told}; wait"):
            RunFolder(folder.path).locked().__enter__()


def test_taking_the_lock_removes_what_a_killed_process_left(folder):
    folder.save_checkpoint(5, fill("whole"))
    torn = folder.checkpoints / "00000006.tmp-77"
    torn.mkdir()
    (torn / "state.json.tmp-77").write_text("{")
    (folder.path / "outcome.json.tmp-77").write_text("{")
    with folder.locked():
        assert not [p for p in everything(folder.path) if ".tmp-" in p]
    assert kept(folder) == ["00000005"]


def test_a_checkpoint_at_the_same_step_never_replaces_the_one_that_is_there(folder):
    folder.save_checkpoint(5, fill("first"))

    def look_around(temporary):
        assert (folder.checkpoints / "00000005" / "state.json").read_text() == "first"
        fill("second")(temporary)

    path = folder.save_checkpoint(5, look_around)
    assert folder.newest_checkpoint() == (path, [])
    assert (path / "state.json").read_text() == "second"
    folder.save_checkpoint(5, fill("third"))
    assert kept(folder) == ["00000005-2", "00000005-3"]
    folder.save_checkpoint(6, fill("next"))
    assert kept(folder) == ["00000005-3", "00000006"]


def test_checkpoints_are_ordered_by_number(folder):
    for step in (9, 99_999_999, 100_000_000):
        path = folder.save_checkpoint(step, fill("x"))
        assert folder.newest_checkpoint()[0] == path


def test_a_checkpoint_after_damaged_ones_is_kept_and_they_are_removed(folder):
    for step in (5, 7):
        harm(folder.save_checkpoint(step, fill("x")))
    newest, problems = folder.newest_checkpoint()
    assert newest is None
    assert [text.split(" is damaged")[0] for text in problems] == [
        "checkpoint 00000007",
        "checkpoint 00000005",
    ]
    path = folder.save_checkpoint(2, fill("anew"))
    assert folder.newest_checkpoint() == (path, [])
    assert kept(folder) == ["00000002"]


def test_the_whole_checkpoint_before_is_kept_beside_a_new_one(folder):
    folder.save_checkpoint(5, fill("x"))
    harm(folder.save_checkpoint(7, fill("x")))
    assert folder.newest_checkpoint()[0].name == "00000005"
    folder.save_checkpoint(8, fill("x"))
    assert kept(folder) == ["00000005", "00000008"]


def test_a_run_without_a_model_or_with_a_damaged_one_says_how_to_go_on(folder):
    with pytest.raises(TrainError, match=r"no model yet; go on with: .* --resume"):
        folder.check_model()
    folder.save_model(fill("weights"))
    folder.check_model()
    harm(folder.model)
    with pytest.raises(TrainError, match=r"damaged \(state.json has .* --resume"):
        folder.check_model()
    folder.save_model(fill("weights"))
    folder.check_model()


class FailingDisk:
    """Fails the n-th of the calls that change a disk, and says whether it did."""

    def __init__(self, monkeypatch, nth, number):
        self.left, self.number = nth, number
        for owner, name in (
            (os, "fsync"),
            (Path, "open"),
            (Path, "mkdir"),
            (Path, "replace"),
            (Path, "rename"),
        ):
            monkeypatch.setattr(owner, name, self.guard(getattr(owner, name)))

    def guard(self, call):
        def guarded(*arguments, **options):
            if "open" not in call.__name__ or arguments[1:] == ("wb",):
                self.left -= 1
                if self.left == 0:
                    raise OSError(self.number, os.strerror(self.number))
            return call(*arguments, **options)

        return guarded


ERRORS = {errno.ENOSPC: r"is full \([\d,]+ bytes free", errno.EIO: "cannot be written"}


@pytest.mark.parametrize("number", ERRORS)
def test_whatever_write_of_a_checkpoint_fails_the_one_before_is_whole(
    folder, monkeypatch, number
):
    def write(temporary):
        files.write_atomic(temporary / "state.safetensors", b"weights" * 100)
        files.write_atomic(temporary / "state.json", "{}")

    before = folder.save_checkpoint(5, write)
    for nth in range(1, 40):
        with monkeypatch.context() as patch:
            disk = FailingDisk(patch, nth, number)
            try:
                folder.save_checkpoint(5 + nth, write)
            except TrainError as error:
                failed = str(error)
            else:
                assert disk.left > 0
                break
        assert str(folder.checkpoints) in failed
        assert not [p for p in everything(folder.path) if ".tmp-" in p]
        newest, problems = folder.newest_checkpoint()
        assert problems == []
        # When only the last sync fails, the new one is there and whole.
        assert newest.name in (before.name, f"{5 + nth:08d}")
        with pytest.raises(TrainError, match=ERRORS[number]):
            raise TrainError(failed)
    assert 10 < nth < 39


@pytest.mark.parametrize("number", ERRORS)
def test_whatever_write_of_a_new_run_fails_nothing_is_left(
    tmp_path, monkeypatch, number
):
    for nth in range(1, 40):
        with monkeypatch.context() as patch:
            disk = FailingDisk(patch, nth, number)
            try:
                RunFolder.create(tmp_path / f"runs{nth}", "job", FILES)
            except TrainError as error:
                failed = str(error)
            else:
                assert disk.left > 0
                break
        with pytest.raises(TrainError, match=ERRORS[number]):
            raise TrainError(failed)
        left = everything(tmp_path)
        assert not [p for p in left if ".tmp-" in p or ".new" in p], (nth, left)
    assert 8 < nth < 39


def test_a_model_that_cannot_be_written_leaves_the_old_one(folder, monkeypatch):
    folder.save_model(fill("old"))

    def full(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TrainError, match="the disk is full"):
        folder.save_model(full)
    folder.check_model()


def unreadable(self):
    raise OSError(errno.EIO, "Input/output error")


def test_checkpoints_that_cannot_be_listed_are_one_clear_error(folder, monkeypatch):
    folder.save_checkpoint(5, fill("whole"))
    monkeypatch.setattr(Path, "iterdir", unreadable)
    with pytest.raises(TrainError, match=r"checkpoints: cannot be read \(Input/output"):
        folder.newest_checkpoint()
    with pytest.raises(
        TrainError, match=r"checkpoints: cannot be written \(Input/outp"
    ):
        folder.save_checkpoint(6, fill("more"))


def test_how_to_go_on_is_a_command_that_can_be_pasted(tmp_path):
    of_plan = RunFolder.create(tmp_path / "my runs", "job", FILES)
    assert of_plan.go_on == f"torchsmith train --resume '{of_plan.path}'"
    of_fit = RunFolder.create(tmp_path, "job", {"fit.json": "{}"})
    assert of_fit.go_on == f"torchsmith.fit(…, resume='{of_fit.path}')"


@pytest.mark.parametrize(("file", "kind"), run_folder.FIRST_FILES.items())
def test_a_run_folder_knows_of_what_it_is(tmp_path, file, kind):
    made = RunFolder.create(tmp_path, "job", {file: "", "figures/loss.svg": "<svg/>"})
    assert made.kind == kind
    assert run_names(tmp_path) == [made.name]
    assert (made.figures / "loss.svg").is_file()
    assert made.checkpoints.is_dir() == (kind in ("plan", "fit"))


def test_a_folder_that_is_no_run_has_no_kind(tmp_path):
    with pytest.raises(DataError, match="is no run folder"):
        _ = RunFolder(tmp_path).kind


def test_a_member_is_made_under_its_exact_name_whatever_a_crash_left(tmp_path):
    study = RunFolder.create(tmp_path, "study", {"study.yaml": ""})
    left = study.members / ".Adam-seed0.new"
    left.mkdir(parents=True)
    member = RunFolder.create_member(study, "Adam-seed0", FILES)
    assert member.path == study.members / "Adam-seed0"
    assert not left.exists()
    with pytest.raises(TrainError, match="is there already"):
        RunFolder.create_member(study, "Adam-seed0", FILES)
