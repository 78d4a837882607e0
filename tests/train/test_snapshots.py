"""The first layer's weights over time."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.train.test_tensorboard import record, state_of
from torchsmith.core.errors import TrainError
from torchsmith.core.run_folder import RunFolder
from torchsmith.train.snapshots import (
    MOST_BYTES,
    MOST_SNAPSHOTS,
    Snapshots,
    WeightSnapshots,
    first_weights,
    snapshot_epochs,
)


def train(folder, state, epochs, num_epochs, ending=""):
    snapshots = WeightSnapshots(folder, state, num_epochs)
    for epoch in epochs:
        with torch.no_grad():
            state.network[0].weight.fill_(epoch)
        state.epoch, state.step = epoch, 10 * epoch
        state.ending = ending if epoch == epochs[-1] else ""
        snapshots.on_epoch_end(record(epoch))
    snapshots.write_out()


def test_weights_are_kept_before_training_then_at_powers_of_two_and_last(tmp_path):
    state = state_of()
    first = state.network[0].weight.detach().numpy().copy()
    train(RunFolder(tmp_path), state, range(1, 7), 20, "patience")
    found = Snapshots.read(RunFolder(tmp_path))
    assert (found.parameter, list(found)) == ("0.weight", [0, 1, 2, 4, 6])
    assert np.array_equal(found[0], first)
    assert (found[4].dtype, found[4].tolist()) == (np.float32, [[4.0, 4.0]] * 3)


def test_a_resumed_run_has_the_same_snapshots(tmp_path):
    folder, state = RunFolder(tmp_path), state_of()
    train(folder, state, range(1, 5), 6)
    before = folder.snapshot(1).read_bytes()
    state.epoch, state.step = 3, 33  # epoch 4 is trained again
    train(folder, state, [], 6)
    assert list(Snapshots.read(folder)) == [0, 1, 2]
    train(folder, state, range(4, 7), 6, "epochs")
    assert list(Snapshots.read(folder)) == [0, 1, 2, 4, 6]
    assert folder.snapshot(1).read_bytes() == before


@pytest.mark.parametrize("num_epochs", [1, 3, 1023, 1024, 1025, 10**6])
def test_there_are_few_snapshots_however_long_training_is(num_epochs):
    epochs = snapshot_epochs(num_epochs)
    assert epochs[:2] == (0, 1)
    assert epochs[-1] <= num_epochs
    assert len({*epochs, num_epochs}) <= MOST_SNAPSHOTS


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (nn.Linear(8, 300), ("weight", 256)),
        (nn.Linear(784, 500), ("weight", MOST_BYTES // MOST_SNAPSHOTS // 4 // 784)),
        (nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3)), ("1.weight", 8)),
        (nn.Linear(10**5, 2), None),
        (nn.BatchNorm1d(3), None),
    ],
)
def test_a_large_layer_is_cut_to_its_first_rows(network, expected):
    found = first_weights(network)
    assert (None if found is None else (found[0], found[2])) == expected


def test_a_network_without_such_weights_has_no_snapshots(tmp_path):
    train(RunFolder(tmp_path), state_of(nn.Sequential(nn.BatchNorm1d(3))), [1], 1)
    found = Snapshots.read(RunFolder(tmp_path))
    assert (found.parameter, dict(found), list(tmp_path.iterdir())) == ("", {}, [])


def test_snapshots_are_written_together_with_the_next_checkpoint(tmp_path):
    folder, state = RunFolder(tmp_path), state_of()
    snapshots = WeightSnapshots(folder, state, 4)
    before = state.network[0].weight.detach().clone()
    with torch.no_grad():
        state.network[0].weight.fill_(7)
    snapshots.on_epoch_end(record(1))
    assert not folder.snapshot_files()
    snapshots.write_out()
    found = Snapshots.read(folder)
    assert np.array_equal(found[0], before.numpy())
    assert found[1].min() == 7.0


def test_a_damaged_snapshot_is_one_clear_error(tmp_path):
    folder = RunFolder(tmp_path)
    train(folder, state_of(), [], 1)
    folder.snapshot(0).write_bytes(b"torn")
    with pytest.raises(TrainError, match=r"epoch-00000\.safetensors: cannot be read"):
        Snapshots.read(folder)


def test_snapshots_that_cannot_be_written_are_one_clear_error(tmp_path):
    (tmp_path / "snapshots").write_text("a file")
    with pytest.raises(TrainError, match="snapshots: cannot be written"):
        WeightSnapshots(RunFolder(tmp_path), state_of(), 1)
