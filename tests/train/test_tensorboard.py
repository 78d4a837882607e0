"""What is written for TensorBoard while training goes on, read as TensorBoard does."""

import io
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.graph_pb2 import GraphDef
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
from tensorboardX.record_writer import masked_crc32c
from torch import nn

from torchsmith.core.errors import TrainError
from torchsmith.train import event_file, recorders, tensorboard
from torchsmith.train.history import EpochRecord
from torchsmith.train.state import TrainState
from torchsmith.train.tensorboard import TensorBoardEvents, grid, histogram


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


def state_of(network=None):
    network = network or nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    return TrainState(network, torch.optim.SGD(network.parameters(), lr=0.1))


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


def values(events, kind="simple_value"):
    return {
        (event.step, value.tag): getattr(value, kind)
        for event in events
        for value in event.summary.value
        if value.WhichOneof("value") == kind
    }


def session_events(folder):
    [path] = [p for p in folder.iterdir() if p.suffix not in {".network", ".results"}]
    return read_events(path)


def graph_in(folder):
    [graph] = [
        GraphDef.FromString(event.graph_def)
        for event in read_events(folder / tensorboard.NETWORK_FILE)
        if event.graph_def
    ]
    return {node.name: (node.op, list(node.input)) for node in graph.node}


def shapes_in(folder):
    event = read_events(folder / tensorboard.NETWORK_FILE)[1]
    return {
        node.name: [d.size for d in node.attr["_output_shapes"].list.shape[0].dim]
        for node in GraphDef.FromString(event.graph_def).node
    }


def test_an_epoch_becomes_scalars_of_tensorboard(tmp_path):
    events = TensorBoardEvents(tmp_path / "tensorboard", state_of())
    events.on_epoch_end(record(3, grad_norm=2))
    [path] = (tmp_path / "tensorboard").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    version, begin, *rest = read_events(path)
    assert version.file_version == "brain.Event:2"
    assert (begin.step, begin.session_log.status) == (3, begin.session_log.START)
    assert values(rest) == {
        (3, "loss/train"): 1.0,
        (3, "loss/val"): 0.5,
        (3, "accuracy/val"): 0.75,
        (3, "learning_rate"): 0.125,
        (3, "gradient_norm"): 2.0,
        (3, "examples_per_second"): 4.0,
    }


def test_what_is_not_known_is_not_written_for_tensorboard(tmp_path):
    events = TensorBoardEvents(tmp_path, state_of())
    events.on_epoch_end(record(1, val_loss=None, metrics={}))
    assert {tag for _, tag in values(session_events(tmp_path))} == {
        "loss/train",
        "learning_rate",
        "examples_per_second",
    }


def test_two_sessions_of_one_second_write_two_files(tmp_path):
    for epoch in (1, 2):
        TensorBoardEvents(tmp_path, state_of()).on_epoch_end(record(epoch))
    assert len(list(tmp_path.iterdir())) == 2


def test_an_event_file_that_cannot_be_written_is_one_clear_error(tmp_path):
    with pytest.raises(TrainError, match="tensorboard: cannot be written"):
        TensorBoardEvents(tmp_path / "nowhere" / "tensorboard", state_of())
    (tmp_path / "tensorboard").write_text("a file")
    with pytest.raises(TrainError, match="tensorboard: cannot be written"):
        TensorBoardEvents(tmp_path / "tensorboard", state_of())


def test_every_parameter_and_gradient_has_a_histogram(tmp_path):
    state = state_of()
    state.network(torch.ones(4, 2)).sum().backward()
    TensorBoardEvents(tmp_path, state).on_epoch_end(record(1))
    found = values(session_events(tmp_path), "histo")
    names = ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert {tag for _, tag in found} == {
        f"{kind}/{name}" for kind in ("weights", "gradients") for name in names
    }
    assert found[1, "gradients/2.bias"].min == 4.0
    assert found[1, "weights/0.weight"].num == 6


