"""What chance and simple rivals reach on the examples that a network shall learn."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.examples import Examples, classes_of, leaves, take_examples
from torchsmith.doctor.simple_models import Answers, ask_simple_models
from torchsmith.doctor.subject import Allowance, Subject, trial, without_trace
from torchsmith.nn.losses import ClassTargets, LossFunction
from torchsmith.nn.optimizers import unmarked
from torchsmith.train.batches import batch_starts
from torchsmith.train.loop import autocast

MOST_INITIAL = 512
"""Examples of which the untrained network's loss is measured."""

CONSTANT_STEPS = 50
AGREE = 0.02
"""A loss of a person's own takes a simple model's answers as logits if the best
constant answer, given so, is as good as the best constant found; relative."""

FAR = 1e4
"""A constant that runs off so far has no lowest loss."""

LEAST = 20
"""Examples without which no simple model is asked."""

_LEAST_PROBABILITY = 1e-7
_KNOWN = (
    nn.CrossEntropyLoss,
    nn.NLLLoss,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    nn.MSELoss,
)


def measure_reference(
    subject: Subject, allowance: Allowance, left_out: list[str]
) -> Reference:
    """Return what chance and simple rivals reach on a sample of the training part.

    Args:
        subject: At step 0; stays as it is.
        allowance: How long it may take.
        left_out: Is told what was not looked at, and why.
    """
    try:
        subject = replace(subject, job=replace(subject.job, loss=_copy(subject)))
        initial, outputs = initial_loss(subject)
    except Exception as error:  # noqa: BLE001 -- a person's module may raise anything
        why = f"{type(error).__name__}: {error}"
        left_out.append(f"the loss of the untrained network ({why})")
        return Reference()
    try:
        with without_trace(subject, "reference"):
            return _measured(subject, allowance, left_out, initial, outputs)
    except Exception as error:  # noqa: BLE001 -- of a person's data set or loss
        left_out.append(f"what simple models reach ({type(error).__name__}: {error})")
        return Reference(initial_loss=initial)


def _measured(
    subject: Subject,
    allowance: Allowance,
    left_out: list[str],
    initial: float | None,
    outputs: Tensor,
) -> Reference:
    targets = some_targets(subject)
    constant, chance = best_constant(subject, outputs, targets)
    reference = Reference(
        chance_loss=chance,
        chance_score=_chance_score(subject, targets),
        initial_loss=initial,
    )
    examples = take_examples(subject, allowance)
    if examples is None or len(examples) < LEAST:
        why = "there are too few examples" if examples else "they cannot take these"
        left_out.append(f"what simple models reach: {why}")
        return reference
    if any(_is_same(leaf, examples.targets) for leaf in leaves(examples.inputs)):
        left_out.append("what simple models reach: targets are the inputs")
        return reference
    answers = ask_simple_models(examples)
    if not answers:
        left_out.append("what simple models reach: nothing is left to hold out")
        return reference
    best = answers[0]
    loss = None if constant is None else _loss_of(subject, outputs, examples, best)
    return reference.model_copy(
        update={
            "probe_loss": loss,
            "probe_score": best.score,
            "probe_error": best.error,
        }
    )


def _is_same(inputs: Tensor, targets: Tensor) -> bool:
    """Whether a linear model would only hand its inputs on, as to an autoencoder."""
    return inputs.numel() == targets.numel() and torch.equal(
        inputs.detach().cpu().flatten(), targets.flatten()
    )


def _copy(subject: Subject) -> LossFunction:
    """Return the loss, or a copy that may note what it is given."""
    loss = subject.job.loss
    return copy.deepcopy(loss) if isinstance(loss, nn.Module) else loss


def initial_loss(subject: Subject) -> tuple[float | None, Tensor]:
    """Return the untrained network's loss per example, and its outputs.

    In train mode, as the first step of training has it, on a copy.

    Args:
        subject: At step 0; stays as it is.

    Returns:
        The loss, None where it is not finite, and the outputs of one network.

    Raises:
        Exception: Of a person's module, as it gives it.
    """
    job, network = subject.job, trial(subject).network.train()
    rows = subject.sample(min(MOST_INITIAL, len(job.train)))
    total, weight, found = 0.0, 0.0, []
    starts = batch_starts(len(rows), job.training.batch_size)
    with torch.no_grad(), without_trace(subject, "initial loss"):
        for part in rows.tensor_split(starts[1:]):
            inputs, targets = job.train.take(part)
            with autocast(job):
                outputs = network(inputs)
                loss = job.loss(outputs, targets)
            share = job.share_of(part, targets)
            if share:
                total += float(loss) * (1 if job.loss_is_sum else share)
            weight += share
            found.append(outputs.detach().float())
    value = total / weight if weight else math.nan
    every = torch.cat(found)
    if every.ndim == 3 and job.loss is not subject.loss:
        every = every.mean(dim=1)  # of members
    return (value if math.isfinite(value) else None), every


