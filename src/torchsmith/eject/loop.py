"""The part of a script that trains."""

from torch import nn

from torchsmith.core.vocabulary import LOWER_IS_BETTER
from torchsmith.eject.code import Section, block, constant, function, joined
from torchsmith.eject.learning import optimizer_lines, schedule_lines
from torchsmith.eject.losses import loss_source, weights_function
from torchsmith.eject.subject import Subject
from torchsmith.plan import schedules
from torchsmith.plan.schedules import interval_of
from torchsmith.train.loop import EVAL_BATCH_SIZE


def loop_section(subject: Subject) -> Section:
    """Write the loop: forward, loss, zero_grad, backward, step."""
    arguments = ["network", "loss_function", "optimizer"]
    if subject.plan.schedule is not None:
        arguments.append("schedule")
    arguments += ["train_set", "val_set"]
    code = joined(
        [
            weights_function(subject),
            _loss_function(subject),
            _fit_function(subject, arguments),
        ]
    )
    steps = [
        loss_source(subject),
        *optimizer_lines(subject),
        *schedule_lines(subject),
        f"fit({', '.join(arguments)})",
    ]
    return Section(
        "Train",
        "Forward, loss, backward, step: for each batch of each epoch.",
        code,
        tuple(steps),
        loop_constants(subject),
    )


def loop_constants(subject: Subject) -> tuple[str, ...]:
    """Return the constants of training."""
    training, stopping = subject.plan.training, subject.plan.stopping
    found = [
        constant("EPOCHS", training.epochs, "passes over the training part"),
        constant("BATCH_SIZE", training.batch_size),
        constant("LEARNING_RATE", subject.plan.optimizer.lr),
    ]
    if training.clip_grad_norm:
        limit = f"{training.clip_grad_norm:g}"
        found.append(f"MAX_GRAD_NORM = {limit}  # longer gradients are scaled down")
    if stopping.patience and stopping.patience < training.epochs:
        about = "epochs without improvement after which training stops"
        found.append(constant("PATIENCE", stopping.patience, about))
    return tuple(found)


def draws_while_training(subject: Subject) -> bool:
    """Whether a step of training draws random numbers, as dropout does."""
    return bool(subject.plan.augment) or any(
        (isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0)
        or (isinstance(module, nn.RNNBase) and module.dropout > 0)
        or (isinstance(module, nn.MultiheadAttention) and module.dropout > 0)
        for module in subject.network.modules()
    )


def monitored_metric(subject: Subject) -> str:
    """Return the metric that chooses the best epoch, or an empty string for a loss."""
    stopping = subject.plan.stopping
    name = stopping.monitor.removeprefix("val_")
    needed = stopping.restore_best or _has_patience(subject)
    return "" if stopping.monitor.endswith("_loss") or not needed else name


def _has_patience(subject: Subject) -> bool:
    return 0 < subject.plan.stopping.patience < subject.plan.training.epochs


def _autocast(subject: Subject, lines: list[str]) -> list[str]:
    """Compute in the precision of the plan."""
    if subject.plan.training.precision == "float32":
        return lines
    device = "DEVICE" if subject.device != "cpu" else '"cpu"'
    return [block(f"with torch.autocast({device}, dtype=torch.bfloat16):", lines)]


def _weighted(subject: Subject, loss: str) -> str:
    """Weigh the loss of a batch by its examples, where it is a mean over them."""
    return loss if subject.plan.loss.reduction == "sum" else f"{loss} * len(rows)"


def _zeros(subject: Subject) -> str:
    device = "" if subject.device == "cpu" else ", device=DEVICE"
    return f"torch.zeros((), dtype=torch.float64{device})"


def _loss_function(subject: Subject) -> str:
    size = max(EVAL_BATCH_SIZE, subject.plan.training.batch_size)
    metric = monitored_metric(subject)
    step = _weighted(subject, "loss_function(outputs, targets)")
    lines = _autocast(subject, ["outputs = network(inputs)", f"total += {step}"])
    if metric:
        lines.append("all_outputs.append(outputs.float())")
    body = [
        "network.eval()",
        f"total = {_zeros(subject)}",
        *(["all_outputs = []"] if metric else []),
        block(
            f"for rows in torch.arange(len(data)).split({size}):",
            ["inputs, targets = data[rows]", *lines],
        ),
    ]
    about = "Return the mean loss of an example, without dropout or gradients."
    if not metric:
        body.append("return total.item() / len(data)")
        name = "mean_loss"
    else:
        body.append("return total.item() / len(data), torch.cat(all_outputs)")
        about = "Return the mean loss of an example, and all outputs."
        name = "validate"
    head = f"{name}(network, loss_function, data)"
    return function(head, about, body, "@torch.inference_mode()")


