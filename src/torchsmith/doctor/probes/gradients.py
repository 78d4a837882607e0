"""Whether gradients reach all parameters, and whether a step moves them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from torchsmith.core.wording import percent
from torchsmith.doctor.examples import leaves
from torchsmith.doctor.probes.place import at, forward_of, line_with
from torchsmith.doctor.probes.scene import Call, Scene, following
from torchsmith.inspect.inspection import Finding
from torchsmith.train.loop import backward

STEPS = 3
"""Steps after which a layer that begins at zero, as a residual branch may, has let
gradients through; fewer where all parameters have one, and move."""

SHAKEN = 0.1
"""By how much of itself a weight is changed, to see whether outputs depend on it."""

MOST_SHAKEN = 20
"""Modules whose weights are tried so; one that is cut off cuts all before it off."""

_CUTS = (
    r"\.detach\(|\.data\b|no_grad|inference_mode|\.numpy\(|\.item\(|\.tolist\(",
    r"argmax|\.round\(|\.sign\(|\.long\(|\.int\(|torch\.(tensor|from_numpy)\(",
)
"""What cuts a graph, in a person's words."""


@dataclass
class Steps:
    """What a few steps showed.

    Attributes:
        largest: By parameter, the largest gradient of any step; None where it has none.
        moved: The names of parameters that changed.
        called: The names of modules that were called.
        has_graph: Whether the outputs can be differentiated.
    """

    largest: dict[str, float | None] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    has_graph: bool = True


def find_in_gradients(scene: Scene) -> Iterator[Finding]:
    """Find C1, C3 and P12: what no step of training changes, and why.

    Args:
        scene: Of a training at step 0.
    """
    yield from _unregistered(scene)
    wanted = [p for p in scene.state.network.parameters() if p.requires_grad]
    if not wanted:
        yield Finding(
            code="P12",
            severity="error",
            message="No parameter is trained.",
            evidence="requires_grad is False for all of them.",
            remedy="Set requires_grad_(True) for those that shall learn.",
        )
        return
    steps = _stepped(scene)
    if not steps.has_graph:
        yield _whole_graph_cut(scene)
        return
    yield from _forgotten(scene, steps)
    cut = list(_cut_off(scene, steps))
    yield from cut
    if not steps.moved and not cut:
        yield _unmoved(scene, steps)
    yield from _frozen_at_random(scene)


def _stepped(scene: Scene) -> Steps:
    """Train a copy for a few steps, each on the same examples."""
    state, made = scene.state, Steps()
    network, optimizer = state.network.train(), state.optimizer
    named = list(network.named_parameters(remove_duplicate=False))  # tied ones, too
    before = {name: p.detach().clone() for name, p in named}
    made.largest = dict.fromkeys(before)
    for group in optimizer.param_groups:
        if not group["lr"] and "initial_lr" in group:
            group["lr"] = group["initial_lr"]  # a warm-up from 0
    for step in range(STEPS):
        optimizer.zero_grad()
        with following(network) as calls:
            outputs = scene.forward(network, scene.inputs, position=step)
            made.called |= {call.name for call in calls}
        if not any(leaf.requires_grad for leaf in leaves(outputs)):
            made.has_graph = False
            return made
        backward(scene.loss(outputs, scene.targets))
        for name, parameter in named:
            if parameter.grad is not None:
                now = parameter.grad.abs().max().item()
                made.largest[name] = max(now, made.largest[name] or 0.0)
        optimizer.step()
        made.moved = {
            name
            for name, parameter in named
            if not torch.equal(parameter, before[name])
        }
        if len(made.moved) == len(before) and all(made.largest.values()):
            break
    return made


def _whole_graph_cut(scene: Scene) -> Finding:
    network = scene.state.network
    calls, _ = scene.train_calls
    last = next((c for c in reversed(calls) if _has_graph(c)), None)
    name = "" if last is None else last.name
    where = line_with(network, *_CUTS) or forward_of(network, name)
    after = f"after {name}" if name else "at its beginning"
    return Finding(
        code="C3",
        severity="error",
        message=f"The graph of gradients is cut {after}: nothing can be learned.",
        where=at(name, where),
        evidence="The outputs have no grad_fn, although parameters need gradients.",
        remedy="Leave out detach(), .data, .numpy(), argmax and no_grad() in forward.",
    )


def _has_graph(call: Call) -> bool:
    return call.output is not None and call.output.requires_grad


