"""The page as text."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.report import contents
from torchsmith.data.split import Folds
from torchsmith.report.render import render

_TAGS = """
    html head meta title link style body header nav main section footer div p h1 h2 h3
    span bdi b small a ol ul li dl dt dd code pre table thead tbody tr th td details
    summary figure figcaption img svg line text path circle rect polygon
"""
ALLOWED_TAGS = frozenset(_TAGS.split())


class Page(HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "link", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def says(self, words: str) -> bool:
        return words in re.sub(r"\s+", " ", "".join(self.text))


@pytest.mark.parametrize("name", contents.ALL)
def test_every_page_is_well_formed_and_small(name):
    html = render(contents.ALL[name]())
    page = Page(html)
    assert page.open == []
    assert page.tags <= ALLOWED_TAGS
    assert len(html.encode()) < 1_000_000


def test_hostile_names_are_text_and_nothing_else():
    html = render(contents.hostile())
    page = Page(html)
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.says("<script>alert(1)</script>")
    assert "\u202e" not in html
    assert page.says("fdp\\u202excod.exe")
    assert page.says("\\udcff")


@pytest.mark.parametrize("name", contents.ALL)
def test_a_page_names_no_address(name):
    page = Page(render(contents.ALL[name]()))
    addresses = [v for n, v in page.attributes if n in {"src", "href", "xlink:href"}]
    assert all(value.startswith(("#", "data:")) for value in addresses)


def test_ids_are_unique_and_every_link_has_its_target():
    page = Page(render(contents.images()))
    ids = [value for name, value in page.attributes if name == "id"]
    links = [
        value[1:] for n, value in page.attributes if n == "href" and value[0] == "#"
    ]
    assert len(ids) == len(set(ids))
    assert set(links) <= set(ids)


def test_the_verdict_says_score_interval_rivals_and_next_steps():
    page = Page(render(contents.regression()))
    assert page.says("49,213")
    assert page.says("interval 48,003 – 50,423")
    assert page.says("network worse by 2,733")
    assert page.says("What to try next")


def test_names_of_code_in_what_to_try_next_are_shown_as_code():
    typed = "torchsmith train plan.yaml --epochs 9"
    content = replace(contents.images(), outlook="More would help.", longer=typed)
    steps = render(content).partition("What to try next")[2].partition("</ol>")[0]
    assert f"Train longer: <code>{typed}</code>." in steps
    assert "`" not in steps


def test_all_weights_are_shown_by_a_command_that_can_be_typed():
    typed = "torchsmith explain runs/first --open"
    assert f"<code>{typed}</code>" in render(replace(contents.images(), inside=typed))


def test_the_data_section_tells_changes_with_their_lines():
    page = Page(render(contents.regression()))
    assert page.says("empty text read as missing")
    assert page.says("lines 292, 343, 540, 565, 698 and 202 more")
    assert page.says("line 17")


def test_a_rival_that_failed_is_told():
    assert Page(render(contents.binary())).says(
        "Not compared: gradient-boosted trees (failed to fit)."
    )


def test_a_loss_that_broke_down_is_told():
    page = Page(render(contents.no_better_than_constant()))
    assert page.says("From epoch 6 on the loss is not a finite number")


def test_many_classes_are_pairs_and_not_a_matrix():
    many, few = render(contents.many_classes()), render(contents.images())
    assert 'class="heat' not in many
    assert 'class="heat' in few
    assert Page(many).says("Most often confused")
    assert Page(many).says("weakest first")


def test_the_most_important_columns_of_mistakes_come_first():
    html = render(contents.regression())
    table = html[html.index('class="rows-table"') :]
    assert table.index("latitude") < table.index("median_income")
    assert Page(html).says("8 of 10 columns, the most important first")


def test_a_run_without_epochs_rivals_or_a_test_part_still_renders():
    content = contents.one_epoch()
    bare = content.evaluation.model_copy(
        update={"scores": {}, "confusion": (), "per_class": (), "num_examples": {}}
    )
    page = Page(
        render(type(content)(**{**vars(content), "evaluation": bare, "history": []}))
    )
    assert page.says("No epoch was finished.")


def test_a_page_says_how_rows_are_divided_into_folds():
    plain = contents.binary()
    split = plain.plan.split.model_copy(update={"val": Folds(folds=5)})
    plan = plain.plan.model_copy(update={"split": split})
    rows = plain.evaluation.num_examples["train"]
    counts = {**plain.evaluation.num_examples, "val": rows}
    evaluation = plain.evaluation.model_copy(update={"num_examples": counts})
    layers = replace(contents.drawn_layers(), copies=5)
    changed = replace(plain, plan=plan, evaluation=evaluation, layers=layers)
    page = Page(render(changed))
    assert page.says("Train and val are the same rows, in 5 folds")
    assert page.says(f"train and val{rows:,}")
    assert page.says("in 5 networks side by side")
    assert not Page(render(plain)).says("folds")


def test_a_training_that_the_clock_ended_is_not_said_to_be_repeatable():
    content = contents.binary()
    assert Page(render(content)).says("give the same weights on the CPU")
    page = Page(render(replace(content, timed=True)))
    assert not page.says("give the same weights on the CPU")
    assert page.says("training.seconds ended this training: another may end at another")


def test_mistakes_of_classes_say_by_what_they_are_sorted():
    order = "those to whose class it gave the least probability"
    assert Page(render(contents.images())).says(order)
    assert not Page(render(contents.regression())).says(order)
