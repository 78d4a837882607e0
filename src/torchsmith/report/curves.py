"""The learning curves."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from torchsmith.core.vocabulary import Metric
from torchsmith.report.charts import Series, line_chart
from torchsmith.report.text import PERCENT_METRICS, metric_title, number, percent
from torchsmith.train.history import EpochRecord


def learning_charts(history: Sequence[EpochRecord], metric: Metric) -> list[Markup]:
    """Draw losses, the main metric on the val part, and the learning rate by epoch.

    Args:
        history: What is known after each epoch.
        metric: The score that stands first.
    """
    if not history:
        return []
    best = max((record.epoch for record in history if record.best), default=0)
    mark = (float(best), f"best: epoch {best}") if best else None
    losses = [
        Series("training", [(r.epoch, r.train_loss) for r in history], "second"),
        *_series("validation", [(r.epoch, r.val_loss) for r in history]),
    ]
    charts = [line_chart(losses, title="Loss", x_title="epoch", mark=mark)]
    scores = _series(
        f"validation {metric_title(metric)}",
        [(r.epoch, r.metrics.get(metric)) for r in history],
    )
    if scores:
        percents = metric in PERCENT_METRICS
        write: Callable[[float], str] = percent if percents else number
        title = f"{metric_title(metric)} on the val part"
        charts.append(
            line_chart(
                scores,
                title=title[:1].upper() + title[1:],
                x_title="epoch",
                write=write,
                as_percent=percents,
                mark=mark,
            )
        )
    rates = [Series("learning rate", [(r.epoch, r.lr) for r in history])]
    charts.append(
        line_chart(rates, title="Learning rate", x_title="epoch", from_zero=True)
    )
    return charts


def _series(name: str, points: Sequence[tuple[int, float | None]]) -> list[Series]:
    known = [(float(x), y) for x, y in points if y is not None]
    return [Series(name, known)] if known else []
