"""The part of a script that trains."""

import math

from torch import nn

from torchsmith.core.vocabulary import low_is_good
from torchsmith.eject.augmenting import augmented, changes_of
from torchsmith.eject.averaging import (
    after_epoch_lines,
    after_step_lines,
    average_arguments,
    average_lines,
    batches_source,
    has_late_schedule,
    in_precision,
    joins_last,
    takes_epoch,
)
from torchsmith.eject.code import (
    Section,
    block,
    bracketed,
    constant,
    function,
    joined,
    short,
)
from torchsmith.eject.learning import (
    optimizer_definitions,
    optimizer_lines,
    schedule_lines,
)
from torchsmith.eject.losses import (
    add_losses,
    begin_total,
    loss_source,
    mean_divisor,
    member_loss,
    weight_lines,
    weights_function,
)
from torchsmith.eject.monitoring import (
    has_patience,
    monitored_metric,
    monitors_calibrated,
)
from torchsmith.eject.scoring import is_unscaled, monitored_functions
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import unscaling
from torchsmith.eject.unknown import settle_function, settle_lines
from torchsmith.plan import schedules
from torchsmith.plan.schedules import interval_of
from torchsmith.train.batches import at_once
from torchsmith.train.loop import VAL_BATCH_SIZE


def loop_section(subject: Subject) -> Section:
    """Write the loop: forward, loss, zero_grad, backward, step."""
    arguments = ["network", "loss_function", "optimizer"]
    if subject.plan.schedule is not None:
        arguments.append("schedule")
    arguments += [*average_arguments(subject), "train_set", "val_set"]
    given = list(arguments)
    if monitored_metric(subject):
        arguments += ["val_targets", *unscaling(subject)]
        given += [_val_targets(subject), *unscaling(subject)]
    code = joined(
        [
            *(changes_of(subject) if subject.plan.augment else []),
            *optimizer_definitions(subject),
            weights_function(subject),
            settle_function(subject),
            member_loss(subject),
            monitored_functions(subject),
            _loss_function(subject),
            _fit_function(subject, arguments),
        ]
    )
    steps = [
        *_told_folds(subject),
        loss_source(subject),
        *optimizer_lines(subject),
        *schedule_lines(subject),
        *average_lines(subject),
        bracketed("fit(", given, ")", 1),
    ]
    return Section(
        "Train",
        "Forward, loss, backward, step: for each batch of each epoch.",
        code,
        tuple(steps),
        loop_constants(subject),
    )


def _told_folds(subject: Subject) -> list[str]:
    folds = subject.plan.split.num_folds
    told = f"{folds} networks learn; each network leaves one fold out, for validation."
    return [f'print("{told}")'] if folds else []


def loop_constants(subject: Subject) -> tuple[str, ...]:
    """Return the constants of training."""
    training, stopping = subject.plan.training, subject.plan.stopping
    found = [
        constant("EPOCHS", training.epochs, "passes over the training part"),
        constant("BATCH_SIZE", training.batch_size),
        constant("LEARNING_RATE", subject.plan.optimizer.lr),
    ]
    if training.accumulate > 1:
        about = "batches whose gradients are added up for one step"
        found.append(constant("ACCUMULATE", training.accumulate, about))
    if training.clip_grad_norm:
        about = "longer gradients are scaled down"
        found.append(constant("MAX_GRAD_NORM", short(training.clip_grad_norm), about))
    if training.clip_grad_value:
        about = "larger gradients are cut there"
        found.append(constant("MAX_GRAD_VALUE", short(training.clip_grad_value), about))
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


