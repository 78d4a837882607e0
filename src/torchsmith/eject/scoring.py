"""How the outputs of a script's network become scores."""

from torchsmith.core.vocabulary import METRIC_TITLES, Metric
from torchsmith.eject.calibrating import (
    calibrated_loss_functions,
    is_calibrated,
    probabilities_function,
)
from torchsmith.eject.code import bracketed, function, joined
from torchsmith.eject.conformal import values_function
from torchsmith.eject.measures import AVERAGE_PRECISION, ROC_AUC, metric_source
from torchsmith.eject.monitoring import monitored_metric, monitors_calibrated
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import (
    has_clamped_target,
    has_scaled_target,
    unscaling,
)

_ABOUT_VALUES = "Score the predictions in the target's own units."


def is_unscaled(subject: Subject) -> bool:
    """Whether outputs are turned back into the target's own units."""
    return not subject.classes and has_scaled_target(subject)


def monitored_functions(subject: Subject) -> str:
    """Write how the outputs for the val part choose the best epoch, if they do."""
    if monitors_calibrated(subject):
        return calibrated_loss_functions(subject)
    return scores_function(subject) if monitored_metric(subject) else ""


def scores_function(subject: Subject) -> str:
    """Write how outputs become scores."""
    arguments = ["targets", "outputs"]
    if subject.classes:
        made = "" if monitors_calibrated(subject) else probabilities_function(subject)
        given = ["outputs"]
        if is_calibrated(subject):
            arguments.append("temperature=1.0")
            given.append("temperature")
        body = [
            f"probabilities = probabilities_of({', '.join(given)}).numpy()",
            "predictions = probabilities.argmax(axis=1)",
        ]
        about = "Score the probabilities of classes, and the likeliest of them."
        metrics: list[Metric] = ["accuracy", "log_loss"]
    elif made := values_function(subject):
        arguments += unscaling(subject)
        body = [f"errors = targets - values_of({', '.join(arguments[1:])})"]
        about = _ABOUT_VALUES
        metrics = ["rmse", "mae", "r2"]
    else:
        values = "outputs.double().numpy()[:, 0]"
        if is_unscaled(subject):
            arguments += unscaling(subject)
            values = f"({values} * deviation + mean)"
        body = [f"errors = targets - {values}"]
        if has_clamped_target(subject):
            body = [
                f"predictions = {values[1:-1]}",
                "errors = targets - predictions.clip(low, high)",
            ]
        about = _ABOUT_VALUES
        metrics = ["rmse", "mae", "r2"]
    main = subject.plan.problem.metric
    wanted = list(dict.fromkeys([main, *metrics, *_monitored(subject)]))
    items, needed = [], []
    for metric in wanted:
        source, lines = metric_source(metric, len(subject.classes))
        needed += [line for line in lines if line not in needed]
        items.append(f'"{metric}": float({source})')
    body += [*needed, bracketed("return {", items, "}", 1)]
    scored = function(f"scores({', '.join(arguments)})", about, body)
    curves = {"roc_auc": ROC_AUC, "average_precision": AVERAGE_PRECISION}
    return joined([made, *(curves[n] for n in wanted if n in curves), scored])


def _monitored(subject: Subject) -> list[Metric]:
    name = monitored_metric(subject)
    return [metric for metric in METRIC_TITLES if metric == name]
