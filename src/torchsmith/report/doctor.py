"""What the doctor says, as a section of the page."""

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from torchsmith.core.wording import amount
from torchsmith.doctor.catalogue import CATALOGUE
from torchsmith.doctor.diagnosis import Diagnosis, Reference
from torchsmith.doctor.signals import LayerSignals, Signals
from torchsmith.inspect.inspection import Finding, Moment
from torchsmith.plan.text import as_options
from torchsmith.report.charts import COLOURS, Series, line_chart
from torchsmith.report.content import ReportContent
from torchsmith.report.text import duration, number, percent

MOMENTS: dict[Moment, str] = {
    "before": "before training",
    "during": "in training",
    "after": "in the result",
}
"""When a finding was seen."""

_TITLES = {disease.code: disease.title for disease in CATALOGUE}


def doctor_view(content: ReportContent) -> dict[str, Any]:
    """Return what the section shows; empty where the doctor was not asked.

    Args:
        content: The finished run.
    """
    diagnosis = content.diagnosis
    if diagnosis is None:
        return {}
    known = content.data_findings
    found = [finding for finding in diagnosis.findings if finding not in known]
    serious = [finding for finding in found if finding.severity != "note"]
    notes = [finding for finding in found if finding.severity == "note"]
    return {
        "summary": _summary(diagnosis, serious),
        "of_data": any(f in known and f.severity != "note" for f in diagnosis.findings),
        "serious": [_told(one) for one in serious],
        "notes": [_told(one) for one in notes],
        "reference": _reference(diagnosis.reference, content),
        "charts": signal_charts(content.signals),
    }


def settings(finding: Finding) -> list[str]:
    """Return the changes of a finding as `--set` takes them.

    Args:
        finding: With changes of the plan.
    """
    return as_options(finding.changes)


def _told(finding: Finding) -> tuple[Finding, str, str]:
    """Return a finding with its title and when it was seen."""
    return finding, _TITLES.get(finding.code, ""), MOMENTS[finding.moment]


def _summary(diagnosis: Diagnosis, serious: Sequence[Finding]) -> str:
    errors = sum(finding.severity == "error" for finding in serious)
    warnings = len(serious) - errors
    found = [
        amount(number, noun)
        for number, noun in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    text = " and ".join(found) if found else "Nothing is wrong as far as it sees"
    first = f"; the likely cause is {serious[0].code}" if len(serious) > 1 else ""
    took = sum(diagnosis.seconds.values())
    looked = f" It looked for {duration(took)}." if took else ""
    ignored = ", ".join(diagnosis.ignored)
    return f"{text}{first}.{looked}" + f" Ignored: {ignored}." * bool(ignored)


def _reference(reference: Reference, content: ReportContent) -> list[tuple[str, str]]:
    """Return name and value of what simple rivals reach before training."""
    share = content.evaluation.task != "regression"
    score: Callable[[float], str] = percent if share else number
    name = "right" if share else "R²"
    values = (
        ("loss of chance", reference.chance_loss, number),
        (f"chance, {name}", reference.chance_score if share else None, score),
        ("loss of a simple model", reference.probe_loss, number),
        (f"simple model, {name}", reference.probe_score, score),
        ("loss before training", reference.initial_loss, number),
    )
    return [(title, write(v)) for title, v, write in values if v is not None]


def signal_charts(signals: Sequence[Signals]) -> list[Markup]:
    """Draw how much each layer changes and how many of its units are dead, by epoch.

    Args:
        signals: Sampled while the network trained.
    """
    if len(signals) < 2:
        return []
    ratios = _lines(signals, lambda layer: layer.update_ratio)
    dead = _lines(signals, lambda layer: layer.dead)
    saturated = _lines(signals, lambda layer: layer.saturated)
    charts = []
    if ratios:
        title = "Change of the weights in one step, as a share of their size"
        charts.append(line_chart(ratios, title=title, x_title="epoch"))
    for lines, title in ((dead, "Dead units"), (saturated, "Saturated units")):
        if lines:
            charts.append(
                line_chart(
                    lines, title=title, x_title="epoch", write=percent, as_percent=True
                )
            )
    return charts


def _lines(
    signals: Sequence[Signals], read: Callable[[LayerSignals], float | None]
) -> list[Series]:
    found: dict[str, list[tuple[float, float]]] = {}
    for sample in signals:
        for layer in sample.layers:
            if (value := read(layer)) is not None:
                found.setdefault(layer.name, []).append((float(sample.epoch), value))
    return [
        Series(name, points, colour)
        for (name, points), colour in zip(found.items(), COLOURS, strict=False)
        if len(points) > 1
    ]