def test_a_histogram_counts_all_values():
    [value] = histogram("x", torch.tensor([0.0, 0.1, 0.1, 6.4])).value
    assert (value.histo.min, value.histo.num) == (0.0, 4)
    assert value.histo.max == pytest.approx(6.4)
    assert value.histo.sum == pytest.approx(6.6)
    assert value.histo.sum_squares == pytest.approx(0.02 + 6.4**2)
    bins = dict(zip(value.histo.bucket_limit, value.histo.bucket, strict=True))
    assert {round(limit, 3): n for limit, n in bins.items() if n} == {
        0.1: 1.0,
        0.2: 2.0,
        6.4: 1.0,
    }


def test_a_histogram_leaves_out_what_is_no_number():
    [value] = histogram("x", torch.tensor([1.0, torch.nan, torch.inf, 1.0])).value
    assert (value.histo.num, list(value.histo.bucket)) == (2, [2.0])
    assert histogram("x", torch.tensor([torch.nan])) is None
    assert histogram("x", torch.zeros(0)) is None


def test_histograms_are_left_out_where_they_would_take_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "HISTOGRAM_SHARE", 1e-9)
    state = state_of()
    events = TensorBoardEvents(tmp_path, state)
    events.on_epoch_end(record(1))
    events.on_epoch_end(record(2))
    state.ending = "epochs"
    events.on_epoch_end(record(3))
    events.write_out()
    found = session_events(tmp_path)
    assert {step for step, _ in values(found, "histo")} == {1, 3}
    assert {step for step, _ in values(found)} == {1, 2, 3}


