"""In which order cases are run: where it is stopped, what is there is a fair sample."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from benchmarks.doctor.faults import FAULTS
from benchmarks.doctor.healthy import NUM
from benchmarks.doctor.rows import Case
from benchmarks.doctor.tasks import TASKS

LEVELS = (1, 2, 3)
FIRST_SEEDS = 3
"""So many runs tell whether a fault hurts; further seeds tell whether verdicts stay."""

SMALL_TASKS = ("car", "titanic")
SMALL_FAULTS = (
    "lr-high",
    "lr-low",
    "answer",
    "misaligned",
    "unscaled",
    "constant-init",
    "dropout",
    "per-step",
)
"""What the small tier runs."""


@dataclass(frozen=True)
class Asked:
    """What is to be run.

    Attributes:
        tasks: By name.
        faults: By name.
        seeds: For each variant.
        levels: Severities; where none are given, two of three, in turn.
        configurations: Healthy ones of each task.
        doubles: Pairs of faults in all.
    """

    tasks: Sequence[str]
    faults: Sequence[str]
    seeds: int
    levels: Sequence[int] = ()
    configurations: int = NUM
    doubles: int = 0


def cases(asked: Asked) -> Iterator[Case]:
    """Yield all cases, healthy plans first, then everything else mixed.

    The mended run of a variant that a plan can mend follows its first three seeds.
    """
    for seed, task in product(range(max(asked.seeds, 5)), asked.tasks):
        yield Case("healthy", task, seed=seed)
    blocks = [*_variants(asked), *_configurations(asked), *_doubles(asked)]
    for i in np.random.default_rng(0).permutation(len(blocks)):
        case = blocks[i]
        seeds = min(asked.seeds, FIRST_SEEDS) if case.what == "fault" else 1
        for seed in range(seeds):
            yield _seeded(case, case.seed + seed)
        if case.what == "fault" and FAULTS[case.fault].mendable:
            yield Case("mended", case.task, case.fault, case.level)
    for seed in range(FIRST_SEEDS, asked.seeds):
        for i in np.random.default_rng(seed).permutation(len(blocks)):
            if blocks[i].what == "fault":
                yield _seeded(blocks[i], seed)


def _seeded(case: Case, seed: int) -> Case:
    return Case(case.what, case.task, case.fault, case.level, seed)


def _variants(asked: Asked) -> Iterator[Case]:
    for task, name in product(asked.tasks, asked.faults):
        turn = list(TASKS).index(task) + list(FAULTS).index(name)
        others = [level for level in LEVELS if level % 3 != turn % 3]
        if FAULTS[name].fits(TASKS[task]):
            for level in asked.levels or others:
                yield Case("fault", task, name, level)


def _configurations(asked: Asked) -> Iterator[Case]:
    for task, number in product(asked.tasks, range(asked.configurations)):
        yield Case("config", task, str(number), seed=number)


def _doubles(asked: Asked) -> Iterator[Case]:
    """Draw pairs that do not set the same things, and of different families."""
    draw = np.random.default_rng(1)
    made: set[tuple[str, str]] = set()
    for _ in range(100 * asked.doubles):
        if len(made) == asked.doubles:
            return
        task = TASKS[str(draw.choice(list(asked.tasks)))]
        first, second = (str(name) for name in draw.choice(list(asked.faults), 2))
        if (task.name, f"{first}+{second}") in made or not _go_together(
            task.name, first, second
        ):
            continue
        made.add((task.name, f"{first}+{second}"))
        yield Case("double", task.name, f"{first}+{second}", 2)


def _go_together(task: str, first: str, second: str) -> bool:
    a, b = FAULTS[first], FAULTS[second]
    place = TASKS[task]
    if a is b or not (a.fits(place) and b.fits(place)):
        return False
    one_changes_data = not (a.examples and b.examples) and a.effect == b.effect
    sets = [
        set(each.settings(place, each.levels[1])) if each.settings else set()
        for each in (a, b)
    ]
    sections = [{path.partition(".")[0] for path in each} for each in sets]
    return one_changes_data and not sections[0] & sections[1] - {"split"}
