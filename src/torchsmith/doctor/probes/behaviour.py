"""How a network treats the examples of a batch, in train and in eval mode."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from torchsmith.core.wording import percent
from torchsmith.doctor.examples import leaves
from torchsmith.doctor.probes.graph import operations
from torchsmith.doctor.probes.place import at, forward_of, line_with
from torchsmith.doctor.probes.scene import Call, Scene, following, joined, taken
from torchsmith.doctor.subject import trial
from torchsmith.inspect.inspection import Finding
from torchsmith.nn.folds import first_network
from torchsmith.train.workers import map_leaves

SAME = 1e-4
"""Outputs that differ by less, of their spread over examples, are the same."""

LEAST_VARIED = 1e-6
"""Of the size of outputs: a smaller spread over examples is none."""

LEAST_IN_DOUBLE = 1e-14
"""The same in float64."""

MOST_IGNORED = 0.5
"""Of the numbers of an input that vary; more that no output depends on are told."""

USUAL = 0.1
"""Momentum as PyTorch sets it; where that is too slow, steps are too few (P4, P3)."""

EARLY = 0.1
"""Share of the initial statistics that may be left of running ones at the end."""

TOO_NEW = 0.9
"""A momentum of BatchNorm from which on running statistics are those of one batch."""

_MIXERS = (
    r"dim\s*=\s*0",
    r"softmax\([^)]*,\s*0\s*\)",
    r"\.(mean|sum|std|var|max|min|norm)\(\s*0\s*[,)]",
    r"\.(view|reshape|transpose|permute|flatten)\(",
    r"nn\.(RNN|GRU|LSTM|Transformer|MultiheadAttention)",
)


_BENDS = frozenset(
    """Relu Threshold Hardtanh Tanh Sigmoid Gelu Silu Elu LeakyRelu Prelu Softplus Mish
    Hardswish Hardsigmoid Celu Softmax LogSoftmax Abs Pow Exp Log Sqrt Sin Cos Clamp
    MaxPool2DWithIndices MaxPool3DWithIndices Maximum Where NativeLayerNorm""".split()  # noqa: SIM905
)
"""Operations that are not linear."""


def find_in_behaviour(scene: Scene) -> Iterator[Finding]:
    """Find C5, C6, C9 and P11 (linear) from a few forward passes.

    Args:
        scene: Of a training; its copy of the network may have trained a little.
    """
    network = scene.state.network
    left = list(_left_in_train_mode(scene))
    yield from left
    yield from _statistics(scene)
    network.eval()
    with torch.no_grad():
        first, second = (_outputs(scene, network, scene.inputs, n) for n in (0, 1))
        if not first.isfinite().all():
            return  # which another finding tells
        repeats = torch.equal(first, second) or _same(first, second)
        if not repeats and not left:
            yield _unsteady(scene, first, second)
        if scene.is_cut and scene.num >= 2 and len(first) == scene.num:
            if repeats:
                yield from _mixed(scene)
            constant = list(_constant(scene, first))
            yield from constant
            if repeats and not constant:
                yield from _linear(scene)
    if scene.is_cut and len(first) == scene.num:
        yield from _ignored(scene)


def _outputs(
    scene: Scene, network: nn.Module, inputs: object, position: int = 0
) -> Tensor:
    outputs = list(leaves(scene.forward(network, inputs, position=position)))
    return outputs[0].detach().float()


def _same(first: Tensor, second: Tensor) -> bool:
    spread = (first - first.mean(dim=0, keepdim=True)).abs().max().item()
    scale = max(spread, 1e-3 * first.abs().max().item(), 1e-12)
    return (first - second).abs().max().item() <= SAME * scale


def _left_in_train_mode(scene: Scene) -> Iterator[Finding]:
    network = scene.state.network.eval()
    left = [name for name, module in network.named_modules() if module.training]
    if left:
        yield Finding(
            code="C6",
            severity="error",
            message=f"eval() leaves {left[0] or 'the network'} in train mode.",
            where=at(left[0], line_with(network, r"def (train|eval)\(", r"\.training")),
            evidence=f"After network.eval(), training is True for {len(left)} modules.",
            remedy="Let train() and eval() of the module call those of nn.Module.",
        )


def _statistics(scene: Scene) -> Iterator[Finding]:
    """Find running statistics that are of no use at the end of training."""
    job = scene.subject.job
    num_steps = job.training.epochs * job.steps_per_epoch
    for name, module in scene.state.network.named_modules():
        if not isinstance(module, nn.modules.batchnorm._BatchNorm):
            continue
        momentum = module.momentum
        if not module.track_running_stats:
            yield Finding(
                code="C6",
                severity="warning",
                message=f"{name} normalises by the batch in eval mode, too.",
                where=name,
                evidence="track_running_stats is False.",
                remedy="Leave it out, so that an answer does not depend on the others.",
            )
        elif momentum is not None and _is_slow(momentum, num_steps):
            yield Finding(
                code="C6",
                severity="warning",
                message=f"{name} is scored with statistics that it hardly learned.",
                where=f"{name}.momentum",
                evidence=(
                    f"With momentum {momentum:g}, "
                    f"{percent((1 - momentum) ** num_steps)} of them is still the "
                    f"initial 0 and 1 after all {num_steps} steps."
                ),
                remedy="Raise the momentum to 0.1, or train longer.",
            )
        elif momentum is not None and momentum >= TOO_NEW and num_steps > 1:
            yield Finding(
                code="C6",
                severity="warning",
                message=f"{name} is scored with statistics of the last batch only.",
                where=f"{name}.momentum",
                evidence=(
                    f"momentum is {momentum:g}: so much of the running statistics is "
                    "of the newest batch; other libraries count it the other way round."
                ),
                remedy=f"Set momentum to {1 - momentum:.3g} or 0.1.",
            )


def _is_slow(momentum: float, num_steps: int) -> bool:
    return momentum < USUAL and (1 - momentum) ** num_steps > EARLY


def _unsteady(scene: Scene, first: Tensor, second: Tensor) -> Finding:
    network = scene.state.network
    dropped = line_with(
        network, r"dropout\w*\((?!.*training\s*=)", r"training\s*=\s*True"
    )
    drawn = "" if dropped else line_with(network, r"rand")
    change = (first - second).abs().mean().item()
    spread = first.std(dim=0).mean().item() if len(first) > 1 else 0.0
    return Finding(
        code="C6",
        severity="error" if change > 0.1 * spread and not drawn else "warning",
        message="In eval mode the same inputs give different outputs each time.",
        where=dropped or drawn,
        evidence=(
            f"Between two passes outputs change by {change:.3g} in the mean; over "
            f"different examples they vary by {spread:.3g}."
        ),
        remedy=(
            "Draw nothing at random in eval mode, unless that is what the network is "
            "for, as an autoencoder that samples its code."
            if drawn
            else "Give F.dropout training=self.training, or use nn.Dropout; draw "
            "nothing at random in eval mode."
        ),
    )


def _mixed(scene: Scene) -> Iterator[Finding]:
    """Replace some examples of a batch by others, and look at the rest."""
    network = scene.state.network
    first, second = scene.both
    num = scene.num
    half = num // 2
    order = torch.arange(2 * num)
    whole = joined(first, second)
    before, begins = _called(scene, network, taken(whole, order[:num]))
    # A recurrent network may mix later examples into earlier ones, or only earlier
    # ones into later ones.
    for kept in (slice(half, num), slice(0, half)):
        rows = order[:num].clone()
        rows[:half] += num * (kept.start == half)
        rows[half:] += num * (kept.start == 0)
        after, ends = _called(scene, network, taken(whole, rows))
        if _same(before[kept], after[kept]):
            continue
        if any(_by_the_batch(module) for module in network.modules()):
            return  # which another finding tells
        change = (before[kept] - after[kept]).abs().max().item()
        name = _first_difference(begins, ends, kept, num)
        place = line_with(network, *_MIXERS) or forward_of(network, name)
        yield Finding(
            code="C5",
            severity="error",
            message="The answer for an example depends on the others of its batch.",
            where=at(name, place),
            evidence=(
                f"With other examples beside them, in eval mode, outputs of the same "
                f"{kept.stop - kept.start} examples change by up to {change:.3g}."
            ),
            remedy=(
                "Keep the examples in dimension 0: softmax and means over dim=1, "
                "permute instead of view, batch_first=True for recurrent layers."
            ),
        )
        return


def _called(
    scene: Scene, network: nn.Module, inputs: object
) -> tuple[Tensor, list[Call]]:
    with following(network) as calls:
        return _outputs(scene, network, inputs), calls


def _by_the_batch(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm) and (
        not module.track_running_stats
    )


def _first_difference(
    before: list[Call], after: list[Call], kept: slice, num: int
) -> str:
    """Return the first module whose outputs for the same examples differ."""
    for one, other in zip(before, after, strict=False):
        if one.output is None or other.output is None or len(one.output) != num:
            continue
        if one.output.is_floating_point() and not _same(
            one.output[kept].float(), other.output[kept].float()
        ):
            return one.name
    return ""


def _constant(scene: Scene, outputs: Tensor) -> Iterator[Finding]:
    """Find outputs that are the same for all examples, though the examples differ.

    Before and after a few steps: a last layer may begin at zero, and a learning rate
    that is too high may kill all units.
    """
    network = trial(scene.subject).network.eval()
    constant = not _varies(outputs) and any(_varies(x) for x in leaves(scene.inputs))
    if not constant or _varies(_outputs(scene, network, scene.inputs)):
        return
    if not _fades_out(scene, network):
        _, calls = _called(scene, network, scene.inputs)
        name = next(
            (
                call.name
                for call in calls
                if call.inputs is not None
                and call.output is not None
                and len(call.output) == len(outputs) == len(call.inputs)
                and _varies(call.inputs)
                and not _varies(call.output)
            ),
            "",
        )
        yield Finding(
            code="C9",
            severity="error",
            message="The network gives the same outputs whatever its inputs are.",
            where=at(name, forward_of(network, name)),
            evidence=(
                f"Over {len(outputs)} different examples the outputs vary by less than "
                f"{LEAST_VARIED:g} of their size, after some steps of training, too."
            ),
            remedy=(
                "See in forward whether the inputs are used, and whether a layer gives "
                "only zeros."
            ),
        )


def _fades_out(scene: Scene, network: nn.Module) -> bool:
    """Whether outputs vary by too little for float32: signals vanish, but are there."""
    inputs = map_leaves(
        scene.inputs,
        Tensor,
        lambda leaf: leaf.double() if leaf.is_floating_point() else leaf,
    )
    try:
        outputs = next(leaves(scene.forward(copy.deepcopy(network).double(), inputs)))
    except (RuntimeError, TypeError):
        return False
    return _varies(outputs, LEAST_IN_DOUBLE)


def _varies(values: Tensor, least: float = LEAST_VARIED) -> bool:
    values = values.detach().flatten(1) if values.ndim > 1 else values
    if not values.is_floating_point():
        values = values.float()
    spread = (values - values[:1]).abs().max().item()
    return spread > least * max(values.abs().max().item(), 1e-30)


def _linear(scene: Scene) -> Iterator[Finding]:
    """Find several layers with weights that together are one linear function."""
    _, network = first_network(scene.state.network)
    first, second = scene.both
    floats = [leaf for leaf in leaves(first) if leaf.is_floating_point()]
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    layers = [n for n, m in network.named_modules() if isinstance(m, kinds)]
    if len(layers) < 2 or len(floats) != 1 or len(list(leaves(first))) != 1:
        return
    if floats[0].shape == scene.targets.shape and torch.equal(first, scene.targets):
        return  # an autoencoder that is meant to find principal components
    with torch.enable_grad():
        outputs = next(leaves(scene.forward(network, first)))
    if operations(outputs) & _BENDS:
        return
    rest = iter(list(leaves(second)))
    middle = map_leaves(first, Tensor, lambda leaf: (leaf + next(rest)) / 2)
    ends = [_outputs(scene, network, inputs) for inputs in (first, second)]
    expected = (ends[0] + ends[1]) / 2
    found = _outputs(scene, network, middle)
    spread = (ends[0] - ends[1]).abs().max().item()
    if spread > 0 and (found - expected).abs().max().item() <= 1e-4 * spread:
        yield Finding(
            code="P11",
            severity="warning",
            message=f"The network has {len(layers)} layers and is a linear function.",
            where=at(layers[0], forward_of(network, layers[0])),
            evidence=(
                "Half way between two inputs the outputs are half way between theirs, "
                f"for {scene.num} pairs of examples."
            ),
            remedy="Put an activation such as nn.ReLU() between the layers.",
        )


def _ignored(scene: Scene) -> Iterator[Finding]:
    """Find inputs of which much is not used."""
    inputs = scene.inputs
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point():
        return
    network = scene.state.network.eval()
    leaf = inputs.detach().clone().requires_grad_()
    with torch.enable_grad():
        outputs = next(leaves(scene.forward(network, leaf)))
        if not outputs.requires_grad:
            return
        weights = torch.linspace(0.5, 1.5, outputs.numel()).to(outputs)
        total = (outputs * weights.reshape(outputs.shape)).sum()
        (gradient,) = torch.autograd.grad(total, leaf, allow_unused=True)
    varied = inputs.std(dim=0) > 0
    if gradient is None or not varied.any() or not gradient.any():
        return
    unused = ~(gradient != 0).any(dim=0) & varied
    share = unused.sum().item() / varied.sum().item()
    # A number without a gradient may be used nevertheless, as that of a category.
    shuffled = torch.where(unused, inputs.roll(1, dims=0), inputs)
    same = _same(outputs.detach().float(), _outputs(scene, network, shuffled))
    if share < MOST_IGNORED or not same:
        return
    which = ""
    if inputs.ndim == 2:
        columns = unused.nonzero().flatten().tolist()
        which = f", the columns {', '.join(map(str, columns[:5]))}" + (
            ", …" if len(columns) > 5 else ""
        )
    yield Finding(
        code="C9",
        severity="warning",
        message=f"The network uses only {percent(1 - share)} of each input.",
        where=forward_of(network, ""),
        evidence=(
            f"The outputs of {scene.num} examples do not depend on {percent(share)} "
            f"of the numbers that vary{which}."
        ),
        remedy="See in forward which part of the inputs is taken.",
    )
