"""What is written for people while training goes on."""

import pytest

from tests.train.jobs import make_job, make_state
from tests.train.test_tensorboard import record
from torchsmith.core.errors import TrainError
from torchsmith.core.run_folder import RunFolder
from torchsmith.train import recorders
from torchsmith.train.history import EpochRecord
from torchsmith.train.loop import eager_epoch, fit
from torchsmith.train.recorders import Log, MetricsFile
from torchsmith.train.session import Session


@pytest.fixture
def clock(monkeypatch):
    """The time that a log goes by, to be set."""
    now = [100.0]
    monkeypatch.setattr(recorders, "perf_counter", lambda: now[0])
    return now


def epochs_in(path):
    lines = path.read_text().splitlines()
    return [EpochRecord.model_validate_json(line).epoch for line in lines]


def _joined(items):
    return "".join(items).encode()


def test_lines_of_epochs_that_are_trained_again_are_cut(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        "".join(f"{record(n).model_dump_json()}\n" for n in (1, 2)) + '{"ep'
    )
    MetricsFile(path, [record(1)]).on_epoch_end(record(2))
    assert epochs_in(path) == [1, 2]


def test_lines_of_short_epochs_are_written_together(tmp_path, clock):
    path = tmp_path / "metrics.jsonl"
    metrics = MetricsFile(path, [])
    for epoch in (1, 2, 3):
        metrics.on_epoch_end(record(epoch))
    assert epochs_in(path) == [1]
    clock[0] += recorders.SECONDS_BETWEEN_WRITES
    metrics.on_epoch_end(record(4))
    assert epochs_in(path) == [1, 2, 3, 4]


def test_nothing_is_held_back_once_it_is_to_be_written_out(tmp_path, clock):
    path = tmp_path / "metrics.jsonl"
    metrics = MetricsFile(path, [])
    for epoch in (1, 2, 3):
        metrics.on_epoch_end(record(epoch))
    metrics.write_out()
    assert epochs_in(path) == [1, 2, 3]
    metrics.write_out()
    assert epochs_in(path) == [1, 2, 3]


def test_the_lines_of_a_run_that_is_done_outlive_a_power_cut(tmp_path, monkeypatch):
    durable = {}
    monkeypatch.setattr(
        recorders, "sync_file", lambda path: durable.update({path: path.read_text()})
    )
    path = tmp_path / "metrics.jsonl"
    metrics = MetricsFile(path, [])
    for epoch in (1, 2, 3):
        metrics.on_epoch_end(record(epoch))
    metrics.on_end("all 3 epochs done")
    assert len(durable[path].splitlines()) == 3


def test_a_log_that_cannot_be_made_durable_is_one_clear_error(tmp_path, monkeypatch):
    def fail(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(recorders, "sync_file", fail)
    Log(tmp_path / "nothing", _joined).end()
    log = Log(tmp_path / "metrics.jsonl", _joined)
    log.add("x")
    with pytest.raises(TrainError, match=r"metrics.jsonl: cannot be written .* free"):
        log.end()


def test_a_log_that_cannot_be_written_is_one_clear_error(tmp_path):
    log = Log(tmp_path / "nowhere" / "metrics.jsonl", _joined)
    with pytest.raises(TrainError, match=r"metrics\.jsonl: cannot be written"):
        log.add("line")
    log.write_out()  # what failed is not tried again


def test_a_checkpoint_is_never_ahead_of_the_lines(tmp_path, clock, monkeypatch):
    clock[0] = -1e9  # it is never time to write
    folder = RunFolder.create(tmp_path, "job", {"plan.yaml": ""})
    job = make_job(epochs=3)
    state = make_state(job)
    metrics = MetricsFile(folder.metrics, [])
    seen = []
    save = folder.save_checkpoint
    monkeypatch.setattr(
        folder,
        "save_checkpoint",
        lambda *given: (seen.append(epochs_in(folder.metrics)), save(*given))[1],
    )
    fit(job, state, Session(job, folder, [metrics]))
    assert seen == [[1, 2, 3]]


def test_a_training_that_fails_has_the_lines_of_all_its_epochs(tmp_path, clock):
    clock[0] = -1e9
    folder = RunFolder.create(tmp_path, "job", {"plan.yaml": ""})
    job = make_job(epochs=9)

    def fail_in_the_fifth(job, state, session):
        if state.epoch == 4:
            raise TrainError("the loss is no longer a finite number")
        eager_epoch(job, state, session)

    session = Session(job, folder, [MetricsFile(folder.metrics, [])])
    with pytest.raises(TrainError, match="finite"):
        fit(job, make_state(job), session, fail_in_the_fifth)
    assert epochs_in(folder.metrics) == [1, 2, 3, 4]
