"""Charts as files of their own."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

from tests.report.contents import HOSTILE, REORDERING
from torchsmith.report.charts import COLOURS, Series, in_page, line_drawing
from torchsmith.report.standalone import standalone

SVG = "{http://www.w3.org/2000/svg}"


def nine(name="variant"):
    return [
        Series(
            f"{name} {place}",
            [(1, place), (2, place + 1)],
            colour,
            band=[(1, place - 0.5, place + 0.5), (2, place, math.nan)],
        )
        for place, colour in enumerate(COLOURS)
    ]


def drawn(series):
    return line_drawing(series, title="Loss", x_title="epoch")


def test_nine_lines_have_nine_colours_in_a_page_and_in_a_file():
    text = standalone(drawn(nine()))
    colours = re.findall(r"path\.c\d, \.key\.c\d \{ stroke: (#\w+)", text)
    assert len(set(colours)) == 9
    assert "var(" not in text
    page = in_page(drawn(nine()))
    assert all(f'<path class="{colour}"' in page for colour in COLOURS)
    assert all(f'<span class="key {colour}">' in page for colour in COLOURS)


def test_a_file_is_a_whole_svg_on_white_with_names_that_do_not_overlap():
    root = ElementTree.fromstring(standalone(drawn(nine("a rather long variant"))))
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}rect").get("fill") == "#ffffff"
    placed = [
        (float(text.get("y")), float(text.get("x")), text.text)
        for text in root.findall(f"{SVG}text")
        if "variant" in (text.text or "")
    ]
    assert len(placed) == len(COLOURS)
    for (y, x, name), (next_y, next_x, _) in pairwise(placed):
        assert next_y > y or next_x - 28 >= x + 6 * len(name)
        assert x + 6 * len(name) < float(root.get("width"))


def test_a_band_is_drawn_where_both_its_ends_are_numbers():
    series = Series("a", [(1, 1.0), (3, 1.0)], "c1", band=[(1, 0, 2), (2, 0, math.nan)])
    root = ElementTree.fromstring(standalone(drawn([series])))
    (band,) = root.iter(f"{SVG}polygon")
    assert len(band.get("points").split()) == 2
    assert not list(
        ElementTree.fromstring(standalone(drawn([Series("a", [(1, 1)])]))).iter(
            f"{SVG}polygon"
        )
    )


def test_a_band_is_wholly_seen():
    bare = drawn([Series("a", [(1, 1.0), (2, 2.0)])])
    banded = drawn([Series("a", [(1, 1.0), (2, 2.0)], band=[(1, -8, 8), (2, -8, 8)])])
    assert "−5" in banded.body
    assert "−5" not in bare.body


def test_hostile_names_stay_text():
    series = [Series(HOSTILE, [(1, 1.0)], "c1"), Series(REORDERING, [(1, 2.0)], "c2")]
    text = standalone(line_drawing(series, title=HOSTILE, x_title=HOSTILE))
    names = {element.tag for element in ElementTree.fromstring(text).iter()}
    assert not names & {f"{SVG}script", f"{SVG}img"}
    assert "\u202e" not in text
