"""For whom a network fails: Q5."""

import math
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from torchsmith.core.vocabulary import METRIC_TITLES, NOUNS
from torchsmith.core.wording import amount, listed, percent
from torchsmith.doctor.standing import sampling_error
from torchsmith.evaluate.evaluation import ClassScores, Evaluation, Group, Score
from torchsmith.evaluate.rivals import IN_SENTENCES, TITLES
from torchsmith.evaluate.verdict import answers_as_constant, ranks
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.plan import Plan

FAILS = 2.0
"""The error of a group, in errors of all others: a note, and a warning where a rival
does better on the group beyond noise, and no worse elsewhere."""

UNTOLD, UNTOLD_Z = 0.5, 2.326
"""Of what anybody tells of the target elsewhere, nobody tells so much in a group, and
the difference is so many standard errors (p < 0.01, one side, as five groups may be
asked): a warning, since its labels may say nothing."""

UNFOUND = 5
"""Test examples of a class of which none is predicted as such: a warning. Of a class of
which half are found, chance misses so many in 3 of 100 tests."""


def find_in_groups(plan: Plan | None, evaluation: Evaluation) -> Iterator[Finding]:
    """Find groups of test examples on which a network fails, classes among them.

    Args:
        plan: Of the run; None of a person's own module.
        evaluation: Of the run.
    """
    unfound = _unfound(evaluation)
    if unfound:
        yield _never_predicted(plan, evaluation, unfound)
    told = {one.name for one in unfound}
    groups = [one for one in evaluation.groups if one.column or one.name not in told]
    yield from _groups(evaluation, groups)


def _unfound(evaluation: Evaluation) -> list[ClassScores]:
    """Return the classes that the network never gets right, where it knows anything."""
    if answers_as_constant(evaluation) and not ranks(evaluation):
        return []
    scored = evaluation.per_class
    return [one for one in scored if one.support >= UNFOUND and not one.recall]


def _never_predicted(
    plan: Plan | None, evaluation: Evaluation, classes: Sequence[ClassScores]
) -> Finding:
    names = listed(f"'{one.name}'" for one in classes)
    which = f"class {names}" if len(classes) == 1 else f"{len(classes):,} classes"
    changes = _weighted(plan)
    weigh = "give rare classes more weight" if changes else "collect more of them"
    return Finding(
        code="Q5",
        severity="warning",
        message=f"No test {NOUNS[evaluation.kind]} of {which} is predicted as such.",
        where=names,
        evidence=listed(_recall(evaluation, one) for one in classes),
        remedy=f"Use the probabilities, with a threshold of your own, or {weigh}.",
        changes=changes,
        only_if="a missed one costs more than a false one" if changes else "",
        moment="after",
    )


def _recall(evaluation: Evaluation, one: ClassScores) -> str:
    curves = evaluation.curves
    # Of two classes, the curve of the second is that of the first, turned around.
    own = [c for c in curves if c.name == one.name or len(evaluation.classes) == 2]
    known = f", {METRIC_TITLES['roc_auc']} {own[0].roc_auc:.3f}" if own else ""
    return f"'{one.name}': recall 0 of {one.support:,}{known}"


def _weighted(plan: Plan | None) -> dict[str, JsonValue]:
    """Return settings that weigh rare classes more, where the loss can and does not."""
    loss = None if plan is None else plan.loss
    names = [n for n in ("weight", "pos_weight") if getattr(loss, n, "") is None]
    return {f"loss.{name}": "balanced" for name in names}


def _groups(evaluation: Evaluation, groups: Sequence[Group]) -> Iterator[Finding]:
    told = [(group, _untold_skills(group)) for group in groups]
    untold = [(skills, group) for group, skills in told if skills is not None]
    # Columns go together: of groups of the same rows one is enough.
    worst = min(untold, key=lambda pair: pair[0][0].value, default=None)
    for group in groups:
        if worst is not None and group is worst[1]:
            yield _unexplained(evaluation, group, *worst[0])
        elif group.error >= FAILS * group.others:
            yield _failing(evaluation, group)


def _untold_skills(group: Group) -> tuple[Score, Score] | None:
    """Return what is told of the target in a group, and elsewhere.

    None where anybody tells half as much of it there as elsewhere.
    """
    here, there = group.skill, group.skill_others
    if here is None or there is None or here.value >= UNTOLD * there.value:
        return None
    noise = math.hypot(sampling_error(here), sampling_error(there))
    return (here, there) if there.value - here.value > UNTOLD_Z * noise else None


def _unexplained(
    evaluation: Evaluation, group: Group, here: Score, there: Score
) -> Finding:
    return Finding(
        code="Q5",
        severity="warning",
        message=f"{_called(group)} are hardly told apart, by the network or any rival.",
        where=f"column '{group.column}'",
        evidence=f"{_errors(evaluation, group)}; the best of all takes off "
        f"{percent(max(here.value, 0.0))} of a constant guess's error there, and "
        f"{percent(there.value)} elsewhere",
        remedy="Look at their labels and at how they were collected: they may say "
        "nothing, or the inputs lack what sets these examples apart.",
        moment="after",
    )


def _failing(evaluation: Evaluation, group: Group) -> Finding:
    beaten = group.rival_gain is not None and group.rival_gain.low > 0
    spoken = {TITLES[name]: said for name, said in IN_SENTENCES.items()}
    rival = spoken.get(group.rival, group.rival)
    alike = f"for {rival} too" if rival and not beaten else ""
    return Finding(
        code="Q5",
        severity="warning" if beaten else "note",
        message=f"{_called(group)} {_fail(evaluation)}{_times(evaluation, group)}"
        f"{', ' * bool(alike)}{alike}.",
        where=f"column '{group.column}'" if group.column else f"'{group.name}'",
        evidence=f"{_errors(evaluation, group)}{_better(evaluation, group)}",
        remedy="Collect more of them, give them more weight, or add what sets them "
        "apart.",
        moment="after",
    )


def _times(evaluation: Evaluation, group: Group) -> str:
    if not group.others:
        return ", and no others"
    often = "much" if evaluation.task == "regression" else "often"
    return f" {group.error / group.others:.1f} times as {often} as all others"


def _errors(evaluation: Evaluation, group: Group) -> str:
    return (
        f"{amount(group.rows, 'test ' + NOUNS[evaluation.kind])}: error "
        f"{_error(evaluation, group.error)}, all others "
        f"{_error(evaluation, group.others)}"
    )


def _fail(evaluation: Evaluation) -> str:
    return "are off" if evaluation.task == "regression" else "are wrong"


def _called(group: Group) -> str:
    if group.column:
        return f"Examples with '{group.column}' {group.name}"
    return f"Examples of class '{group.name}'"


def _better(evaluation: Evaluation, group: Group) -> str:
    if group.rival_gain is None:
        return ""
    theirs = group.error - group.rival_gain.value
    return f"; {group.rival} there {_error(evaluation, theirs)}"


def _error(evaluation: Evaluation, value: float) -> str:
    return f"{value:.4g}" if evaluation.task == "regression" else f"{percent(value, 1)}"
