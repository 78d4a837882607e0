"""The learning curves."""

from collections.abc import Callable, Sequence
from typing import Literal

from markupsafe import Markup

from torchsmith.core.vocabulary import CALIBRATED_LOSS, Metric
from torchsmith.core.wording import sentence
from torchsmith.nn.schedules import learning_rates
from torchsmith.plan.averaging import SWA
from torchsmith.plan.plan import Plan
from torchsmith.plan.schedules import ReduceLROnPlateau
from torchsmith.report.charts import Colour, Series, line_chart
from torchsmith.report.text import PERCENT_METRICS, metric_title, number, percent
from torchsmith.train.batches import steps_in_epoch
from torchsmith.train.history import EpochRecord, restored_epoch

MOST_STEPS = 100_000
"""The planned rate of a longer training is not drawn; it would take seconds."""


def learning_charts(
    history: Sequence[EpochRecord],
    metric: Metric,
    plan: Plan,
    lr: float,
    num_train: int,
) -> list[Markup]:
    """Draw losses, the main metric on the val part, and the learning rate by epoch.

    Args:
        history: What is known after each epoch.
        metric: The score that stands first.
        plan: Says how the learning rate was planned to go.
        lr: The rate that it goes from, of the parameters whose rate is recorded.
        num_train: Examples of the training part; 0 where that is not known.
    """
    if not history:
        return []
    best = restored_epoch(plan, history)
    mark = (float(best.epoch), f"best: epoch {best.epoch}") if best else None
    calibrated = [(r.epoch, r.metrics.get(CALIBRATED_LOSS)) for r in history]
    losses = [
        Series("training", [(r.epoch, r.train_loss) for r in history], "second"),
        *_series("validation", [(r.epoch, r.val_loss) for r in history]),
        *_series("validation, calibrated", calibrated, "c3"),
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
                title=sentence(title),
                x_title="epoch",
                write=write,
                as_percent=percents,
                mark=mark,
            )
        )
    # The guard may have ended the last epoch, or the first, before its last step.
    steps = steps_in_epoch(num_train, plan.training) or history[0].step
    used = [(r.step / steps, r.lr) for r in history]
    rates = [Series("of each epoch's last step", used)]
    if planned := planned_rates(plan, lr, steps):
        rates.insert(0, Series("planned", planned, "second"))
    charts.append(
        line_chart(rates, title="Learning rate", x_title="epoch", from_zero=True)
    )
    return charts


def planned_rates(
    plan: Plan, lr: float, steps_per_epoch: int
) -> list[tuple[float, float]]:
    """Return epoch and rate along the planned training; empty where none is planned.

    The first step of a training is at 0 epochs, and the last at all of them.
    """
    epochs = plan.training.epochs
    by_loss = isinstance(plan.schedule, ReduceLROnPlateau)
    by_average = isinstance(plan.averaging, SWA) and plan.averaging.swa_lr is not None
    total = epochs * steps_per_epoch
    if plan.schedule is None or by_loss or by_average or not 1 < total <= MOST_STEPS:
        return []
    rates = learning_rates(plan.schedule, lr, epochs, steps_per_epoch, most=400)
    return [(epochs * i / (len(rates) - 1), rate) for i, rate in enumerate(rates)]


def _series(
    name: str,
    points: Sequence[tuple[int, float | None]],
    style: Literal["main"] | Colour = "main",
) -> list[Series]:
    known = [(float(x), y) for x, y in points if y is not None]
    return [Series(name, known, style)] if known else []
