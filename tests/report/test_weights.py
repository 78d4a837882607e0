"""Numbers as pictures: what is drawn is what is there."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from torchsmith.explain.activations import Activation
from torchsmith.explain.weights import Weights
from torchsmith.report.heat_pictures import image, levels, limit_of, mosaic, pictures
from torchsmith.report.weights import draw_activation, draw_weights


def drawn(markup):
    """The pictures of a piece of HTML, as arrays of red, green, blue and opacity."""
    found = re.findall(r"base64,([^\"]+)\"", markup)
    files = (io.BytesIO(base64.b64decode(text)) for text in found)
    return [np.asarray(Image.open(file).convert("RGBA")) for file in files]


def test_below_zero_is_blue_above_is_orange_and_nothing_is_transparent():
    values = np.array([[-2.0, -1.0, 0.0, 1.0, np.nan]])
    [pixels] = drawn(image(levels(values, 1.0), "values"))
    below, most_below, zero, above, nothing = pixels[0].astype(int)
    assert (below == most_below).all()
    assert below[2] > below[0]
    assert above[0] > above[2]
    assert zero[:3].min() > 240
    assert nothing[3] == 0
    assert zero[3] == above[3] == 255


def test_a_larger_value_has_a_stronger_colour():
    shades = levels(np.linspace(-1, 1, 50), 1.0).astype(int)
    assert (np.diff(shades) > 0).all()


@pytest.mark.parametrize("values", [np.zeros((2, 2)), np.full((2, 2), np.nan)])
def test_nothing_but_zeros_has_colours_too(values):
    assert limit_of(values) == 1


def test_a_mosaic_has_every_picture_once():
    tiles = np.arange(1, 6, dtype=np.uint8)[:, None, None] * np.ones(
        (1, 2, 3), np.uint8
    )
    sheet = mosaic(tiles, columns=2)
    assert sheet.shape == (8, 7)
    assert [(sheet == level).sum() for level in range(1, 6)] == [6] * 5
    assert (sheet[2] == 0).all()


def test_rows_of_a_first_layer_are_drawn_as_pictures_at_each_time():
    first = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    states = {"before training": first, "epoch 1": first + 1, "after training": -first}
    svg = draw_weights(Weights("0.weight", (4, 6), states, (1, 2, 3)))
    _scale, before, epoch, after = drawn(svg)
    assert before.shape == epoch.shape == after.shape
    assert not np.array_equal(before, after)
    for words in ("0.weight, 4 × 6", "before training", "epoch 1", "after training"):
        assert words in svg


def test_colour_filters_are_colour_pictures():
    reds = np.zeros((2, 3, 2, 2))
    reds[:, 0] = 1
    assert pictures(reds, 1.0)[0, 0, 0].tolist() == [255, 128, 128, 255]


def test_a_large_matrix_becomes_histograms_of_one_scale():
    values = np.linspace(-1, 1, 90_000).reshape(300, 300)
    svg = draw_weights(
        Weights("w", (300, 300), {"before": values, "after": 2 * values})
    )
    assert svg.count('class="bar"') == 80
    assert "w, 300 × 300, before" in svg
    assert drawn(svg) == []


def test_of_many_times_the_first_and_the_last_are_among_those_drawn():
    states = {f"epoch {n}": np.full((2, 2), float(n)) for n in range(12)}
    svg = draw_weights(Weights("w", (2, 2), states))
    assert svg.count("</figcaption></figure>") == 6
    assert ">epoch 0<" in svg
    assert ">epoch 11<" in svg


@pytest.mark.parametrize(
    ("shape", "size"),
    [((3, 4, 4), (4, 14)), ((100,), (2, 64)), ((7, 5), (5, 7)), ((), (1, 1))],
)
def test_whatever_a_layer_gives_is_drawn(shape, size):
    values = np.ones(shape, np.float32)
    one = Activation("0", "other", "Thing(<b>)", values)
    svg = draw_activation(one)
    assert "Thing(&lt;b&gt;)" in svg
    assert drawn(svg)[1].shape[:2] == size
