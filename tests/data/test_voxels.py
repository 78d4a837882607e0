"""Volumes are scaled by what the training part says, and refused where they differ."""

import numpy as np
import pytest

from torchsmith.core.errors import DataError
from torchsmith.data.data import Volumes
from torchsmith.data.steps import Standardize, ToFloat
from torchsmith.data.voxels import fit_volumes, voxel_statistics

BYTES = np.random.default_rng(0).integers(0, 256, (6, 2, 3, 4, 5), np.uint8)


def test_standardize_has_the_mean_and_deviation_of_each_channel():
    fitted = fit_volumes(Volumes(BYTES), [Standardize()])
    scaled = (BYTES - np.reshape(fitted.offset, (1, 2, 1, 1, 1))) * np.reshape(
        fitted.factor, (1, 2, 1, 1, 1)
    )
    np.testing.assert_allclose(scaled.mean(axis=(0, 2, 3, 4)), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=(0, 2, 3, 4)), 1)
    assert fitted.shape == (2, 3, 4, 5)
    assert fitted.apply(Volumes(BYTES)) is BYTES


def test_to_float_divides_and_standardize_after_it_is_the_same_as_alone():
    assert fit_volumes(Volumes(BYTES), [ToFloat(scale=255)]).factor == (1 / 255,) * 2
    both = fit_volumes(Volumes(BYTES), [ToFloat(scale=255), Standardize()])
    assert both == fit_volumes(Volumes(BYTES), [Standardize()])


def test_a_channel_that_never_varies_is_centred_and_stays_finite():
    values = np.full((3, 1, 2, 2, 2), 7, np.uint8)
    fitted = fit_volumes(Volumes(values), [Standardize()])
    assert (fitted.offset, fitted.factor) == ((7.0,), (1.0,))


def test_statistics_of_chunks_are_those_of_the_whole(monkeypatch):
    monkeypatch.setattr("torchsmith.data.on_disk.CHUNK_BYTES", 200)
    values = np.random.default_rng(1).normal(1000, 1, (7, 2, 3, 3, 3)).astype("f4")
    mean, deviation = voxel_statistics(values)
    whole = values.astype(np.float64)
    np.testing.assert_allclose(mean, whole.mean(axis=(0, 2, 3, 4)), rtol=1e-12)
    np.testing.assert_allclose(deviation, whole.std(axis=(0, 2, 3, 4)), rtol=1e-9)


def test_volumes_of_another_shape_are_refused():
    fitted = fit_volumes(Volumes(BYTES), [])
    with pytest.raises(DataError, match=r"\(2, 3, 4, 4\) .* were \(2, 3, 4, 5\)"):
        fitted.apply(Volumes(BYTES[..., 1:]))


def test_bytes_fit_where_training_had_floats():
    fitted = fit_volumes(Volumes(BYTES.astype(np.float32) / 2), [])
    found = fitted.apply(Volumes(BYTES))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, BYTES)


def test_whole_floats_fit_where_training_had_bytes_and_fractions_are_refused():
    fitted = fit_volumes(Volumes(BYTES), [])
    found = fitted.apply(Volumes(BYTES.astype(np.float32)))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, BYTES)
    halves = BYTES.astype(np.float32)
    halves[4, 0, 0, 0, 0] = 0.5
    with pytest.raises(DataError, match="volume 4: holds voxels that are no whole"):
        fitted.apply(Volumes(halves))
