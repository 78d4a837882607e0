"""The columns of a table are shuffled with everything that they became."""

import numpy as np

import torchsmith as ts
from tests.data.build import number, table, text
from torchsmith.api.evaluating import feature_places
from torchsmith.data.prepare import fit
from torchsmith.data.steps import EncodeCategories, FillMissing, RotatePlace
from torchsmith.evaluate import importance


def places_of(encoding):
    data = table(
        number("lat", [1, 2, 3, 4]),
        number("lon", [5, float("nan"), 7, 8]),
        text("town", ["a", "b", "a", "c"]),
        target=number("y", [1, 2, 3, 4]),
    )
    preparation = fit(
        data,
        np.arange(4),
        [
            FillMissing(),
            RotatePlace(latitude="lat", longitude="lon", angles=(45, 135)),
            EncodeCategories(encoding=encoding),
        ],
        roles={"lat": "number", "lon": "number", "town": "category"},
        task="regression",
        classes=(),
    )
    return preparation, feature_places(preparation.table)


def test_every_feature_belongs_to_a_column():
    preparation, places = places_of("codes")
    assert places == {"lat": [0, 2, 3], "lon": [1, 2, 3, 4], "town": [5]}
    assert preparation.input_shape == (6,)


def test_all_features_of_a_category_belong_to_it():
    preparation, places = places_of("one_hot")
    assert places == {"lat": [0, 2, 3], "lon": [1, 2, 3, 4], "town": [5, 6, 7]}
    names = preparation.feature_names
    assert [names[place] for place in places["town"]] == [
        *("town = a", "town = b", "town = c")
    ]


def test_columns_that_there_was_no_time_to_shuffle_are_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(importance, "FEWEST_COLUMNS", 2)
    monkeypatch.setattr(importance, "perf_counter", iter(range(0, 1000, 9)).__next__)
    settings = {"training.epochs": 1}
    run = ts.train("iris", settings=settings, runs=tmp_path)
    assert len(run.evaluation.importance) == 2
    assert any("2 of 4 columns were shuffled" in one for one in run.evaluation.notes)
