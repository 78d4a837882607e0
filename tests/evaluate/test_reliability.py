"""Calibration in an evaluation: before and after, with a diagram, where rows allow."""

import numpy as np
import pytest

from tests.evaluate.cases import BINARY, THREE, VALUES, sure
from torchsmith.evaluate.evaluate import PartOutputs, evaluate
from torchsmith.evaluate.evaluation import Evaluation


def outputs(rows=400, right=0.8, said=0.8):
    """Targets and probabilities: so many predictions right, all equally sure."""
    targets = np.arange(rows) % 2
    predictions = np.where(np.arange(rows) < right * rows, targets, 1 - targets)
    return targets, sure(predictions, 2, said)


def test_before_and_after_stand_beside_each_other():
    targets, after = outputs()
    before = outputs(said=0.99)[1]
    part = PartOutputs(targets, after, temperature=2.5, uncalibrated=before)
    found = evaluate(BINARY, part, num_train=100).calibration
    assert found.temperature == 2.5
    assert found.error.value == pytest.approx(0.0, abs=0.01)
    assert found.error_before.value == pytest.approx(0.19, abs=0.01)
    assert found.error_before.low > found.error.high
    (one,) = found.bins
    assert (one.rows, one.confidence) == (400, pytest.approx(0.8))
    assert one.right.value == pytest.approx(0.8)
    assert one.right.low < 0.8 < one.right.high
    assert found.bins_before[0].confidence == pytest.approx(0.99)


def test_without_a_temperature_there_is_one_error():
    found = evaluate(BINARY, PartOutputs(*outputs()), num_train=100).calibration
    assert (found.temperature, found.error_before, found.bins_before) == (1.0, None, ())


def test_few_rows_and_numbers_have_none():
    few = evaluate(BINARY, PartOutputs(*outputs(rows=29)), num_train=100)
    assert few.calibration is None
    values = np.linspace(1, 2, 60)
    found = evaluate(VALUES, PartOutputs(values, values + 0.1), num_train=100)
    assert found.calibration is None


def test_it_survives_the_file_and_older_files_have_none():
    part = PartOutputs(np.arange(90) % 3, sure(np.arange(90) % 3, 3))
    found = evaluate(THREE, part, num_train=100).with_calibration("as fitted")
    assert found.calibration.note == "as fitted"
    assert Evaluation.model_validate_json(found.model_dump_json()) == found
    old = found.model_dump(mode="json")
    del old["calibration"]
    assert Evaluation.model_validate(old).calibration is None
