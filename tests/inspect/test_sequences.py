import numpy as np
import pytest

from tests.inspect.build import found, labels, sequences, texts
from torchsmith.inspect.examine import inspect


def curves(num=240, channels=2, length=30, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=(length, channels)) for _ in range(num)]


def test_ordinary_sequences_have_no_findings():
    inspection = inspect(sequences(curves(), labels(240)))
    assert inspection.findings == ()
    facts = inspection.sequences
    assert facts is not None
    assert (facts.min_length, facts.median_length, facts.max_length) == (30, 30, 30)
    assert facts.mean == pytest.approx((0, 0), abs=0.05)
    assert facts.deviation == pytest.approx((1, 1), abs=0.05)
    assert facts.missing == 0


def test_missing_values_are_counted_with_their_channels():
    made = curves()
    made[3][5:8, 1] = np.nan
    made[9][0, 1] = np.nan
    inspection = inspect(sequences(made, labels(240)))
    (finding,) = found(inspection, "D16")
    assert finding.severity == "note"
    assert finding.message.startswith("4 values (<0.1 %) in 2 sequences are missing")
    assert finding.where == "sequence 3, sequence 9"
    assert "'c1'" in finding.message
    assert inspection.sequences.missing == 4


def test_infinite_values_are_an_error_and_spoil_no_fact():
    made = curves()
    made[3][5, 0] = np.inf
    inspection = inspect(sequences(made, labels(240)))
    (finding,) = found(inspection, "D1")
    assert (finding.severity, finding.where) == ("error", "sequence 3")
    assert np.isfinite(inspection.sequences.high).all()


def test_a_channel_of_one_value_is_found():
    made = curves()
    for one in made:
        one[:, 1] = 4
    (finding,) = found(sequences(made, labels(240), channels=["x", "y"]), "D2")
    assert (finding.severity, finding.where) == ("note", "channel 'y'")


def test_sequences_that_stand_still_or_are_empty_are_found():
    made = curves()
    made[7][:] = 3
    made[8][:] = np.nan
    empty, still = sorted(
        found(sequences(made, labels(240)), "D13"), key=lambda f: f.where, reverse=True
    )
    assert (still.where, empty.where) == ("sequence 7", "sequence 8")


def test_sequences_of_one_step_do_not_stand_still():
    assert not found(sequences(curves(length=1), labels(240)), "D13")


def test_channels_of_very_different_scales_are_noted():
    made = [one * [1, 1e5] for one in curves()]
    (finding,) = found(sequences(made, labels(240), channels=["g", "hPa"]), "D36")
    assert "'hPa' has a deviation of 99,700, 'g' of 0.998" in finding.message


def test_copies_and_contradictions_are_found():
    made = curves()
    made[11], made[12] = made[2].copy(), made[3].copy()
    y = ["a", "b"] * 120  # 2 and 11 differ, 3 and 12 differ
    y[12] = y[3]
    inspection = inspect(sequences(made, y))
    assert found(inspection, "D12")[0].evidence == (
        "sequence 2 is 'a', sequence 11 is 'b'"
    )
    assert found(inspection, "D27")[0].where == "sequence 12"


def test_copies_across_given_parts_are_found():
    made = curves()
    made[200] = made[5].copy()
    given = np.array([0] * 180 + [2] * 60, np.int8)
    (finding,) = found(sequences(made, labels(240), given=given), "D8")
    assert (finding.severity, finding.where) == ("warning", "sequence 200")


def test_one_content_of_two_lengths_is_no_copy():
    made = curves()
    made[12] = np.concatenate([made[2], np.zeros((1, 2))])
    assert not found(sequences(made, labels(240)), "D27")


def test_very_uneven_lengths_are_noted():
    made = curves()
    made[4] = np.random.default_rng(1).normal(size=(300, 2))
    (finding,) = found(sequences(made, labels(240)), "D37")
    assert finding.where == "sequence 4"
    assert "30 to 300 steps, typically 30" in finding.message


def test_lengths_that_tell_the_class_are_a_warning():
    y = labels(240)
    made = [
        one[: 20 if label == "a" else 25]
        for one, label in zip(curves(), y, strict=True)
    ]
    (finding,) = found(sequences(made, y), "D10")
    assert finding.severity == "warning"
    assert "alone predicts 'label' almost perfectly (AUC 1.000)" in finding.message


def test_lengths_that_tell_much_are_noted():
    y = labels(240)
    random = np.random.default_rng(2)
    made = [
        one[: random.integers(8, 20) if label == "a" else random.integers(14, 30)]
        for one, label in zip(curves(), y, strict=True)
    ]
    (finding,) = found(sequences(made, y), "D10")
    assert finding.severity == "note"


def test_lengths_that_say_nothing_are_no_finding():
    random = np.random.default_rng(2)
    made = [one[: random.integers(8, 30)] for one in curves()]
    assert not found(sequences(made, labels(240)), "D10")


@pytest.mark.parametrize("name", ["person", "subjects", "speaker"])
def test_a_person_keeps_sequences_together(name):
    people = [f"p{i % 12}" for i in range(240)]
    inspection = inspect(sequences(curves(), labels(240), {name: people}))
    assert inspection.group == name
    (finding,) = found(inspection, "D9")
    assert "12 values, about 20 sequences each" in finding.message


def test_names_of_files_keep_nothing_together():
    names = {"files": [f"f{i}.txt" for i in range(240)]}
    inspection = inspect(sequences(curves(), labels(240), names))
    assert inspection.group is None
    assert not found(inspection, "D9")


def test_the_step_of_a_date_makes_a_split_by_time():
    days = np.datetime64("2020-01-01") + np.arange(240)
    inspection = inspect(sequences(curves(), labels(240), {"date": days}))
    assert inspection.time == "date"
    assert "latest sequences" in found(inspection, "D9")[0].remedy


def test_too_few_sequences_are_a_warning_and_fewer_than_ten_an_error():
    (few,) = found(sequences(curves(40), labels(40)), "D25")
    assert few.severity == "warning"
    assert "only 40 sequences" in few.message
    (none,) = found(sequences(curves(9), labels(9)), "D25")
    assert none.severity == "error"


def test_texts_are_checked_for_copies_and_telling_lengths_not_for_scales():
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("abcdefgh"), 8)) for _ in range(240)]
    words[30] = words[4]
    words[31] = "aaaaaaaa"
    y = ["a", "b"] * 120
    inspection = inspect(texts(words, y))
    assert [f.code for f in inspection.findings] == ["D27"]
    assert inspection.sequences.symbols == 8


def test_a_class_that_the_training_part_lacks_is_found():
    given = np.array([0] * 180 + [2] * 60, np.int8)
    y = ["a", "b"] * 90 + ["c", "a", "b"] * 20
    assert any(
        "The train part has no example of 'c'" in finding.message
        for finding in found(sequences(curves(), y, given=given), "D6")
    )


def test_looking_changes_nothing():
    data = sequences(curves(), labels(240))
    before = data.inputs.values.copy()
    inspect(data)
    np.testing.assert_array_equal(before, data.inputs.values)
