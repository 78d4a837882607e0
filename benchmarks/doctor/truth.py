"""Whether a fault hurts: by its effect on what the network is worth, over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.doctor.fault import Effect
from benchmarks.doctor.faults import FAULTS
from benchmarks.doctor.rows import Case, Row
from benchmarks.doctor.tasks import TASKS
from scipy import stats

SIGNIFICANT = 0.05
EFFECT = 0.5
"""Cohen's d, from which a mutant counts as killed: Humbatova et al., DeepCrime (2021),
https://doi.org/10.1145/3460319.3464825"""

POINTS = 0.01
"""Of accuracy, or of what is reported too well."""

RELATIVE = 0.03
"""Of the root mean squared error."""

CALIBRATION = 0.03
"""Of the expected calibration error."""

FAR = 3.0
"""Deviations of healthy runs, by which one or two runs must be worse."""

ENOUGH = 3
"""Runs of a variant that are compared with healthy ones by a test."""

WON_BACK = 0.9
"""Of what was lost, from which a remedy counts as right."""


@dataclass(frozen=True)
class Variant:
    """One fault in one severity on one task, over seeds.

    Attributes:
        task: By name.
        fault: By name.
        level: 1 to 3.
        rows: One for each seed.
        hurts: Whether it is killed; of fewer than three seeds, whether they are worse
            than healthy runs by three of their deviations. None without healthy runs.
        lost: How much, in points or, of numbers, as a share of the error.
        harmless: Whether that is less than counts at all, by chance or not.
        mended: With the doctor's remedy; None where that was not run.
        won_back: The share of what was lost that the remedy wins back.
    """

    task: str
    fault: str
    level: int
    rows: tuple[Row, ...]
    hurts: bool | None
    lost: float
    harmless: bool = False
    mended: Row | None = None
    won_back: float | None = None

    @property
    def cured(self) -> bool:
        """Whether the remedy won back 90 % of what was lost."""
        return self.won_back is not None and self.won_back >= WON_BACK


def worth(row: Row, effect: Effect) -> float:
    """Return how good a run is, more is better, in the way that a fault hurts."""
    if effect == "honesty":
        return -1.0 if row.reported is None else -abs(row.reported - row.score)
    if effect == "calibration":
        return -1.0 if row.calibration is None else -row.calibration
    return row.score


def margin(task: str, effect: Effect, healthy: float) -> float:
    """Return how much must be lost at least, to count."""
    if effect == "calibration":
        return CALIBRATION
    if TASKS[task].regression:
        return RELATIVE * (abs(healthy) if effect == "score" else 1.0)
    return POINTS


def hurts(
    task: str, effect: Effect, healthy: Sequence[float], faulty: Sequence[float]
) -> bool:
    """Whether faulty runs are worth less, by enough and beyond chance."""
    gap = float(np.mean(healthy) - np.mean(faulty))
    if gap < margin(task, effect, float(np.mean(healthy))):
        return False
    spread = float(np.sqrt((np.var(healthy, ddof=1) + np.var(faulty, ddof=1)) / 2))
    if spread < 1e-9:
        return True
    both = [
        (np.mean(each), np.std(each, ddof=1), len(each)) for each in (healthy, faulty)
    ]
    p = stats.ttest_ind_from_stats(*both[0], *both[1], equal_var=False).pvalue
    return bool(p < SIGNIFICANT and gap / spread >= EFFECT)


def healthy_rows(rows: Mapping[str, Row], task: str) -> list[Row]:
    """Return the runs of a task's own plan."""
    return [
        row
        for row in rows.values()
        if row.case.what == "healthy" and row.case.task == task
    ]


def is_healthy(row: Row, rows: Mapping[str, Row]) -> bool:
    """Whether another configuration is about as good as the task's own plan."""
    own = [each.score for each in healthy_rows(rows, row.case.task)]
    if len(own) < 2 or row.ended:
        return False
    slack = margin(row.case.task, "score", float(np.mean(own)))
    return row.score >= np.mean(own) - max(slack, 2 * float(np.std(own, ddof=1)))


def variants(rows: Mapping[str, Row]) -> list[Variant]:
    """Return all variants of which there are runs, with what they do."""
    by_variant: dict[tuple[str, str, int], list[Row]] = {}
    for row in rows.values():
        if row.case.what == "fault" and row.case.fault in FAULTS:
            key = (row.case.task, row.case.fault, row.case.level)
            by_variant.setdefault(key, []).append(row)
    return [_variant(key, each, rows) for key, each in by_variant.items()]


def hurting_doubles(rows: Mapping[str, Row]) -> list[Row]:
    """Return runs with two faults that are far worse than healthy ones.

    There is one run of each, so that chance is judged by the healthy runs alone.
    """
    found = []
    for row in rows.values():
        names = row.case.fault.split("+")
        if row.case.what != "double" or not set(names) <= set(FAULTS):
            continue
        effect = FAULTS[names[0]].effect
        healthy = [worth(each, effect) for each in healthy_rows(rows, row.case.task)]
        if len(healthy) < 3:
            continue
        mean, spread = float(np.mean(healthy)), float(np.std(healthy, ddof=1))
        least = max(margin(row.case.task, effect, mean), FAR * spread)
        if row.refused or mean - worth(row, effect) >= least:
            found.append(row)
    return found


def _variant(
    key: tuple[str, str, int], runs: list[Row], rows: Mapping[str, Row]
) -> Variant:
    task, name, level = key
    effect = FAULTS[name].effect
    runs = sorted(runs, key=lambda row: row.case.seed)
    healthy = [worth(row, effect) for row in healthy_rows(rows, task)]
    faulty = [worth(row, effect) for row in runs]
    if len(healthy) < 3:
        return Variant(task, name, level, tuple(runs), None, 0.0)
    lost = float(np.mean(healthy) - np.mean(faulty))
    refused = all(row.refused for row in runs)
    counts = margin(task, effect, float(np.mean(healthy)))
    if len(runs) < ENOUGH:
        least = max(counts, FAR * float(np.std(healthy, ddof=1)))
        killed = refused or lost >= least
    else:
        killed = refused or hurts(task, effect, healthy, faulty)
    mended = rows.get(Case("mended", *key).key)
    back = None
    if mended is not None and killed:
        back = won_back(task, effect, healthy, worth(runs[0], effect), mended)
    harmless = not killed and lost < counts
    return Variant(task, name, level, tuple(runs), killed, lost, harmless, mended, back)


def won_back(
    task: str, effect: Effect, healthy: Sequence[float], faulty: float, mended: Row
) -> float:
    """Return the share of what was lost that came back, 1 where all of it did.

    What is within the least loss that counts is not lost.
    """
    mean = float(np.mean(healthy))
    found = worth(mended, effect)
    if found >= mean - margin(task, effect, mean):
        return 1.0
    lost = mean - faulty
    return 0.0 if lost <= 0 else min(max((found - faulty) / lost, 0.0), 1.0)
