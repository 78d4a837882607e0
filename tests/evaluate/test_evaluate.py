"""An evaluation holds the truth about a test part."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import classification_report

from tests.evaluate.cases import BINARY, THREE, VALUES, sure
from torchsmith.core.errors import DataError, TrainError
from torchsmith.data.data import Column, ColumnFormat, Images, Table
from torchsmith.data.lines import Lines
from torchsmith.evaluate.evaluate import PartOutputs, evaluate
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.evaluate.mistakes import surest_wrong
from torchsmith.evaluate.rivals import RivalOutputs


def three(rows=240, wrong=40, seed=0):
    """Targets and outputs with so many mistakes, each less sure than the one before."""
    targets = np.arange(rows) % 3
    said = targets.copy()
    said[:wrong] = (targets[:wrong] + 1) % 3
    outputs = sure(said, 3)
    sureness = np.linspace(0.95, 0.6, wrong)
    outputs[np.arange(wrong), said[:wrong]] = sureness
    outputs[np.arange(wrong), targets[:wrong]] = 0.8 * (1 - sureness)
    outputs[np.arange(wrong), (targets[:wrong] + 2) % 3] = 0.2 * (1 - sureness)
    return targets, outputs


def values(rows=300):
    random = np.random.default_rng(0)
    targets = random.normal(100, 20, rows)
    return targets, targets + random.normal(0, 5, rows)


def guess(targets, classes):
    shares = np.tile(np.full(classes, 1 / classes), (len(targets), 1))
    return RivalOutputs("constant", shares, 700, 700, 0.1)


def test_the_main_metric_stands_first_in_every_part():
    problem = THREE.model_copy(update={"metric": "log_loss"})
    part = PartOutputs(*three())
    found = evaluate(problem, part, val=part, num_train=700)
    assert list(found.scores) == ["val", "test"]
    for scores in found.scores.values():
        assert next(iter(scores)) == "log_loss"
        assert set(scores) == {
            "accuracy",
            "balanced_accuracy",
            "f1_macro",
            "roc_auc",
            "log_loss",
        }
    assert found.num_examples == {"train": 700, "val": 240, "test": 240}


def test_a_classifier_is_counted_class_by_class():
    targets, outputs = three(rows=240, wrong=40)
    found = evaluate(THREE, PartOutputs(targets, outputs), num_train=700)
    assert found.scores["test"]["accuracy"].value == pytest.approx(200 / 240)
    table = np.array(found.confusion)
    assert table.sum() == 240
    assert np.trace(table) == 200
    assert table[0, 1] == 14
    first = found.per_class[0]
    assert (first.name, first.support) == ("a", 80)
    assert first.recall == pytest.approx(66 / 80)
    assert first.precision == pytest.approx(66 / (66 + table[2, 0]))
    assert found.residuals is None


def test_a_rival_is_compared_on_the_same_rows():
    targets, outputs = three()
    found = evaluate(
        THREE, PartOutputs(targets, outputs), num_train=700, rivals=[guess(targets, 3)]
    )
    (constant,) = found.rivals
    assert constant.title == "constant guess"
    assert constant.scores["accuracy"].value == pytest.approx(1 / 3)
    assert constant.difference.value == pytest.approx(1 / 2)
    assert found.verdict == "Better than a constant guess beyond noise."


def test_an_error_that_is_smaller_than_the_rivals_is_better():
    targets, outputs = values()
    rival = RivalOutputs("constant", np.full(300, 100.0), 700, 700, 0.1)
    found = evaluate(
        VALUES, PartOutputs(targets, outputs), num_train=700, rivals=[rival]
    )
    gain = found.rivals[0].difference
    assert gain.low > 0
    difference = (
        found.rivals[0].scores["rmse"].value - found.scores["test"]["rmse"].value
    )
    assert gain.value == pytest.approx(difference)


def test_the_metric_of_the_plan_stands_before_the_usual_ones():
    problem = THREE.model_copy(update={"metric": "matthews_corrcoef"})
    found = evaluate(problem, PartOutputs(*three()), num_train=700)
    usual = ["accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss"]
    assert list(found.scores["test"]) == ["matthews_corrcoef", *usual]


def test_a_score_without_an_interval_survives_json_and_proves_nothing():
    problem = VALUES.model_copy(update={"metric": "max_error"})
    targets, outputs = values()
    rival = RivalOutputs("constant", np.full(300, 100.0), 700, 700, 0.1)
    part = PartOutputs(targets, outputs)
    found = evaluate(problem, part, num_train=700, rivals=[rival])
    again = Evaluation.model_validate_json(found.model_dump_json())
    assert np.isnan(again.scores["test"]["max_error"].low)
    assert found.rivals[0].difference is None
    assert found.verdict == ""


@pytest.mark.parametrize("rows", [7, 240])
def test_the_report_of_classes_is_that_of_scikit_learn(rows):
    targets, outputs = three(rows=rows, wrong=rows // 3)
    found = evaluate(THREE, PartOutputs(targets, outputs), num_train=1)
    predictions = outputs.argmax(axis=1)
    for digits in (2, 4):
        expected = classification_report(
            targets, predictions, target_names=THREE.classes, digits=digits
        )
        assert found.classification_report(digits) == expected


def test_the_report_counts_absent_and_unsaid_classes_as_scikit_learn_does():
    names = ("a", "a rather long name", "never there", "never said")
    problem = THREE.model_copy(update={"classes": names})
    targets, said = np.array([0, 0, 1, 3, 3, 1]), np.array([0, 1, 1, 2, 0, 1])
    found = evaluate(problem, PartOutputs(targets, sure(said, 4)), num_train=1)
    expected = classification_report(
        targets, said, labels=range(4), target_names=names, zero_division=0
    )
    assert found.classification_report() == expected


def test_a_regression_has_no_report_of_classes():
    found = evaluate(VALUES, PartOutputs(*values()), num_train=1)
    with pytest.raises(DataError, match="is for classes; the task is regression"):
        found.classification_report()


def test_residuals_of_a_large_test_part_are_a_sample():
    targets, outputs = values(2_100)
    found = evaluate(VALUES, PartOutputs(targets, outputs), num_train=1, seed=3)
    again = evaluate(VALUES, PartOutputs(targets, outputs), num_train=1, seed=3)
    assert len(found.residuals.actual) == 2_000
    assert found == again
    pairs = set(zip(targets.tolist(), outputs.tolist(), strict=True))
    drawn = zip(found.residuals.actual, found.residuals.predicted, strict=True)
    assert pairs.issuperset(drawn)


def test_residuals_of_a_small_test_part_are_all():
    targets, outputs = values(30)
    found = evaluate(VALUES, PartOutputs(targets, outputs), num_train=1)
    assert found.residuals.actual == tuple(targets.tolist())
    assert found.residuals.predicted == tuple(outputs.tolist())


def test_mistakes_are_the_most_costly_wrong_ones():
    targets, outputs = three(wrong=40)
    found = evaluate(THREE, PartOutputs(targets, outputs), num_train=1).mistakes
    assert len(found) == 24
    assert [m.where for m in found[:2]] == ["row 0", "row 1"]
    first = found[0]
    assert (first.target, first.prediction) == ("a", "b")
    assert first.probability == pytest.approx(0.95)
    assert first.loss == pytest.approx(-np.log(0.04))


def test_right_answers_are_no_mistakes():
    targets, outputs = three(wrong=3)
    assert (
        len(evaluate(THREE, PartOutputs(targets, outputs), num_train=1).mistakes) == 3
    )


def test_a_mistake_in_a_table_shows_its_row_and_line():
    targets, outputs = values(40)
    outputs[7] = 1e4
    levels = tuple(f"street {n}" for n in range(40))
    columns = {
        "street": Column(
            ColumnFormat(name="street", kind="text"), np.arange(40), levels
        ),
        "rooms": Column(ColumnFormat(name="rooms", kind="number"), np.arange(40.0) / 2),
    }
    inputs = Table(columns, Lines(np.arange(40) + 2, "line"))
    part = PartOutputs(targets, outputs, inputs)
    first = evaluate(VALUES, part, num_train=1).mistakes[0]
    assert first.where == "line 9"
    assert first.row == {"street": "street 7", "rooms": "3.5"}
    assert (first.prediction, first.probability) == ("10,000", None)
    assert first.loss == pytest.approx(1e4 - targets[7])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_mistake_in_a_picture_shows_a_small_picture(channels, dtype):
    targets, outputs = three(rows=30, wrong=2)
    pixels = np.zeros((30, 200, 100, channels), dtype)
    pixels[:, :100] = 255 if dtype == np.uint8 else 0.5
    sizes = np.tile(np.array([[200, 100]], np.int32), (30, 1))
    names = tuple(f"cats/{n}.png" for n in range(30))
    inputs = Images(sizes, channels, pixels, names=names)
    found = evaluate(THREE, PartOutputs(targets, outputs, inputs), num_train=1).mistakes
    assert [m.where for m in found] == ["cats/0.png", "cats/1.png"]
    with Image.open(io.BytesIO(base64.b64decode(found[0].picture))) as picture:
        assert (picture.format, picture.size) == ("PNG", (48, 96))
        shown = np.asarray(picture).reshape(96, 48, channels)
    assert shown[0].min() == 255
    assert shown[-1].max() == 0


def test_a_class_without_test_rows_is_noted():
    targets = np.arange(200) % 2
    found = evaluate(THREE, PartOutputs(targets, sure(targets, 3)), num_train=1)
    assert found.notes == (
        "1 class has no test rows, so nothing is known about how well they are told "
        "apart: 'c'.",
    )
    assert found.per_class[2].support == 0


def test_a_small_test_part_is_noted():
    found = evaluate(THREE, PartOutputs(*three(rows=36, wrong=1)), num_train=1)
    assert found.notes[0].startswith("The test part has only 36 rows")


def test_a_metric_that_is_not_defined_is_left_out_and_noted():
    targets = np.zeros(120, np.int64)
    found = evaluate(BINARY, PartOutputs(targets, sure(targets, 2)), num_train=1)
    assert "roc_auc" not in found.scores["test"]
    assert "Not defined for test rows of a single class: ROC AUC." in found.notes


def test_an_empty_val_part_has_no_scores():
    targets, outputs = three()
    empty = PartOutputs(targets[:0], outputs[:0])
    found = evaluate(THREE, PartOutputs(targets, outputs), val=empty, num_train=1)
    assert list(found.scores) == ["test"]


def test_outputs_that_are_not_finite_are_an_error():
    targets, outputs = values(50)
    outputs[3] = np.nan
    with pytest.raises(
        TrainError, match=r"1 of 50 test rows are not finite.*lower the"
    ):
        evaluate(VALUES, PartOutputs(targets, outputs), num_train=1)


def test_an_evaluation_from_before_there_were_curves_is_read():
    found = evaluate(THREE, PartOutputs(*three()), num_train=1)
    old = found.model_dump(mode="json", exclude={"curves"})
    again = Evaluation.model_validate(old)
    assert again.curves == ()
    assert again.scores == found.scores


def test_an_evaluation_survives_json():
    targets, outputs = three()
    found = evaluate(
        THREE, PartOutputs(targets, outputs), num_train=1, rivals=[guess(targets, 3)]
    )
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_an_evaluation_prints_as_scores_rivals_and_verdict():
    targets, outputs = three()
    rivals = [guess(targets, 3)]
    part = PartOutputs(targets, outputs)
    found = evaluate(THREE, part, num_train=700, rivals=rivals)
    lines = str(found).splitlines()
    accuracy = found.scores["test"]["accuracy"]
    interval = f"({accuracy.low:.4g} to {accuracy.high:.4g})"
    assert lines[0] == f"accuracy: 0.8333 {interval}"
    assert any(line.startswith("constant guess: accuracy 0.3333") for line in lines)
    assert found.verdict in lines


def surest(labels, classes=10, rows=2000):
    """Judge outputs that are sure of the truth by labels that may be others."""
    truth = np.arange(rows) % classes
    outputs = np.full((rows, classes), 0.01 / (classes - 2))
    outputs[np.arange(rows), truth] = 0.9
    outputs[np.arange(rows), (truth + 1) % classes] = 0.09
    return surest_wrong(labels(truth), outputs)


def test_labels_that_are_wrong_at_random_lie_anywhere_among_the_other_classes():
    random = np.random.default_rng(0)

    def noisy(truth):
        changed = random.random(len(truth)) < 0.1
        return np.where(
            changed, (truth + random.integers(2, 10, len(truth))) % 10, truth
        )

    share, place = surest(noisy)
    assert share.low < 0.1 < share.high
    assert place.low > 0.3


def test_classes_that_are_alike_stand_next_to_the_answer():
    share, place = surest(
        lambda truth: np.where(np.arange(len(truth)) % 10, truth, truth + 1) % 10
    )
    assert share.value > 0
    assert place.value == 0


def test_a_label_that_is_level_with_the_answer_stands_among_the_others():
    _, place = surest_wrong(np.arange(400) % 4, np.full((400, 4), 0.25))
    assert place.value == 0.5


def test_of_few_rows_or_classes_nothing_is_said_of_the_surest():
    assert surest(lambda truth: truth, rows=50) == (None, None)
    share, place = surest(lambda truth: (truth + 1) % 3, classes=3)
    assert share.value == 1
    assert place is None
