"""What each section of the page shows, computed from the content."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torchsmith.core.vocabulary import LOWER_IS_BETTER, NOUNS, Metric
from torchsmith.core.wording import amount, sentence
from torchsmith.evaluate.evaluation import Evaluation, Rival, Score
from torchsmith.inspect.inspection import ColumnFacts
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import CHOSEN
from torchsmith.report.advice import (
    beats,
    main_score,
    next_steps,
    no_better_than_constant,
)
from torchsmith.report.annotated import plan_lines
from torchsmith.report.content import ReportContent
from torchsmith.report.curves import learning_charts
from torchsmith.report.doctor import doctor_view
from torchsmith.report.forecast import forecast_chart
from torchsmith.report.heat import MAX_CLASSES, heat_map, most_confused
from torchsmith.report.network_drawing import draw_network
from torchsmith.report.ranking import ranking_charts
from torchsmith.report.reliability import calibration_text, reliability_chart
from torchsmith.report.residuals import coverage_text, residual_charts
from torchsmith.report.rows import Row, bar_chart, dot_chart, mini_histogram
from torchsmith.report.shown import mistake_panels, sample_view
from torchsmith.report.text import (
    PERCENT_METRICS,
    difference_texts,
    folds_text,
    metric_title,
    number,
    percent,
    score_texts,
    share,
)
from torchsmith.report.weights import draw_weights
from torchsmith.train.history import restored_epoch

_MAX_CLASS_BARS = 40
_MAX_COLUMNS = 60
_MAX_FINDINGS = 12
_MAX_ROW_CELLS = 8
_MAX_IMPORTANCE = 25

SLICES_NOTE = (
    "Above: the slices through the middle, across depth, height and width. Below: seen "
    "through along the same axes, what is farther away darker."
)


def view(content: ReportContent) -> dict[str, Any]:
    """Return what the template shows, by name.

    Args:
        content: The finished run.
    """
    return {
        "content": content,
        "plan": content.plan,
        "inspection": content.inspection,
        "evaluation": content.evaluation,
        "network": content.network,
        "verdict": _verdict(content),
        "doctor": doctor_view(content),
        "steps": next_steps(content),
        "findings": _split(content.data_findings, _MAX_FINDINGS),
        "columns": _split(_columns(content), _MAX_COLUMNS),
        "class_bars": _class_bars(content),
        "changes": [(change, change.place) for change in content.inspection.changes],
        "plan_lines": plan_lines(content.plan, content.changed),
        "charts": learning_charts(
            content.history,
            content.evaluation.metric,
            content.plan,
            content.lr,
            content.evaluation.num_examples.get("train", 0),
        ),
        "epochs": _epochs(content),
        "engine_reason": _engine_reason(content.plan),
        "result": _result(content.evaluation, content.plan.problem.target),
        "mistakes": _mistakes(content.evaluation),
        "drawn_network": draw_network(content.layers) if content.layers else "",
        "drawn_weights": [draw_weights(one) for one in content.weights],
        "importance": _importance(content.evaluation),
        "noun": NOUNS[content.inspection.kind],
        "parts": _parts(content),
        "folds": folds_text(content.plan.split.num_folds),
        "samples": sample_view(content.evaluation, content.inspection.kind),
        "slices_note": SLICES_NOTE,
        "channels": _channels(content),
        "metric_names": sorted({m for r in content.history for m in r.metrics}),
    }


def _channels(content: ReportContent) -> list[tuple[str, float, float, float, float]]:
    facts = content.inspection.sequences
    if facts is None or not facts.low:
        return []
    columns = (facts.low, facts.mean, facts.deviation, facts.high)
    return list(zip(facts.channels, *columns, strict=True))[:_MAX_COLUMNS]


def _engine_reason(plan: Plan) -> str:
    """Return why a run chose its engine; empty where the person did."""
    reason = plan.reasons.get("training.engine", "")
    return reason.removeprefix(CHOSEN) if reason.startswith(CHOSEN) else ""


def _verdict(content: ReportContent) -> dict[str, Any]:
    evaluation = content.evaluation
    main = main_score(content)
    value, interval = score_texts(evaluation.metric, main[1]) if main else ("–", "")
    part = main[0] if main else "test"
    answers = [beats(rival) for rival in evaluation.rivals if rival.difference]
    if no_better_than_constant(content):
        tone = "bad"
    elif answers and all(answers):
        tone = "good"
    else:
        tone = "mixed" if answers else "plain"
    return {
        "value": value,
        "interval": interval,
        "part": part,
        "rows": evaluation.num_examples.get(part, 0),  # type: ignore[call-overload]
        "tone": tone,
        "chart": _rivals_chart(content),
        "missing": [r for r in evaluation.rivals if evaluation.metric not in r.scores],
        "scores": _score_table(evaluation, content.plan.split.num_folds),
    }


def _rivals_chart(content: ReportContent) -> Any:  # noqa: ANN401
    evaluation = content.evaluation
    metric = evaluation.metric
    main = main_score(content)
    if main is None:
        return ""
    part, score = main
    text, interval = score_texts(metric, score)
    rows = [
        Row(
            "this network",
            score.value,
            text,
            *_ends(score),
            note=interval,
            main=True,
        )
    ]
    rivals = [rival for rival in evaluation.rivals if metric in rival.scores]
    for rival in rivals if part == "test" else []:
        its = rival.scores[metric]
        text, interval = score_texts(metric, its)
        note = _comparison(metric, rival) or interval
        rows.append(Row(rival.title, its.value, text, *_ends(its), note=note))
    percents = metric in PERCENT_METRICS
    if len(rows) == 1:
        return ""
    title = f"{metric_title(metric)} on the {part} part, with 95\u00a0% intervals"
    return dot_chart(
        rows,
        title=sentence(title),
        as_percent=percents,
        bounds=_bounds(metric),
    )


def _ends(score: Score) -> tuple[float | None, float | None]:
    """Return the ends of an interval, None where there is none."""
    known = math.isfinite(score.low) and math.isfinite(score.high)
    return (score.low, score.high) if known else (None, None)


def _bounds(metric: Metric) -> tuple[float, float]:
    """Return the ends of what a metric can be."""
    if metric in LOWER_IS_BETTER:
        return 0.0, math.inf
    if metric in ("r2", "explained_variance"):
        return -math.inf, 1.0
    if metric in ("matthews_corrcoef", "cohen_kappa_score"):
        return -1.0, 1.0
    return 0.0, 1.0


def _comparison(metric: Metric, rival: Rival) -> str:
    if rival.difference is None:
        return ""
    answer = beats(rival)
    if answer is None:
        return "no difference beyond noise"
    size = difference_texts(metric, rival.difference)[0].lstrip("+−")
    return f"network {'better' if answer else 'worse'} by {size}"


def _parts(content: ReportContent) -> dict[str, int]:
    """Return how many examples each part has; with folds two parts are one."""
    counts = {str(part): rows for part, rows in content.evaluation.num_examples.items()}
    if content.plan.split.num_folds:
        rows = counts.pop("val", 0)
        counts.pop("train", None)
        counts = {"train and val": rows, **counts}
    return counts


def _score_table(evaluation: Evaluation, folds: int) -> dict[str, Any]:
    """One line per model, one column per metric; parts of the network apart."""
    metrics: list[Metric] = []
    for scores in (*evaluation.scores.values(), *(r.scores for r in evaluation.rivals)):
        metrics += [metric for metric in scores if metric not in metrics]
    lines: list[tuple[str, Mapping[Metric, Any], str]] = [
        (
            f"this network, {part}",
            evaluation.scores[part],
            "each row by the network that had not seen it"
            if folds and part == "val"
            else "",
        )
        for part in ("test", "val", "train")
        if part in evaluation.scores
    ]
    lines += [
        (f"this network, test after {changed.change.strip('{}')}", changed.scores, "")
        for changed in evaluation.robustness
    ]
    lines += [(f"{r.title}, test", r.scores, r.note) for r in evaluation.rivals]
    return {
        "metrics": metrics,
        "lines": [
            (
                name,
                [score_texts(m, scores[m]) if m in scores else None for m in metrics],
                note,
            )
            for name, scores, note in lines
        ],
    }


def _columns(content: ReportContent) -> list[dict[str, Any]]:
    return [
        {
            "facts": column,
            "missing": share(column.missing, content.inspection.num_examples),
            "range": _range(column),
            "chart": mini_histogram(
                [(one.label, one.count) for one in column.bins],
                title=f"{column.name}: how often each value occurs",
            ),
        }
        for column in content.inspection.columns
    ]


def _range(column: ColumnFacts) -> str:
    if column.first_date and column.last_date:
        return f"{column.first_date} – {column.last_date}"
    if column.kind == "boolean" and column.mean is not None:
        return f"{percent(column.mean)} true"
    if column.low is not None and column.high is not None:
        middle = "" if column.median is None else f", median {number(column.median)}"
        return f"{number(column.low)} – {number(column.high)}{middle}"
    return ", ".join(one.label for one in column.bins[:3])


def _class_bars(content: ReportContent) -> dict[str, Any]:
    target = content.inspection.target
    if target is None or not target.classes:
        return {"chart": "", "left_out": 0}
    total = sum(target.counts)
    noun = NOUNS[content.inspection.kind]
    rows = [
        Row(name, rows, f"{rows:,}", note=share(rows, total))
        for name, rows in zip(target.classes, target.counts, strict=True)
    ]
    left_out = max(0, len(rows) - _MAX_CLASS_BARS)
    if left_out:
        rows = sorted(rows, key=lambda row: -row.value)[:_MAX_CLASS_BARS]
    chart = bar_chart(
        rows, title=f"{noun.capitalize()}s of each class", columns=len(rows) > 5
    )
    return {"chart": chart, "left_out": left_out}


def _epochs(content: ReportContent) -> dict[str, Any]:
    best = restored_epoch(content.plan, content.history)
    seconds = sum(record.seconds for record in content.history)
    broken = (r.epoch for r in content.history if not math.isfinite(r.train_loss))
    return {
        "best": best.epoch if best else None,
        "broken": next(broken, None),
        "seconds": seconds,
        "count": amount(len(content.history), "epoch"),
    }


def _result(evaluation: Evaluation, target: str) -> dict[str, Any]:
    if evaluation.task == "regression":
        coverage = evaluation.coverage
        return {
            "forecast": forecast_chart(evaluation.forecast, target, coverage),
            "residuals": residual_charts(evaluation.residuals, target, coverage),
            "coverage": "" if coverage is None else coverage_text(coverage),
        }
    readable = len(evaluation.classes) <= MAX_CLASSES
    has_matrix = bool(evaluation.confusion)
    calibration = evaluation.calibration
    return {
        "reliability": reliability_chart(calibration),
        "calibration": "" if calibration is None else calibration_text(calibration),
        "ranking": ranking_charts(evaluation.curves),
        "areas": {curve.name: curve for curve in evaluation.curves}
        if len(evaluation.classes) > 2
        else {},
        "heat": heat_map(evaluation.classes, evaluation.confusion)
        if has_matrix and readable
        else "",
        "confused": most_confused(evaluation.classes, evaluation.confusion)
        if len(evaluation.classes) > 2
        else [],
        "weakest": sorted(evaluation.per_class, key=lambda scores: scores.f1)
        if not readable
        else evaluation.per_class,
    }


def _mistakes(evaluation: Evaluation) -> dict[str, Any]:
    """Pictures, curves, or rows with the columns that matter most first."""
    pictures = [o for o in evaluation.mistakes if o.picture and not o.row]
    as_rows = [o for o in evaluation.mistakes if o.row or not (o.picture or o.trace)]
    as_rows = [
        one.model_copy(update={"row": {"text": one.text}}) if one.text else one
        for one in as_rows
    ]
    seen = dict.fromkeys(name for one in as_rows for name in one.row)
    known = [one.column for one in evaluation.importance if one.column in seen]
    names = [*known, *(name for name in seen if name not in known)]
    return {
        "pictures": pictures,
        "rows": as_rows,
        **mistake_panels(evaluation.mistakes),
        "columns": names[:_MAX_ROW_CELLS],
        "num_columns": len(names),
        "by_importance": bool(known),
        "num_rivals": sum(one.name != "constant" for one in evaluation.rivals),
    }


def _importance(evaluation: Evaluation) -> Any:  # noqa: ANN401
    metric = evaluation.metric
    rows = [
        Row(
            one.column,
            one.drop.value,
            difference_texts(metric, one.drop)[0].lstrip("+"),
            *_ends(one.drop),
            main=one.drop.low > 0,
        )
        for one in evaluation.importance[:_MAX_IMPORTANCE]
    ]
    if not rows:
        return ""
    title = f"How much worse {metric_title(metric)} gets when a column is shuffled"
    return bar_chart(rows, title=title)


def _split(items: Sequence[Any], limit: int) -> tuple[Sequence[Any], Sequence[Any]]:
    """Divide into what is shown and what opens on demand, never for one item alone."""
    return (items, ()) if len(items) <= limit + 1 else (items[:limit], items[limit:])