def _loss_function(subject: Subject) -> str:
    width = math.prod(subject.preparation.input_shape)
    width += subject.plan.split.num_folds > 0  # the column of the fold
    size = at_once(width, VAL_BATCH_SIZE)
    size = max(size, subject.plan.training.batch_size)
    metric = monitored_metric(subject)
    before, divisor = weight_lines(subject), mean_divisor(subject, "data")
    step, *after = add_losses(subject, "loss_function(outputs, targets)")
    lines = in_precision(subject, ["outputs = network(inputs)", step]) + after
    if metric:
        precise = subject.plan.training.precision == "float32"
        kept = "outputs" if precise else "outputs.float()"
        lines.append(f"all_outputs.append({kept})")
    body = [
        "network.eval()",
        *begin_total(subject),
        *(["all_outputs = []"] if metric else []),
        block(
            f"for rows in torch.arange(len(data)).split({size}):",
            ["inputs, targets = data[rows]", *before, *lines],
        ),
    ]
    about = "Return the mean loss of an example, without dropout or gradients."
    if not metric:
        body.append(f"return total.item() / {divisor}")
        name = "mean_loss"
    else:
        kept = f"torch.cat(all_outputs){subject.to_cpu}"
        body.append(f"return total.item() / {divisor}, {kept}")
        about = "Return the mean loss of an example, and all outputs."
        name = "validate"
    head = f"{name}(network, loss_function, data)"
    return function(head, about, body, "@torch.inference_mode()")


