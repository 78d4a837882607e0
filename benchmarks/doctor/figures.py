"""The figures of the goals, from the rows."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.doctor.faults import FAULTS
from benchmarks.doctor.rows import Row, Told, alarms
from benchmarks.doctor.tasks import TASKS
from benchmarks.doctor.truth import Variant, hurting_doubles, is_healthy, variants

Z = 1.959964
"""Of a 95 % interval."""


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """NaN of nothing."""
        return self.count / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %."""
        if not self.of:
            return math.nan, math.nan
        num, share = self.of, self.value
        middle = (share + Z**2 / (2 * num)) / (1 + Z**2 / num)
        half = math.sqrt(share * (1 - share) / num + Z**2 / (4 * num**2))
        half *= Z / (1 + Z**2 / num)
        return max(middle - half, 0.0), min(middle + half, 1.0)

    def __str__(self) -> str:
        if not self.of:
            return "-"
        low, high = self.interval
        return f"{self.value:.3f} ({low:.3f} to {high:.3f}; {self.count} of {self.of})"


def share(things: Iterable[object]) -> Share:
    """Count what is true."""
    every = list(things)
    return Share(sum(map(bool, every)), len(every))


def alarms_of(row: Row) -> list[Told]:
    """Return errors and warnings but what is true of the task's data."""
    return list(alarms(row, TASKS[row.case.task].known))


def first_codes(row: Row, num: int) -> list[str]:
    """Return the first distinct codes of the alarms."""
    return list(dict.fromkeys(told.code for told in alarms_of(row)))[:num]


def names_cause(row: Row, num: int) -> bool:
    """Whether one of the first codes is a right one."""
    if row.refused and first_codes(row, 1) == ["refused"]:
        return True  # its message names the place, though no code
    right = {code for name in row.case.fault.split("+") for code in FAULTS[name].codes}
    return bool(right & set(first_codes(row, num)))


@dataclass(frozen=True)
class Figures:
    """All of them.

    Attributes:
        killed: Variants that hurt.
        alive: Variants that do not.
        healthy: Healthy runs, of the tasks' own plans and of other configurations.
        doubles: Runs with two faults, that hurt.
    """

    killed: Sequence[Variant]
    alive: Sequence[Variant]
    healthy: Sequence[Row]
    doubles: Sequence[Row] = ()

    @property
    def runs(self) -> list[tuple[Variant, Row]]:
        """Each run of a variant that hurts."""
        return [(variant, row) for variant in self.killed for row in variant.rows]

    @property
    def kinds(self) -> int:
        """Of fault, of which at least one variant hurts."""
        return len({variant.fault for variant in self.killed})

    @property
    def recall(self) -> Share:
        """Runs with a fault that hurts and any alarm."""
        return share(alarms_of(row) for _, row in self.runs)

    @property
    def recall_severe(self) -> Share:
        """The same of the worst severity."""
        return share(alarms_of(row) for v, row in self.runs if v.level == 3)

    @property
    def first(self) -> Share:
        """Runs of which the first code is right, or its own remedy is."""
        return share(_is_right(v, row, 1) for v, row in self.runs)

    @property
    def strictly_first(self) -> Share:
        """Runs of which the first code is right."""
        return share(names_cause(row, 1) for _, row in self.runs)

    @property
    def first_three(self) -> Share:
        """Runs of which one of the first three codes is right, or its own remedy is."""
        return share(_is_right(v, row, 3) for v, row in self.runs)

    @property
    def cured(self) -> Share:
        """Variants that a plan can mend, and that `torchsmith doctor --fix` mended."""
        return share(
            v.cured
            for v in self.killed
            if FAULTS[v.fault].mendable and v.mended is not None
        )

    @property
    def before(self) -> Share:
        """Runs with an alarm before training."""
        return share(
            any(told.moment == "before" for told in alarms_of(row))
            for _, row in self.runs
        )

    @property
    def false_errors(self) -> Share:
        """Healthy runs with an error."""
        return share(_has_error(row) for row in self.healthy)

    @property
    def false_alarms(self) -> Share:
        """Healthy runs with an error or a warning."""
        return share(alarms_of(row) for row in self.healthy)

    @property
    def errors_on_alive(self) -> Share:
        """Runs with an error though the fault does not hurt."""
        return share(_has_error(row) for v in self.alive for row in v.rows)

    @property
    def errors_on_harmless(self) -> Share:
        """Runs with an error though the mean loss is less than counts at all."""
        return share(
            _has_error(row) for v in self.alive if v.harmless for row in v.rows
        )

    @property
    def doubles_found(self) -> Share:
        """Runs with two faults and an alarm."""
        return share(alarms_of(row) for row in self.doubles)

    @property
    def doubles_first(self) -> Share:
        """Runs with two faults of which the first code names either."""
        return share(names_cause(row, 1) for row in self.doubles)

    @property
    def doubles_both(self) -> Share:
        """Runs with two faults that are both named by the first three codes."""
        return share(_names_both(row) for row in self.doubles)

    @property
    def stopped(self) -> Share:
        """Runs that the doctor, or the loss, ended early."""
        return share(row.share < 1 and not row.refused for _, row in self.runs)

    @property
    def stable(self) -> Share:
        """Runs whose first code is that of most seeds of the variant, of several."""
        same: list[bool] = []
        for variant in (each for each in self.killed if len(each.rows) > 1):
            codes = [tuple(first_codes(row, 1)) for row in variant.rows]
            most, _ = Counter(codes).most_common(1)[0]
            same += [code == most for code in codes]
        return share(same)

    def seconds(self, moment: str) -> tuple[float, float]:
        """Return median and most of what the doctor took at a moment."""
        found = [
            row.seconds[moment]
            for row in (*self.healthy, *(row for _, row in self.runs))
            if moment in row.seconds
        ]
        return (float(np.median(found)), max(found)) if found else (math.nan, math.nan)

    def by(self, of: Callable[[Variant], str]) -> dict[str, "Figures"]:
        """Return the figures for each family, fault, task or severity."""
        groups = sorted({of(variant) for variant in self.killed})
        return {
            name: Figures([v for v in self.killed if of(v) == name], [], [])
            for name in groups
        }


def _is_right(variant: Variant, row: Row, num: int) -> bool:
    """Whether one of the first codes names the cause, or alone says what mended it.

    What was found by trying many remedies shows nothing of which was told first.
    """
    if names_cause(row, num):
        return True
    first = set(first_codes(row, num))
    mended = variant.mended
    if mended is None or not variant.cured or not mended.remedy:
        return False
    return any(
        told.code in first and told.changes == mended.remedy for told in alarms_of(row)
    )


def _names_both(row: Row) -> bool:
    said = set(first_codes(row, 3))
    return all(said & set(FAULTS[name].codes) for name in row.case.fault.split("+"))


def _has_error(row: Row) -> bool:
    return any(told.severity == "error" for told in alarms_of(row))


def figures(rows: Mapping[str, Row], tasks: Iterable[str] | None = None) -> Figures:
    """Return the figures of all rows, or of those of some tasks."""
    asked = set(TASKS if tasks is None else tasks)
    every = [variant for variant in variants(rows) if variant.task in asked]
    return Figures(
        killed=[variant for variant in every if variant.hurts],
        alive=[variant for variant in every if variant.hurts is False],
        healthy=[
            row
            for row in rows.values()
            if row.case.task in asked
            and (
                row.case.what == "healthy"
                or (row.case.what == "config" and is_healthy(row, rows))
            )
        ],
        doubles=[row for row in hurting_doubles(rows) if row.case.task in asked],
    )
