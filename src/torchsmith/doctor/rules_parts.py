"""How the parts go together as the plan, or a person, makes them: D6, D8, D9."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from torchsmith.core.seeds import generator
from torchsmith.core.wording import amount
from torchsmith.doctor.examples import (
    MOST,
    Examples,
    all_folds,
    examples_of,
    groups_by,
    latest_fold,
    random_folds,
)
from torchsmith.doctor.repair import without_folds
from torchsmith.doctor.rules_shared import find_shared
from torchsmith.doctor.simple_models import ask_nearest
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.rows import CANNOT_LEARN

FLATTERED_Z, MUCH_FLATTERED_Z = 3.0, 5.0
"""Standard errors by which a simple model is better where related examples are on both
sides: a warning, an error."""

FLATTERED = 0.02
MUCH_FLATTERED = 0.1
"""The same in points of the score."""

LEAST_GROUPS = 10


def find_in_parts(
    subject: Subject, examples: Examples, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find parts that lack a class, or share what they should not: D6, D8, D9.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part.
        allowance: How long it may take.
        left_out: Is told what was not looked at, and why.
    """
    yield from _find_missing_classes(subject)
    yield from _find_related(subject)
    yield from find_shared(subject, examples, allowance, left_out)


def _find_missing_classes(subject: Subject) -> Iterator[Finding]:
    case = subject.case
    if case is None or not case.plan.problem.classes:
        return
    names, split = case.plan.problem.classes, case.plan.split
    setup, inputs = case.setup, case.data.inputs
    parts = setup.parts.apart
    targets = {
        p: setup.preparation.targets(case.data, rows) for p, rows in parts.items()
    }
    counts = {p: np.bincount(t, minlength=len(names)) for p, t in targets.items()}
    whole = np.sum(list(counts.values()), axis=0)
    given = [part for part in counts if getattr(split, part, "") == "given"]
    divided = whole - np.sum([counts[part] for part in given], axis=0, dtype=np.int64)
    for part, count in counts.items():
        if not len(parts[part]) or part in given:
            continue  # inspection looks at given parts
        missing = np.flatnonzero((count == 0) & (whole > 0))
        if not len(missing):
            continue
        enough = bool((divided[missing] >= 3).all())
        roomy = len(parts[part]) >= np.count_nonzero(divided)
        could = enough and roomy and not (split.group or split.time)
        shown = ", ".join(f"'{names[i]}'" for i in missing[:5])
        where, is_train = f"{part} part", part == "train"
        remedy = "Collect more examples of it, make the part larger, or leave it out."
        if is_train:
            remedy = CANNOT_LEARN
            for other, found in targets.items():
                rows = parts[other][np.isin(found, missing)]
                if len(rows):
                    held = f"{amount(len(rows), inputs.noun)} of the {other} part"
                    where += f"; {held}: {inputs.places(rows)}"
        if could:
            remedy = "Keep the share of each class the same in all parts."
        yield Finding(
            code="D6",
            severity="warning" if could or is_train else "note",
            message=f"The {part} part has no example of {shown}.",
            where=where,
            evidence=f"{amount(int(whole[missing].sum()), inputs.noun)} in the other "
            "parts",
            remedy=remedy,
            changes={"split.stratify": True} if could and not split.stratify else {},
        )


def _find_related(subject: Subject) -> Iterator[Finding]:
    """Compare a simple model's score with related rows apart, and on both sides."""
    case = subject.case
    if case is None or case.plan.split.group or case.plan.split.time:
        return
    inspection, split = case.inspection, case.plan.split
    if "given" in (split.test, split.val):
        return
    name = inspection.group or inspection.time
    if name is None:
        return
    rows = _whole_groups(subject, name)
    groups = groups_by(subject, rows, name)
    if int(groups.max()) + 1 < LEAST_GROUPS:
        return
    together = examples_of(subject, rows)
    seed = subject.job.training.seed
    alone = torch.arange(len(rows))
    if inspection.group:
        # Each row is held out once: two rows of a person are few to tell from.
        folds, alone_folds = all_folds(groups, seed), all_folds(alone, seed)
    else:
        folds, alone_folds = latest_fold(groups), random_folds(alone, seed)
    if together is None or not folds or not alone_folds:
        return
    apart = ask_nearest(replace(together, folds=folds))
    mixed = ask_nearest(replace(together, folds=alone_folds))
    gain = mixed.score - apart.score
    deviations = gain / max(np.hypot(mixed.error, apart.error), 1e-9)
    if deviations < FLATTERED_Z or gain < FLATTERED:
        return
    certain = deviations >= MUCH_FLATTERED_Z and gain >= MUCH_FLATTERED
    what, setting = ("the same", "group") if inspection.group else ("later", "time")
    other = "time" if setting == "group" else "group"
    yield Finding(
        code="D9",
        severity="error" if certain else "warning",
        message=f"Rows of {what} '{name}' are in several parts and flatter the score."
        if inspection.group
        else f"Rows are split at random though '{name}' orders them in time, which "
        "flatters the score.",
        where="split",
        evidence=f"the nearest row tells the target with {mixed.score:.3f} where such "
        f"rows are on both sides, with {apart.score:.3f} where not; "
        f"{deviations:.1f} standard errors apart",
        remedy=f"Split by '{name}'.",
        changes={
            "split.stratify": False,
            f"split.{other}": None,
            f"split.{setting}": name,
            # Folds have no latest rows.
            **(without_folds(case.plan) if setting == "time" else {}),
        },
    )


def _whole_groups(subject: Subject, name: str) -> torch.Tensor:
    """Return rows of the training part: a sample of all that belong together."""
    every = torch.arange(len(subject.job.train))
    groups = groups_by(subject, every, name)
    if len(every) <= MOST:
        return every
    if subject.case is not None and subject.case.inspection.group is None:
        return subject.sample(MOST)
    seed = subject.job.training.seed
    order = generator(seed, "doctor groups").permutation(int(groups.max()) + 1)
    place = torch.from_numpy(order)[groups]
    last = place.sort().values[MOST - 1]
    return torch.nonzero(place <= last).flatten()[: 2 * MOST]
