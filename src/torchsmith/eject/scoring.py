"""How the outputs of a script's network become scores."""

from typing import assert_never

from torchsmith.core.vocabulary import METRIC_TITLES, Metric
from torchsmith.eject.code import bracketed, function, joined
from torchsmith.eject.measures import AVERAGE_PRECISION, ROC_AUC, metric_source
from torchsmith.eject.monitoring import monitored_metric
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import has_scaled_target, num_outputs
from torchsmith.plan import losses


def is_unscaled(subject: Subject) -> bool:
    """Whether outputs are turned back into the target's own units."""
    return not subject.classes and has_scaled_target(subject)


def scores_function(subject: Subject) -> str:
    """Write how outputs become scores."""
    arguments = ["targets", "outputs"]
    if subject.classes:
        body = [*_probability_lines(subject)]
        about = "Turn outputs into probabilities of classes, and score these."
        metrics: list[Metric] = ["accuracy", "log_loss"]
    else:
        values = "outputs.double().numpy()[:, 0]"
        if is_unscaled(subject):
            arguments += ["mean", "deviation"]
            values += " * deviation + mean"
        body = [f"errors = targets - ({values})"]
        if not is_unscaled(subject):
            body = [f"errors = targets - {values}"]
        about = "Score the predictions in the target's own units."
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
    return joined([*(curves[name] for name in wanted if name in curves), scored])


def _monitored(subject: Subject) -> list[Metric]:
    name = monitored_metric(subject)
    return [metric for metric in METRIC_TITLES if metric == name]


def _probability_lines(subject: Subject) -> list[str]:
    """Write how outputs become probabilities, as the loss means them."""
    loss = subject.plan.loss
    one = num_outputs(subject) == 1
    both = "np.stack([1 - positive, positive], axis=1)"
    match loss:
        case losses.CrossEntropyLoss() | losses.NLLLoss():
            made = ["probabilities = outputs.double().softmax(dim=1).numpy()"]
        case losses.BCEWithLogitsLoss() if one:
            made = [
                "positive = outputs.double().sigmoid().numpy()[:, 0]",
                f"probabilities = {both}",
            ]
        case losses.BCELoss() if one:
            made = [
                "positive = outputs.double().numpy()[:, 0]",
                f"probabilities = {both}",
            ]
        case losses.BCEWithLogitsLoss():
            made = [
                "# Each output's sigmoid, as a share of their sum.",
                "logs = nn.functional.logsigmoid(outputs.double())",
                "probabilities = logs.softmax(dim=1).numpy()",
            ]
        case losses.BCELoss():
            made = ["values = outputs.double()", *_SHARES]
        case losses.MSELoss():
            made = [
                "values = outputs.double()",
                "values = values - values.amin(dim=1, keepdim=True).clamp(max=0)",
                *_SHARES,
            ]
        case losses.L1Loss() | losses.SmoothL1Loss() | losses.HuberLoss():
            raise AssertionError(loss)
        case _:
            assert_never(loss)
    return [*made, "predictions = probabilities.argmax(axis=1)"]


_SHARES = (
    "# Each output as a share of their sum; all equal where there is nothing to share.",
    "values = values.masked_fill(values.amax(dim=1, keepdim=True) <= 0, 1.0)",
    "probabilities = (values / values.sum(dim=1, keepdim=True)).numpy()",
)
