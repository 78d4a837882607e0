"""Features of whole texts."""

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from torchsmith.core.errors import PlanError
from torchsmith.data.ngrams import FittedNGrams, fit_ngrams, texts_of
from torchsmith.data.sequence_fit import fit_sequences
from torchsmith.data.steps import NGrams

from .test_sequence_fit import numbers, texts

WORDS = ["anna", "annette", "nina", "otto", "tina", "tim"]


def test_runs_are_weighed_as_scikit_learn_does():
    fitted = fit_ngrams(WORDS, 1_000, longest=3, coded=False)
    theirs = TfidfVectorizer(
        analyzer="char",
        ngram_range=(1, 3),
        min_df=2,
        sublinear_tf=True,
        smooth_idf=False,
        lowercase=False,
    )
    wanted = theirs.fit_transform([f" {word} " for word in WORDS]).toarray()
    order = [theirs.vocabulary_[gram] for gram in fitted.grams]
    assert len(order) == wanted.shape[1]
    scale = len(order) ** 0.5
    np.testing.assert_allclose(fitted.apply(WORDS) / scale, wanted[:, order], rtol=1e-5)
    coded = fit_ngrams(WORDS, 1_000, longest=3, coded=True)
    assert coded.grams == fitted.grams
    np.testing.assert_allclose(spread(coded, WORDS), wanted[:, order], rtol=1e-5)


def spread(fitted, texts):
    """Give each run that has a code a column of its own."""
    codes, weights = np.split(fitted.apply(texts), 2, axis=1)
    columns = np.zeros((len(texts), len(fitted.grams) + 1), np.float32)
    for row, places, values in zip(
        columns, codes.astype(np.int64), weights, strict=True
    ):
        assert len(set(places[places > 0])) == (places > 0).sum()
        np.add.at(row, places, values)
    assert not columns[:, 0].any()
    return columns[:, 1:]


def test_of_more_runs_than_training_has_the_most_frequent_are_kept():
    fitted = fit_ngrams(["ab", "ab", "ba"], 100, longest=2, coded=True)
    assert fitted.most == 6  # " ", "a", "b", " a", "ab" and "b "
    long = fitted.apply(["abba abab"])
    codes = long[0, : fitted.most].astype(np.int64)
    assert (codes == np.arange(1, 7)).all()
    assert np.isclose((long[0, fitted.most :] ** 2).sum(), 1)
    assert not fitted.apply(["xyz"])[0, 1:6].any()  # it has the space alone


def test_runs_of_most_texts_are_kept_and_others_left_out():
    fitted = fit_ngrams(WORDS, 3, longest=2, coded=True)
    assert fitted.grams == (" ", "a", "n")
    assert fit_ngrams(["ab", "cd"], 9, longest=1, coded=True).grams == (" ",)


def test_a_text_without_a_known_run_is_0_and_the_others_have_one_length():
    fitted = FittedNGrams(grams=("x", "y"), rarity="AACAPwAAgD8=", longest=1)
    found = fitted.apply(["xx", "xy", "z"])
    assert np.allclose((found**2).sum(axis=1), [2, 2, 0])


def test_a_preparation_with_runs_that_was_written_and_read_prepares_the_same():
    sequences = texts(*WORDS)
    fitted = fit_sequences(sequences, [NGrams(num_features=20)])
    again = type(fitted).model_validate(json.loads(fitted.model_dump_json()))
    assert np.array_equal(again.apply(sequences), fitted.apply(sequences))
    codes = fitted.apply(sequences)[:, 2 * 7 : -fitted.ngrams.most]
    assert fitted.ngrams.most == (codes > 0).sum(axis=1).max()
    assert fitted.shape == (2 * 7 + 2 * fitted.ngrams.most,)
    alone = fit_sequences(sequences, [NGrams(num_features=20, keep_steps=False)])
    assert alone.shape == (20,)
    assert texts_of(sequences) == WORDS


def test_runs_of_numbers_are_refused():
    with pytest.raises(PlanError, match=r"prepare\.0: NGrams is for texts"):
        fit_sequences(numbers([4, 4]), [NGrams()])
