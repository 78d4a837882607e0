"""Ridge regression in closed form: as scikit-learn's, and honest at left-out rows."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from torchsmith.data.packed import numbers_of
from torchsmith.data.ridge import fit_ridge


def examples(num=40, features=90):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(num, features)).astype(np.float32)
    return inputs, inputs[:, 0] + 0.5 * random.normal(size=num)


def test_its_weights_are_those_of_scikit_learn_at_the_strength_it_chose():
    inputs, targets = examples()
    fitted = fit_ridge(inputs, targets, 0)
    standard = (targets - targets.mean()) / targets.std()
    other = Ridge(alpha=fitted.strength * inputs.shape[1]).fit(inputs, standard)
    weights = numbers_of(fitted.weights)
    np.testing.assert_allclose(weights, other.coef_, atol=1e-6)
    said = fitted.apply(inputs)[:, 0]
    np.testing.assert_allclose(said, other.predict(inputs), atol=1e-5)


def test_logits_of_noise_are_small_and_of_what_is_clear_large():
    inputs = examples(features=3)[0]
    clear = fit_ridge(inputs, (inputs[:, 0] > 0).astype(int), 2)
    noise = fit_ridge(inputs, np.random.default_rng(1).integers(2, size=40), 2)
    assert np.ptp(clear.apply(inputs)) > 5 * np.ptp(noise.apply(inputs))
    places = clear.apply(inputs).argmax(axis=1)
    assert np.mean(places == (inputs[:, 0] > 0)) > 0.9


def test_a_row_is_answered_the_same_whatever_stands_beside_it():
    inputs, targets = examples()
    fitted = fit_ridge(inputs, (targets > 0).astype(int), 2)
    together = fitted.apply(inputs)
    for row in range(len(inputs)):
        assert np.array_equal(fitted.apply(inputs[row : row + 1])[0], together[row])


@pytest.mark.parametrize("num", [1, 2])
def test_constant_features_say_how_often_each_class_is(num):
    fitted = fit_ridge(np.zeros((num, 5), np.float32), np.arange(num), 2)
    assert np.isfinite(fitted.apply(np.ones((3, 5), np.float32))).all()
