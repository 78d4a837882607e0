"""Examples in a report: curves as small panels, and what stands beside them."""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from torchsmith.core.vocabulary import NOUNS, Kind
from torchsmith.core.wording import amount
from torchsmith.evaluate.evaluation import Evaluation, Mistake, Sample
from torchsmith.evaluate.shown import Trace
from torchsmith.report.charts import COLOURS
from torchsmith.report.scales import Axis, linear_axis
from torchsmith.report.text import clean, number

HEIGHT = 104
"""Of a panel, in pixels."""

COMPARABLE = 12.0
"""Channels whose ranges differ by more have a scale each."""


def sample_view(evaluation: Evaluation, kind: Kind) -> dict[str, Any]:
    """Return what the page shows of the examples of each class.

    Args:
        evaluation: With samples, or without.
        kind: What the examples are.
    """
    groups: dict[str, list[Sample]] = {}
    for sample in evaluation.samples:
        groups.setdefault(sample.target, []).append(sample)
    axes = trace_axes([one.trace for one in evaluation.samples if one.trace])
    return {
        "groups": [
            {
                "name": name,
                "pictures": [one for one in found if one.picture],
                "texts": [one for one in found if one.text],
                "panel": draw_traces([o.trace for o in found if o.trace], axes),
                "where": ", ".join(one.where for one in found),
                "examples": found[0].where
                if len(found) == 1
                else amount(len(found), NOUNS[kind]),
            }
            for name, found in groups.items()
        ],
        "wide": kind == "volumes",
        "curves": any(one.trace for one in evaluation.samples),
        "legend": legend([one.trace for one in evaluation.samples if one.trace], axes),
        "left_out": max(0, len(evaluation.classes) - len(groups)),
    }


def mistake_panels(mistakes: Sequence[Mistake]) -> dict[str, Any]:
    """Return the mistakes that are curves, each with its panel."""
    traced = [(one, one.trace) for one in mistakes if one.trace]
    traces = [found for _, found in traced]
    axes = trace_axes(traces)
    return {
        "panels": [(one, draw_traces([found], axes)) for one, found in traced],
        "legend": legend(traces, axes),
    }


def trace_axes(traces: Sequence[Trace]) -> tuple[Axis, ...]:
    """Choose an axis of values for each channel, the same for all panels.

    It is one axis for all channels where they can be compared, or one for each.
    """
    if not traces:
        return ()
    values = [
        [v for trace in traces for v in trace.values[place] if v is not None]
        for place in range(len(traces[0].channels))
    ]
    own = [linear_axis(found, num_ticks=3) for found in values]
    shared = linear_axis([v for found in values for v in found], num_ticks=3)
    narrowest = min(axis.high - axis.low for axis in own)
    if shared.high - shared.low <= COMPARABLE * narrowest:
        return (shared,) * len(own)
    return tuple(own)


def legend(traces: Sequence[Trace], axes: Sequence[Axis]) -> Markup:
    """Name the lines of panels, where there are several."""
    if not traces or len(traces[0].channels) < 2:
        return Markup("")
    first = traces[0]
    keys = Markup("").join(
        Markup('<span class="key {}"><bdi>{}</bdi></span>').format(colour, clean(name))
        for colour, name in zip(COLOURS, first.channels, strict=False)
    )
    more = first.num_channels - len(first.channels)
    notes = [f"{amount(more, 'more channel')} not drawn"] if more else []
    if len(set(axes)) > 1:
        ranges = (
            f"{clean(name)} {number(axis.low, 3)} to {number(axis.high, 3)}"
            for name, axis in zip(first.channels, axes, strict=True)
        )
        notes.append(f"each channel has a scale of its own: {', '.join(ranges)}")
    note = Markup("<small>{}</small>").format("; ".join(notes)) if notes else ""
    return Markup('<p class="legend">{}{}</p>').format(keys, note)


def draw_traces(
    traces: Sequence[Trace], axes: Sequence[Axis], height: int = HEIGHT
) -> Markup:
    """Draw a panel: several sequences of one channel, or one of several.

    Args:
        traces: With the same channels.
        axes: Of `trace_axes`.
        height: Of the panel, in pixels.
    """
    if not traces:
        return Markup("")
    body = Markup("")
    if len(set(axes)) == 1:
        for tick, label in zip(axes[0].ticks, axes[0].labels(), strict=True):
            body += Markup(
                '<line class="grid" x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>'
                '<text class="tick end" x="-6" y="{0:.1f}" dy=".32em">{1}</text>'
            ).format(height * (1 - axes[0].at(tick)), label)
    longest = max(trace.num_steps for trace in traces)
    body += Markup(
        '<line class="base" x1="0" x2="100%" y1="{0}" y2="{0}"/>'
        '<text class="tick start" x="0" y="{1}">1</text>'
        '<text class="tick end" x="100%" y="{1}">{2}</text>'
    ).format(height, height + 15, amount(longest, "step"))
    paths = Markup("").join(
        Markup('<path class="{}" d="{}"/>').format(
            "each" if len(trace.channels) == 1 and len(traces) > 1 else colour,
            _line(values, axis, height, trace.num_steps / longest),
        )
        for trace in traces
        for colour, values, axis in zip(
            ("main",) if len(trace.channels) == 1 else COLOURS,
            trace.values,
            axes,
            strict=False,
        )
    )
    names = ", ".join(traces[0].channels)
    return Markup(
        '<div class="plot"><svg role="img" aria-label="{0}" height="{1}">{2}'
        '<svg viewBox="0 0 1000 {1}" height="{1}" preserveAspectRatio="none" '
        'class="paths">{3}</svg></svg></div>'
    ).format(clean(f"{names}, {amount(longest, 'step')}"), height, body, paths)


def _line(values: Sequence[float | None], axis: Axis, height: int, share: float) -> str:
    """Return the commands of a path over a share of the panel's width."""
    last = max(len(values) - 1, 1)
    commands = []
    pen_down = False
    for place, value in enumerate(values):
        known = value is not None and math.isfinite(value)
        if value is not None and known:
            x, y = 1000 * share * place / last, height * (1 - axis.at(value))
            commands.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
            alone = not pen_down and (
                place + 1 == len(values) or values[place + 1] is None
            )
            if alone:  # a point between two gaps, seen by its round ends
                commands.append(f"L{x:.1f} {y:.1f}")
        pen_down = known
    return "".join(commands)
