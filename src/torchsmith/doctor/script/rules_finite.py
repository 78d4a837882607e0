"""Numbers that are not finite: in the data, or in losses of finite data."""

import math
from collections.abc import Iterator

from torch import Tensor

from torchsmith.core.wording import amount
from torchsmith.doctor.script.facts import Call, Facts, Loss
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import Sources
from torchsmith.doctor.script.tensors import is_finite
from torchsmith.inspect.inspection import Finding


def find_not_finite(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find D1 and T1 in the first loss that is not finite.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    del sources
    bad = [n for n, loss in enumerate(facts.losses) if not math.isfinite(loss.value)]
    if not bad or any(call.num_rows == 0 for call in facts.trained_calls):
        return  # a batch without examples: said by the rule on batches
    loss = facts.losses[bad[0]]
    damaged = _in_inputs(facts, loss) or _in_targets(facts, loss)
    yield damaged or _diverged(facts, loss, bad[0] + 1)


def _in_inputs(facts: Facts, loss: Loss) -> Finding | None:
    own = [facts.call(number) for number in sorted(loss.origin.calls)]
    hurt = next((call for call in own if not call.is_finite), None)
    if hurt is None:
        return None
    before = [c for c in facts.trained_calls if c.number < own[0].number]
    if not all(call.is_finite for call in before):
        return None  # the network knows what to do with them
    values, place = _table(facts, hurt)
    return _damaged(facts, "inputs", values, place)


def _table(facts: Facts, call: Call) -> tuple[Tensor | None, Place | None]:
    """Return the tensor from which the damaged input comes, and the line of it."""
    given = call.inputs
    if given is None:
        return None, call.place
    whole = given[given.isfinite().flatten(1).all(1)][:1]
    tables = facts.tables if len(whole) else []
    for table, place in sorted(tables, key=lambda one: -len(one[0])):
        if table.shape[1:] != given.shape[1:] or is_finite(table):
            continue
        if bool((table.to(given.dtype) == whole).flatten(1).all(1).any()):
            return table, place
    return given, call.place


def _in_targets(facts: Facts, loss: Loss) -> Finding | None:
    for pair in (facts.pairs[number] for number in sorted(loss.origin.pairs)):
        given = pair.labels
        if given is not None and not pair.targets.calls and not is_finite(given):
            return _damaged(facts, "targets", given.reshape(pair.shapes[1]), pair.place)
    return None


def _damaged(
    facts: Facts, part: str, values: Tensor | None, place: Place | None
) -> Finding:
    evidence = f"A batch holds {part} that are NaN or infinite."
    if values is not None and values.dim():
        wrong = ~values.isfinite()
        first = wrong.nonzero()[0].tolist()
        rows = int(wrong.flatten(1).any(1).sum()) if values.dim() > 1 else wrong.sum()
        evidence = (
            f"{amount(int(rows), 'example')} of {len(values):,} "
            f"{'holds' if rows == 1 else 'hold'} NaN or an infinite number; the first "
            f"is {values[tuple(first)].item()} at {first}, counted from 0."
        )
    told = (
        f"The {part} are no finite numbers.",
        evidence,
        "Fill what is missing, or leave those examples out; what is infinite often "
        "comes from a division by 0 or log(0).",
    )
    return found(facts, "D1", "error", place, told, "before")


def _diverged(facts: Facts, loss: Loss, number: int) -> Finding:
    rates = [rate for stepping in facts.steppings for rate in stepping.initial_lr]
    first = facts.losses[0].value
    begun = f"It was {first:.4g} at first and {loss.value} at gradient {number}"
    told = (
        "The loss is no longer a finite number.",
        begun + (f"; the learning rate is {max(rates):g}." if rates else "."),
        "Lower the learning rate, scale inputs and targets, and look for log(0) or a "
        "division by 0.",
    )
    return found(facts, "T1", "error", loss.place, told)
