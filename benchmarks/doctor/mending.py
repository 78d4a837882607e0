"""Whether the doctor's first remedy, applied to the plan, wins back what was lost."""

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.doctor.one import measure
from benchmarks.doctor.rows import Case, Row, Told, alarms
from benchmarks.doctor.tasks import TASKS
from benchmarks.doctor.truth import variants

NO_REMEDY = "no finding that says how to change the plan"


def mended(case: Case, rows: Mapping[str, Row], commit: str) -> Row | None:
    """Train a faulty plan again, with the first remedy that can be applied.

    Args:
        case: Of the mended run.
        rows: That are known.
        commit: Of the source.

    Returns:
        None where the fault does not hurt, or where there was no run to mend.
    """
    faulty = rows.get(Case("fault", case.task, case.fault, case.level, case.seed).key)
    name = (case.task, case.fault, case.level)
    hurting = {(v.task, v.fault, v.level) for v in variants(rows) if v.hurts}
    if faulty is None or faulty.refused or name not in hurting:
        return None
    remedy = first_remedy(faulty)
    if remedy is None:
        return replace(faulty, case=case, ended=NO_REMEDY, findings=())
    return measure(replace(case, what="fault"), commit, remedy.changes, case)


def first_remedy(row: Row) -> Told | None:
    """Return the first alarm that says how to change the plan."""
    told = alarms(row, TASKS[row.case.task].known)
    return next((each for each in told if each.changes), None)
