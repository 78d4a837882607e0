import numpy as np
import pytest

from tests.report.test_render import Page
from torchsmith.evaluate.shown import trace
from torchsmith.explain.attributions import Attribution
from torchsmith.report.explained import Example
from torchsmith.report.shown import draw_traces, legend, trace_axes
from torchsmith.report.stretches import draw_stretches, draw_voxels


def curve(*channels):
    steps = np.array(channels, np.float32).T
    return trace(steps, tuple(f"c{i}" for i in range(len(channels))))


def attributed(values, edges=()):
    values = np.array(values, np.float64)
    return Attribution("Method", values, (), 1.0, 0.0, edges=edges)


def test_channels_that_can_be_compared_share_a_scale_and_others_have_their_own():
    close = curve([1, 2, 3], [2, 4, 6])
    one, other = trace_axes([close])
    assert one == other
    far = curve([1, 2, 3], [1_000, 2_000, 9_000])
    small, large = trace_axes([far])
    assert small.high < 5
    assert large.high > 8_000
    assert "scale of its own" in legend([far], [small, large])
    assert 'class="tick end" x="-6"' not in draw_traces([far], [small, large])


def test_one_channel_needs_no_legend_and_many_are_counted():
    assert not legend([curve([1, 2])], trace_axes([curve([1, 2])]))
    many = curve(*[[1, 2]] * 8)
    assert "2 more channels not drawn" in legend([many], trace_axes([many]))


def test_a_gap_breaks_a_line_and_a_lone_point_is_seen():
    found = curve([1, np.nan, 2, np.nan, 3, 4])
    drawn = draw_traces([found], trace_axes([found]))
    path = drawn.split('<path class="main" d="')[1].split('"')[0]
    assert path.count("M") == 3
    assert path.count("L") == 3  # two points to themselves, and one line


def test_shorter_sequences_end_before_the_longest():
    found = [curve([1, 2, 3, 4]), curve([1, 2])]
    drawn = draw_traces(found, trace_axes(found))
    ends = [path.split('"')[0].split("L")[-1] for path in drawn.split(' d="')[1:]]
    assert float(ends[0].split()[0]) == 1000
    assert float(ends[1].split()[0]) == 500


def test_a_name_of_a_channel_is_text_and_nothing_else():
    found = trace(np.ones((3, 2)), ("<script>", "a\u202eb"))
    html = legend([found], trace_axes([found])) + draw_traces(
        [found], trace_axes([found])
    )
    assert "<script>" not in html
    assert "\u202e" not in html


def test_stretches_stand_under_their_curve_and_say_where_most_lies():
    example = Example("", "", trace=curve([1, 2, 3, 4], [1, 2, 3, 4]), towards="a")
    found = attributed([[0.5, -2.0], [0, 0.1]], edges=(0, 2, 4))
    html = draw_stretches(found, example)
    page = Page(html)
    assert page.open == []
    assert "c0: most from step 3 to 4, −2" in html
    assert html.count('class="plot"') == 1


def test_letters_are_coloured_by_what_they_add():
    found = attributed([[1.0, -0.5, 0.0]], edges=(0, 1, 2, 3))
    html = draw_stretches(found, Example("", "", text="a<b", towards="x"))
    assert '<span class="for" style="--t:1.00" title="1">a</span>' in html
    assert '<span class="against" style="--t:0.50" title="−0.5">&lt;</span>' in html


@pytest.mark.parametrize("channels", [1, 2])
def test_voxels_are_added_up_along_each_axis(channels):
    found = attributed(np.ones((channels, 2, 3, 4)))
    html = draw_voxels(found, Example("", "", towards="a"))
    assert all(f"along {axis}" in html for axis in ("depth", "height", "width"))
    assert html.count("<img") == 3 + 1  # and the scale
