"""Columns of texts become 0/1 columns of the words that recur."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.build import number, table, text
from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.prepare import Preparation, fit
from torchsmith.data.same import input_keys
from torchsmith.data.steps import BagOfWords, Standardize
from torchsmith.data.tabular import TablePreparation
from torchsmith.data.text_columns import TextColumn, recurring_words, words_of

ROLES = {"age": "number", "note": "text"}
NOTES = ["Mr. Old", "Mrs. Young", "Mr. Young", "", "Mr. C85", "mrs. C123"]


def rows(notes=NOTES):
    ages = [*range(len(notes))]
    columns = number("age", ages), text("note", notes)
    return table(*columns, target=number("y", ages))


TWICE = BagOfWords(min_count=2)


def fitted(notes=NOTES, step=TWICE):
    steps = [Standardize()] if step is None else [Standardize(), step]
    return fitted_to(rows(notes), steps, ROLES)


def fitted_to(data, steps, roles):
    every = np.arange(len(data))
    return fit(data, every, steps, roles=roles, task="regression", classes=())


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Kelly, Mr. James", {"kelly", "mr", "james"}),
        ("C85 B96", {"c", "b"}),
        ("STON/O2. 3101282", {"ston", "o", "3101282"}),
        ("the 2nd of 31 rooms", {"the", "of", "31", "rooms"}),
        ("snake_case and don't", {"snake", "case", "and", "don", "t"}),
        ("Grüße ΑΘΗΝΑ 서울 특별시", {"grüße", "αθηνα", "서울", "특별시"}),
        ("… -- !", set()),
    ],
)
def test_words_are_letters_or_numbers_that_stand_alone(written, words):
    assert words_of(written) == words


@given(st.text())
def test_words_stand_in_the_text_and_hold_no_space(written):
    for word in words_of(written):
        assert word in written.lower()
        assert word == word.strip() != ""


def test_words_of_nearly_all_rows_and_of_few_are_left_out():
    counted = [("a common", 6), ("a rare", 1), ("a half", 3)]
    step = BagOfWords(min_count=2)
    assert recurring_words(counted, 10, step) == {"common": 6, "half": 3}
    # Rows without a text lack every word.
    assert recurring_words(counted, 12, step) == {"a": 10, "common": 6, "half": 3}


def test_the_most_frequent_words_are_kept_equal_ones_by_the_alphabet():
    counted = [("b c", 3), ("a", 3), ("d", 4)]
    kept = recurring_words(counted, 10, BagOfWords(min_count=1, most=3))
    assert [*kept] == ["d", "a", "b"]


def test_each_word_is_a_feature_and_so_is_a_missing_text():
    preparation = fitted()
    names = ["mr", "c", "mrs", "young"]
    assert preparation.feature_names == (
        "age",
        *(f"note has '{name}'" for name in names),
        "note is missing",
    )
    assert preparation.inputs(rows())[:, 1:].tolist() == [
        [1, 0, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [1, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
        [1, 1, 0, 0, 0],
        [0, 1, 1, 0, 0],
    ]


def test_new_texts_have_the_words_that_training_knew():
    found = fitted().inputs(rows(["Herr Young", "", "Mr. Young of C1"]))[:, 1:]
    assert found.tolist() == [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [1, 1, 0, 1, 0]]


def test_a_text_that_is_missing_only_later_is_told():
    preparation = fitted(["one two", "two three", "one", "three"])
    assert "note is missing" not in preparation.feature_names
    told = preparation.table.unseen(rows(["one", "", "new words", ""]).inputs)
    (change,) = [change for change in told if change.column == "note"]
    assert (change.count, change.lines) == (2, (3, 5))
    assert "without any known word" in change.what


def test_a_gap_alone_is_worth_a_feature():
    preparation = fitted(["abc", "", "def", "", "ghi", ""])
    assert preparation.feature_names == ("age", "note is missing")


@pytest.mark.parametrize("notes", [["a", "b", "c", "d"], ["", "", "", ""]])
def test_a_column_of_which_training_has_no_word_adds_nothing(notes):
    preparation = fitted(notes)
    assert preparation.feature_names == ("age",)
    assert preparation.inputs(rows()).shape == (6, 1)


def test_texts_alone_without_any_word_are_refused():
    data = table(text("note", ["a", "b"]), target=number("y", [1, 2]))
    roles = {"note": "text"}
    with pytest.raises(DataError, match="no word of the texts recurs in the training"):
        fitted_to(data, [BagOfWords()], roles)


def test_rows_are_compared_without_their_texts_unless_there_is_nothing_else():
    data = table(
        number("a", [1, 1, 2]), text("b", ["x", "y", "x"]), text("c", ["k", "l", "l"])
    )
    numbers = input_keys(data.inputs, {"a": "number", "b": "text", "c": "text"})
    assert numbers[0] == numbers[1] != numbers[2]
    texts = input_keys(data.inputs, {"a": "ignore", "b": "text", "c": "text"})
    assert len({*texts.tolist()}) == 3


def test_a_column_of_texts_needs_its_step():
    with pytest.raises(PlanError, match=r"'note' is used as text.*BagOfWords step"):
        fitted(step=None)


def test_numbers_are_no_texts():
    roles = {"age": "text", "note": "ignore"}
    with pytest.raises(PlanError, match="holds number and cannot be used as text"):
        fitted_to(rows(), [BagOfWords()], roles)


def test_what_is_known_survives_being_written():
    preparation = fitted()
    written = preparation.model_dump_json()
    assert Preparation.model_validate_json(written) == preparation


def test_a_wide_bag_is_named_where_memory_is_short(monkeypatch):
    notes = [f"{letter} {other}" for letter in "abcdef" for other in "ghijkl"]
    preparation = fitted(notes)
    assert isinstance(preparation.table, TablePreparation)
    monkeypatch.setenv("TORCHSMITH_MEMORY", "1kB")
    with pytest.raises(DataError, match=r"'note' makes 12 of .* most in BagOfWords"):
        preparation.inputs(rows(notes))


@given(st.lists(st.text(alphabet="ab 1", max_size=6), min_size=1, max_size=30))
def test_features_are_what_each_text_has(texts):
    column = text("note", texts)
    known = TextColumn.fit(column, BagOfWords(min_count=1))
    found = known.features(column)
    assert found.shape == (len(texts), len(known.feature_names))
    for written, row in zip(texts, found.tolist(), strict=True):
        assert row == [
            *(word in words_of(written) for word in known.words),
            *[not written] * known.flag,
        ]