def test_the_events_of_epochs_that_are_held_back_are_checked_together(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(recorders, "SECONDS_BETWEEN_WRITES", 1e9)
    monkeypatch.setattr(tensorboard, "HISTOGRAM_SHARE", 1e-9)
    events = TensorBoardEvents(tmp_path, state_of())
    events.on_epoch_end(record(1))
    checked = []
    real = event_file._crc32c
    monkeypatch.setattr(
        event_file, "_crc32c", lambda given: checked.append(len(given)) or real(given)
    )
    for epoch in range(2, 52):
        events.on_epoch_end(record(epoch))
    assert checked == []
    events.write_out()
    assert max(checked) == 50
    assert {step for step, _ in values(session_events(tmp_path))} == {*range(1, 52)}


def test_a_network_of_very_many_tensors_has_no_histograms(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "MOST_TENSORS", 3)
    TensorBoardEvents(tmp_path, state_of()).on_epoch_end(record(1))
    assert values(session_events(tmp_path), "histo") == {}


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.begin = nn.Linear(2, 4)
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.output = nn.Linear(4, 1)

    def forward(self, x):
        x = self.begin(x)
        for block in self.blocks:
            x = x + block(x).relu()
        return self.output(x) + self.output(x.flip(0))


def test_the_graph_has_the_modules_and_what_feeds_them(tmp_path):
    state = state_of(Residual())
    events = TensorBoardEvents(tmp_path, state)
    state.network(torch.ones(5, 2))
    events.write_out()
    assert graph_in(tmp_path) == {
        "input": ("Input", []),
        "begin": ("Linear", ["input"]),
        "blocks/0": ("Linear", ["begin"]),
        "blocks/1": ("Linear", ["begin", "blocks/0"]),
        "output": ("Linear", ["begin", "blocks/0", "blocks/1"]),
        "output_1": ("Linear", ["begin", "blocks/0", "blocks/1"]),
        "output_": ("Output", ["output", "output_1"]),
    }
    assert shapes_in(tmp_path)["input"] == [-1, 2]
    assert shapes_in(tmp_path)["blocks/1"] == [-1, 4]


def test_a_module_that_is_the_whole_network_is_a_node(tmp_path):
    state = state_of(nn.Linear(2, 1))
    events = TensorBoardEvents(tmp_path, state)
    state.network(torch.ones(5, 2))
    events.write_out()
    assert graph_in(tmp_path)["Linear"] == ("Linear", ["input"])


def test_following_a_network_changes_nothing_and_ends(tmp_path):
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    state = state_of(network)
    inputs, before = torch.ones(4, 2), torch.get_rng_state()
    expected = network(inputs)
    network[1].reset_running_stats()
    torch.set_rng_state(before)
    TensorBoardEvents(tmp_path, state)
    assert torch.equal(network(inputs), expected)
    assert network.training
    assert int(network[1].num_batches_tracked) == 1
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_a_network_that_is_never_called_is_left_as_it_was(tmp_path):
    state = state_of()
    TensorBoardEvents(tmp_path, state).on_end("all 1 epochs done")
    assert not any(m._forward_hooks for m in state.network.modules())
    state.network(torch.ones(1, 2))
    assert list(tmp_path.iterdir()) == []


def test_graph_and_examples_are_written_once(tmp_path):
    pictures = [np.full((6, 5, 1), n, np.uint8) for n in range(20)]
    contents = []
    for _ in range(2):
        state = state_of()
        events = TensorBoardEvents(tmp_path, state, pictures)
        state.network(torch.ones(1, 2))
        events.write_out()
        contents.append((tmp_path / tensorboard.NETWORK_FILE).read_bytes())
    assert contents[0] == contents[1]
    events = read_events(tmp_path / tensorboard.NETWORK_FILE)
    [((step, tag), image)] = values(events, "image").items()
    assert (step, tag, image.height, image.width) == (0, "examples", 29, 25)
    with Image.open(io.BytesIO(image.encoded_image_string)) as shown:
        assert (shown.size, shown.getpixel((24, 28))) == ((25, 29), (0, 0, 0))
        assert shown.getpixel((1 + 6, 1 + 7)) == (5, 5, 5)


def test_pictures_of_different_sizes_stand_in_one_grid():
    whole = grid([np.full((2, 3, 3), 9, np.uint8), np.full((4, 1, 1), 7, np.uint8)])
    assert whole.shape == (6, 17, 3)
    assert whole[1:3, 1:4].min() == 9
    assert whole[1:5, 5].min() == 7
    assert int((whole > 0).sum()) == 3 * (6 + 4)


def test_settings_and_final_scores_are_one_row_of_the_table_of_runs(tmp_path):
    state = state_of()
    state.epoch = 7
    events = TensorBoardEvents(tmp_path, state)
    settings = {"optimizer": "Adam", "lr": 0.01, "epochs": 7, "nesterov": False}
    for _ in range(2):  # an evaluation that is done again is written again
        events.on_result(settings, {"accuracy/test": 0.5}, [np.ones((2, 2, 1), "u1")])
    [path] = tmp_path.iterdir()
    found = read_events(path)
    assert values(found) == {(7, "accuracy/test"): 0.5}
    assert {tag for _, tag in values(found, "image")} == {"mistakes"}
    contents = [
        HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for event in found
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == "hparams"
    ]
    start, end = contents
    assert start.session_start_info.hparams["optimizer"].string_value == "Adam"
    assert start.session_start_info.hparams["lr"].number_value == 0.01
    assert start.session_start_info.hparams["epochs"].number_value == 7
    assert start.session_start_info.hparams["nesterov"].bool_value is False
    assert end.HasField("session_end_info")


def test_files_that_are_written_once_stand_around_the_sessions(tmp_path):
    state = state_of()
    events = TensorBoardEvents(tmp_path, state)
    state.network(torch.ones(1, 2))
    events.on_epoch_end(record(1))
    events.on_result({"lr": 0.1}, {"rmse/test": 0.5})
    first, _, last = sorted(path.name for path in tmp_path.iterdir())
    assert (first, last) == (tensorboard.NETWORK_FILE, tensorboard.RESULTS_FILE)
