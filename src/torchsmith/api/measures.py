"""The metrics of `fit`: names, functions, and objects of torchmetrics."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, get_args, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from torchsmith.core.errors import PlanError, TorchsmithError, TrainError
from torchsmith.core.vocabulary import (
    LOWER_IS_BETTER,
    Metric,
    metric_hint,
    metrics_for,
)
from torchsmith.metrics.score import is_regression, score
from torchsmith.nn.losses import LossFunction, probabilities
from torchsmith.plan import losses
from torchsmith.train.loop import ScoreFunction
from torchsmith.train.rehearsal import shape_of

ScoreOf = Callable[[Tensor, Tensor], float]
"""From all outputs and all targets to a number."""


@runtime_checkable
class CollectingMetric(Protocol):
    """What a `torchmetrics.Metric` can do; torchmetrics itself is not needed."""

    def reset(self) -> object:
        """Forget what was collected."""

    def update(self, outputs: Tensor, targets: Tensor) -> object:
        """Collect outputs and targets."""

    def compute(self) -> Any:  # noqa: ANN401 -- a number, in whatever form
        """Return the score of what was collected."""


Measure = str | ScoreOf | CollectingMetric
Measures = str | Iterable[Measure] | Mapping[str, Measure]

_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a metric raises that does not fit its outputs or targets."""


def by_name(measures: Measures | None) -> dict[str, Measure]:
    """Give each metric a name: its own, or that of its class or function.

    Raises:
        PlanError: A name is no metric, stands twice, or something cannot score.
    """
    if measures is None:
        return {}
    if isinstance(measures, Mapping):
        named = [(str(name), measure) for name, measure in measures.items()]
    else:
        listed = [measures] if isinstance(measures, str) else list(measures)
        named = [(_own_name(measure), measure) for measure in listed]
    found: dict[str, Measure] = {}
    for name, measure in named:
        if isinstance(measure, str) and measure not in (known := get_args(Metric)):
            near = metric_hint(measure, known) or f"; there are: {', '.join(known)}"
            raise PlanError(f"fit: metrics: there is no {measure!r}{near}")
        if isinstance(measure, type) or not isinstance(
            measure, str | Callable | CollectingMetric
        ):
            raise PlanError(
                f"fit: metrics: {name!r} is {measure!r}; give a name such as "
                "'accuracy', a function of outputs and targets, or an object (not the "
                "class) of torchmetrics"
            )
        if name in found:
            raise PlanError(
                f"fit: metrics: two are called {name!r}; give them as a mapping from "
                "a name of yours to each"
            )
        found[name] = measure
    return found


def lower_is_better(measures: Mapping[str, Measure]) -> frozenset[str]:
    """Return the names of those scores of which low values are good.

    A function's is told by its name alone, an object of torchmetrics says so itself.
    """
    lower = set(LOWER_IS_BETTER)
    for name, measure in measures.items():
        if isinstance(measure, str):
            higher: bool | None = measure not in LOWER_IS_BETTER
        else:
            higher = getattr(measure, "higher_is_better", None)
        if higher is False:
            lower.add(name)
        elif higher:
            lower.discard(name)
    return frozenset(lower)


def score_function(
    measures: Mapping[str, Measure], loss: LossFunction, device: torch.device
) -> ScoreFunction | None:
    """Return what computes all metrics from the outputs and targets of a part.

    There are none, and it is None, without measures where the loss is not that of
    classes.

    Args:
        measures: From `by_name`.
        loss: Says what the outputs are: of `BCELoss` probabilities, of others logits.
        device: Where objects of torchmetrics shall collect.
    """
    if not (measures or isinstance(loss, nn.CrossEntropyLoss)):
        return None
    for measure in measures.values():
        if isinstance(measure, nn.Module):
            measure.to(device)

    def scores(outputs: Tensor, targets: Tensor) -> dict[str, float]:
        found = {
            name: _one(name, measure, outputs, targets, loss)
            for name, measure in measures.items()
        }
        if isinstance(loss, nn.CrossEntropyLoss) and "accuracy" not in found:
            found |= _accuracy(outputs, targets, loss)
        return found

    return scores


def _accuracy(
    outputs: object, targets: object, loss: nn.CrossEntropyLoss
) -> dict[str, float]:
    """Return the share of examples, or of their places, whose class is right.

    Of targets that are probabilities it is the most probable class. It is left out
    where a loss of one's own takes something else.
    """
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
        return {}
    if targets.shape == outputs.shape:
        right = outputs.argmax(dim=1) == targets.argmax(dim=1)
    elif targets.shape == _places(outputs):
        right = (outputs.argmax(dim=1) == targets)[targets != loss.ignore_index]
    else:
        return {}
    return {"accuracy": right.cpu().double().mean().item()}


def _places(outputs: Tensor) -> torch.Size:
    """Return the shape of class codes for outputs `(N, K)` or `(N, K, …)`."""
    return outputs.shape[:1] + outputs.shape[2:]


def _own_name(measure: Measure) -> str:
    if isinstance(measure, str):
        return measure
    return str(getattr(measure, "__name__", type(measure).__name__))


def _one(
    name: str, measure: Measure, outputs: Tensor, targets: Tensor, loss: LossFunction
) -> float:
    given: object = outputs  # what a person's module gives, whatever is hoped for
    if isinstance(measure, str) and not isinstance(given, Tensor):
        raise TrainError(
            f"metrics: {name!r} scores outputs that are one tensor, and the network "
            f"gives a {type(given).__name__}; give a function of outputs and targets"
        )
    try:
        if isinstance(measure, str):
            return _by_its_name(measure, outputs, targets, loss)
        if isinstance(measure, CollectingMetric):
            value = _collected(measure, outputs, targets)
        else:
            value = measure(outputs, targets)
        return _number(name, value)
    except TorchsmithError:
        raise
    except _FAILURES as error:
        reason = str(error).strip().partition("\n")[0]
        raise TrainError(
            f"metrics: {name!r} cannot score outputs {shape_of(outputs)} against "
            f"targets {shape_of(targets)}: {type(error).__name__}: {reason}"
        ) from error


