import numpy as np
import pytest

from tests.inspect.build import sequences, texts
from torchsmith.evaluate import sequence_features as sequence_features_module
from torchsmith.evaluate.rivals import fit_rivals
from torchsmith.evaluate.sequence_features import (
    sequence_features,
    summaries,
    text_features,
)


def waves(num=60, channels=2, seed=0, ragged=False):
    random = np.random.default_rng(seed)
    made = []
    for place in range(num):
        length = int(random.integers(15, 40)) if ragged else 30
        time = np.arange(length)[:, None]
        beat = (0.2 + 0.5 * (place % 2)) * time + random.uniform(0, 6, channels)
        made.append(np.sin(beat) + 0.1 * random.normal(size=(length, channels)))
    return sequences(made).inputs, np.arange(num) % 2


def scores(train, targets, test, right):
    found = fit_rivals(
        metric="accuracy", classes=2, train=train, targets=targets, test=test, seed=0
    )
    return {r.name: float((r.outputs.argmax(axis=1) == right).mean()) for r in found}


@pytest.mark.parametrize("ragged", [False, True])
def test_rivals_tell_fast_waves_from_slow_ones(ragged):
    train, targets = waves(ragged=ragged)
    test, right = waves(seed=1, ragged=ragged)
    ours, theirs = sequence_features(train, test)
    found = scores(ours, targets, theirs, right)
    assert found["constant"] == 0.5
    assert min(found["linear"], found["trees"]) > 0.9


def test_steps_of_one_length_are_compared_as_they_are():
    train, _ = waves(channels=1)
    features, _ = sequence_features(train, train)
    np.testing.assert_array_equal(features.series, train.values.reshape(len(train), -1))


def test_ragged_sequences_are_made_as_long_as_the_typical_one():
    train, _ = waves(ragged=True)
    test, _ = waves(seed=1, ragged=True)
    ours, theirs = sequence_features(train, test)
    length = int(np.median(train.lengths))
    assert ours.series.shape == (60, 2 * length)
    assert theirs.series.shape == (60, 2 * length)
    first = train.at(0)
    scale = ours.series[0].reshape(length, 2)[0] / first[0]
    np.testing.assert_allclose(
        ours.series[0].reshape(length, 2)[-1], first[-1] * scale, rtol=1e-4
    )


def test_scales_are_those_of_the_training_part():
    train, _ = waves()
    test, _ = waves(seed=1)
    alone = sequence_features(train, train.take(np.arange(5)))[0]
    both = sequence_features(train, test)[0]
    np.testing.assert_array_equal(alone.series, both.series)


def test_long_sequences_of_many_channels_stay_comparable_in_width():
    made = sequences([np.random.default_rng(0).normal(size=(5_000, 30))] * 3).inputs
    features, _ = sequence_features(made, made)
    assert features.series.shape[1] <= 2_048
    assert features.numbers.shape[1] < 2_000


def test_missing_and_infinite_values_and_single_steps_spoil_nothing():
    made = sequences(
        [
            np.array([[np.nan, 1], [2, np.inf], [3, 3]]),
            np.full((4, 2), np.nan),
            np.ones((1, 2)),
        ]
    ).inputs
    features, _ = sequence_features(made, made)
    assert np.isfinite(features.numbers).all()
    assert np.isfinite(features.series).all()


def test_summaries_do_not_depend_on_what_stands_beside():
    made, _ = waves(ragged=True)
    np.testing.assert_array_equal(summaries(made)[7], summaries(made.take([7]))[0])


def test_summaries_of_many_sequences_are_made_in_parts(monkeypatch):
    made, _ = waves()
    whole = summaries(made)
    monkeypatch.setattr(sequence_features_module, "_MOST_NUMBERS", 500)
    np.testing.assert_array_equal(summaries(made), whole)


def test_n_grams_tell_languages_apart_that_have_the_same_letters():
    random = np.random.default_rng(0)

    def word(order):
        return "".join("ab" if order else "ba" for _ in range(random.integers(2, 5)))

    orders = np.arange(200) % 2
    data = texts([word(order) for order in orders]).inputs
    train, test = data.take(np.arange(150)), data.take(np.arange(150, 200))
    ours, theirs = text_features(train, test)
    found = scores(ours, orders[:150], theirs, orders[150:])
    assert found["linear"] == 1.0
    assert found["trees"] == 1.0  # by the first letter


def test_letters_are_counted_of_the_most_frequent_symbols(monkeypatch):
    monkeypatch.setattr(sequence_features_module, "MOST_LETTERS", 2)
    made = texts(["abba", "cab", "b", ""]).inputs
    ours, _ = text_features(made, made)
    places = [made.symbols.index(letter) + 1 for letter in "abc"]
    assert ours.numbers.tolist() == [[4, 2, 2], [3, 1, 1], [1, 1, 0], [0, 0, 0]]
    assert ours.codes.tolist() == [
        [places[0], places[0]],
        [places[2], places[1]],
        [places[1], places[1]],
        [0, 0],
    ]


def test_the_nearest_neighbour_has_the_published_error_on_gunpoint(shared_data):
    parts = {}
    for part in ("TRAIN", "TEST"):
        (path,) = (shared_data / "ucr" / "GunPoint").glob(f"*{part}*")
        table = np.loadtxt(path)
        made = sequences([row[1:, None] for row in table]).inputs
        parts[part] = made, table[:, 0].astype(int) - 1
    (train, targets), (test, right) = parts["TRAIN"], parts["TEST"]
    ours, theirs = sequence_features(train, test)
    found = scores(ours, targets, theirs, right)
    assert found["neighbors"] == pytest.approx(1 - 0.0867, abs=1e-4)
