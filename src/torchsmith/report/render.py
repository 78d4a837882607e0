"""From content to HTML."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from torchsmith.core.wording import amount, sentence
from torchsmith.report import text
from torchsmith.report.content import ReportContent
from torchsmith.report.doctor import settings
from torchsmith.report.view import view


def render(content: ReportContent) -> str:
    """Return the report as one HTML page that needs nothing else.

    The page loads nothing and runs nothing. Every name from the data is escaped, and
    characters that reorder or hide text are shown as their escapes.

    Args:
        content: The finished run.
    """
    return _environment().get_template("report.html.j2").render(view(content))


def render_page(template: str, **names: object) -> str:
    """Return a page of one of our templates; what it shows is escaped as in `render`.

    Args:
        template: Its file.
        **names: What it shows.
    """
    return _environment().get_template(template).render(**names)


def value_text(value: float | str) -> str:
    """Write a value of a table: numbers rounded, truths as words, texts as they are."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else text.number(value)


def prose(words: str) -> Markup:
    """Write a text in which names of code stand between backticks."""
    pieces = [escape(text.clean(piece)) for piece in words.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else piece
        for place, piece in enumerate(pieces)
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("torchsmith.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=text.number,
        percent=text.percent,
        share=text.share,
        duration=text.duration,
        count=amount,
        sentence=sentence,
        metric=text.metric_title,
        value=value_text,
        prose=prose,
        settings=settings,
    )
    return environment


def _clean(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str) and not isinstance(value, Markup):
        return text.clean(value)
    return value