def _fit_function(subject: Subject, arguments: list[str]) -> str:
    stopping = subject.plan.stopping
    body = _before(subject)
    epoch = [
        "network.train()",
        'order = generator("order", epoch).permutation(len(train_set))',
        f"total = {_zeros(subject)}",
        *_batches(subject),
        *_validation(subject),
        *_keep_best(subject),
        *_epoch_schedule(subject),
        *_stop(subject),
    ]
    body.append(block("for epoch in range(EPOCHS):", epoch))
    about = "Train for all epochs."
    if stopping.restore_best:
        body.append("network.load_state_dict(best_weights)")
        about = "Train, and leave the network with the weights of its best epoch."
    return function(f"fit({', '.join(arguments)})", about, body)


def _value(subject: Subject) -> str:
    """Return the variable that chooses the best epoch."""
    metric = monitored_metric(subject)
    return f"val_{metric}" if metric else subject.plan.stopping.monitor


def _lower_is_better(subject: Subject) -> bool:
    name = subject.plan.stopping.monitor
    return name.removeprefix("val_").removeprefix("train_") in LOWER_IS_BETTER


def _before(subject: Subject) -> list[str]:
    lines = []
    if subject.plan.stopping.restore_best or _has_patience(subject):
        worst = "math.inf" if _lower_is_better(subject) else "-math.inf"
        lines.append(f"best = {worst}")
    if _has_patience(subject):
        lines.append("waited = 0")
    if draws_while_training(subject):
        lines.append("step = 0")
    return lines


def _batches(subject: Subject) -> list[str]:
    rows, size = len(subject.parts.train), subject.plan.training.batch_size
    lines = []
    split = "torch.from_numpy(order).split(BATCH_SIZE)"
    if rows > size and rows % size == 1:
        lines += [
            "# A last batch of one example joins the one before it.",
            "cuts = list(range(BATCH_SIZE, len(order) - 1, BATCH_SIZE))",
        ]
        split = "torch.from_numpy(order).tensor_split(cuts)"
    return [*lines, block(f"for rows in {split}:", _step(subject))]


def _step(subject: Subject) -> list[str]:
    draws, schedule = draws_while_training(subject), subject.plan.schedule
    lines = []
    if draws:
        lines.append('torch.manual_seed(seed_for("step", step))')
    lines.append("inputs, targets = train_set[rows]")
    lines += _autocast(subject, ["loss = loss_function(network(inputs), targets)"])
    lines += ["optimizer.zero_grad()", "loss.backward()"]
    if subject.plan.training.clip_grad_norm:
        clip = "nn.utils.clip_grad_norm_(network.parameters(), MAX_GRAD_NORM)"
        lines.append(clip)
    lines.append("optimizer.step()")
    if schedule is not None and interval_of(schedule) == "step":
        lines.append("schedule.step()")
    lines.append(f"total += {_weighted(subject, 'loss.detach()')}")
    if draws:
        lines.append("step += 1")
    return lines


def _validation(subject: Subject) -> list[str]:
    metric = monitored_metric(subject)
    lines = ["train_loss = total.item() / len(train_set)"]
    if metric:
        lines.append("val_loss, outputs = validate(network, loss_function, val_set)")
        lines.append(f'val_{metric} = scores({_scored(subject)})["{metric}"]')
    else:
        lines.append("val_loss = mean_loss(network, loss_function, val_set)")
    shown = '"train loss {train_loss:.4f}  val loss {val_loss:.4f}'
    shown += f'  {metric} {{val_{metric}:.4f}}"' if metric else '"'
    return [*lines, _print(shown)]


def _print(shown: str) -> str:
    first = 'f"epoch {epoch + 1:3}/{EPOCHS}  "'
    return f"print(\n    {first}\n    f{shown}\n)"


def _scored(subject: Subject) -> str:
    del subject
    return "val_set.targets, outputs"


def _keep_best(subject: Subject) -> list[str]:
    stopping, value = subject.plan.stopping, _value(subject)
    if not stopping.restore_best and not _has_patience(subject):
        return []
    lower = _lower_is_better(subject)
    test = f"{value} < best" if lower else f"{value} > best"
    if stopping.min_delta:
        gain = f"best - {value}" if lower else f"{value} - best"
        test = f"{gain} > {stopping.min_delta!r}"
    better = [f"best = {value}"]
    if stopping.restore_best:
        better.append("best_weights = copy.deepcopy(network.state_dict())")
    if not _has_patience(subject):
        return [block(f"if {test}:", better)]
    better.append("waited = 0")
    return [block(f"if {test}:", better), block("else:", ["waited += 1"])]


def _epoch_schedule(subject: Subject) -> list[str]:
    spec = subject.plan.schedule
    if spec is None or interval_of(spec) == "step":
        return []
    if isinstance(spec, schedules.ReduceLROnPlateau):
        return ["schedule.step(val_loss)"]
    return ["schedule.step()"]


def _stop(subject: Subject) -> list[str]:
    if not _has_patience(subject):
        return []
    return [block("if waited == PATIENCE:", ["break"])]
