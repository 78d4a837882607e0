"""What no training example has is answered as an example of which it is not known."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

import torchsmith as ts
from tests.api.test_estimators import Frame
from torchsmith.train.loop import fit
from torchsmith.train.session import Session
from torchsmith.train.setup import set_up
from torchsmith.train.unknown import embeddings_of

NET = {"TabularMLP": {"hidden": [8]}}
CODES = {"Sequential": [{"Embedding": 3}, "Flatten", {"Linear": 1}]}
QUICK = {"training.epochs": 2, "doctor.examine": False}


def table(gaps=0, numbers=True):
    """Columns of which 'kind' has four categories, one of them rare."""
    random = np.random.default_rng(0)
    kind = random.choice([*"abcd"], 120, p=[0.6, 0.25, 0.13, 0.02])
    heat, noise = random.normal(size=120), random.normal(size=120) / 10
    value = (kind == "a") + noise + (heat if numbers else 0)
    kind[:gaps] = ""
    colour = random.choice([*"rgb"], 120)
    columns = {"heat": heat} if numbers else {}
    return columns | {"kind": kind, "colour": colour, "value": value}


def written(folder):
    columns = table()
    with (folder / "kinds.csv").open("w", newline="") as file:
        rows = zip(*columns.values(), strict=True)
        csv.writer(file).writerows([columns, *rows])
    return folder / "kinds.csv"


def planned(source, asked, **how):
    data = ts.load(source, **how)
    plan = ts.plan(data, settings=QUICK | asked)
    return plan, set_up(plan, data)


def train(plan, setup):
    fit(setup.job, setup.state, Session(setup.job))
    return [t.weight.detach() for t in embeddings_of(setup.state.network)]


def is_mean(weight, codes):
    """Whether code 0 has the mean of the vectors of these codes."""
    codes = torch.as_tensor(codes).long()
    assert (codes > 0).all()
    return torch.allclose(weight[0], weight[codes].mean(0), atol=1e-6)


@pytest.mark.parametrize("averaging", [None, "EMA", "SWA"])
def test_a_category_that_training_lacks_has_the_mean_of_the_others(averaging):
    settings = {"network": NET, "averaging": averaging}
    plan, setup = planned(table(), settings, target="value")
    weights = train(plan, setup)
    codes = setup.inputs["train"][:, -2:].T
    assert all(map(is_mean, weights, codes))


def test_one_embedding_of_several_columns_has_the_mean_over_all_of_them():
    settings = {"network": CODES, "prepare": [{"EncodeCategories": {}}]}
    plan, setup = planned(table(numbers=False), settings, target="value")
    (weight,) = train(plan, setup)
    assert is_mean(weight, setup.inputs["train"].ravel())


RARE = [{"Standardize": {}}, {"EncodeCategories": {"min_count": 20}}]


@pytest.mark.parametrize(
    ("gaps", "settings"), [(9, {}), (0, {"prepare": RARE})], ids=["gaps", "rare"]
)
def test_code_0_that_training_has_stays_as_it_was_trained(gaps, settings):
    settings = {"network": NET} | settings
    kinds, colours = train(*planned(table(gaps), settings, target="value"))
    plan, setup = planned(table(gaps), settings, target="value")
    job = replace(setup.job, settle=lambda _: None)
    own_kinds, own_colours = train(plan, replace(setup, job=job))
    assert torch.equal(kinds, own_kinds)
    assert torch.equal(colours[1:], own_colours[1:])
    assert not torch.equal(colours[0], own_colours[0])  # they have no gaps


def test_code_0_that_is_zero_by_plan_stays_so():
    net = {"Sequential": [{"Embedding": {"embedding_dim": 3, "padding_idx": 0}}]}
    net["Sequential"] += CODES["Sequential"][1:]
    settings = {"network": net, "prepare": [{"EncodeCategories": {}}]}
    (weight,) = train(*planned(table(numbers=False), settings, target="value"))
    assert not weight[0].any()


@pytest.mark.parametrize("features", [True, False])
@pytest.mark.parametrize("lengths", [[5], [3, 4, 6]])
def test_a_character_that_training_lacks_has_the_mean_of_the_others(features, lengths):
    random = np.random.default_rng(0)
    words = [
        "".join(random.choice([*"abcd"], lengths[i % len(lengths)])) for i in range(90)
    ]
    labels = np.array(["short" if word.count("a") < 2 else "long" for word in words])
    net = {"SequenceNet": {"body": {"GRU": {"width": 4}}, "features": features}}
    grams = [{"NGrams": {"num_features": 20}}] if features else []
    settings = {"network": net, "prepare": grams, "optimizer": "AdamW"}
    plan, setup = planned(
        (words, labels), settings, settings={"data.kind": "sequences"}
    )
    (weight,) = train(plan, setup)
    rows = setup.parts.train
    known = setup.preparation.sequences.symbols
    codes = [1 + known.index(letter) for row in rows for letter in words[row]]
    assert is_mean(weight, codes)


def test_every_way_to_a_trained_model_gives_the_same_vector(tmp_path):
    source = written(tmp_path)
    settings = QUICK | {"network": NET, "training.threads": 1}
    arguments = {"target": "value", "settings": settings}
    alone = ts.train(source, runs=tmp_path / "alone", **arguments)
    study = ts.train(source, runs=tmp_path / "several", seeds=2, **arguments)
    assert torch.equal(vector(alone.network), vector(study.members[0].network))
    assert not torch.equal(vector(alone.network), vector(study.members[1].network))
    (tmp_path / "new.csv").write_text("heat,kind,colour\n0,x,r\n0,y,r\n", "utf-8")
    first, second = alone.predict(tmp_path / "new.csv").values
    assert first == second


def vector(network):
    table = network.categories[0].weight.detach()
    assert not torch.equal(table[0], torch.zeros_like(table[0]))
    return table[0]


def test_a_state_that_is_at_its_end_keeps_the_vector(tmp_path):
    plan, setup = planned(table(), {"network": NET}, target="value")
    weights = train(plan, setup)
    setup.state.save(tmp_path)
    _, again = planned(table(), {"network": NET}, target="value")
    again.state.load(tmp_path)
    assert all(map(torch.equal, weights, train(plan, again)))


def test_an_estimator_has_the_mean_too():
    columns = table()
    value = columns.pop("value")
    model = ts.Regressor(val=None, settings=QUICK | {"network": NET})
    model.fit(Frame(columns), value)
    found = embeddings_of(model.network_)
    for name, embedding in zip(("kind", "colour"), found, strict=True):
        levels = sorted({*columns[name]})
        codes = [1 + levels.index(level) for level in columns[name]]
        assert is_mean(embedding.weight.detach(), codes)
