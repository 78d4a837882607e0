"""An explanation as one HTML page."""

import numpy as np
from markupsafe import Markup

from torchsmith.explain.attributions import Attribution
from torchsmith.report.charts import Series, line_chart
from torchsmith.report.explained import Example, Explained
from torchsmith.report.graph_drawing import draw_graph
from torchsmith.report.heat_pictures import image, levels, limit_of, scale
from torchsmith.report.network_drawing import draw_network
from torchsmith.report.render import render_page
from torchsmith.report.rows import Row, bar_chart
from torchsmith.report.stretches import draw_stretches, draw_trace, draw_voxels
from torchsmith.report.text import number, percent
from torchsmith.report.weights import draw_activation, draw_weights

MOST_WEIGHTS = 12
MOST_ANSWERS = 12
MOST_COLUMNS = 25
_LEAST_ANSWERS = 3
_SEEN = 0.0005  # a smaller share is written as 0.0 %
_OF_VOLUMES = 4
_UNCHANGED = {"dropout", "shape"}
"""These give the values that they are given, outside of training."""


def render_explanation(explained: Explained) -> str:
    """Return an explanation as one page that loads nothing and runs nothing.

    Args:
        explained: What to show.
    """
    return render_page(
        "explanation.html.j2",
        title=explained.title,
        brand="Torchsmith explanation",
        explained=explained,
        graph="" if explained.graph is None else draw_graph(explained.graph),
        network="" if explained.layers is None else draw_network(explained.layers),
        rates=draw_rates(explained.rates, explained.num_steps),
        weights=[draw_weights(one) for one in explained.weights[:MOST_WEIGHTS]],
        most_weights=MOST_WEIGHTS,
        tables=[
            (name, facts)
            for name, facts in (
                ("The network's state_dict", explained.network_state),
                (
                    "The optimizer's state_dict, at the last step",
                    explained.optimizer_state,
                ),
            )
            if facts
        ],
        examples=[(example, _drawings(example)) for example in explained.examples],
    )


def draw_rates(rates: tuple[float, ...], num_steps: int) -> Markup:
    """Draw the learning rate over the steps of a training, before there is one.

    Args:
        rates: At steps that are evenly spread from the first to the last.
        num_steps: Of the whole training.
    """
    if not rates:
        return Markup("")
    steps = np.linspace(1, max(num_steps, 1), len(rates)).tolist()
    return line_chart(
        [Series("learning rate", list(zip(steps, rates, strict=True)))],
        title="Learning rate as planned",
        x_title="optimizer step",
        from_zero=True,
    )


def _drawings(example: Example) -> dict[str, object]:
    return {
        "answers": _answers(example),
        "activations": [
            draw_activation(one)
            for one in example.activations
            if one.kind not in _UNCHANGED
        ],
        "attribution": _attribution(example),
        "trace": draw_trace(example.trace) if example.trace else Markup(""),
    }


def _answers(example: Example) -> Markup:
    ordered = sorted(example.answers.items(), key=lambda pair: -pair[1])
    rows = [
        Row(name, share, percent(share), main=not place)
        for place, (name, share) in enumerate(ordered[:MOST_ANSWERS])
        if place < _LEAST_ANSWERS or share >= _SEEN
    ]
    return (
        bar_chart(rows, title="Probabilities of classes, the largest first")
        if rows
        else Markup("")
    )


def _attribution(example: Example) -> Markup:
    found = example.attribution
    if found is None:
        return Markup("")
    if found.columns:
        return _column_bars(found, example.towards)
    if found.edges:
        return draw_stretches(found, example)
    if found.values.ndim == _OF_VOLUMES:
        return draw_voxels(found, example)
    return _pixel_maps(found, example)


def _column_bars(found: Attribution, towards: str) -> Markup:
    order = np.argsort(-np.abs(found.values), kind="stable")[:MOST_COLUMNS]
    rows = [
        Row(
            found.columns[place],
            float(found.values[place]),
            number(float(found.values[place]), 3),
            main=bool(found.values[place] > 0),
        )
        for place in order.tolist()
    ]
    title = f"What each column added to the output for {towards} ({found.method})"
    return bar_chart(rows, title=title)


def _pixel_maps(found: Attribution, example: Example) -> Markup:
    # Of colour pictures, the channels are added up: a place is one thing to a reader.
    added = found.values.sum(axis=0)
    limit = limit_of(added)
    drawn = [
        (
            f"{found.method}: orange spoke for it, blue against",
            image(levels(added, limit), found.method),
        )
    ]
    if example.picture:
        picture = Markup(
            '<img src="data:image/png;base64,{}" alt="the example">'
        ).format(example.picture)
        drawn.insert(0, ("the example", picture))
    if found.saliency is not None:
        strength = found.saliency.max(axis=0)
        drawn.append(
            (
                "Saliency: where a small change changes the output most",
                image(levels(strength, limit_of(strength)), "Saliency"),
            )
        )
    figures = Markup("").join(
        Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(picture, text)
        for text, picture in drawn
    )
    return Markup(
        '<figure class="chart weight-maps"><figcaption><b>What spoke for {}</b>{}'
        '</figcaption><div class="maps square-maps">{}</div></figure>'
    ).format(example.towards, scale(limit), figures)
