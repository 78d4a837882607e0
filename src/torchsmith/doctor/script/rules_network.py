"""What a network does with its input, seen from outside and on a copy."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from torchsmith.core.wording import amount, percent
from torchsmith.doctor.script.facts import Call, Facts
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place, Places
from torchsmith.doctor.script.reading import Sources
from torchsmith.doctor.script.rules_loss import runs_over_batch
from torchsmith.doctor.script.tensors import tensors_in
from torchsmith.doctor.script.twin import first_calls
from torchsmith.inspect.inspection import Finding

SAME = 1e-6
"""Relative difference below which two numbers are one."""

EQUAL = 50
"""Inputs, from which they are not equal by chance."""

LATER = 10
"""Steps after which a network that learns no longer answers all inputs alike."""

DEAD = 0.9
"""Share of a layer's units that are 0 for every example, above which it is dead."""

VARIED = 100
"""Different examples, below which a unit may be 0 for all of them by chance."""

_LAYERS = nn.Linear | nn.modules.conv._ConvNd


def find_in_network(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find C5, C9, C10 and T4.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    del sources
    for call in first_calls(facts):
        if call.module is None:
            continue
        own = [c for c in facts.trained_calls if c.module is call.module]
        if equal := _equal_inputs(facts, own):
            yield equal
            continue
        yield from _mixed(facts, call, own)
        yield from _constant(facts, own)
        yield from _alike(facts, call.module, own)
        yield from _dead(facts, call.module, own)


def _equal_inputs(facts: Facts, own: list[Call]) -> Finding | None:
    """Examples that all are one and the same, while their targets differ."""
    rows = {row for call in own for row in call.rows}
    number = sum(len(call.rows) for call in own)
    if len(rows) != 1 or number < EQUAL:
        return None
    numbers = {call.number for call in own}
    labels = [
        pair.labels
        for pair in facts.training_pairs
        if pair.labels is not None and numbers & pair.answers.calls
    ]
    if not labels or len(torch.cat(labels).unique()) < 2:
        return None
    first = own[0].inputs
    value = "" if first is None or bool(first.any()) else ": all numbers are 0"
    place = next((p for t, p in facts.tables if _is_one_row(t)), own[0].place)
    told = (
        "All examples that reach the network are equal.",
        f"{number} inputs in {len(own)} batches are one and the same{value}, while "
        "their targets differ.",
        "Look at what makes the inputs, such as // on whole numbers or an index that "
        "stands still, and print a few of them.",
    )
    return found(facts, "C9", "error", place, told, "before")


def _is_one_row(table: Tensor) -> bool:
    return bool((table == table[:1]).all())


def _mixed(facts: Facts, call: Call, own: list[Call]) -> Iterator[Finding]:
    """Examples whose answer depends on the others of their batch."""
    network, given = facts.initial.get(id(call.module)), call.arguments
    if network is None or given is None or not _are_examples(given, call.num_rows):
        return
    if len(own) > 1 and own[0].rows == own[1].rows:
        return  # always all examples, such as the nodes of one graph
    if not _is_per_example(facts, call):
        return
    before = _answered(network, given)
    after = _answered(network, _with_another_first(given))
    if before is None or after is None or before.shape != after.shape:
        return
    if before.shape[:1] != (call.num_rows,) or before.shape[1:] == before.shape[:1]:
        return  # such as how alike each two examples are
    far = (before[1:] - after[1:]).abs().reshape(len(before) - 1, -1).amax(1)
    size = max(float(before.abs().mean()), 1e-12)
    mixed = int((far > 1e-3 * size).sum())
    if not mixed:
        return
    told = (
        "The network mixes the examples of a batch.",
        f"In eval mode, another first example changes the answers of {mixed} of the "
        f"{call.num_rows - 1} others.",
        "Keep dimension 0 for the examples: look for view, reshape, permute, transpose "
        "and softmax in forward(), and for batch_first.",
    )
    yield found(facts, "C5", "error", call.place, told, "before")


def _are_examples(given: object, number: int) -> bool:
    """Whether all that a network was given has a row for each example."""
    tensors = list(tensors_in(given))
    alone = len(tensors) == 1
    return number > 2 and all(
        tensor.shape[:1] == (number,)
        and (alone or tensor.shape != (number, number))  # of a graph
        and tensor.dtype != torch.bool
        for tensor in tensors
    )


def _with_another_first(given: Any) -> Any:
    """Return arguments whose first example is replaced by the second."""
    if isinstance(given, Tensor):
        changed = given.clone()
        changed[0] = given[1] + 1.0 if given.is_floating_point() else given[1]
        return changed
    if isinstance(given, dict):
        return {name: _with_another_first(part) for name, part in given.items()}
    if isinstance(given, tuple | list):
        return type(given)(_with_another_first(part) for part in given)
    return given


def _answered(network: nn.Module, given: Any) -> Tensor | None:
    args, kwargs = given
    twin = copy.deepcopy(network).eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            return next(tensors_in(twin(*args, **kwargs)), None)
        except Exception:  # noqa: BLE001 -- a person's module may refuse in any way
            return None


def _is_per_example(facts: Facts, call: Call) -> bool:
    """Whether each example has one target of its own."""
    for pair in facts.training_pairs:
        if call.number in pair.answers.calls:
            said = pair.outputs is not None and runs_over_batch(pair.outputs)
            return pair.shapes[1][:1] == (call.num_rows,) and not said
    return False


def _constant(facts: Facts, own: list[Call]) -> Iterator[Finding]:
    late = [c for c in own if c.step - own[0].step >= LATER and c.outputs is not None]
    late = [call for call in late if len(set(call.rows)) > 3][-5:]
    if len(late) < 3 or not all(_is_constant(call.outputs) for call in late):
        return
    told = (
        "The network gives every example the same answer.",
        f"After {late[-1].step} steps the answers to {late[-1].num_rows} different "
        "inputs are equal.",
        "See that forward() uses its input, that no layer is dead, and that inputs are "
        "scaled.",
    )
    yield found(facts, "C9", "error", late[0].place, told)


def _is_constant(outputs: Tensor | None) -> bool:
    if outputs is None or outputs.dim() == 0 or len(outputs) < 4:
        return False
    rows = (
        outputs.double().flatten(1) if outputs.dim() > 1 else outputs.double()[:, None]
    )
    size = max(float(rows.abs().max()), 1e-12)
    return (
        bool(rows.isfinite().all())
        and float((rows - rows[0]).abs().max()) < SAME * size
    )


def _all_equal(weight: Tensor) -> bool:
    units = weight.double().flatten(1)
    size = max(float(units.abs().max()), 1e-12)
    far = float((units - units[0]).abs().max())
    return bool(units.isfinite().all()) and far <= SAME * size


def _alike(facts: Facts, module: nn.Module, own: list[Call]) -> Iterator[Finding]:
    """Hidden layers whose units are all equal, and stay so."""
    begun = facts.initial.get(id(module))
    if begun is None or not own or facts.num_steps < LATER:
        return
    layers = [m for m in module.modules() if isinstance(m, _LAYERS)]
    first = [m for m in begun.modules() if isinstance(m, _LAYERS)]
    for layer, then in list(zip(layers, first, strict=False))[:-1]:
        units = layer.weight.detach()
        if len(units) < 3 or not layer.weight.requires_grad:
            continue
        if not _all_equal(units) or not _all_equal(then.weight.detach()):
            continue
        told = (
            f"All {len(units)} units of {type(layer).__name__} are one and the same.",
            "They began equal and are still equal after "
            f"{amount(facts.num_steps, 'step')}: equal units get equal gradients.",
            "Leave the initial weights to PyTorch, or draw them at random, as "
            "nn.init.kaiming_uniform_ does.",
        )
        yield found(facts, "C10", "error", facts.made_at.get(id(layer)), told)
        return


class _Activity(TorchFunctionMode):
    """Sees which units of each ReLU are ever above 0.

    Args:
        places: Know the script.
    """

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.layers: list[tuple[Tensor, Place | None]] = []
        self._places = places

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call the function, and keep which units are active."""
        del types
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in ("relu", "relu_") and result.dim() > 1:
            active = (result > 0).transpose(0, 1).flatten(1).any(1)
            self.layers.append((active, self._places.here()))
        return result


def _dead(facts: Facts, module: nn.Module, own: list[Call]) -> Iterator[Finding]:
    """Layers of ReLU that no example gets through any more."""
    kept = [c for c in own if c.inputs is not None and c.num_inputs == 1]
    varied = {row for call in kept for row in call.rows}
    if len(varied) < VARIED or own[-1].step < LATER:
        return
    if not all(bool(p.isfinite().all()) for p in module.parameters()):
        return  # said by the rule on losses
    network = copy.deepcopy(module).eval()
    inputs = [call.inputs for call in kept if call.inputs is not None]
    whole = torch.cat([i for i in inputs if i.shape[1:] == inputs[0].shape[1:]])
    with torch.no_grad(), _Activity(facts.places) as activity:
        network(whole)
    for active, place in activity.layers:
        dead = 1 - float(active.double().mean())
        if len(active) < 4 or dead < DEAD:
            continue
        made = [facts.made_at.get(id(m)) for m in module.modules() if _is_relu(m)]
        told = (
            f"A layer is dead: {percent(dead)} of its units are 0 for every example.",
            f"Seen with {len(varied)} different examples after "
            f"{amount(own[-1].step, 'step')}: a unit that is always 0 gets no "
            "gradient, and never comes back.",
            "Lower the learning rate, scale the inputs, and begin anew; or use "
            "nn.LeakyReLU.",
        )
        line = place or next((m for m in made if m is not None), None)
        yield found(facts, "T4", "error", line or own[0].place, told)
        return


def _is_relu(module: nn.Module) -> bool:
    return isinstance(module, nn.ReLU)