def some_targets(subject: Subject) -> Tensor:
    """Return targets as the loss takes them: of all training examples, or a sample."""
    if subject.case is not None:
        setup, data = subject.case.setup, subject.case.data
        found = setup.preparation.targets(data, setup.parts.train)
        return torch.from_numpy(found).to(subject.job.device)
    rows = subject.sample(min(MOST_INITIAL, len(subject.job.train)))
    return subject.job.train.take(rows)[1]


def best_constant(
    subject: Subject, outputs: Tensor, targets: Tensor
) -> tuple[Tensor | None, float | None]:
    """Return the constant output with the lowest loss, and that loss per example.

    Args:
        subject: Whose loss it is.
        outputs: Of the untrained network, `(n, …)`, for their shape.
        targets: As the loss takes them.

    Returns:
        None where the loss has no lowest value, or cannot take a constant.
    """
    shape, count = outputs.shape[1:], len(targets)
    scale = 1 / count if subject.job.loss_is_sum else 1.0
    begins = [torch.zeros(shape, device=outputs.device)]
    if targets.is_floating_point() and targets.shape[1:] == shape:
        begins += [targets.float().mean(dim=0), targets.float().median(dim=0).values]

    def loss(constant: Tensor) -> Tensor:
        given = _allowed(subject, constant).expand(count, *shape)
        return subject.loss(given, targets) * scale

    best: tuple[Tensor | None, float | None] = None, None
    for begin in begins:
        found = _descend(loss, begin)
        if found is not None and (best[1] is None or found[1] < best[1]):
            best = found
    return best


def _descend(
    loss: Callable[[Tensor], Tensor], begin: Tensor
) -> tuple[Tensor, float] | None:
    """Lower a loss from a constant; None where it has no lowest value there."""
    value = begin.clone().requires_grad_()
    optimizer = unmarked(torch.optim.LBFGS)(
        [value], max_iter=CONSTANT_STEPS, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        found = loss(value)
        # Not backward(): a loss of a person's own may have parameters, too.
        (value.grad,) = torch.autograd.grad(found, value)
        return found

    with torch.enable_grad():
        try:
            optimizer.step(closure)
            end = loss(value).item()
        except (RuntimeError, ValueError, TypeError, IndexError):
            return None  # a person's loss that takes no constant
    bound = FAR * (1 + begin.abs().max())
    found = value.detach()
    return (found, end) if math.isfinite(end) and found.abs().max() < bound else None


def _plain(subject: Subject) -> object:
    """Return the loss of PyTorch itself that a subject has."""
    loss = subject.loss
    return loss.loss if isinstance(loss, ClassTargets) else loss


def _allowed(subject: Subject, constant: Tensor) -> Tensor:
    """Return numbers as the loss may get them: probabilities, or their logarithms."""
    loss = _plain(subject)
    if isinstance(loss, nn.NLLLoss):
        return constant.log_softmax(dim=0)
    if isinstance(loss, nn.BCELoss):
        return constant.sigmoid()
    return constant


def as_outputs(subject: Subject, outputs: Tensor, answers: Tensor) -> Tensor:
    """Return what a simple model says as a network would give it.

    Args:
        subject: Whose loss it is for.
        outputs: Of the network, for their shape.
        answers: `(m, K)` probabilities, or `(m, d)` numbers.
    """
    loss, shape = _plain(subject), (len(answers), *outputs.shape[1:])
    if subject.is_regression:
        return answers.reshape(shape)
    sure = answers.clamp(_LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    one = outputs[:1].numel() == 1
    given = sure[:, 1:2] if one else sure
    if isinstance(loss, nn.BCELoss | nn.MSELoss):
        return given.reshape(shape)
    if one or isinstance(loss, nn.BCEWithLogitsLoss):
        return given.logit().reshape(shape)
    return given.log().reshape(shape)


def _loss_of(
    subject: Subject, outputs: Tensor, examples: Examples, answers: Answers
) -> float | None:
    """Return the loss per example of answers; None where it takes other answers."""
    targets = examples.targets[answers.places].to(outputs.device)
    count = len(targets)

    def loss(said: Tensor) -> float:
        given = as_outputs(subject, outputs, said.to(outputs.device))
        return float(subject.loss(given, targets)) / (
            count if subject.job.loss_is_sum else 1
        )

    try:
        if examples.codes is not None and not isinstance(_plain(subject), _KNOWN):
            codes = examples.codes[answers.places]
            shares = torch.bincount(codes, minlength=examples.num_classes) / count
            _, chance = best_constant(subject, outputs, targets)
            constant = loss(shares.expand(count, -1))
            if chance is None or abs(constant - chance) > AGREE * abs(chance):
                return None  # its outputs are no logits
        value = loss(answers.values)
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None
    return value if math.isfinite(value) else None


def _chance_score(subject: Subject, targets: Tensor) -> float | None:
    codes, _ = classes_of(subject, targets)
    if codes is not None:
        return (torch.bincount(codes).max() / len(codes)).item()
    return 0.0 if targets.is_floating_point() else None