def _fit_function(subject: Subject, arguments: list[str]) -> str:
    stopping = subject.plan.stopping
    body = _before(subject)
    body += _cuts(subject)
    epoch = [
        "network.train()",
        'order = generator("order", epoch).permutation(len(train_set))',
        *begin_total(subject),
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
    elif subject.plan.averaging is not None:
        body.append("network.load_state_dict(scored.state_dict())")
        about = "Train, and leave the network with the averaged weights."
    head = bracketed("def fit(", arguments, "):")
    return function("fit()", about, body).replace("def fit():", head, 1)


def _cuts(subject: Subject) -> list[str]:
    if not joins_last(subject):
        return []
    return [
        "# A last batch of one example joins the one before it.",
        "cuts = list(range(BATCH_SIZE, len(train_set) - 1, BATCH_SIZE))",
    ]


def _val_targets(subject: Subject) -> str:
    """Return what the outputs of validation are compared with."""
    if subject.classes:
        return "targets[val]"
    scale = " * deviation + mean" if is_unscaled(subject) else ""
    return f"val_set.targets{subject.to_cpu}.double().numpy()[:, 0]{scale}"


def _value(subject: Subject) -> str:
    """Return the variable that chooses the best epoch."""
    metric = monitored_metric(subject)
    return f"val_{metric}" if metric else subject.plan.stopping.monitor


def _before(subject: Subject) -> list[str]:
    lines, stopping = [], subject.plan.stopping
    if stopping.restore_best or has_patience(subject):
        worst = "math.inf" if low_is_good(stopping.monitor) else "-math.inf"
        lines.append(f"best = {worst}")
    if has_patience(subject):
        lines.append("waited = 0")
    if draws_while_training(subject):
        lines.append("step = 0")
    return lines


def _batches(subject: Subject) -> list[str]:
    """Write the loop over the batches of an epoch, or over groups of batches."""
    batches = batches_source(subject, "torch.from_numpy(order)")
    num = subject.plan.training.accumulate
    if num == 1:
        return [block(f"for rows in {batches}:", _step(subject))]
    return [
        f"batches = {batches}",
        block(
            "for first in range(0, len(batches), ACCUMULATE):",
            ["group = batches[first : first + ACCUMULATE]", *_group_step(subject)],
        ),
    ]


def _forward(subject: Subject) -> list[str]:
    lines = ["inputs, targets = train_set[rows]"]
    if subject.plan.augment:
        lines.append(f"inputs = {augmented(subject, 'inputs')}")
    return [
        *lines,
        *in_precision(subject, ["loss = loss_function(network(inputs), targets)"]),
    ]


def _group_step(subject: Subject) -> list[str]:
    """Write an optimizer step on the gradients of several batches."""
    part = "loss"
    lines = [*_seed_lines(subject)]
    if subject.plan.loss.reduction == "mean":
        lines.append("num_examples = sum(map(len, group))")
        part = "(loss * (len(rows) / num_examples))"
    inner = [
        *_forward(subject),
        f"{part}.backward()  # adds to the gradients",
        *weight_lines(subject),
        *add_losses(subject, "loss.detach()"),
    ]
    lines += ["optimizer.zero_grad()", block("for rows in group:", inner)]
    return [*lines, *_change_weights(subject)]


def _step(subject: Subject) -> list[str]:
    return [
        *_seed_lines(subject),
        *_forward(subject),
        "optimizer.zero_grad()",
        "loss.backward()",
        *_change_weights(subject),
        *weight_lines(subject),
        *add_losses(subject, "loss.detach()"),
    ]


def _seed_lines(subject: Subject) -> list[str]:
    if not draws_while_training(subject):
        return []
    return ['torch.manual_seed(seed_for("step", step))', "step += 1"]


def _change_weights(subject: Subject) -> list[str]:
    """Write what follows the gradients: clip them, step, and what is stepped along."""
    training, schedule = subject.plan.training, subject.plan.schedule
    lines = []
    if training.clip_grad_norm:
        lines.append("nn.utils.clip_grad_norm_(network.parameters(), MAX_GRAD_NORM)")
    if training.clip_grad_value:
        lines.append("nn.utils.clip_grad_value_(network.parameters(), MAX_GRAD_VALUE)")
    lines.append("optimizer.step()")
    if schedule is not None and interval_of(schedule) == "step":
        step = "schedule.step()"
        early = f"if {takes_epoch(subject, taken=False)}:"
        late = has_late_schedule(subject)
        lines.append(block(early, [step]) if late else step)
    return [*lines, *after_step_lines(subject)]


def _validation(subject: Subject) -> list[str]:
    metric, scored = monitored_metric(subject), _scored_network(subject)
    inputs = augmented(subject, "train_set[rows][0]")
    draws = draws_while_training(subject)
    averaged = after_epoch_lines(subject, inputs, draws=draws)
    lines = [
        *averaged,
        *settle_lines(subject, scored),
        f"train_loss = total.item() / {mean_divisor(subject, 'train_set')}",
    ]
    if metric:
        lines.append(f"val_loss, outputs = validate({scored}, loss_function, val_set)")
        given = ["val_targets", "outputs", *unscaling(subject)]
        measured = f'scores({", ".join(given)})["{metric}"]'
        if monitors_calibrated(subject):
            measured = "calibrated_loss(outputs, val_targets)"
        lines.append(f"val_{metric} = {measured}")
    else:
        lines.append(f"val_loss = mean_loss({scored}, loss_function, val_set)")
    shown = '"train loss {train_loss:.4f}  val loss {val_loss:.4f}'
    told = f'f"  {metric} {{val_{metric}:.4f}}"' if metric else ""
    return [*lines, _print(f'{shown}"', told)]


def _scored_network(subject: Subject) -> str:
    return "network" if subject.plan.averaging is None else "scored"


def _print(shown: str, more: str) -> str:
    first = 'f"epoch {epoch + 1:3}/{EPOCHS}  "'
    lines = [first, f"f{shown}", *([more] if more else [])]
    return block("print(", lines) + "\n)"


def _keep_best(subject: Subject) -> list[str]:
    stopping, value = subject.plan.stopping, _value(subject)
    if not stopping.restore_best and not has_patience(subject):
        return []
    lower = low_is_good(stopping.monitor)
    test = f"{value} < best" if lower else f"{value} > best"
    if stopping.min_delta:
        gain = f"best - {value}" if lower else f"{value} - best"
        test = f"{gain} > {stopping.min_delta!r}"
    better = [f"best = {value}"]
    if stopping.restore_best:
        better.append(
            f"best_weights = copy.deepcopy({_scored_network(subject)}.state_dict())"
        )
    if not has_patience(subject):
        return [block(f"if {test}:", better)]
    better.append("waited = 0")
    return [block(f"if {test}:", better), block("else:", ["waited += 1"])]


def _epoch_schedule(subject: Subject) -> list[str]:
    """Write how the learning rate changes after an epoch."""
    spec = subject.plan.schedule
    lines = []
    if spec is not None and interval_of(spec) == "epoch":
        plateau = isinstance(spec, schedules.ReduceLROnPlateau)
        lines = ["schedule.step(val_loss)" if plateau else "schedule.step()"]
    if not has_late_schedule(subject):
        return lines
    late = block(f"if {takes_epoch(subject)}:", ["late_schedule.step()"])
    return [late, block("else:", lines)] if lines else [late]


def _stop(subject: Subject) -> list[str]:
    if not has_patience(subject):
        return []
    return [block("if waited == PATIENCE:", ["break"])]
