"""The page of an explanation."""

import base64
import json

import numpy as np
import torch
from torch import nn

from tests.report.contents import drawn_layers, drawn_weights, picture
from tests.report.test_browser import assert_fits
from tests.report.test_render import ALLOWED_TAGS, Page
from torchsmith.explain.activations import activations
from torchsmith.explain.attributions import Attribution
from torchsmith.explain.graph import trace
from torchsmith.explain.weights import tensor_facts
from torchsmith.report.explained import Example, Explained
from torchsmith.report.explanation import render_explanation

HOSTILE = "<script>alert(1)</script>\u202e"


def whole():
    """An explanation of everything, with names that are to be escaped."""
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dropout())
    network.append(nn.Linear(144, 3))
    noise = np.random.default_rng(0).normal(size=(1, 8, 8))
    pixels = Example(
        title="Example 0 of the test part: right",
        said=f"The network said “{HOSTILE}”.",
        picture=picture(3),
        answers={"cat": 0.7, "dog": 0.2, HOSTILE: 0.1},
        activations=activations(network, torch.ones(1, 1, 8, 8)),
        attribution=Attribution(
            "IntegratedGradients", noise, (), 1.5, -0.5, np.abs(noise)
        ),
        towards="“cat”",
        plain="an all-black picture",
    )
    row = Example(
        title="Example 1 of the test part: wrong",
        said="It is 3.",
        row={"size": "30.5", HOSTILE: HOSTILE, "empty": ""},
        attribution=Attribution(
            "ShapleyValueSampling", np.array([1.5, -0.25]), ("size", HOSTILE), 2.0, 0.75
        ),
        towards=HOSTILE,
        plain="a usual row (means of numbers, commonest categories)",
    )
    return Explained(
        title="2026-11-20-1432-photos",
        about=("multiclass", f"target {HOSTILE}", "data/" + 90 * "x" + ".csv"),
        graph=trace(lambda a, b: (a * b).sin() + a, a=2.0, b=1.0),
        layers=drawn_layers(),
        rates=(0.1, 0.05, 0.01),
        num_steps=300,
        weights=(drawn_weights(),),
        network_state=tensor_facts(network.state_dict(), network.state_dict()),
        optimizer_state=tensor_facts({"0.weight: step": torch.tensor(3.0)}),
        examples=(pixels, row),
        notes=("No more is known.",),
    )


def test_a_page_shows_what_there_is():
    page = Page(render_explanation(whole()))
    assert page.open == []
    for words in (
        "The autograd graph",
        "The network",
        "Learning rate as planned",
        "Probabilities of classes, the largest first",
        "What spoke for “cat”",
        "What each layer gives",
        "The network's state_dict",
        "The optimizer's state_dict",
        "No more is known.",
        "for an all-black picture it is −0.5. The difference is 2",
        "for a usual row (means of numbers, commonest categories) it is 0.75",
    ):
        assert page.says(words), words


def test_what_is_not_known_is_left_out():
    page = Page(render_explanation(Explained("Nothing")))
    assert "section" not in page.tags
    assert page.says("Nothing")


def test_hostile_names_are_text_and_nothing_else():
    html = render_explanation(whole())
    page = Page(html)
    assert page.tags <= ALLOWED_TAGS
    assert page.says("<script>alert(1)</script>")
    assert "\u202e" not in html


def test_layers_that_change_nothing_are_not_drawn_again():
    page = Page(render_explanation(whole()))
    assert page.says("1: ReLU(), 4 × 6 × 6")
    assert not page.says("3: Dropout")
    assert not page.says("2: Flatten")


def test_the_numbers_are_plain_json_without_pictures():
    numbers = whole().numbers()
    text = json.dumps(numbers, allow_nan=False)
    assert picture(3) not in text
    assert base64.b64encode(b"\x89PNG").decode()[:5] not in text
    assert numbers["graph"]["nodes"][0]["value"] == 2
    assert numbers["examples"][1]["attribution"]["values"] == [1.5, -0.25]
    assert numbers["examples"][0]["activations"][0]["values"]["shape"] == [4, 6, 6]


def test_a_page_fits_and_can_be_read_in_light_and_dark(browser, tmp_path):
    path = tmp_path / "explanation.html"
    path.write_text(render_explanation(whole()), encoding="utf-8")
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    assert_fits(page)
    page.close()
    assert said == []
