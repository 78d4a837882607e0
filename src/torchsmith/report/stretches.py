"""What mattered of a sequence, under its curve, and of a volume, seen through."""

import numpy as np
from markupsafe import Markup

from torchsmith.evaluate.shown import Trace
from torchsmith.explain.attributions import Attribution
from torchsmith.report.explained import Example
from torchsmith.report.heat_pictures import image, levels, limit_of, scale
from torchsmith.report.shown import draw_traces, legend, trace_axes
from torchsmith.report.text import clean, number

_HEIGHT = 160
_STRIP = 16  # pixels that the strip of a channel is high
_AXES = ("depth", "height", "width")


def draw_trace(trace: Trace) -> Markup:
    """Draw a sequence over the width of the page, with its legend.

    Args:
        trace: Of `torchsmith.evaluate.shown`.
    """
    axes = trace_axes([trace])
    return Markup('<div class="attributed">{}{}</div>').format(
        legend([trace], axes), draw_traces([trace], axes, _HEIGHT)
    )


def draw_stretches(found: Attribution, example: Example) -> Markup:
    """Draw what each stretch of a sequence added to the output.

    Args:
        found: Of `step_attribution`.
        example: The sequence, as a curve or as a text.
    """
    limit = limit_of(found.values)
    if example.trace is None:
        body = _letters(found, limit, example.text)
    else:
        body = draw_trace(example.trace) + _strips(found, limit, example.trace)
    return Markup(
        '<figure class="chart"><figcaption><b>What spoke for {} ({}): orange for it, '
        "blue against</b>{}</figcaption>{}</figure>"
    ).format(clean(example.towards), found.method, scale(limit), body)


def draw_voxels(found: Attribution, example: Example) -> Markup:
    """Draw what the voxels added to the output, added up along each axis.

    Args:
        found: With values `(C, D, H, W)`.
        example: The volume, as a picture.
    """
    voxels = found.values.sum(axis=0)
    planes = [voxels.sum(axis=axis) for axis in range(3)]
    limit = limit_of(*planes)
    drawn = [
        (f"added up along {name}", image(levels(plane, limit), f"along {name}"))
        for name, plane in zip(_AXES, planes, strict=True)
    ]
    if example.picture:
        picture = Markup(
            '<img src="data:image/png;base64,{}" alt="the example">'
        ).format(example.picture)
        drawn.insert(0, ("the example: slices, and seen through", picture))
    figures = Markup("").join(
        Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(picture, text)
        for text, picture in drawn
    )
    return Markup(
        '<figure class="chart weight-maps"><figcaption><b>What spoke for {} ({}): '
        'orange for it, blue against</b>{}</figcaption><div class="maps square-maps">'
        "{}</div></figure>"
    ).format(clean(example.towards), found.method, scale(limit), figures)


def _strips(found: Attribution, limit: float, trace: Trace) -> Markup:
    names = [*trace.channels]
    names += [f"channel {place + 1}" for place in range(len(names), len(found.values))]
    alone = len(names) == 1
    strips = Markup("").join(
        Markup('<span title="{0}"><bdi>{1}</bdi></span>{2}').format(
            clean(name),
            "" if alone else clean(name),
            image(levels(row[None], limit), f"{name}: {_said(found, row)}"),
        )
        for name, row in zip(names, found.values, strict=True)
    )
    return Markup('<div class="strips" style="--strip:{}px">{}</div>').format(
        _STRIP * (2 if alone else 1), strips
    )


def _said(found: Attribution, row: np.ndarray) -> str:
    """Name the stretch that counts most, for who cannot see the colours."""
    most = int(np.abs(row).argmax())
    return (
        f"most from step {found.edges[most] + 1} to {found.edges[most + 1]}, "
        f"{number(float(row[most]), 3)}"
    )


def _letters(found: Attribution, limit: float, text: str) -> Markup:
    """Colour each letter by what its stretch added."""
    values = np.repeat(found.values[0], np.diff(found.edges))
    letters = Markup("").join(
        Markup('<span class="{}" style="--t:{:.2f}" title="{}">{}</span>').format(
            "for" if value > 0 else "against",
            min(abs(value) / limit, 1.0),
            number(float(value), 3),
            clean(letter),
        )
        for letter, value in zip(text, values.tolist(), strict=False)
    )
    return Markup('<p class="letters">{}</p>').format(letters)
