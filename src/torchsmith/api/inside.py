"""What there is to see in a run."""

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from torchsmith.api.examples import chosen_examples
from torchsmith.api.planning import load_planned
from torchsmith.api.run import Run
from torchsmith.core.errors import TorchsmithError, TrainError
from torchsmith.core.observer import Observer
from torchsmith.core.wording import sentence
from torchsmith.explain import attributions
from torchsmith.explain.layers import layer_graph
from torchsmith.explain.weights import (
    TensorFacts,
    Weights,
    tensor_facts,
    weights_over_time,
)
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.report.explained import Example, Explained
from torchsmith.train.setup import initial_network
from torchsmith.train.snapshots import Snapshots


def explain_run(run: Run, example: int | None, observer: Observer) -> Explained:
    """Look into a run: its network, its weights, and what it does with examples.

    Args:
        run: With a model.
        example: A row of the test part; one right and one wrong where not given.
        observer: Is told what is going on.

    Raises:
        DataError: There is no such row, or the data is not there any more.
        TrainError: The run has no model yet.
    """
    model, notes = run.model, []
    observer.stage("Looking at the weights")
    shape = model.preparation.input_shape
    optimizer_state, note = optimizer_facts(run)
    notes += [note] if note else []
    before = initial_network(run.plan, model.preparation)
    examples: tuple[Example, ...] = ()
    try:
        data = load_planned(run.plan, observer)
    except TorchsmithError as error:
        if example is not None:
            raise
        notes.append(f"No example is shown: {error}")
    else:
        examples = chosen_examples(run, data, example, observer)
        if not attributions.available():
            notes.append(sentence(attributions.MISSING))
    problem = run.plan.problem
    return Explained(
        title=run.path.name,
        about=(problem.task, f"target {problem.target}", f"{run.plan.data.source}"),
        layers=layer_graph(run.network, torch.zeros(2, *shape)),
        weights=run_weights(run, before, notes),
        network_state=tensor_facts(run.network.state_dict(), before.state_dict()),
        optimizer_state=optimizer_state,
        examples=examples,
        notes=tuple(notes),
    )


def run_weights(run: Run, before: nn.Module, notes: list[str]) -> tuple[Weights, ...]:
    """Return a run's weights before training, as far as known between, and after.

    Args:
        run: With a model.
        before: The run's network with its initial weights.
        notes: Is told of a damaged snapshot; none between is shown then.
    """
    try:
        snapshots = run.snapshots
    except TrainError as error:
        notes.append(f"{error}")
        snapshots = Snapshots("", {})
    return weights_over_time(
        run.network,
        before,
        between=snapshots,
        parameter=snapshots.parameter,
        input_shape=run.model.preparation.input_shape,
    )


def optimizer_facts(run: Run) -> tuple[tuple[TensorFacts, ...], str]:
    """Return what the optimizer remembers, from the newest checkpoint, or why not."""
    newest, _ = run.folder.newest_checkpoint()
    if newest is None:
        return (
            (),
            "The optimizer's state is not shown: there is no checkpoint any more.",
        )
    try:
        tensors = load_file(newest / "state.safetensors")
    except (OSError, SafetensorError) as error:
        return (
            (),
            f"The optimizer's state is not shown: {newest} cannot be read: {error}",
        )
    network = run.network
    optimizer = build_optimizer(run.plan.optimizer, network.named_parameters())
    names = {parameter: name for name, parameter in network.named_parameters()}
    order = [names[p] for group in optimizer.param_groups for p in group["params"]]
    found: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        if key.startswith("optimizer."):
            _, place, kind = key.split(".", maxsplit=2)
            found[f"{order[int(place)]}: {kind}"] = tensor
    ordered = {
        name: found[name]
        for place in order
        for name in sorted(found)
        if name.startswith(f"{place}: ")
    }
    note = (
        ""
        if ordered
        else f"The optimizer remembers nothing: {type(optimizer).__name__}"
    )
    return tensor_facts(ordered), note
