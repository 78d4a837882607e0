import numpy as np
import pytest
from PIL import Image

from tests.inspect.build import found, labels, noise, table
from torchsmith.data.load import load
from torchsmith.inspect.examine import inspect


def facts(target, **more):
    return inspect(table({"x": noise(len(target))}, target), **more).target


@pytest.mark.parametrize(
    ("target", "task", "classes", "evidence"),
    [
        (labels(), "binary", ("a", "b"), "2 distinct texts in 200 rows: 'a', 'b'"),
        (labels(names="abc"), "multiclass", ("a", "b", "c"), "3 distinct texts"),
        ([True, False] * 50, "binary", ("false", "true"), "in 100 rows"),
        ([0, 1] * 50, "binary", ("0", "1"), "2 distinct numbers in 100 rows: 0, 1"),
        ([1.5, -1.5] * 50, "binary", ("-1.5", "1.5"), "-1.5, 1.5"),
        ([9, 8, 10] * 40, "multiclass", ("8", "9", "10"), "3 distinct whole numbers"),
        (noise(), "regression", (), "200 distinct numbers in 200 rows"),
        (list(range(200)), "regression", (), "200 distinct whole numbers"),
        ([i % 25 for i in range(1000)], "regression", (), "25 distinct whole"),
        ([0.5, 1.5, 2.5] * 50, "regression", (), "3 distinct numbers"),
    ],
)
def test_task_follows_from_the_values(target, task, classes, evidence):
    made = facts(target)
    assert (made.task, made.classes) == (task, classes)
    assert evidence in made.evidence


def test_few_rows_for_each_whole_number_make_a_quantity():
    assert facts([i % 20 for i in range(200)]).task == "multiclass"
    assert facts([i % 20 for i in range(199)]).task == "regression"


def test_a_whole_number_with_one_row_makes_a_quantity_and_no_error():
    made = inspect(table({"x": noise(101)}, [*([1, 2, 3, 4] * 25), 5]))
    assert made.target.task == "regression"
    assert not found(made, "D23")


def test_numbers_written_as_texts_are_ordered_as_numbers():
    assert facts(["10", "9", "8"] * 30).classes == ("8", "9", "10")


def test_counts_stand_in_the_order_of_the_classes():
    made = facts(["b"] * 30 + ["a"] * 70)
    assert (made.classes, made.counts) == (("a", "b"), (70, 30))


def test_a_person_may_ask_for_another_task():
    made = facts([3, 4, 5] * 40, task="regression")
    assert (made.task, made.classes) == ("regression", ())
    assert made.evidence.startswith("asked for")


@pytest.mark.parametrize(
    ("target", "task", "message"),
    [
        (np.arange(20).astype("M8[D]"), None, "holds dates"),
        ([f"name {i}" for i in range(40)], None, "40 different texts in 40 rows"),
        (labels(), "regression", "regression needs numbers"),
        (
            labels(names="abc"),
            "binary",
            "3 distinct values, and a binary problem has 2",
        ),
    ],
)
def test_a_target_that_cannot_be_predicted_is_an_error(target, task, message):
    (finding,) = found(
        inspect(table({"x": noise(len(target))}, target), task=task), "D7"
    )
    assert finding.severity == "error"
    assert message in finding.message


def test_a_usable_target_has_no_findings_about_it():
    for target in (labels(), noise(), labels(names="abc")):
        codes = {f.code for f in inspect(table({"x": noise(seed=5)}, target)).findings}
        assert not codes & {"D5", "D7", "D19", "D20", "D21", "D22", "D23", "D24", "D32"}


def test_missing_targets_are_an_error_with_their_lines():
    target = noise().tolist()
    target[3] = target[7] = None
    (finding,) = found(table({"x": noise()}, target), "D19")
    assert finding.severity == "error"
    assert "2 rows" in finding.message
    assert finding.where == "column 'y', lines 5, 9"
    assert "leave the rows out of the arrays" in finding.remedy, "tables can drop them"


@pytest.mark.parametrize(
    ("target", "message"), [([4] * 30, "only the value '4'"), ([None] * 30, "no value")]
)
def test_a_target_without_two_values_is_an_error(target, message):
    (finding,) = found(table({"x": noise(30)}, target), "D20")
    assert finding.severity == "error"
    assert message in finding.message


@pytest.mark.parametrize("deep", ["animals", "data/animals"])
def test_classes_within_a_folder_are_found(tmp_path, deep):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        file = tmp_path / deep / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(file)
    data = load(tmp_path)
    (finding,) = [f for f in inspect(data).findings if f.code == "D20"]
    remedy = f"The classes seem to be in {tmp_path / deep} ('cat', 'dog'): give that."
    assert finding.remedy == remedy
    Image.new("RGB", (8, 8)).save(tmp_path / deep / "1.png")
    (finding,) = [f for f in inspect(load(tmp_path)).findings if f.code == "D20"]
    assert "Choose another target" in finding.remedy


def test_an_infinite_target_is_an_error():
    target = noise()
    target[10] = np.inf
    (finding,) = found(table({"x": noise(seed=3)}, target), "D1")
    assert (finding.severity, finding.where) == ("error", "column 'y', line 12")


def test_a_capped_target_is_a_warning_with_count_and_value():
    target = np.minimum(noise(1000), 1.5)
    (finding,) = found(table({"x": noise(1000, 2)}, target), "D21")
    count = int((target == 1.5).sum())
    assert finding.severity == "warning"
    assert finding.message.startswith(f"{count} rows")
    assert "highest 'y', 1.5" in finding.message


