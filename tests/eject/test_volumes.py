"""Runs on volumes, and probabilities that a temperature has calibrated, as scripts."""

import numpy as np
import pytest

import torchsmith as ts
from torchsmith.eject.calibrating import probabilities_function
from torchsmith.nn.losses import probabilities
from torchsmith.plan import losses
from torchsmith.plan.plan import Stopping

from .test_eject import verified

NET = {"VolumeNet": {"channels": [4, 8]}}
QUICK = {"training.epochs": 2, "training.threads": 1, "network": NET}


def balls(num, seed):
    """Bytes `(num, 8, 8, 8)`: filled or hollow cubes at random places."""
    random = np.random.default_rng(seed)
    values, labels = np.zeros((num, 8, 8, 8), np.uint8), np.arange(num) % 2
    for volume, label in zip(values, labels, strict=True):
        deep, down, right = random.integers(0, 4, 3)
        volume[deep : deep + 4, down : down + 4, right : right + 4] = 1
        if label:
            volume[deep + 1 : deep + 3, down + 1 : down + 3, right + 1 : right + 3] = 0
    return values, labels


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_volumes_in_parts_end_with_the_same_weights_without_shared_examples(tmp_path):
    values, labels = balls(80, 0)
    parts = {"x_train": values[:60], "y_train": labels[:60]}
    parts |= {"x_test": values[50:], "y_test": labels[50:]}  # ten are in both
    run = ts.train(save(tmp_path / "balls.npz", **parts), settings=QUICK, runs=tmp_path)
    code = verified(run, tmp_path / "train.py")
    assert "class VolumeSet(Dataset):" in code
    assert "train, val, test = without_shared(sets, train, val, test)" in code


def test_fractions_of_two_channels_end_with_the_same_weights(tmp_path):
    values, labels = balls(60, 1)
    noise = np.random.default_rng(2).normal(size=(60, 2, 8, 8, 8))
    source = save(
        tmp_path / "noisy.npz", x=(values[:, None] + noise).astype("f4"), y=labels
    )
    run = ts.train(source, settings={**QUICK, "augment": []}, runs=tmp_path)
    assert "def voxel_scale(voxels):" in verified(run, tmp_path / "train.py")


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        (losses.CrossEntropyLoss(), 3),
        (losses.BCEWithLogitsLoss(), 1),
        (losses.BCEWithLogitsLoss(), 3),
        (losses.BCELoss(), 1),
        (losses.BCELoss(), 3),
        (losses.MSELoss(), 3),
    ],
)
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_outputs_become_the_same_probabilities(loss, outputs, temperature):
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    values = torch.rand(20, outputs, generator=generator, dtype=torch.float64)

    class Subject:
        class plan:  # noqa: N801
            stopping = Stopping()

        classes = ("a", "b") if outputs == 1 else ("a", "b", "c")

    Subject.plan.loss = loss
    Subject.temperature = temperature
    names = {"torch": torch, "nn": nn}
    exec(probabilities_function(Subject), names)
    given = (values,) if temperature == 1 else (values, temperature)
    found = names["probabilities_of"](*given)
    assert torch.allclose(found, probabilities(loss, values, temperature), atol=1e-15)
