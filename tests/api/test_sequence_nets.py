"""A network of two members for sequences, from its file to a resumed run and back."""

import signal

import numpy as np
import pytest
import torch

import torchsmith as ts
from torchsmith.core.errors import Interrupted
from torchsmith.train.watch import TrainingObserver

SMALL = {
    "prepare": "[Standardize, RandomConvolutions: {num_features: 168, groups: 4}]",
    "network": "{SequenceNet: {body: {Inception: {width: 4, depth: 3, "
    "kernel_sizes: [3, 5]}}, features: true}}",
    "training.epochs": 3,
    "split.val": 0.25,
}


class Interrupter(TrainingObserver):
    """Presses Ctrl-C after the first epoch."""

    def on_epoch_end(self, record):
        if record.epoch == 1:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def ragged(tmp_path_factory):
    """Slow and fast waves of 8 to 15 steps, in an archive with their lengths."""
    random = np.random.default_rng(0)
    fast, lengths = np.arange(60) % 2, random.integers(8, 16, 60)
    waves = np.zeros((60, 1, 15), np.float32)
    for row, length in enumerate(lengths):
        steps = np.arange(length) * (1 + fast[row]) + random.uniform(0, 6)
        waves[row, 0, :length] = np.sin(steps)
    file = tmp_path_factory.mktemp("ragged") / "waves.npz"
    np.savez(file, sequences=waves, lengths=lengths, y=fast)
    return file


def weights(run):
    return {name: w.tolist() for name, w in run.model.network.state_dict().items()}


def test_a_run_that_was_cut_ends_with_the_same_weights_and_predicts_the_same(
    ragged, tmp_path
):
    plan = ts.plan(ragged, target="y", settings=SMALL)
    whole = ts.train(plan, runs=tmp_path, name="whole")
    with pytest.raises(Interrupted):
        ts.train(plan, runs=tmp_path, name="cut", observer=Interrupter())
    (cut,) = tmp_path.glob("*-cut")
    resumed = ts.train(resume=cut)
    assert weights(resumed) == weights(whole)
    network = ts.load_run(whole.path).model.network
    assert network.has_mask
    assert torch.is_tensor(network.features.weight)
    again = ts.load_run(whole.path).predict(ragged).probabilities
    assert np.array_equal(again, whole.predict(ragged).probabilities)
