"""What is written for people and for TensorBoard while training goes on."""

import struct

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from torchsmith.core.errors import TrainError
from torchsmith.train.history import EpochRecord
from torchsmith.train.recorders import MetricsFile, TensorBoardEvents


def record(epoch, **values):
    values = {"val_loss": 0.5, "metrics": {"accuracy": 0.75}} | values
    return EpochRecord(
        epoch=epoch,
        step=10 * epoch,
        train_loss=1.0,
        lr=0.125,
        seconds=1.0,
        examples_per_second=4.0,
        **values,
    )


def read_events(path):
    content, events = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        (of_length,) = struct.unpack("<I", content[8:12])
        (of_event,) = struct.unpack("<I", content[12 + length : 16 + length])
        assert of_length == masked_crc32c(content[:8])
        assert of_event == masked_crc32c(content[12 : 12 + length])
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return events


def scalars(events):
    return {
        (event.step, value.tag): value.simple_value
        for event in events
        for value in event.summary.value
    }


def test_an_epoch_becomes_scalars_of_tensorboard(tmp_path):
    TensorBoardEvents(tmp_path / "tensorboard", 3).on_epoch_end(record(3, grad_norm=2))
    [path] = (tmp_path / "tensorboard").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    version, begin, *rest = read_events(path)
    assert version.file_version == "brain.Event:2"
    assert (begin.step, begin.session_log.status) == (3, begin.session_log.START)
    assert scalars(rest) == {
        (3, "loss/train"): 1.0,
        (3, "loss/val"): 0.5,
        (3, "accuracy/val"): 0.75,
        (3, "learning_rate"): 0.125,
        (3, "gradient_norm"): 2.0,
        (3, "examples_per_second"): 4.0,
    }


def test_what_is_not_known_is_not_written_for_tensorboard(tmp_path):
    TensorBoardEvents(tmp_path, 1).on_epoch_end(record(1, val_loss=None, metrics={}))
    [path] = tmp_path.iterdir()
    assert {tag for _, tag in scalars(read_events(path))} == {
        "loss/train",
        "learning_rate",
        "examples_per_second",
    }


def test_two_sessions_of_one_second_write_two_files(tmp_path):
    for epoch in (1, 2):
        TensorBoardEvents(tmp_path, epoch).on_epoch_end(record(epoch))
    assert len(list(tmp_path.iterdir())) == 2


def test_an_event_file_that_cannot_be_written_is_one_clear_error(tmp_path):
    with pytest.raises(TrainError, match="tensorboard: cannot be written"):
        TensorBoardEvents(tmp_path / "nowhere" / "tensorboard", 1)
    (tmp_path / "tensorboard").write_text("a file")
    with pytest.raises(TrainError, match="tensorboard: cannot be written"):
        TensorBoardEvents(tmp_path / "tensorboard", 1)


def test_lines_of_epochs_that_are_trained_again_are_cut(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        "".join(f"{record(n).model_dump_json()}\n" for n in (1, 2)) + '{"ep'
    )
    MetricsFile(path, [record(1)]).on_epoch_end(record(2))
    lines = path.read_text().splitlines()
    assert [EpochRecord.model_validate_json(line).epoch for line in lines] == [1, 2]
