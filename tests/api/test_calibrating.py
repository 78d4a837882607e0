"""A trained model says calibrated probabilities, wherever they are asked for."""

import json

import numpy as np
import pytest

import torchsmith as ts
from torchsmith.core.errors import PlanError
from torchsmith.train.model import Model

NET = {
    "network": "{MLP: [64]}",
    "optimizer": "{AdamW: {lr: 0.02}}",
    "training.epochs": 12,
    "training.engine": "eager",
    "training.threads": 1,
    "stopping.restore_best": "false",
}


def noisy(rows=600, seed=0):
    """Classes that nobody can know, which a network learns by heart."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 6)).astype(np.float32)
    chance = 1 / (1 + np.exp(-1.5 * numbers[:, 0]))
    labels = np.where(random.random(rows) < chance, "yes", "no")
    return numbers, labels


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return ts.train(noisy(), settings=NET, runs=folder)


def test_a_network_that_is_too_sure_gets_a_temperature_above_1(run):
    found = run.evaluation.calibration
    assert found.temperature > 1.2
    assert found.error.value < found.error_before.value
    before, after = map(float, found.note.partition("takes from ")[2].split(" to "))
    assert after < before
    assert run.evaluation.scores["val"]["log_loss"].value == pytest.approx(
        after, abs=1e-4
    )
    assert run.summary()["calibration"]["temperature"] == found.temperature
    assert found.note in run.report_path.read_text("utf-8")


def test_too_few_val_rows_give_no_temperature_and_the_run_says_so(tmp_path):
    settings = NET | {"split": {"test": 0.2, "val": 0.2}}
    few = ts.train(noisy(100), settings=settings, runs=tmp_path)
    told = "16 val rows are too few to fit a temperature (30 are needed)"
    assert f"The probabilities are not calibrated: {told}." in few.evaluation.notes
    assert few.plan.reasons["calibration"].endswith("30 val rows; until then it is 1")
    assert few.report_path.read_text("utf-8").count(told)


def test_it_lies_in_the_model_and_is_in_what_predict_says(run):
    file = json.loads((run.folder.model / "model.json").read_text())
    assert file["temperature"] == run.evaluation.calibration.temperature
    numbers, labels = noisy(200, seed=1)
    model = Model.load(run.folder.model)
    found = run.predict(numbers).probabilities
    plain = model.finish(
        model.raw_outputs(model.preparation.inputs(_data(run, numbers))), 1.0
    )
    odds = np.log(found / (1 - found)) * file["temperature"]
    assert odds == pytest.approx(np.log(plain / (1 - plain)), rel=1e-6)
    assert (found.argmax(axis=1) == plain.argmax(axis=1)).all()
    again = run.evaluate(ts.load((numbers, labels))).calibration
    assert again.temperature == file["temperature"]
    assert again.error_before is not None


def _data(run, numbers):
    from torchsmith.api.using import read_for
    from torchsmith.core.observer import QUIET

    return read_for(run.model, numbers, QUIET, scored=False)


def test_a_model_of_before_there_were_temperatures_still_predicts(run, tmp_path):
    for name in ("model.json", "network.safetensors"):
        (tmp_path / name).write_bytes((run.folder.model / name).read_bytes())
    file = json.loads((tmp_path / "model.json").read_text())
    del file["temperature"]
    (tmp_path / "model.json").write_text(json.dumps(file))
    assert Model.load(tmp_path).file.temperature == 1


def test_a_classifier_is_calibrated_and_says_so_in_its_plan():
    numbers, labels = noisy()
    settings = {"network": NET["network"], "optimizer": NET["optimizer"]}
    settings |= {"stopping.restore_best": "false"}
    fitted = [
        ts.Classifier(
            epochs=12, random_state=0, settings=settings | {"calibration": asked}
        ).fit(numbers, labels)
        for asked in ("TemperatureScaling", "null")
    ]
    scaled, plain = (one.predict_proba(numbers) for one in fitted)
    assert (scaled.argmax(axis=1) == plain.argmax(axis=1)).all()
    assert [one._model.file.temperature != 1 for one in fitted] == [True, False]
    assert not np.allclose(scaled, plain)
    assert fitted[1].plan_.calibration is None


def test_without_a_val_part_there_is_no_temperature():
    numbers, labels = noisy(200)
    fitted = ts.Classifier(epochs=2, val=None).fit(numbers, labels)
    assert fitted._model.file.temperature == 1


def test_regression_has_no_probabilities_to_calibrate():
    numbers, _ = noisy(200)
    with pytest.raises(
        PlanError, match=r"calibration: TemperatureScaling is for class"
    ):
        ts.plan(
            (numbers, numbers[:, 0]), settings={"calibration": "TemperatureScaling"}
        )
