"""The recipes on tables, with few epochs, give what their pages say."""

from pathlib import Path

import pytest

import torchsmith as ts

PAGES = Path(__file__).resolve().parents[2] / "docs" / "recipes"


@pytest.fixture
def few_epochs(shared_data, monkeypatch, tmp_path):
    """Train a recipe with few epochs in an empty folder; returns its evaluation."""
    monkeypatch.setenv("TORCHSMITH_DATA", str(shared_data))

    def train(recipe, epochs):
        settings = {"training.epochs": epochs}
        return ts.train(recipe=recipe, settings=settings, runs=tmp_path).evaluation

    return train


def test_one_epoch_of_prices_is_between_a_constant_and_a_linear_model(few_epochs):
    evaluation = few_epochs("california-mlp", 1)
    rivals = {rival.name: rival.scores["rmse"].value for rival in evaluation.rivals}
    rmse = evaluation.scores["test"]["rmse"].value
    assert rmse == pytest.approx(0.88, abs=0.02)
    assert rivals["linear"] == pytest.approx(0.75, abs=0.005)
    assert rivals["constant"] == pytest.approx(1.17, abs=0.005)
    assert "The RMSE is 0.88 " in (PAGES / "california-mlp.md").read_text("utf-8")


def test_after_a_hundred_epochs_no_good_car_is_found(few_epochs):
    evaluation = few_epochs("car-embeddings", 100)
    accuracy = evaluation.scores["test"]["accuracy"].value
    assert accuracy == pytest.approx(0.88, abs=0.02)
    good = next(row for row in evaluation.per_class if row.name == "good")
    assert good.support == 14
    assert good.recall < 0.1
    assert [sum(row) for row in evaluation.confusion] == [77, 14, 242, 13]
    assert "unacc" in evaluation.classification_report()
    assert "The accuracy is 0.88," in (PAGES / "car-embeddings.md").read_text("utf-8")
