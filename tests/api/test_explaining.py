"""See inside expressions, modules, plans and runs, from Python."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import torchsmith as ts
from tests.nn.test_schedules import SCHEDULES, rates
from torchsmith.api import inside, reporting
from torchsmith.core.errors import DataError
from torchsmith.explain import attributions
from torchsmith.plan import schedules


def write_table(path, num_rows=60):
    lines = ["length,width,colour,kind,price"]
    for row in range(num_rows):
        place, noise = row % 3, row * 37 % 101 / 100
        colour = ("red", "blue")[row // 2 % 2]
        size = 2 * place + noise
        lines.append(f"{size},{5 - size / 3},{colour},k{place},{100 + 40 * size}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained")
    write_table(folder / "flowers.csv")
    for place, label in enumerate(("cat", "dog")):
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng(number).integers(0, 99, (8, 8), np.uint8)
            pixels[:, 4 * place : 4 * place + 4] += 150
            Image.fromarray(pixels).save(folder / "photos" / label / f"{number}.png")
    return folder


def trained(folder, source, target=None, **settings):
    plan = ts.plan(
        folder / source, target=target, settings={"training.epochs": 2} | settings
    )
    return ts.train(plan, runs=folder / "runs")


@pytest.fixture(scope="module")
def run(folder):
    network = {"TabularMLP": {"hidden": [8], "dropout": 0.1}}
    return trained(folder, "flowers.csv", "kind", network=network)


@pytest.fixture(scope="module")
def photo_run(folder):
    return trained(folder, "photos", network={"ConvNet": [4, 8]})


def test_an_expression_is_explained_with_the_known_derivatives():
    def two_steps(a, b):
        x = 2 * a + 3 * b
        y = 5 * a**2 + 3 * b**3
        return {"x": x, "y": y, "z": 2 * x + 3 * y}

    found = ts.explain(two_steps, a=2.0, b=1.0)
    gradients = [found.content.graph.node(name).gradient.item() for name in "ab"]
    assert gradients == [64, 33]
    assert "gradient 64" in found.html
    assert found.content.title == "two_steps"


def test_a_tensor_is_explained_with_its_names():
    a = torch.tensor(3.5, requires_grad=True)
    found = ts.explain((a - 1) * (a - 2) * (a - 3), names={"a": a})
    assert found.content.graph.node("a").gradient == 5.75
    assert a.grad is None


def test_a_module_is_explained_with_an_example(tmp_path):
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU())
    found = ts.explain(network, inputs=torch.ones(2, 3, 2, 2))
    assert [layer.name for layer in found.content.layers.layers] == [
        "input",
        "0",
        "1",
        "2",
        "output",
    ]
    assert len(found.content.examples[0].activations) == 3
    path = found.save(tmp_path / "network.html")
    assert "Linear(in_features=12, out_features=5)" in path.read_text("utf-8")


def test_an_explanation_shows_itself_in_a_notebook_apart_from_its_page():
    shown = ts.explain(lambda a: a * a, a=1.0)._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert shown.count("<") == 2
    assert "allow-scripts" not in shown


def test_a_plan_is_drawn_before_training(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"training.epochs": 4, "training.batch_size": 10}
    plan = ts.plan(
        folder / "flowers.csv",
        target="kind",
        settings={**settings, "schedule": {"StepLR": {"step_size": 2, "gamma": 0.1}}},
    )
    found = ts.explain(plan).content
    assert found.num_steps == len(found.rates)
    assert found.num_steps % 4 == 0
    half = found.num_steps // 2
    assert found.rates[half] == pytest.approx(found.rates[0] / 10)
    assert found.layers.layers[-1].shape == (3,)
    assert list(tmp_path.iterdir()) == []


FIVE_EPOCHS_OF_THREE_STEPS = {
    "training.epochs": 5,
    "training.batch_size": 14,  # of 39 rows
    "optimizer": {"SGD": {"lr": 0.1, "momentum": 0.5}},
}


@pytest.mark.parametrize("name", [*SCHEDULES, "OneCycleLR by default"])
def test_the_drawn_rates_are_those_of_pytorchs_schedule(folder, name):
    spec, by_hand = SCHEDULES.get(name, (schedules.OneCycleLR(), one_cycle))
    settings = {**FIVE_EPOCHS_OF_THREE_STEPS, "schedule": spec}
    plan = ts.plan(folder / "flowers.csv", target="kind", settings=settings)
    found = ts.explain(plan).content
    assert found.num_steps == len(found.rates) == 15
    if isinstance(spec, schedules.OneCycleLR):
        expected = [rate for rate, _ in rates(by_hand, 14)]
        assert list(found.rates[:14]) == expected
    else:
        expected = [rate for rate, _ in rates(by_hand, 5)]
        assert list(found.rates) == [rate for rate in expected for _ in range(3)]


def one_cycle(optimizer):
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=15)


def test_the_planned_rate_is_of_the_group_whose_rate_is_recorded(folder, monkeypatch):
    group = {"params": "*", "lr": 0.1}
    run = trained(
        folder,
        "flowers.csv",
        "kind",
        network={"TabularMLP": {"hidden": [4]}},
        optimizer={"AdamW": {"lr": 0.001, "groups": [group]}},
        schedule={"StepLR": {"step_size": 1, "gamma": 0.5}},
    )
    assert [record.lr for record in run.history] == [0.1, 0.05]
    drawn = ts.explain(run.plan).content.rates
    assert (drawn[0], drawn[-1]) == (0.1, 0.05)
    shown = []
    monkeypatch.setattr(reporting, "render", lambda it: shown.append(it) or "")
    run.report()
    assert shown[0].lr == 0.1


def test_a_run_of_a_table_is_explained(run):
    found = ts.explain(run).content
    before, *_, after = found.weights[0].states.values()
    assert not np.array_equal(before, after)
    assert {facts.name for facts in found.network_state} == set(
        run.network.state_dict()
    )
    assert any("exp_avg" in facts.name for facts in found.optimizer_state)
    example = found.examples[0]
    assert example.row.keys() == {"length", "width", "colour", "price"}
    assert sum(example.answers.values()) == pytest.approx(1)
    assert example.attribution.method == "ShapleyValueSampling"
    assert set(example.attribution.columns) == set(example.row)
    assert found.notes == ()


def test_what_it_was_before_training_is_what_training_began_with(run):
    found = ts.explain(run).content
    first = next(w for w in found.weights if w.name == run.snapshots.parameter)
    np.testing.assert_array_equal(first.states["before training"], run.snapshots[0])


def test_the_initialisers_of_the_plan_count_as_before_training(folder):
    init = [{"constant_": {"val": 0.25, "params": "*0.weight"}}]
    network = {"TabularMLP": {"hidden": [4]}}
    run = trained(folder, "flowers.csv", "kind", network=network, init=init)
    states = {w.name: w.states for w in ts.explain(run).content.weights}
    assert (states["mlp.0.weight"]["before training"] == 0.25).all()
    assert (states["mlp.0.weight"]["after training"] != 0.25).any()
    assert np.array_equal(
        run.snapshots[0], states[run.snapshots.parameter]["before training"]
    )


def test_the_chosen_example_is_the_row_of_the_test_part(run):
    [found] = ts.explain(run, example=3).content.examples
    assert found.title.startswith("Example 3 of the test part")
    expected = run.predict([{**found.row}]).probabilities[0]
    np.testing.assert_allclose(list(found.answers.values()), expected, atol=1e-4)


def test_a_row_that_is_not_there_is_said(run):
    with pytest.raises(DataError, match=r"example 99: the test part has \d+ rows"):
        ts.explain(run, example=99)


def test_a_run_on_pictures_is_explained(photo_run):
    found = ts.explain(photo_run.path).content
    assert found.weights[0].picture == (1, 3, 3)
    example = found.examples[0]
    assert example.picture
    assert example.attribution.values.shape == (1, 8, 8)
    difference = example.attribution.output - example.attribution.baseline
    assert example.attribution.values.sum() == pytest.approx(difference, abs=0.05)
    maps = [one for one in example.activations if one.kind == "convolution"]
    assert maps[0].values.shape == (4, 8, 8)


def test_what_mattered_for_a_number_is_said_in_its_own_units(folder):
    ignored = {f"data.columns.{name}": "ignore" for name in ("colour", "kind")}
    run = trained(folder, "flowers.csv", "price", network={"MLP": [8]}, **ignored)
    small, large = ts.explain(run).content.examples
    assert small.answers == {}
    for example in (small, large):
        assert f"said {example.attribution.output:.6g}"[:8] in example.said
        difference = example.attribution.output - example.attribution.baseline
        assert example.attribution.values.sum() == pytest.approx(difference, rel=0.05)


def test_large_numbers_are_written_in_full(tmp_path):
    rows = [f"{n},{100_000 + 5_000 * n}" for n in range(60)]
    (tmp_path / "prices.csv").write_text("size,price\n" + "\n".join(rows))
    run = trained(tmp_path, "prices.csv", "price", network={"TabularMLP": [2]})
    for example in ts.explain(run).content.examples:
        assert re.fullmatch(
            r"price is \d{3},\d{3}; the network said [\d,.]+, [\d,.]+ away\.",
            example.said,
        )


def test_without_captum_all_else_is_shown(run, monkeypatch):
    monkeypatch.setattr(attributions, "available", lambda: False)
    found = ts.explain(run).content
    assert found.examples[0].attribution is None
    assert found.examples[0].activations
    assert "pip install 'torchsmith[explain]'" in found.notes[0]


def test_without_the_data_all_else_is_shown(folder, run, monkeypatch):
    def gone(plan, observer):
        raise DataError("flowers.csv: is not there")

    monkeypatch.setattr(inside, "load_planned", gone)
    found = ts.explain(run).content
    assert found.notes == ("No example is shown: flowers.csv: is not there",)
    assert found.weights
    with pytest.raises(DataError, match="is not there"):
        ts.explain(run, example=0)


def test_without_a_checkpoint_the_rest_is_shown(folder, run, monkeypatch):
    monkeypatch.setattr(run.folder, "newest_checkpoint", lambda: (None, []))
    facts, note = inside.optimizer_facts(run)
    assert facts == ()
    assert "there is no checkpoint any more" in note


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_module_is_explained_with_an_array(dtype):
    inputs = np.ones((2, 3), dtype)
    inputs.setflags(write=False)
    seen = ts.explain(nn.Linear(3, 1), inputs=inputs)
    assert [layer.shape for layer in seen.content.layers.layers] == [(3,), (1,), (1,)]
    seen = ts.explain(nn.Embedding(5, 2), inputs=np.array([[1, 2]]))
    assert seen.content.layers.layers[1].shape == (2, 2)


@pytest.mark.parametrize(
    ("what", "given", "message"),
    [
        (3, {}, "int: cannot be explained; give a run"),
        (nn.Linear(2, 1), {}, "give an example batch"),
        (
            nn.Linear(2, 1),
            {"inputs": [[0.0, 1.0]]},
            "of type list, and no tensor or",
        ),
        (
            nn.Linear(2, 1),
            {"inputs": np.array([["a"]])},
            "ndarray, and holds no num",
        ),
        (nn.Linear(2, 1), {"inputs": torch.ones(1, 2), "a": 1.0}, "a: has no meaning"),
        (torch.ones(()), {"inputs": torch.ones(1)}, "inputs: has no meaning for a t"),
        (lambda a: a, {"example": 3, "a": 1.0}, "example: has no meaning for a funct"),
        ("no-such-run", {}, "no run at no-such-run"),
    ],
)
def test_what_cannot_be_explained_is_said(what, given, message, tmp_path):
    with pytest.raises(DataError, match=message):
        ts.explain(what, runs=tmp_path, **given)


PLAIN_PLAN = {
    "network": {"MLP": [8]},
    "prepare": ["Standardize"],
    "augment": [],
    "optimizer": {"Adam": {"lr": 0.01}},
    "schedule": None,
    "training.epochs": 1,
}


def adds_up(example):
    found = example.attribution
    difference = found.output - found.baseline
    assert found.values.sum() == pytest.approx(difference, abs=0.05)
    return found


def test_a_run_on_ragged_sequences_is_explained_step_by_step(tmp_path):
    random = np.random.default_rng(0)
    lengths = random.integers(5, 9, 60)
    steps = random.normal(size=(lengths.sum(), 2)).astype(np.float32)
    labels = np.arange(60) % 2
    np.savez(tmp_path / "s.npz", values=steps, lengths=lengths, labels=labels)
    run = ts.train(tmp_path / "s.npz", settings=PLAIN_PLAN, runs=tmp_path / "runs")
    found = ts.explain(run)
    for example in found.content.examples:
        assert example.trace.num_steps == example.attribution.edges[-1]
        assert adds_up(example).values.shape == (2, example.trace.num_steps)
    assert "What spoke for" in found.html
    assert "channels stay at their means" in found.html


def test_a_run_on_texts_is_explained_letter_by_letter(tmp_path):
    random = np.random.default_rng(0)
    folder = tmp_path / "words"
    folder.mkdir()
    for name, letters in (("one", "abc"), ("two", "bcd")):
        words = ["".join(random.choice(list(letters), 4)) for _ in range(40)]
        (folder / f"{name}.txt").write_text("\n".join(words))
    plan = {**PLAIN_PLAN, "prepare": []}
    run = ts.train(folder, settings=plan, runs=tmp_path / "runs")
    example = ts.explain(run).content.examples[0]
    assert len(example.text) == 4
    assert adds_up(example).values.shape == (1, 4)
    assert ts.explain(run).numbers["examples"][0]["text"] == example.text


def test_a_run_on_volumes_is_explained_voxel_by_voxel(tmp_path):
    random = np.random.default_rng(0)
    made = random.integers(0, 2, (60, 5, 6, 7), dtype=np.uint8)
    np.savez(tmp_path / "v.npz", x=made, y=np.arange(60) % 2)
    run = ts.train(tmp_path / "v.npz", settings=PLAIN_PLAN, runs=tmp_path / "runs")
    found = ts.explain(run)
    example = found.content.examples[0]
    assert adds_up(example).values.shape == (1, 5, 6, 7)
    assert example.picture
    assert "added up along depth" in found.html