def _forgotten(scene: Scene, steps: Steps) -> Iterator[Finding]:
    """Find parameters with a gradient that the optimizer does not have."""
    network, optimizer = scene.state.network, scene.state.optimizer
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    own = {id(p) for p in network.parameters()}
    names = [
        name
        for name, parameter in network.named_parameters()
        if id(parameter) not in given and steps.largest[name]
    ]
    if names:
        strangers = len(given - own)
        others = f", and {strangers} that the network does not have" * bool(strangers)
        yield Finding(
            code="P12",
            severity="error",
            message=f"The optimizer was not given {_listed(names)}.",
            where=names[0],
            evidence=(
                f"{len(names)} of {len(own)} parameters have a gradient and are in no "
                f"group of the optimizer; it has {len(given & own)} of them{others}."
            ),
            remedy=(
                "Make the optimizer with all parameters, after the network is whole; "
                "freeze those that shall stay with requires_grad_(False)."
            ),
        )
    still = [
        name
        for group in optimizer.param_groups
        if not group["lr"]
        for name, parameter in network.named_parameters()
        if any(parameter is each for each in group["params"])
    ]
    if still and scene.subject.state.schedule is None:
        yield Finding(
            code="P12",
            severity="error",
            message=f"The learning rate of {_listed(still)} is 0.",
            where="optimizer",
            evidence=f"{len(still)} of {len(own)} parameters are in a group with lr 0.",
            remedy="Give the group a learning rate, or freeze its parameters.",
        )


def _cut_off(scene: Scene, steps: Steps) -> Iterator[Finding]:
    """Find modules without a gradient on whose weights the outputs depend."""
    network = scene.state.network
    idle: list[str] = []
    for name, module in network.named_modules():
        own = [
            (f"{name}.{key}" if name else key, parameter)
            for key, parameter in module.named_parameters(recurse=False)
            if parameter.requires_grad
        ]
        if own and not any(steps.largest[key] for key, _ in own):
            idle.append(name)
    effects = {name: _effect(scene, name) for name in idle[:MOST_SHAKEN]}
    cut = [name for name, effect in effects.items() if effect == "loss"]
    lost = [n for n, effect in effects.items() if not effect and n in steps.called]
    unused = [name for name in effects if name not in (*cut, *lost)]
    if cut:
        last = cut[-1]
        calls, _ = scene.train_calls
        where = forward_of(network, last)
        none = all(
            steps.largest[f"{last}.{key}" if last else key] is None
            for key, _ in network.get_submodule(last).named_parameters(recurse=False)
        )
        how = "have no gradient" if none else "have a gradient of exactly 0"
        if _is_dead(calls, last):
            yield from ()
            return
        yield Finding(
            code="C3",
            severity="error",
            message=f"The graph of gradients is cut after {last or 'the parameters'}.",
            where=at(last, line_with(network, *_CUTS) or where),
            evidence=(
                f"The weights of {_listed(cut)} {how} in {STEPS} steps, and the "
                f"loss changes where they are changed by {percent(SHAKEN)}."
            ),
            remedy=(
                "Leave out detach(), .data, .numpy(), argmax, round and no_grad() "
                "between this module and the loss; if it shall stay as it is, freeze "
                "it with requires_grad_(False)."
            ),
        )
    for names, severity, what in (
        (lost, "warning", "is computed and thrown away"),
        (unused, "note", "does nothing for the loss"),
    ):
        if names:
            yield Finding(
                code="P12",
                severity="warning" if severity == "warning" else "note",
                message=f"What {_listed(names)} gives {what}.",
                where=at(names[0], forward_of(network, names[0])),
                evidence=(
                    f"No gradient in {STEPS} steps, and the loss stays the same when "
                    "the weights are changed."
                ),
                remedy="Use what it gives in forward, or leave it out.",
            )


def _is_dead(calls: tuple[Call, ...], name: str) -> bool:
    """Whether all that follows a module at once is 0: dead units, which is another."""
    places = [place for place, call in enumerate(calls) if call.name == name]
    after = calls[places[-1] + 1 : places[-1] + 2] if places else ()
    return any(c.output is not None and not c.output.detach().any() for c in after)


@torch.no_grad()
def _effect(scene: Scene, name: str) -> str:
    """Return what a module's weights change: `loss`, `outputs` only, or nothing."""
    network = scene.state.network.eval()
    before = _answers(scene, network)
    own = list(network.get_submodule(name).parameters(recurse=False))
    kept = [parameter.clone() for parameter in own]
    for parameter in own:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(parameter.shape, generator=generator).to(parameter)
        size = parameter.float().square().mean().sqrt().clamp(min=SHAKEN)
        parameter.add_(SHAKEN * size.to(parameter) * noise)
    after = _answers(scene, network)
    for parameter, values in zip(own, kept, strict=True):
        parameter.copy_(values)
    if _differs(before[0], after[0]):
        return "loss"
    pairs = zip(before[1:], after[1:], strict=True)
    return "outputs" if any(_differs(a, b) for a, b in pairs) else ""


