"""The part of a script that scores the network on the test part."""

from typing import assert_never

from torchsmith.core.vocabulary import METRIC_TITLES, Metric
from torchsmith.eject.code import Section, block, bracketed, function, joined
from torchsmith.eject.loop import monitored_metric
from torchsmith.eject.losses import num_outputs
from torchsmith.eject.preparing import has_scaled_target
from torchsmith.eject.subject import Subject
from torchsmith.plan import losses
from torchsmith.train.model import BATCH_SIZE


def evaluate_section(subject: Subject) -> Section:
    """Write how the test part is scored."""
    scored = [predict_function(), scores_function(subject)]
    arguments = ", ".join(score_arguments(subject, "test", "outputs"))
    steps = [
        "outputs = predict(network, test_set)",
        f"test_scores = scores({arguments})",
        block(
            "for name, value in test_scores.items():",
            ['print(f"test {name}: {value:.4f}")'],
        ),
    ]
    if monitored_metric(subject):
        scored = scored[:1]
    return Section(
        "Evaluate",
        "The test part is looked at once, when all choices are made.",
        joined(scored),
        tuple(steps),
    )


def predict_function() -> str:
    """Write how the outputs of all examples are computed."""
    body = [
        "network.eval()",
        f"batches = torch.arange(len(data)).split({BATCH_SIZE})",
        "return torch.cat([network(data[rows][0]) for rows in batches]).cpu()",
    ]
    about = "Return the outputs for all examples, without dropout or gradients."
    return function("predict(network, data)", about, body, "@torch.inference_mode()")


def score_arguments(subject: Subject, part: str, outputs: str) -> list[str]:
    """Return what the function `scores` is called with."""
    scale = ["mean", "deviation"] if _is_unscaled(subject) else []
    return [f"targets[{part}]", outputs, *scale]


def _is_unscaled(subject: Subject) -> bool:
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
        if _is_unscaled(subject):
            arguments += ["mean", "deviation"]
            values += " * deviation + mean"
        body = [f"errors = targets - ({values})"]
        if not _is_unscaled(subject):
            body = [f"errors = targets - {values}"]
        about = "Score the predictions in the target's own units."
        metrics = ["rmse", "mae", "r2"]
    main = subject.plan.problem.metric
    wanted = list(dict.fromkeys([main, *metrics, *_monitored(subject)]))
    items, needed = [], []
    for metric in wanted:
        source, lines = metric_source(metric)
        needed += [line for line in lines if line not in needed]
        items.append(f'"{metric}": float({source})')
    body += [*needed, bracketed("return {", items, "}", 1)]
    return function(f"scores({', '.join(arguments)})", about, body)


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
_OWN = (
    "own = probabilities[np.arange(len(targets)), targets]",
    "tiny = np.finfo(np.float64).eps  # a sure mistake is costly, not infinite",
)
_TABLE = (
    "cells = targets * len(CLASSES) + predictions",
    "table = np.bincount(cells, minlength=len(CLASSES) ** 2)",
    "table = table.reshape(len(CLASSES), -1)  # row: target, column: prediction",
)


def metric_source(metric: Metric) -> tuple[str, tuple[str, ...]]:
    """Return the expression of a metric, and the statements that it needs."""
    match metric:
        case "accuracy":
            return "np.mean(predictions == targets)", ()
        case "log_loss":
            return "-np.log(np.clip(own, tiny, 1 - tiny)).mean()", _OWN
        case "rmse":
            return "np.sqrt(np.mean(np.square(errors)))", ()
        case "mae":
            return "np.mean(np.abs(errors))", ()
        case "r2":
            centred = ("centred = targets - targets.mean()",)
            return "1 - np.sum(errors**2) / np.sum(centred**2)", centred
        case _:
            raise NotImplementedError(metric)
