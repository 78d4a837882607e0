"""Layers of a plan's own network are put right."""

import pytest

import torchsmith
from torchsmith.doctor.repair import (
    wider,
    with_activations,
    with_little_dropout,
    with_norms,
)
from torchsmith.plan.settings import set_values


def planned(network):
    return torchsmith.plan("iris", settings={"network": network})


def layers(*made):
    return {"Sequential": list(made)}


A, B, OUT = {"Linear": 8}, {"Linear": {"out_features": 8, "bias": False}}, {"Linear": 3}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((A, B, OUT), (A, "ReLU", B, "ReLU", OUT)),
        (
            (A, "Identity", B, {"Dropout": 0.1}, OUT),
            (A, "ReLU", B, "ReLU", {"Dropout": 0.1}, OUT),
        ),
        ((A, "BatchNorm1d", "Tanh", OUT), None),
        ((OUT,), None),
    ],
)
def test_activations_come_where_there_are_none(before, after):
    changes = with_activations(planned(layers(*before)))
    assert changes == ({} if after is None else {"network": layers(*after)})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            (A, "Sigmoid", B, "ReLU", OUT),
            (A, "BatchNorm1d", "ReLU", B, "BatchNorm1d", "ReLU", OUT),
        ),
        ((A, "BatchNorm1d", "ReLU", OUT), None),
        ((A, "BatchNorm1d", "Tanh", OUT), (A, "BatchNorm1d", "ReLU", OUT)),
    ],
)
def test_norms_come_after_weights_and_nothing_saturates(before, after):
    changes = with_norms(planned(layers(*before)))
    assert changes == ({} if after is None else {"network": layers(*after)})


@pytest.mark.parametrize("network", [{"MLP": [8, 8]}, layers(A, "ReLU", B, OUT)])
def test_norms_put_a_val_part_in_the_place_of_folds(network):
    folded = torchsmith.plan(
        "iris", settings={"network": network, "split.val": {"folds": 5}}
    )
    mended = set_values(folded, with_norms(folded))
    assert mended.split.val == 0.15
    assert with_norms(mended) == {}


def test_a_family_of_networks_has_settings_for_it():
    sick = planned({"MLP": {"hidden": [2, 3], "activation": "Tanh"}})
    mended = set_values(sick, {**with_norms(sick), **wider(sick)}).network
    assert (mended.batch_norm, mended.hidden) == (True, (8, 12))
    assert type(mended.activation).__name__ == "ReLU"
    assert with_norms(set_values(sick, with_norms(sick))) == {}
    assert with_activations(sick) == {}
    assert with_little_dropout(sick) == {}
    dropped = planned({"MLP": {"hidden": [2], "dropout": 0.9}})
    assert with_little_dropout(dropped) == {"network.dropout": 0.1}


def test_a_list_of_layers_is_made_wider_but_for_its_end():
    changes = wider(planned(layers(A, "ReLU", B, OUT)))
    wide = {"Linear": {"out_features": 32, "bias": False}}
    assert changes == {"network": layers({"Linear": 32}, "ReLU", wide, OUT)}
    assert wider(planned(layers(OUT))) == {}


def test_layers_are_made_no_wider_than_memory_and_time_bear():
    wide = {"Linear": {"out_features": 512, "bias": False}}
    before = layers({"Linear": 200}, "ReLU", {"Linear": 700}, "ReLU", wide, OUT)
    changes = wider(planned(before))
    after = layers({"Linear": 512}, "ReLU", {"Linear": 700}, "ReLU", wide, OUT)
    assert changes == {"network": after}
    assert wider(set_values(planned(before), changes)) == {}
    mlp = planned({"MLP": {"hidden": [100, 2000]}})
    assert wider(mlp) == {"network.hidden": [400, 2000]}
    assert wider(planned({"MLP": {"hidden": [2000]}})) == {}


def test_where_dropout_takes_more_than_half_a_little_is_left():
    much, named, usual = {"Dropout": 0.9}, {"Dropout": {"p": 0.6}}, {"Dropout": 0.5}
    before = layers(A, much, B, named, "Dropout", usual, OUT)
    changes = with_little_dropout(planned(before))
    little = {"Dropout": 0.1}
    assert changes["network"] == layers(A, little, B, little, "Dropout", usual, OUT)
    assert with_little_dropout(planned(layers(A, usual, OUT))) == {}
