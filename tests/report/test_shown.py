import re

from tests.report import contents
from tests.report.test_render import Page
from torchsmith.report.render import render


def page_of(name):
    html = render(contents.ALL[name]())
    return Page(html), html


def test_sequences_are_curves_of_each_class_with_a_legend():
    page, html = page_of("sequences")
    assert page.says("Examples of each class")
    assert page.says("120 sequences")
    assert page.says("60–147, typically")
    panels = html.count('class="panels"')
    assert panels == 2  # the classes, and the mistakes
    assert len(re.findall(r'<path class="c1" d="M', html)) == 3 + 7
    assert page.says("each channel has a scale of its own: x ")
    assert page.says("<i>y</i>")
    assert page.says("missing values")
    assert page.says("The test sequences on which the network is worst")
    assert page.says("Sequences of each class")
    assert not page.says("row of")


def test_texts_are_shown_as_they_are_written():
    page, html = page_of("texts")
    assert page.says("김철수")
    assert "<script>alert" not in html
    assert page.says("\\u202eBrien")
    assert page.says("different characters")
    assert "a" * 400 + "…" in html
    assert "a" * 401 not in html


def test_pictures_are_so_high_and_so_wide_as_findings_and_the_plan_say():
    page, _ = page_of("many_classes")
    assert page.says("height × width, pixels48–1080 × 64–1920")
    assert page.says("pixel range0..255")


def test_volumes_are_slices_of_each_class():
    page, html = page_of("volumes")
    assert page.says("size, voxels20 × 16 × 24")
    assert page.says("the slices through the middle")
    assert html.count('<dl class="samples wide">') == 1
    assert html.count("data:image/png") >= 4 + 7
    assert page.says("test volumes")


def test_pictures_of_a_table_stand_beside_its_rows_and_for_each_class():
    page, html = page_of("photos")
    assert page.says("Examples of each class")
    samples, mistakes = html.split('<dl class="samples">')[1].split("</dl>", 1)
    assert samples.count("data:image/png") == 3 * 6
    assert 'alt="line 2: flat" title="line 2"' in html
    rows = mistakes.split('class="rows-table"')[1].split("</table>")[0]
    assert rows.count("data:image/png") == 7
    assert page.says("line 2")
    assert '<ul class="pictures"' not in html


def test_a_report_without_samples_has_no_heading_for_them():
    page, _ = page_of("regression")
    assert not page.says("Examples of each class")
    assert not page.says("Examples, from the lowest")