def test_a_target_cut_off_below_is_found_too():
    (finding,) = found(table({"x": noise(1000, 2)}, np.maximum(noise(1000), 0)), "D21")
    assert "lowest 'y', 0" in finding.message


def test_a_target_that_is_a_code_for_nothing_is_told_and_not_capped():
    target = np.arange(200) % 70 + 20.0
    target[::10] = -999
    data = table({"x": noise()}, target)
    (finding,) = found(data, "D18")
    assert "'y' is -999 in 20 rows" in finding.message
    assert "drop_missing_target: true leaves rows without a target" in finding.remedy
    assert not found(data, "D21")


def test_classes_that_are_one_in_two_spellings_are_told():
    cities = ["Berlin"] * 90 + ["berlin"] * 10 + ["Hamburg"] * 80 + ["HAMBURG"] * 20
    (finding,) = found(table({"x": noise()}, cities), "D17")
    assert finding.severity == "warning"
    assert "'y' has 2 classes that differ from another in case" in finding.message
    assert finding.evidence == "Berlin: 90, berlin: 10, Hamburg: 80, HAMBURG: 20"


def test_classes_that_are_called_as_missing_values_are_noted():
    answers = ["yes", "no", "Unknown", "n/a"] * 50
    (finding,) = found(table({"x": noise()}, answers), "D19")
    assert (finding.severity, finding.message) == (
        "note",
        "'Unknown', 'n/a' are classes of 'y'.",
    )
    assert not found(table({"x": noise()}, ["none", "mild"] * 100), "D19")


def test_a_rounded_target_is_not_capped():
    target = np.clip(np.round(noise(2000) * 20), -60, 61)
    assert not found(table({"x": noise(2000, 2)}, target), "D21")


def test_a_long_tail_is_a_note():
    (finding,) = found(table({"x": noise(seed=2)}, np.exp(2 * noise())), "D22")
    assert "long tail of large values" in finding.message
    (finding,) = found(table({"x": noise(seed=2)}, -np.exp(2 * noise())), "D22")
    assert "long tail of small values" in finding.message


def test_a_class_with_one_example_is_an_error():
    (finding,) = found(table({"x": noise(101)}, [*labels(100), "c"]), "D23")
    assert finding.severity == "error"
    assert "'c'" in finding.message
    assert finding.where == "column 'y', line 102"


def test_a_class_with_few_examples_is_a_warning():
    (finding,) = found(table({"x": noise(109)}, [*labels(100), *"ccccccccc"]), "D24")
    assert finding.severity == "warning"
    assert "c: 9" in finding.message
    assert not found(table({"x": noise(110)}, [*labels(100), *("c" * 10)]), "D24")


@pytest.mark.parametrize(("small", "warned"), [(20, True), (21, False)])
def test_a_majority_of_four_fifths_is_unbalanced(small, warned):
    target = ["a"] * (100 - small) + ["b"] * small
    assert bool(found(table({"x": noise(100)}, target), "D5")) == warned


def test_a_class_with_a_tenth_of_the_largest_is_unbalanced():
    target = ["a"] * 110 + ["b"] * 110 + ["c"] * 10
    (finding,) = found(table({"x": noise(230)}, target), "D5")
    assert finding.severity == "warning"
    assert "'c' 4.3 %" in finding.message


def test_ratings_are_noted_as_a_scale_and_codes_are_not():
    ratings = [3] * 10 + [4] * 40 + [5] * 90 + [6] * 50 + [7] * 12
    (finding,) = found(table({"x": noise(202)}, ratings), "D32")
    assert "from 3 to 7" in finding.message
    assert "problem.task: regression" in finding.remedy
    assert not found(table({"x": noise()}, [i % 5 for i in range(200)]), "D32")


def test_few_whole_numbers_that_are_no_classes_by_their_counts_are_noted():
    few = [row % 3 for row in range(24)]
    (finding,) = found(table({"x": noise(24)}, few), "D32")
    assert "'y' holds 3 distinct whole numbers in 24 rows" in finding.message
    assert "problem.task: multiclass" in finding.remedy
    assert not found(table({"x": noise(24)}, [float(v) / 2 for v in few]), "D32")
    asked = inspect(table({"x": noise(24)}, [0, 1] * 12), task="regression")
    assert "D32" not in {finding.code for finding in asked.findings}


@pytest.mark.parametrize("task", [None, "multiclass"])
def test_a_target_without_a_usable_number_is_an_error(task):
    rows = [*range(1, 31), *range(30, 0, -1)]
    target = np.repeat(np.arange(1, 61) * 1e300, rows)
    made = inspect(table({"x": noise(930)}, target), task=task)
    assert "'y' has 930 values beyond" in found(made, "D1")[0].message


def test_several_labels_in_one_cell_are_told_from_classes():
    tags = ["red", "blue|red", "blue", "big|red", "blue|big", "blue|big|red"] * 20
    (finding,) = found(table({"x": noise(120)}, tags), "D32")
    assert "with '|' between them: 3 labels (" in finding.message
    assert "make 6 classes" in finding.message
    assert "a column of 0 and 1" in finding.remedy
    for classes in (
        ["York, PA", "Lima, PA", "Troy, NY"],
        ["up,left", "up,right", "down,left", "down,right"],
        ["1,000-2,000 won", "2,000-3,000 won", "over 3,000 won"],
        ["a", "a;", "b"],
        ["|", "||"],
    ):
        assert not found(table({"x": noise(120)}, (classes * 60)[:120]), "D32")
