"""The page in a real browser."""

from pathlib import Path

import pytest

from tests.report import contents
from torchsmith.report.render import render

SECTIONS = [
    "verdict",
    "data",
    "plan",
    "network",
    "learning",
    "result",
    "mistakes",
    "inside",
    "repeat",
]
OVERFLOW = """() => [...document.querySelectorAll('body *')].filter(e =>
  !e.closest('.scroll, svg, pre, .long, .row .name, .where')
  && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 80))
"""
CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, under) => {
    const a = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map(i => a * top[i] + (1 - a) * under[i]);
  };
  const ground = e => e ? over(parse(getComputedStyle(e).backgroundColor),
    ground(e.parentElement)) : [255, 255, 255];
  const bad = new Set();
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || e.tagName === 'title') continue;
    const style = getComputedStyle(e);
    const ink = parse(e.tagName === 'text' ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.add(e.outerHTML.slice(0, 90));
  }
  return [...bad];
}"""


@pytest.fixture(params=contents.ALL)
def file(request, tmp_path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(render(contents.ALL[request.param]()), encoding="utf-8")
    return path


VIEWS = [(1280, "light"), (390, "dark"), (360, "light")]


def assert_fits(page):
    """Look at a page in each view: nothing sticks out, and all can be read."""
    for width, scheme in VIEWS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOW) == []
        if width != VIEWS[-1][0]:
            assert page.evaluate(CONTRAST) == []


def test_a_page_asks_for_nothing_says_nothing_and_fits(browser, file):
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(file.as_uri())
    assert_fits(page)
    sections = page.eval_on_selector_all("section", "all => all.map(e => e.id)")
    page.close()
    assert [name for name in sections if name != "doctor"] == SECTIONS
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == []


def test_a_printed_page_is_light_even_in_the_dark(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(contents.images()), encoding="utf-8")
    page = browser.new_page(color_scheme="dark")
    page.goto(path.as_uri())
    ink = "getComputedStyle(document.querySelector('.sentence')).color"
    dark = page.evaluate(ink)
    page.emulate_media(media="print")
    light = page.evaluate(ink)
    page.close()
    assert dark == "rgb(229, 231, 235)"
    assert light == "rgb(29, 33, 41)"
