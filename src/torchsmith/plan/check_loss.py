"""Losses that do not fit the problem, or what the network ends in."""

from collections.abc import Iterator
from typing import assert_never

from torchsmith.plan.activations import LogSoftmax, Sigmoid, Softmax
from torchsmith.plan.layers import Dropout, Flatten, Identity, Layer
from torchsmith.plan.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    L1Loss,
    Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from torchsmith.plan.networks import Sequential
from torchsmith.plan.outputs import width_of_outputs
from torchsmith.plan.plan import Plan

Impossible = Iterator[tuple[str, str]]


def loss_problems(plan: Plan) -> Impossible:
    """Yield dotted path and text of what cannot work about the loss."""
    task, loss = plan.problem.task, plan.loss
    name = loss.spec_name()
    if isinstance(loss, L1Loss | SmoothL1Loss | HuberLoss) and task != "regression":
        yield "loss", f"{name} is for regression; {task} takes CrossEntropyLoss"
    elif (
        isinstance(loss, CrossEntropyLoss | NLLLoss | BCELoss | BCEWithLogitsLoss)
        and task == "regression"
    ):
        yield "loss", f"{name} is for classes; regression takes MSELoss or L1Loss"
    elif isinstance(plan.network, Sequential):
        yield from _end_of_layers(plan, plan.network)
    elif isinstance(loss, BCELoss | NLLLoss):
        family = plan.network.spec_name()
        yield (
            "loss",
            f"{name} takes {_wanted(loss)}, and {family} gives raw outputs; "
            f"use {_on_raw_outputs(loss)}",
        )
    if isinstance(loss, CrossEntropyLoss | NLLLoss) and isinstance(loss.weight, tuple):
        given, classes = len(loss.weight), len(plan.problem.classes)
        if classes and given != classes:
            yield (
                f"loss.{name}.weight",
                f"{given} numbers; {classes} classes take {classes}",
            )
    if isinstance(loss, BCELoss) and plan.training.precision == "bfloat16":
        yield (
            "training.precision",
            "BCELoss is not exact enough in bfloat16; use BCEWithLogitsLoss on raw "
            "outputs, or float32",
        )


def _end_of_layers(plan: Plan, network: Sequential) -> Impossible:
    """Compare the last layers with what the loss takes, and how many outputs."""
    layers = list(enumerate(network.layers))
    passing = Dropout | Identity if _takes_raw(plan.loss) else Flatten | Identity
    while layers and isinstance(layers[-1][1], passing):
        layers.pop()
    if not layers:
        return
    place, last = layers[-1]
    if (what := _unfit_end(plan, last)) and plan.problem.task != "regression":
        yield f"network.Sequential.{place}", what
    needed = _num_outputs(plan)
    found = width_of_outputs(network.layers, "network.Sequential")
    if needed and found and found[1] != needed[0]:
        count, reason = needed
        where, width = found
        outputs = "1 output" if width == 1 else f"{width} outputs"
        yield where, f"the last layer has {outputs}; {reason} {count}{_or(plan)}"


def _or(plan: Plan) -> str:
    """Return what else can be done about the number of outputs for two classes."""
    if plan.problem.task == "binary" and isinstance(plan.loss, CrossEntropyLoss):
        return "; or use BCEWithLogitsLoss, which takes 1"
    if plan.problem.task == "binary" and isinstance(plan.loss, BCEWithLogitsLoss):
        return "; or use CrossEntropyLoss, which takes 2"
    return ""


def _unfit_end(plan: Plan, last: Layer) -> str:
    """Say why a loss for classes cannot work on the outputs of a layer."""
    loss, name, end = plan.loss, plan.loss.spec_name(), last.spec_name()
    match loss:
        case CrossEntropyLoss() | BCEWithLogitsLoss():
            if isinstance(last, Softmax | LogSoftmax | Sigmoid):
                return (
                    f"{name} takes raw outputs, not those of {end}; remove this layer"
                )
        case NLLLoss():
            if not isinstance(last, LogSoftmax):
                return (
                    f"NLLLoss takes log-probabilities, not the outputs of {end}; end "
                    "with LogSoftmax, or use CrossEntropyLoss on raw outputs"
                )
        case BCELoss():
            if plan.problem.task == "binary" and isinstance(last, Softmax):
                return "BCELoss has one output for two classes; end with Sigmoid"
            if not isinstance(last, Sigmoid | Softmax):
                return (
                    f"BCELoss takes probabilities, not the outputs of {end}; end with "
                    "Sigmoid, or use BCEWithLogitsLoss on raw outputs"
                )
        case MSELoss() | L1Loss() | SmoothL1Loss() | HuberLoss():
            pass
        case _:
            assert_never(loss)
    return ""


def _takes_raw(loss: Loss) -> bool:
    return not isinstance(loss, BCELoss | NLLLoss)


def _wanted(loss: BCELoss | NLLLoss) -> str:
    return "probabilities" if isinstance(loss, BCELoss) else "log-probabilities"


def _on_raw_outputs(loss: BCELoss | NLLLoss) -> str:
    if isinstance(loss, BCELoss):
        return "BCEWithLogitsLoss, or a Sequential that ends in Sigmoid"
    return "CrossEntropyLoss, or a Sequential that ends in LogSoftmax"


def _num_outputs(plan: Plan) -> tuple[int, str] | None:
    """Return how many outputs the network must have, and why, where that is known."""
    if plan.problem.task == "regression":
        return 1, "regression needs"
    one = isinstance(plan.loss, BCELoss | BCEWithLogitsLoss)
    if one and plan.problem.task == "binary":
        return 1, f"{plan.loss.spec_name()} on two classes needs"
    if plan.problem.classes:
        count = len(plan.problem.classes)
        return count, f"{count} classes need"
    return None
