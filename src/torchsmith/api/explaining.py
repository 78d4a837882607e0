"""See inside: an expression, a network, a plan, or a run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from torchsmith.api.explanation import Explanation
from torchsmith.api.planning import load_planned
from torchsmith.api.run import Run, load_run
from torchsmith.api.surroundings import as_planned
from torchsmith.core.errors import DataError
from torchsmith.core.observer import QUIET, Observer
from torchsmith.plan.file import is_plan_file, naming_lines, read_plan
from torchsmith.plan.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor, nn

    from torchsmith.report.explained import Explained

Explainable = Any
"""A run, a plan, their paths, an `nn.Module`, a tensor, or a function."""


def explain(
    what: Explainable,
    *,
    inputs: "Tensor | np.ndarray | None" = None,
    names: "Mapping[str, Tensor] | None" = None,
    example: int | None = None,
    runs: str | Path = "runs",
    observer: Observer = QUIET,
    **values: "float | Tensor",
) -> Explanation:
    """Draw what is inside.

    Args:
        what: One of these:
            a run, its path, its name, or `"last"`: its network, weights before and
            after training, and what it does with an example;
            a `Plan` or the path of its file: the network and the learning rate, drawn
            before training;
            an `nn.Module` with `inputs`;
            a tensor with a history: its autograd graph;
            a function of tensors, with a value for each argument: the graph of the
            expression with every value and gradient.
        inputs: For a module, an example batch `(N, …)`: a tensor or an array.
        names: For a tensor, what to call the tensors that it is made of.
        example: For a run, a row of the test part, 0 is the first; one that is right
            and one that is wrong where not given.
        runs: The folder in which runs are looked for by name.
        observer: Is told what is going on.
        values: For a function, of its arguments.

    Raises:
        DataError: It cannot be explained; says why.
        TrainError: The run has no model yet.

    >>> found = explain(lambda x: (x - 1) * (x - 2) * (x - 3), x=3.5)
    >>> found.content.graph.node("x").gradient.item()
    5.75
    """
    if isinstance(what, str | Path):
        if is_plan_file(what):
            observer.stage("Starting PyTorch")
            _refuse("a plan", inputs=inputs, names=names, example=example, **values)
            with naming_lines(path := Path(what)):
                return Explanation(_plan(read_plan(path), observer))
        what = load_run(what, runs=runs)
    observer.stage("Starting PyTorch")
    import torch

    match what:
        case Run():
            _refuse("a run", inputs=inputs, names=names, **values)
            return Explanation(_run(what, example, observer))
        case Plan():
            _refuse("a plan", inputs=inputs, names=names, example=example, **values)
            return Explanation(_plan(what, observer))
        case torch.nn.Module():
            _refuse("a module", names=names, example=example, **values)
            return Explanation(_module(what, inputs))
        case torch.Tensor():
            _refuse("a tensor", inputs=inputs, example=example, **values)
            return Explanation(_tensor(what, names))
        case _ if callable(what):
            _refuse("a function", inputs=inputs, names=names, example=example)
            return Explanation(_function(what, values))
    raise DataError(
        f"{type(what).__name__}: cannot be explained; give a run, a plan, an "
        "nn.Module with inputs=…, a tensor, or a function with its arguments"
    )


def _refuse(what: str, **given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise DataError(f"{name}: has no meaning for {what}; leave it out")


@as_planned()
def _run(run: Run, example: int | None, observer: Observer) -> "Explained":
    from torchsmith.api.inside import explain_run

    return explain_run(run, example, observer)


@as_planned()
def _plan(plan: Plan, observer: Observer) -> "Explained":
    from torchsmith.explain.layers import layer_graph
    from torchsmith.nn.optimizers import planned_rate
    from torchsmith.nn.schedules import learning_rates
    from torchsmith.report.explained import Explained
    from torchsmith.train.setup import set_up

    data = load_planned(plan, observer)
    observer.stage("Preparing")
    setup = set_up(plan, data)
    import torch

    shape = setup.preparation.input_shape
    inputs = torch.zeros(2, *shape, device=setup.job.device)
    # A new optimizer: the first step of a schedule is in the rates of the other.
    lr = planned_rate(plan.optimizer, setup.state.network.named_parameters())
    epochs, steps = plan.training.epochs, setup.job.steps_per_epoch
    rates = learning_rates(plan.schedule, lr, epochs, steps)
    return Explained(
        title=f"Plan for {plan.data.source}",
        about=(plan.problem.task, f"{epochs} epochs of {steps} steps"),
        layers=layer_graph(setup.state.network, inputs),
        rates=tuple(rates),
        num_steps=epochs * steps,
    )


def _module(module: "nn.Module", given: "Tensor | np.ndarray | None") -> "Explained":
    from torchsmith.explain.activations import activations
    from torchsmith.explain.layers import layer_graph
    from torchsmith.explain.weights import tensor_facts, weights_over_time
    from torchsmith.report.explained import Example, Explained

    inputs = _as_tensor(module, given)
    layers = layer_graph(module, inputs)
    first = Example(
        title="The first example",
        said="What each layer gives for the first of the inputs.",
        activations=activations(module, inputs[:1]),
    )
    return Explained(
        title=type(module).__name__,
        layers=layers,
        weights=weights_over_time(module, input_shape=tuple(inputs.shape[1:])),
        network_state=tensor_facts(module.state_dict()),
        examples=(first,),
    )


def _as_tensor(module: "nn.Module", given: object) -> "Tensor":
    """Return an example batch; an array of floats as the module's own, float32."""
    import torch

    if isinstance(given, torch.Tensor):
        return given
    if isinstance(given, np.ndarray) and given.dtype.kind in "biuf":
        tensor = torch.from_numpy(np.array(given))  # a copy, since some are read-only
        weight = next(module.parameters(), torch.zeros(0))
        return tensor.to(weight.dtype) if tensor.is_floating_point() else tensor
    what = f"; inputs is of type {type(given).__name__}, and holds no numbers"
    if not isinstance(given, np.ndarray):
        what = f"; inputs is of type {type(given).__name__}, and no tensor or array"
    raise DataError(
        f"{type(module).__name__}: give an example batch, such as "
        f"inputs=torch.zeros(1, 3, 32, 32){'' if given is None else what}"
    )


def _tensor(tensor: "Tensor", names: "Mapping[str, Tensor] | None") -> "Explained":
    from torchsmith.explain.history import graph_of
    from torchsmith.report.explained import Explained

    graph = graph_of(tensor, names)
    return Explained(title="A tensor's history", graph=graph, notes=graph.notes)


def _function(
    function: Callable[..., Any], values: "Mapping[str, float | Tensor]"
) -> "Explained":
    from torchsmith.explain.graph import trace
    from torchsmith.report.explained import Explained

    name = getattr(function, "__name__", "")
    title = "An expression" if name in ("", "<lambda>") else name
    return Explained(title=title, graph=trace(function, **values))