def _collected(measure: CollectingMetric, outputs: Tensor, targets: Tensor) -> object:
    measure.reset()
    with torch.no_grad():
        # Losses of one logit want targets as floats, metrics of classes want codes.
        of_classes = type(measure).__module__.startswith("torchmetrics.classification")
        if of_classes and targets.is_floating_point():
            whole = targets.long()
            targets = (
                whole if torch.equal(whole.to(targets.dtype), targets) else targets
            )
        measure.update(outputs, targets)
        return measure.compute()


def _number(name: str, value: object) -> float:
    if isinstance(value, Tensor | np.ndarray | np.generic):
        shape = tuple(value.shape)
        if np.prod(shape, dtype=int) == 1:
            return float(value.reshape(()).item())
        what = f"a tensor of shape {shape}"
    elif isinstance(value, int | float):
        return float(value)
    else:
        what = f"a {type(value).__name__}"
    raise TrainError(
        f"metrics: {name!r} gives {what}, not one number; choose an average, such as "
        "average='macro', or give a function that picks one"
    )


def _by_its_name(
    measure: str, outputs: Tensor, targets: Tensor, loss: LossFunction
) -> float:
    metric: Metric = next(name for name in get_args(Metric) if name == measure)
    if not is_regression(metric):
        outputs, targets = _as_examples(outputs, targets)
    outputs, targets = _labelled(outputs, targets, loss)
    outputs, targets = outputs.detach().cpu().double(), targets.cpu()
    if is_regression(metric):
        return _of_values(metric, outputs, targets)
    if outputs.ndim == 1:
        outputs = outputs.unsqueeze(1)
    if outputs.ndim != 2:
        raise ValueError("outputs must be (N, K), or (N, 1) for two classes")
    shares = _probabilities(loss, outputs).numpy()
    classes = shares.shape[1]
    if classes != 2 and metric not in metrics_for("multiclass"):
        raise ValueError(f"it is for two classes, not {classes}; try '{metric}_macro'")
    return score(metric, _codes(targets, classes), shares)


def _of_values(metric: Metric, outputs: Tensor, targets: Tensor) -> float:
    """Score values; several targets of an example count alike, as in scikit-learn."""
    if outputs.numel() != targets.numel() or len(outputs) != len(targets):
        raise ValueError("there must be one output for each target")
    columns = targets.reshape(len(targets), -1).T.numpy()
    said = outputs.reshape(len(targets), -1).T.numpy()
    if metric == "max_error" and len(columns) > 1:
        raise ValueError(
            "it is for one target of each example; give a function of outputs and "
            "targets"
        )
    pairs = zip(columns, said, strict=True)
    return float(np.mean([score(metric, *pair) for pair in pairs]))


def _as_examples(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Make each place, such as a pixel, an example: of `(N, K, …)`, `(M, K)`."""
    if outputs.ndim > 2:
        if targets.shape == outputs.shape:
            targets = targets.movedim(1, -1).flatten(0, -2)
        elif targets.shape == _places(outputs):
            targets = targets.flatten()
        else:
            return outputs, targets
        outputs = outputs.movedim(1, -1).flatten(0, -2)
    return outputs, targets


def _labelled(
    outputs: Tensor, targets: Tensor, loss: LossFunction
) -> tuple[Tensor, Tensor]:
    """Leave out the examples whose class the loss ignores, too."""
    ignored = getattr(loss, "ignore_index", None)
    if ignored is None or targets.ndim != 1 or len(outputs) != len(targets):
        return outputs, targets
    known = targets != ignored
    return (outputs, targets) if known.all() else (outputs[known], targets[known])


def _probabilities(loss: LossFunction, outputs: Tensor) -> Tensor:
    parts = loss.modules() if isinstance(loss, nn.Module) else ()
    kinds = {type(part) for part in parts}
    alone = outputs.shape[1] == 1
    if nn.BCELoss in kinds or loss is nn.functional.binary_cross_entropy:
        return probabilities(losses.BCELoss(), outputs)
    if nn.MSELoss in kinds or loss is nn.functional.mse_loss:
        spec: losses.Loss = losses.BCELoss() if alone else losses.MSELoss()
        return probabilities(spec, outputs.clamp(0, 1) if alone else outputs)
    if alone or nn.BCEWithLogitsLoss in kinds:
        return probabilities(losses.BCEWithLogitsLoss(), outputs)
    return probabilities(losses.CrossEntropyLoss(), outputs)


def _codes(targets: Tensor, classes: int) -> np.ndarray:
    if targets.ndim == 2 and targets.shape[1] == classes:
        is_code = bool(((targets == 0) | (targets == 1)).all())
        if is_code and not bool((targets.sum(dim=1) == 1).all()):
            raise ValueError(
                "an example has several classes or none, and the metric is of one "
                "class for each; give a function of outputs and targets, or a metric "
                "of torchmetrics, such as MultilabelAccuracy"
            )
        return targets.argmax(dim=1).numpy()
    if not len(targets):
        raise ValueError("no example has a class; the loss ignores all of them")
    codes = targets.reshape(-1).long()
    if not torch.equal(codes.to(targets.dtype), targets.reshape(-1)):
        raise ValueError("targets must be whole numbers, the codes of classes")
    if codes.min() < 0 or codes.max() >= classes:
        raise ValueError(f"targets must be from 0 to {classes - 1}")
    return np.asarray(codes.numpy())
