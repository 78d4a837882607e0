"""What a run writes beside its plan and scores: TensorBoard events and snapshots."""

import numpy as np
import pytest
import torch
from torch import nn

import torchsmith as ts
from tests.train.test_tensorboard import graph_in, read_events, session_events, values
from torchsmith.api.recording import settings_of
from torchsmith.train.tensorboard import NETWORK_FILE, RESULTS_FILE


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
