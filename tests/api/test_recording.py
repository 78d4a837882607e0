"""What a run writes beside its plan and scores: TensorBoard events and snapshots."""

import numpy as np
import pytest
import torch
from torch import nn

import torchsmith as ts
from tests.inspect.build import sequences, volumes
from tests.train.test_tensorboard import graph_in, read_events, session_events, values
from torchsmith.api.recording import drawn, settings_of
from torchsmith.evaluate.shown import trace
from torchsmith.train.tensorboard import NETWORK_FILE, RESULTS_FILE

SMALL = {
    "prepare": ["Standardize"],
    "network": {"MLP": [4]},
    "optimizer": {"Adam": {}},
    "augment": [],
    "training.epochs": 1,
    "schedule": None,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (80, 6, 5), dtype=np.uint8)
    labels = np.arange(80) % 2
    settings = {
        "network": {"Sequential": ["Flatten", {"Linear": 4}, "ReLU", {"Linear": 2}]},
        "training.epochs": 3,
        "stopping.restore_best": False,
    }
    return ts.train(
        (pixels, labels), settings=settings, runs=tmp_path_factory.mktemp("runs")
    )


def test_a_run_on_pictures_shows_its_graph_examples_and_results(run):
    folder = run.path / "tensorboard"
    assert graph_in(folder)["1"] == ("Linear", ["0"])
    [(_, image)] = values(read_events(folder / NETWORK_FILE), "image").items()
    assert (image.height, image.width) == (4 * 7 + 1, 4 * 6 + 1)
    results = read_events(folder / RESULTS_FILE)
    main = run.plan.problem.metric
    test = run.evaluation.scores["test"][main].value
    assert values(results)[3, f"{main}/test"] == pytest.approx(test)
    assert (3, f"{main}/val") in values(results)
    weights = values(session_events(folder), "histo")
    assert weights[1, "weights/1.weight"].num == 4 * 30


def test_a_run_gives_its_first_weights_over_time(run):
    found = run.snapshots
    assert (found.parameter, list(found)) == ("1.weight", [0, 1, 2, 3])
    assert found[3].shape == (4, 30)
    assert not np.array_equal(found[0], found[3])
    assert np.array_equal(found[3], run.network[1].weight.detach().numpy())


def test_runs_are_compared_by_short_names_and_plain_values(run):
    settings = settings_of(run.plan)
    assert settings["network"] == "Sequential"
    assert settings["lr"] == run.plan.optimizer.lr
    assert {"source", "loss", "optimizer", "epochs", "batch_size"} < set(settings)
    assert all(isinstance(value, (str, float, int)) for value in settings.values())


def test_fit_records_too_and_gives_the_module_back_as_it_was(tmp_path):
    inputs = torch.linspace(-1, 1, 32).unsqueeze(1)
    module = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    done = ts.fit(module, (inputs, inputs), loss="MSELoss", epochs=2, runs=tmp_path)
    assert graph_in(done.path / "tensorboard")["1"] == ("Linear", ["0"])
    assert len(list((done.path / "snapshots").iterdir())) == 3
    with pytest.raises(RuntimeError, match="shape"):
        ts.fit(module, (inputs.T, inputs.T), loss="MSELoss", epochs=2, runs=tmp_path)
    assert not any(m._forward_hooks for m in module.modules())


def image_of(folder):
    [(_, image)] = values(read_events(folder / NETWORK_FILE), "image").items()
    return image


def test_a_run_on_ragged_sequences_shows_their_curves(tmp_path):
    random = np.random.default_rng(0)
    curves = [random.normal(size=(8 + i % 5, 2)) for i in range(80)]
    data = sequences(curves, ["a", "b"] * 40)
    folder = ts.train(data, settings=SMALL, runs=tmp_path).path / "tensorboard"
    image = image_of(folder)
    assert (image.height, image.width) == (4 * 97 + 1, 4 * 161 + 1)
    names = {name for _, name in values(read_events(folder / RESULTS_FILE), "image")}
    assert len(names) == 1  # the mistakes


def test_a_run_on_volumes_shows_their_slices(tmp_path):
    made = np.random.default_rng(0).integers(0, 2, (80, 1, 4, 4, 4), dtype=np.uint8)
    data = volumes(made, ["a", "b"] * 40)
    folder = ts.train(data, settings=SMALL, runs=tmp_path).path / "tensorboard"
    image = image_of(folder)
    assert (image.height, image.width) == (4 * (2 * 4 + 2 + 1) + 1, 4 * (16 + 1) + 1)


def test_curves_are_drawn_where_they_are_known():
    picture = drawn(trace(np.array([[0.0], [1.0], [np.nan], [np.nan]]), ("x",)))
    assert picture.shape == (96, 160, 3)
    coloured = (picture < 255).any(axis=2).any(axis=0)
    assert coloured[:50].any()
    assert not coloured[60:].any()