def _answers(scene: Scene, network: nn.Module) -> list[Tensor]:
    """Return the loss, and all that the network gives, in eval mode."""
    outputs = scene.forward(network, scene.inputs)
    return [scene.loss(outputs, scene.targets), *leaves(outputs)]


def _differs(first: Tensor, second: Tensor) -> bool:
    scale = first.abs().max().clamp(min=1e-6).item()
    return not torch.allclose(first, second, rtol=0, atol=1e-5 * scale)


def _unmoved(scene: Scene, steps: Steps) -> Finding:
    largest = max((value or 0.0 for value in steps.largest.values()), default=0.0)
    rates = {group["lr"] for group in scene.state.optimizer.param_groups}
    shown = ", ".join(f"{rate:g}" for rate in sorted(rates))
    return Finding(
        code="C1",
        severity="error",
        message="A step of the optimizer changes no parameter at all.",
        where="optimizer.lr" if largest else "",
        evidence=(
            f"After {STEPS} steps with lr {shown} every parameter has the same bits; "
            f"the largest gradient is {largest:.3g}."
        ),
        remedy=(
            "Raise the learning rate."
            if largest
            else "Look for a layer or a loss that lets no gradient through."
        ),
    )


def _unregistered(scene: Scene) -> Iterator[Finding]:
    """Find modules and tensors that `parameters()` does not know of."""
    network = scene.state.network
    known = {id(module) for module in network.modules()}
    parameters = {id(parameter) for parameter in network.parameters()}
    for name, owner in network.named_modules():
        for key, value in vars(owner).items():
            if key.startswith("_") and key in nn.Module().__dict__:
                continue
            hidden = [
                each
                for each in _held(value)
                if isinstance(each, nn.Module)
                and id(each) not in known
                and any(id(p) not in parameters for p in each.parameters())
            ]
            loose = [
                each
                for each in _held(value)
                if isinstance(each, Tensor) and each.is_leaf and each.requires_grad
                if id(each) not in parameters
            ]
            if hidden or loose:
                path = f"{name}.{key}" if name else key
                yield _hidden(scene, path, len(hidden) or len(loose), bool(hidden))


def _hidden(scene: Scene, path: str, num: int, is_module: bool) -> Finding:  # noqa: FBT001
    network = scene.state.network
    key = path.rpartition(".")[2]
    return Finding(
        code="P12",
        severity="error",
        message=(
            f"{path} holds {num} {'modules' if is_module else 'tensors'} that the "
            "network does not know of, so that they are never trained."
        ),
        where=at(path, line_with(network, rf"self\.{re.escape(key)}\b\s*(:[^=]*)?=")),
        evidence="They are not among network.parameters(), and need gradients.",
        remedy=(
            "Keep modules in nn.ModuleList or nn.ModuleDict."
            if is_module
            else "Make it an nn.Parameter."
        ),
    )


def _held(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()
    else:
        yield value


def _frozen_at_random(scene: Scene) -> Iterator[Finding]:
    """Find frozen layers whose weights are still those that PyTorch draws."""
    frozen = [
        name
        for name, module in scene.subject.state.network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
        # Of a pruned layer it is computed, from a parameter that has another name.
        and isinstance(module.weight, nn.Parameter)
        and not module.weight.requires_grad
        and _is_fresh(module.weight)
    ]
    if frozen:
        yield Finding(
            code="P12",
            severity="warning",
            message=(
                f"{_listed(frozen)} is frozen at its random initial weights."
                if len(frozen) == 1
                else f"{_listed(frozen)} are frozen at their random initial weights."
            ),
            where=frozen[0],
            evidence=(
                "requires_grad is False, and the weights are spread evenly between "
                "-1/sqrt(fan_in) and 1/sqrt(fan_in), as PyTorch draws them."
            ),
            remedy="Set requires_grad_(True), or load weights that were trained.",
        )


def _is_fresh(weight: Tensor) -> bool:
    fan_in = weight[0].numel()
    if weight.numel() < 64:
        return False
    bound = fan_in**-0.5
    ends = weight.detach().abs().max().item() / bound
    spread = weight.detach().float().std().item() / (bound / 3**0.5)
    return bool(0.9 < ends < 1.001 and abs(spread - 1) < 4 / weight.numel() ** 0.5)


def _listed(names: list[str]) -> str:
    shown = ", ".join(name or "the network itself" for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
