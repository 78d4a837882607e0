"""The rule by which `auto` picks an engine; pure, so that a table can test it."""

from collections.abc import Mapping

from torchsmith.core.vocabulary import EngineName

COMPILED_SAVES_SECONDS = 5.0
COMPILED_SAVES_SHARE = 0.5
"""At least so much must `compiled` save: it rounds differently from the other two."""

COMPILING_SHARE = 0.25
"""Of the time without it; a longer compilation is not begun in order to measure."""

ALL_CORES_SHARE = 0.8
"""At most so much of the time of one thread may a step take on several."""


def pick_engine(
    steps: int, seconds: Mapping[EngineName, float], compiling: float = 0.0
) -> EngineName:
    """Return the engine to train with.

    `captured` and `eager` give the same bits, so the faster is taken; `compiled` only
    where it saves 5 seconds of the whole run and half of its time, compiling included.

    Args:
        steps: Optimizer steps of the whole run.
        seconds: That one step takes, for each engine that can do this training.
        compiling: Seconds that `compiled` needs before its first step; 0 where the
            result lies in the cache.

    >>> pick_engine(50_000, {"eager": 6e-4, "captured": 2e-4})
    'captured'
    >>> pick_engine(50_000, {"eager": 6e-4, "captured": 2e-4, "compiled": 5e-5})
    'compiled'
    >>> pick_engine(5_000, {"eager": 6e-4, "captured": 2e-4, "compiled": 5e-5})
    'captured'
    """
    exact: list[EngineName] = [n for n in ("captured", "eager") if n in seconds]
    best = min(exact, key=lambda name: seconds[name])
    if "compiled" in seconds:
        whole = steps * seconds[best]
        saved = whole - steps * seconds["compiled"] - compiling
        if saved >= max(COMPILED_SAVES_SECONDS, COMPILED_SAVES_SHARE * whole):
            return "compiled"
    return best


def may_pay(whole: float, compiling: float) -> bool:
    """Whether `compiled` could save enough, and is so worth being measured.

    Args:
        whole: Seconds that all steps take without it.
        compiling: Seconds that it needs before its first step.

    >>> [may_pay(4, 0), may_pay(12, 0), may_pay(12, 9), may_pay(60, 9)]
    [False, True, False, True]
    """
    return whole > COMPILED_SAVES_SECONDS and compiling <= COMPILING_SHARE * whole


def pick_threads(seconds: Mapping[int, float]) -> int:
    """Return one thread, unless more take a fifth off the time of a step.

    Args:
        seconds: That one step takes, for each number of threads; 1 is among them.

    >>> [pick_threads({1: 1.0, 4: s}) for s in (0.7, 0.9, 1.5)]
    [4, 1, 1]
    """
    best = min(seconds, key=lambda threads: seconds[threads])
    return best if seconds[best] <= ALL_CORES_SHARE * seconds[1] else 1


def reason_of(
    chosen: EngineName,
    steps: int,
    seconds: Mapping[EngineName, float],
    why_not: Mapping[EngineName, str],
) -> str:
    """Say in numbers why an engine was taken.

    Args:
        chosen: By `pick_engine`.
        steps: Optimizer steps of the whole run.
        seconds: That one step takes, for each engine that was timed.
        why_not: What stands against each of the others.

    >>> reason_of("captured", 50_000, {"eager": 6e-4, "captured": 2e-4},
    ...           {"compiled": "no case for Dropout"})
    '10 s predicted for 50,000 steps, eager 30 s; compiled: no case for Dropout'
    """
    whole = {name: seconds_text(steps * each) for name, each in seconds.items()}
    others = [f"{name} {text}" for name, text in whole.items() if name != chosen]
    parts = [", ".join([f"{whole[chosen]} predicted for {steps:,} steps", *others])]
    if chosen == "compiled":
        parts.append("it rounds differently")
    elif "compiled" in seconds:
        parts.append("compiled saves too little")
    return "; ".join([*parts, *(f"{name}: {why}" for name, why in why_not.items())])


def seconds_text(seconds: float) -> str:
    """Return a length of time with two digits.

    >>> [seconds_text(s) for s in (0.000312, 0.0456, 1.25, 31.4, 312.3)]
    ['0.31 ms', '46 ms', '1.2 s', '31 s', '312 s']
    """
    if seconds < 0.0995:
        return f"{float(f'{1000 * seconds:.2g}'):g} ms"
    return f"{float(f'{seconds:.2g}'):g} s" if seconds < 99.5 else f"{seconds:,.0f} s"
