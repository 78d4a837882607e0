"""Prepared sequences: what a network is fed, and what it is never fed in silence."""

import json

import numpy as np
import pytest

from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.data import Sequences
from torchsmith.data.sequence_fit import SequencePreparation, fit_sequences
from torchsmith.data.steps import RandomConvolutions, Standardize


def numbers(lengths, channels=2, seed=0):
    steps = np.random.default_rng(seed).normal(3, 2, (sum(lengths), channels))
    return Sequences(
        values=steps.astype(np.float32),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        channels=tuple("abcdefgh"[:channels]),
    )


def texts(*words):
    symbols = tuple(sorted(set("".join(words))))
    return Sequences(
        values=np.array(
            [[symbols.index(c)] for word in words for c in word], np.float32
        ),
        starts=np.concatenate([[0], np.cumsum([len(word) for word in words])]),
        channels=("text",),
        symbols=symbols,
    )


def test_features_follow_the_flattened_steps():
    sequences = numbers([12, 12, 12])
    plain = fit_sequences(sequences, [Standardize()])
    both = fit_sequences(
        sequences, [Standardize(), RandomConvolutions(num_features=168)]
    )
    alone = fit_sequences(
        sequences,
        [Standardize(), RandomConvolutions(num_features=168, keep_steps=False)],
    )
    assert plain.shape == (2, 12)
    assert both.shape == (2 * 12 + 168,)
    assert alone.shape == (168,)
    prepared = both.apply(sequences)
    assert np.array_equal(prepared[:, :24], plain.apply(sequences).reshape(3, 24))
    assert prepared.dtype == np.float32
    assert alone.apply(sequences).shape == (3, 168)
    assert both.layout["num_features"] == 168
    assert both.layout["sequence"] == (2, 12)
    assert alone.layout["sequence"] == (0, 0)


def test_a_preparation_that_was_written_and_read_prepares_the_same():
    sequences = numbers([12, 7, 20])
    fitted = fit_sequences(sequences, [Standardize(), RandomConvolutions()])
    text = fitted.model_dump_json()
    assert len(text) < 250_000
    again = SequencePreparation.model_validate(json.loads(text))
    assert np.array_equal(again.apply(sequences), fitted.apply(sequences))


def test_ragged_sequences_end_in_zeros_and_their_mask_says_where():
    fitted = fit_sequences(numbers([5, 3]), [Standardize()])
    prepared = fitted.apply(numbers([5, 3]))
    assert prepared.shape == (2, 3, 5)
    assert prepared[1, -1].tolist() == [1, 1, 1, 0, 0]
    assert not prepared[1, :, 3:].any()


def test_characters_are_coded_as_in_training_whatever_the_new_texts_hold():
    fitted = fit_sequences(texts("bad", "da"), [])
    assert fitted.symbols == ("a", "b", "d")
    prepared = fitted.apply(texts("dxa", "ba"))
    assert prepared[:, 0].tolist() == [[3, 0, 1], [2, 1, 0]]
    (change,) = fitted.unseen(texts("dxx", "bax", "ab"))
    assert (change.count, change.example) == (2, "x")
    assert "read as unknown" in change.what


def test_longer_sequences_are_cut_and_counted_unless_only_their_features_are_fed():
    fitted = fit_sequences(numbers([5, 3]), [Standardize()])
    (change,) = fitted.unseen(numbers([9, 5]))
    assert (change.count, change.example) == (1, "sequence 0")
    steps = [Standardize(), RandomConvolutions(num_features=168, keep_steps=False)]
    assert fit_sequences(numbers([5, 3]), steps).unseen(numbers([9, 5])) == ()


def test_a_shorter_sequence_than_those_of_one_length_is_refused():
    fitted = fit_sequences(numbers([5, 5]), [Standardize()])
    with pytest.raises(DataError, match="sequence 1 has 4 steps; in training all had"):
        fitted.apply(numbers([5, 4]))


def test_other_channels_and_texts_for_numbers_are_refused():
    fitted = fit_sequences(numbers([5, 5]), [Standardize()])
    with pytest.raises(DataError, match=r"have 3 channels .a, b, c.; in training .* 2"):
        fitted.apply(numbers([5], channels=3))
    with pytest.raises(DataError, match="of texts; training had numbers"):
        fitted.apply(texts("abcde"))


@pytest.mark.parametrize("step", [Standardize(), RandomConvolutions()])
def test_steps_for_numbers_are_refused_for_texts(step):
    with pytest.raises(PlanError, match=r"prepare\.0: \w+ is for numbers"):
        fit_sequences(texts("ab", "ba"), [step])


def test_lengths_that_differ_outside_of_training_only_make_a_mask_too():
    from torchsmith.data.data import Data
    from torchsmith.data.labels import label_column
    from torchsmith.data.prepare import fit

    sequences = numbers([8, 8, 8, 8, 5])
    data = Data(
        "waves", sequences, target=label_column("y", np.arange(5) / 7, source="waves")
    )
    fitted = fit(
        data, np.arange(4), [Standardize()], roles={}, task="regression", classes=()
    )
    assert fitted.sequences.has_mask
    prepared = fitted.inputs(data, np.array([4]))
    assert prepared[0, -1].tolist() == [1] * 5 + [0] * 3
