"""The part of a script's loop that averages weights."""

from typing import assert_never

from torch import nn

from torchsmith.eject.code import Raw, block, call
from torchsmith.eject.subject import Subject
from torchsmith.plan import averaging

_TOOLS = "torch.optim.swa_utils"
_ROOM = 76  # characters of a statement that is three times indented


def average_lines(subject: Subject) -> list[str]:
    """Return the statements of `main` that make the average."""
    spec = subject.plan.averaging
    match spec:
        case None:
            return []
        case averaging.EMA():
            mean = Raw(f"{_TOOLS}.get_ema_multi_avg_fn({spec.decay!r})")
            given = {"0": Raw("network"), "multi_avg_fn": mean, "use_buffers": True}
            return [call(f"{_TOOLS}.AveragedModel", given, 1, "average = ")]
        case averaging.SWA():
            made = [f"average = {_TOOLS}.AveragedModel(network)"]
            if spec.swa_lr is not None:
                given = {"0": Raw("optimizer"), "1": spec.swa_lr}
                if spec.anneal_epochs != 10:
                    given["anneal_epochs"] = spec.anneal_epochs
                if spec.anneal_strategy != "cos":
                    given["anneal_strategy"] = spec.anneal_strategy
                made.append(call(f"{_TOOLS}.SWALR", given, 1, "late_schedule = "))
            return made
        case _:
            assert_never(spec)


def average_arguments(subject: Subject) -> list[str]:
    """Return what `fit` is given for averaging."""
    if subject.plan.averaging is None:
        return []
    return ["average", *(["late_schedule"] if has_late_schedule(subject) else [])]


def has_late_schedule(subject: Subject) -> bool:
    """Whether the epochs that are averaged have a schedule of their own."""
    spec = subject.plan.averaging
    return isinstance(spec, averaging.SWA) and spec.swa_lr is not None


def takes_epoch(subject: Subject, *, taken: bool = True) -> str:
    """Return the condition under which a `SWA` takes an epoch's weights, or not."""
    spec = subject.plan.averaging
    start = spec.start if isinstance(spec, averaging.SWA) else 0
    return f"epoch + 1 {'>' if taken else '<='} round({start!r} * EPOCHS, 9)"


def after_step_lines(subject: Subject) -> list[str]:
    """Return the statements after an optimizer step."""
    if not isinstance(subject.plan.averaging, averaging.EMA):
        return []
    lines = ["average.update_parameters(network)"]
    if any(not b.is_floating_point() for b in subject.network.buffers()):
        pairs = "zip(average.module.buffers(), network.buffers())"
        copied = block("if not mean.is_floating_point():", ["mean.copy_(last)"])
        lines.append("# Counts have no average.")
        lines.append(block(f"for mean, last in {pairs}:", [copied]))
    return lines


def after_epoch_lines(subject: Subject, inputs: str, *, draws: bool) -> list[str]:
    """Return the statements after an epoch, before it is validated.

    Args:
        subject: The run.
        inputs: The expression of a batch's inputs, of `rows`.
        draws: Whether forward passes draw random numbers.
    """
    spec = subject.plan.averaging
    if spec is None:
        return []
    if isinstance(spec, averaging.EMA):
        return ["scored = average.module"]
    lines = ["average.update_parameters(network)"]
    if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in _modules(subject)):
        lines.append("# The statistics of batch normalisation belong to the weights.")
        if draws:
            lines.append('torch.manual_seed(seed_for("averaging", epoch))')
        lines += [
            "order = torch.arange(len(train_set))",
            _inputs(subject, inputs),
            *in_precision(subject, [f"{_TOOLS}.update_bn(inputs, average.module)"]),
        ]
    lines.append("scored = average.module")
    return ["scored = network", block(f"if {takes_epoch(subject)}:", lines)]


def in_precision(subject: Subject, lines: list[str]) -> list[str]:
    """Compute in the precision of the plan."""
    if subject.plan.training.precision == "float32":
        return lines
    device = "DEVICE" if subject.device != "cpu" else '"cpu"'
    return [block(f"with torch.autocast({device}, dtype=torch.bfloat16):", lines)]


def _inputs(subject: Subject, inputs: str) -> str:
    rows = f"for rows in {batches_source(subject, 'order')}"
    one = f"inputs = ({inputs} {rows})"
    return one if len(one) <= _ROOM else f"inputs = (\n    {inputs}\n    {rows}\n)"


def _modules(subject: Subject) -> list[nn.Module]:
    return list(subject.network.modules())


def batches_source(subject: Subject, order: str) -> str:
    """Return the expression of the batches of an epoch."""
    if joins_last(subject):
        return f"{order}.tensor_split(cuts)"
    return f"{order}.split(BATCH_SIZE)"


def joins_last(subject: Subject) -> bool:
    """Whether a last batch of one example joins the batch before it."""
    rows, size = len(subject.parts.train), subject.plan.training.batch_size
    return rows > size > 1 and (rows - 1) % size == 0
