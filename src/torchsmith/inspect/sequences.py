"""Facts about sequences, and checks of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from torchsmith.core.wording import amount, share
from torchsmith.data.data import Column, ColumnFormat, Sequences
from torchsmith.data.lines import Named
from torchsmith.data.same import input_keys
from torchsmith.inspect.columns import is_group
from torchsmith.inspect.inspection import Finding, SequenceFacts, TargetFacts
from torchsmith.inspect.leaks import GIVEN_AWAY, STRONG_AUC, measure
from torchsmith.inspect.profile import Profile, build_profile
from torchsmith.inspect.wording import agree, number, quoted

SCALES_APART = 1_000.0
"""How many times the deviation of one channel is that of another to be named."""

UNEVEN = 5.0
"""How many times the typical length the longest one is to be named."""


@dataclass(frozen=True)
class SequenceLook:
    """What one pass over the steps finds.

    Attributes:
        keys: `(N,)` uint64, equal for equal sequences.
        low, high: `(N, C)` of each sequence; NaN where it has no value in a channel.
        missing: `(N, C)` values that are missing.
        infinite: `(N, C)` values that are infinite.
    """

    keys: np.ndarray
    low: np.ndarray
    high: np.ndarray
    missing: np.ndarray
    infinite: np.ndarray


def look_at_sequences(sequences: Sequences) -> SequenceLook:
    """Pass over all steps once.

    Args:
        sequences: N of them.
    """
    values = sequences.values
    return SequenceLook(
        keys=input_keys(sequences, {}),
        low=_of_each(np.fmin, values, sequences.starts, np.nan),
        high=_of_each(np.fmax, values, sequences.starts, np.nan),
        missing=_of_each(np.add, np.isnan(values).astype(int), sequences.starts, 0),
        infinite=_of_each(np.add, np.isinf(values).astype(int), sequences.starts, 0),
    )


def _of_each(
    operation: np.ufunc, values: np.ndarray, starts: np.ndarray, empty: float
) -> np.ndarray:
    """Reduce the steps of each sequence, `(N, C)`; of no steps, say `empty`."""
    found = np.full((len(starts) - 1, values.shape[1]), empty, values.dtype)
    some = np.flatnonzero(np.diff(starts))
    if len(some):
        found[some] = operation.reduceat(values, starts[some], axis=0)
    return found


def describe_sequences(sequences: Sequences) -> SequenceFacts:
    """Return facts about sequences."""
    lengths = sequences.lengths
    facts = SequenceFacts(
        channels=sequences.channels,
        min_length=int(lengths.min()),
        median_length=int(np.median(lengths)),
        max_length=int(lengths.max()),
        symbols=len(sequences.symbols),
        window=sequences.series.window if sequences.series else 0,
    )
    if sequences.symbols:
        return facts
    columns = [_usable(channel) for channel in sequences.values.T]
    return facts.model_copy(
        update={
            "low": tuple(float(c.min()) for c in columns),
            "high": tuple(float(c.max()) for c in columns),
            "mean": tuple(float(c.mean()) for c in columns),
            "deviation": tuple(float(c.std()) for c in columns),
            "missing": int(np.isnan(sequences.values).sum()),
        }
    )


def _usable(channel: np.ndarray) -> np.ndarray:
    """Return the finite values in float64; a 0 where there are none."""
    finite = channel[np.isfinite(channel)].astype(np.float64)
    return finite if len(finite) else np.zeros(1)


def group_of(profiles: Sequence[Profile]) -> str | None:
    """Return what says which sequences belong together, such as the person.

    Names of arrays are often in the plural: `subjects`.

    Args:
        profiles: Of `Sequences.columns`.
    """
    names = [p for p in profiles if is_group(p) or is_group(_singular(p))]
    return min(names, key=lambda p: p.distinct).name if names else None


def _singular(profile: Profile) -> Profile:
    form = profile.column.format
    form = form.model_copy(update={"name": form.name.removesuffix("s")})
    return replace(profile, column=replace(profile.column, format=form))


def find_in_sequences(
    sequences: Sequences, look: SequenceLook, facts: SequenceFacts, where: Named
) -> Iterator[Finding]:
    """Check the sequences by themselves.

    Args:
        sequences: N of them.
        look: What the pass over their steps found.
        facts: Facts about them.
        where: What they are called in messages.
    """
    if not sequences.symbols:
        yield from _not_numbers(sequences, look, where)
        yield from _still(sequences, look, where)
        yield from _channels(facts)
    yield from _lengths(sequences, facts, where)


def find_telling_lengths(
    sequences: Sequences, target: Profile, facts: TargetFacts
) -> Iterator[Finding]:
    """Report when the lengths alone tell the target.

    Args:
        sequences: N of them.
        target: Their targets.
        facts: The task.
    """
    if sequences.same_length:
        return
    form = ColumnFormat(name="length", kind="number")
    length = build_profile(Column(form, sequences.lengths.astype(np.float64)))
    found = measure([length], target, facts)
    if not found:
        return
    (strength,) = found
    regression = facts.task == "regression"
    measured = "R² of the ranks" if regression else "AUC"
    away = strength.score >= GIVEN_AWAY["r2" if regression else "auc"]
    if not away and (regression or strength.score < STRONG_AUC):
        return
    how = "almost perfectly" if away else "to a good part"
    yield Finding(
        code="D10",
        severity="warning" if away else "note",
        message=f"The length of a sequence alone predicts '{facts.name}' {how} "
        f"({measured} {strength.score:.3f}).",
        where="lengths",
        remedy="If recordings of the classes were cut differently, the network learns "
        "the cut, not the content: cut all of them alike. If the length belongs to "
        "what is predicted, all is well.",
    )


def _not_numbers(
    sequences: Sequences, look: SequenceLook, where: Named
) -> Iterator[Finding]:
    for place, name in enumerate(sequences.channels):
        rows = np.flatnonzero(look.infinite[:, place])
        if len(rows):
            count = int(look.infinite[:, place].sum())
            yield Finding(
                code="D1",
                severity="error",
                message=f"Channel '{name}' is infinite at {amount(count, 'step')}.",
                where=where.places(rows),
                remedy="Correct these values, or leave them missing.",
            )
    total = sequences.values.size
    rows = np.flatnonzero(look.missing.any(axis=1))
    if not len(rows):
        return
    count = int(look.missing.sum())
    places = np.flatnonzero(look.missing.any(axis=0))
    channels = [sequences.channels[place] for place in places]
    yield Finding(
        code="D16",
        severity="warning" if 2 * count > total else "note",
        message=f"{amount(count, 'value')} ({share(count, total)}) in "
        f"{amount(len(rows), 'sequence')} {agree(count, 'is', 'are')} missing, in "
        f"{agree(len(channels), 'channel', 'channels')} {quoted(channels)}.",
        where=where.places(rows),
        remedy="Torchsmith fills them; see that they are missing where the same will "
        "be missing in use.",
    )


def _still(sequences: Sequences, look: SequenceLook, where: Named) -> Iterator[Finding]:
    empty = np.isnan(look.low).all(axis=1)
    if empty.any():
        rows = np.flatnonzero(empty)
        yield Finding(
            code="D13",
            severity="warning",
            message=f"{amount(len(rows), 'sequence')} {agree(len(rows), 'has', 'have')}"
            " no value at all.",
            where=where.places(rows),
            remedy="Leave them out, or look for a fault where they were written.",
        )
    varies = (look.high > look.low).any(axis=1)
    rows = np.flatnonzero(~varies & ~empty & (sequences.lengths > 1))
    if len(rows):
        yield Finding(
            code="D13",
            severity="warning",
            message=f"{amount(len(rows), 'sequence')} of {len(sequences):,} "
            f"{agree(len(rows), 'stays', 'stay')} at one value from the first step to "
            "the last.",
            where=where.places(rows),
            remedy="Leave them out, or look for a fault where they were recorded.",
        )


def _channels(facts: SequenceFacts) -> Iterator[Finding]:
    ends = list(zip(facts.channels, facts.low, facts.high, strict=True))
    constant = [name for name, low, high in ends if low == high]
    if constant:
        yield Finding(
            code="D2",
            severity="warning" if len(constant) == len(ends) else "note",
            message=f"{agree(len(constant), 'Channel', 'Channels')} {quoted(constant)} "
            f"{agree(len(constant), 'has', 'have')} one value everywhere.",
            where=f"{agree(len(constant), 'channel', 'channels')} {quoted(constant)}",
            remedy="Nothing can be learned from it; look for a fault where it was "
            "recorded.",
        )
    sizes = {
        name: deviation
        for name, deviation in zip(facts.channels, facts.deviation, strict=True)
        if deviation > 0
    }
    if len(sizes) < 2:
        return
    large = max(sizes, key=sizes.__getitem__)
    small = min(sizes, key=sizes.__getitem__)
    if sizes[large] > SCALES_APART * sizes[small]:
        yield Finding(
            code="D36",
            severity="note",
            message=f"The channels have very different scales: '{large}' has a "
            f"deviation of {number(float(f'{sizes[large]:.3g}'))}, '{small}' of "
            f"{number(float(f'{sizes[small]:.3g}'))}.",
            where=f"channels '{large}' and '{small}'",
            remedy="`Standardize` brings them to one scale; without it the small ones "
            "would not be seen.",
        )


def _lengths(
    sequences: Sequences, facts: SequenceFacts, where: Named
) -> Iterator[Finding]:
    lengths = sequences.lengths
    if facts.max_length < UNEVEN * max(facts.median_length, 1):
        return
    unit = "character" if facts.symbols else "step"
    padded = facts.max_length * len(sequences)
    longest = np.argsort(-lengths, kind="stable")
    rows = longest[lengths[longest] >= UNEVEN * max(facts.median_length, 1)]
    yield Finding(
        code="D37",
        severity="note",
        message=f"The lengths are very uneven: {facts.min_length:,} to "
        f"{facts.max_length:,} {unit}s, typically {facts.median_length:,}.",
        where=where.places(rows),
        evidence=f"made as long as the longest, {share(padded - lengths.sum(), padded)}"
        f" of all {unit}s would be empty",
        remedy="See that the long ones are one example each, not several in a row.",
    )
