"""The page of a lesson: its graphs, and lines that lie on each other."""

import re

import pytest

from torchsmith.recipes.catalogue import recipe
from torchsmith.recipes.lesson import LessonRecord
from torchsmith.report.lesson import lesson_figures, lesson_page


@pytest.fixture(scope="module")
def records():
    """By name, what two lessons found with few steps."""
    found = {}
    for name, given in (("autograd-basics", {}), ("sine-cubic", {"steps": 5})):
        lesson = recipe(name)
        settings = lesson.choose(given)
        found[name] = LessonRecord(
            lesson=name,
            title=lesson.title,
            text=lesson.text,
            settings=settings,
            result=lesson.run(settings, [].append),
            seconds=1.0,
        )
    return found


def test_the_graphs_stand_in_the_page_and_it_says_how_to_read_them(records):
    page = lesson_page(records["autograd-basics"], "print()")
    assert page.count('<svg class="nodes"') == 3
    assert page.count("Read each graph from left to right") == 1
    for words in ("gradient 5.75", "gradient 14", "gradient 64", "gradient 33"):
        assert f">{words}</text>" in page


def test_a_page_without_graphs_does_not_speak_of_them(records):
    assert "Read each graph" not in lesson_page(records["sine-cubic"], "print()")


def test_lines_that_lie_on_each_other_take_turns(records):
    svg = lesson_figures(records["sine-cubic"])["the-curves-after-the-last-step"]
    dashes = re.findall(r"stroke-dasharray:(\d+) (\d+);stroke-dashoffset:-(\d+)", svg)
    length = int(dashes[0][0])
    assert [tuple(map(int, dash)) for dash in dashes] == [
        (length, 2 * length, place * length) for place in range(3)
    ]
    drawn = re.findall(r'<path class="(c\d)" d="([^"]*)"( style)?', svg)
    assert [(colour, bool(style)) for colour, _, style in drawn] == [
        ("c1", False),  # the sine
        ("c2", True),
        ("c3", True),
        ("c4", True),
    ]
    assert len({path for _, path, _ in drawn}) == 2
    assert svg.count('class="key c2 turn"') == 1
    assert 'class="key c1"' in svg
