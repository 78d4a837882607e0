"""Names and numbers as a reader wants to see them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.wording import amount
from torchsmith.evaluate.evaluation import Score
from torchsmith.recipes.results import mean_score
from torchsmith.report.text import (
    clean,
    difference_texts,
    duration,
    number,
    percent,
    score_texts,
    share,
    spread_text,
)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.1 + 0.2, "0.3"),
        (1234567, "1,234,567"),
        (-0.5, "−0.5"),
        (99_999.6, "100,000"),
        (1e-5, "1e−5"),
        (3.2e15, "3.2e15"),
        (math.nan, "not a number"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_have_four_digits_and_real_minus_signs(value, text):
    assert number(value) == text


def test_a_share_is_never_rounded_to_none_or_all():
    assert plain(share(1, 10_000)) == "<0.1 %"
    assert plain(share(9_999, 10_000)) == ">99.9 %"
    assert plain(share(0, 7)) == "0 %"
    assert plain(share(7, 7)) == "100 %"
    assert share(0, 0) == "–"


def test_a_score_has_the_digits_that_its_interval_allows():
    narrow = Score(value=0.99312, low=0.9915, high=0.9947)
    wide = Score(value=0.83, low=0.77, high=0.88)
    assert [plain(t) for t in score_texts("accuracy", narrow)] == [
        "99.31 %",
        "99.15 – 99.47 %",
    ]
    assert [plain(t) for t in score_texts("accuracy", wide)] == ["83 %", "77 – 88 %"]
    seeds = mean_score([28 / 30] * 3)
    assert [plain(t) for t in score_texts("accuracy", seeds)] == ["93.3 %", ""]
    gains = mean_score([28 / 30 - 27 / 30, 29 / 30 - 28 / 30, 27 / 30 - 26 / 30])
    assert plain(difference_texts("accuracy", gains)[0]) == "+3.3 points"


def test_a_score_without_an_interval_shows_none():
    exact = Score(value=0.5, low=0.5, high=0.5)
    assert score_texts("roc_auc", exact) == ("0.5", "")


def test_differences_of_accuracy_are_points_with_a_sign():
    better = Score(value=0.0312, low=0.021, high=0.041)
    worse = Score(value=-2733, low=-3423, high=-2043)
    assert plain(difference_texts("accuracy", better)[0]) == "+3.1 points"
    assert difference_texts("rmse", worse) == ("−2,733", "−3,423 to −2,043")


def test_the_deviation_of_shares_is_in_points():
    told = plain(spread_text("accuracy", [0.75, 0.85]))
    assert told == "lowest 75.00 %, highest 85.00 %, standard deviation 7.07 points"


def test_a_difference_without_an_interval_has_the_digits_of_its_scores():
    of_one_seed = Score(value=0.252319, low=math.nan, high=math.nan)
    assert plain(difference_texts("accuracy", of_one_seed)[0]) == "+25.2 points"
    assert difference_texts("rmse", of_one_seed) == ("+0.252", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (7200, "2 h")],
)
def test_durations_have_at_most_two_units(seconds, text):
    assert plain(duration(seconds)) == text


def test_counts_agree_with_their_nouns():
    assert amount(1, "class", "classes") == "1 class"
    assert amount(0, "class", "classes") == "0 classes"


@given(st.text())
def test_cleaned_text_can_be_written_and_cannot_reorder(text):
    cleaned = clean(text)
    cleaned.encode()
    assert not set(cleaned) & set("\u202e\u202d\u2066\u2067\u200b\u0000\ud800")


def test_joiners_stay_because_scripts_need_them():
    assert clean("क्\u200dष می\u200cخواهم") == "क्\u200dष می\u200cخواهم"


def test_percent_of_what_is_not_a_number_says_so():
    assert percent(math.nan) == "not a number"
